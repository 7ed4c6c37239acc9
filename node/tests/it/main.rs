//! Whole nodes in this process: real files, real gRPC on loopback.

mod cluster;
mod one_voter;
mod support;
mod three_nodes;
