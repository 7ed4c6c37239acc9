//! Whole nodes in this process: real files, real gRPC on loopback.

mod one_voter;
mod support;
