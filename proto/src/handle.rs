//! Asking a node: by gRPC, or within the process. The same calls either way.

use std::time::Duration;

use async_trait::async_trait;

use crate::call::{CallError, NodeCall, NodeReply};

/// A node that can be asked.
#[async_trait]
pub trait NodeHandle: Send + Sync {
    /// Asks, and waits at most so long; then `Lost`.
    async fn call(&self, call: NodeCall, wait: Duration) -> Result<NodeReply, CallError>;
}
