//! Whole nodes in this process: real files, real gRPC on loopback.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod cluster;
mod one_voter;
mod support;
mod three_nodes;
mod tls;
mod trusting;
