//! Hosts replicas: write-ahead log, consensus groups, the meta group, gRPC services.

pub mod clock;
pub mod config;
pub mod meta;
pub mod raft;
mod replica;
mod rpc;
pub mod wal;
