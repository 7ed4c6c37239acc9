//! gRPC services of a node.

pub(crate) mod raft;
