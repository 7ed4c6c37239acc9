//! The engine against a naive model, and the failures of others as named tests.

#![allow(clippy::unwrap_used)] // a test's helpers fail as the test does

mod calls;
mod everyday;
mod killed;
mod landscape;
mod making;
mod memory;
mod naive;
mod naive_memory;
mod naive_rows;
mod rows;
mod sequences;
mod snapshots;
mod steps;
