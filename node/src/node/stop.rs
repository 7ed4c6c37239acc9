//! Stopping a node in order: no new calls, leadership handed over, groups shut, states durable, log closed.

use std::sync::Arc;
use std::time::Duration;

use super::{Node, leaders};
use crate::raft::group::{Group, Leadership};

/// So long a follower may take to take the lead over.
const HAND_OVER: Duration = Duration::from_millis(800);
/// So long the services may take to end what they are doing.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Why a node could not be stopped in order. Nothing acknowledged is lost: a restart recovers it from the log.
#[derive(Debug, thiserror::Error)]
pub enum NodeStopError {
    /// A state could not be made durable.
    #[error("group {group}: {source}")]
    State {
        /// Number of the group.
        group: u32,
        /// The cause.
        source: std::io::Error,
    },
    /// The log could not be closed.
    #[error(transparent)]
    Log(#[from] crate::wal::WalFailure),
}

impl Node {
    /// Stops the node. Called again, it does nothing.
    pub async fn shutdown(self: &Arc<Self>) -> Result<(), NodeStopError> {
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.stop.cancel();
        self.tasks.close();
        let groups = self.groups();
        futures::future::join_all(groups.iter().map(hand_over)).await;
        self.tasks.wait().await;
        self.close.cancel();
        let mut failed = None;
        for group in &groups {
            if let Err(source) = group.barrier().await {
                failed.get_or_insert(NodeStopError::State { group: group.number, source });
            }
        }
        futures::future::join_all(groups.iter().map(Group::shutdown)).await;
        self.shards.write().clear();
        self.end_services().await;
        let wal = self.wal.clone();
        let closing = tokio::task::spawn_blocking(move || wal.close());
        closing.await.map_err(|error| crate::wal::WalFailure::Failed(error.to_string()))??;
        failed.map_or(Ok(()), Err)
    }

    fn groups(&self) -> Vec<Group> {
        let shards = self.shards.read();
        std::iter::once(self.meta.group.clone())
            .chain(shards.values().map(|replica| replica.group.clone()))
            .collect()
    }

    async fn end_services(&self) {
        let Some(mut server) = self.server.lock().take() else { return };
        if tokio::time::timeout(LAST_CALLS, &mut server).await.is_err() {
            server.abort();
        }
    }
}

/// Asks the best follower to lead, and waits a little until it does.
async fn hand_over(group: &Group) {
    let view = group.view();
    let ready = view.followers.iter().filter(|(node, _)| leaders::can_lead(group, **node));
    let Some(best) = ready.max_by_key(|(_, matched)| **matched).map(|(node, _)| *node) else { return };
    let mut watcher = group.watch();
    if group.transfer(best).await.is_err() {
        return;
    }
    let taken = async {
        while !matches!(group.leadership(), Leadership::There(Some(_))) {
            watcher.changed().await;
        }
    };
    if tokio::time::timeout(HAND_OVER, taken).await.is_err() {
        tracing::info!(group = group.number, to = %best, "leadership could not be handed over");
    }
}
