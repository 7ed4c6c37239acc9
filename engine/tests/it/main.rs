//! The engine against a naive model, and the failures of others as named tests.

#![allow(clippy::unwrap_used)] // a test's helpers fail as the test does

mod everyday;
mod making;
mod naive;
mod naive_rows;
mod sequences;
mod steps;
