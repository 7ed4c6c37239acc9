//! gRPC services of a node.

pub(crate) mod node;
pub(crate) mod raft;
