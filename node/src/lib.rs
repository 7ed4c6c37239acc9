//! Hosts replicas: write-ahead log, consensus groups, the meta group, gRPC services.

pub mod meta;
pub mod raft;
pub mod wal;
