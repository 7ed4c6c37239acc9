//! Hosts replicas: write-ahead log, consensus groups, the meta group, gRPC services.

pub mod check;
pub mod clock;
pub mod config;
pub mod format_file;
pub mod meta;
pub mod node;
pub mod raft;
pub mod replica;
mod rpc;
pub mod wal;

pub use config::NodeConfig;
pub use node::{Node, NodeStartError};
