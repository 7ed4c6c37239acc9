//! Opens the replicas that the slot table places on this node.

use std::sync::{Arc, Weak};
use std::time::Duration;

use lacuna_model::NodeId;
use lacuna_model::catalog::{ClusterInfo, ShardMap, ShardPlacement};
use tokio_util::sync::CancellationToken;

use super::{Node, NodeStartError, shard_dir};
use crate::raft::group::{Group, Leadership};
use crate::replica::duties;
use crate::replica::shard::ShardReplica;
use crate::replica::upkeep::keep_log_short;

/// How often what isn't done yet is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// The shards with a replica on a node.
pub(super) fn placed_on(map: &ShardMap, node: NodeId) -> Vec<&ShardPlacement> {
    map.shards.iter().filter(|placement| placement.replicas.contains(&node)).collect()
}

/// A group of one voter needs nobody's leave to lead.
pub(super) async fn lead_alone(group: &Group) {
    if let Leadership::There(_) = group.leadership()
        && group.elect().await.is_err()
    {
        tracing::warn!(group = group.number, "the group stopped while it was opened");
    }
}

/// Watches the catalog and opens what is placed here, until told to stop.
pub(super) async fn follow(node: Weak<Node>, stop: CancellationToken) {
    let Some(mut applied) = node.upgrade().map(|node| node.meta.group.applied()) else { return };
    let mut done = None;
    loop {
        let Some(this) = node.upgrade() else { return };
        let epoch = this.meta.view.look(|state| state.cluster().map(|cluster| cluster.map.epoch));
        if epoch != done {
            let opened = this.open_placed().await;
            if let Err(error) = &opened {
                tracing::error!(%error, "a replica can't be opened");
            }
            let begun = this.begin_shard_groups().await;
            done = if opened.is_ok() && begun { epoch } else { None };
        }
        drop(this);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = applied.changed(), if epoch == done => if changed.is_err() { return },
            () = tokio::time::sleep(AGAIN), if epoch != done => {}
        }
    }
}

impl Node {
    fn cluster(&self) -> Option<ClusterInfo> {
        self.meta.view.look(|state| state.cluster().cloned())
    }

    /// Opens the replicas placed here that aren't open yet.
    pub(super) async fn open_placed(self: &Arc<Self>) -> Result<(), NodeStartError> {
        let missing = self.meta.view.look(|state| {
            let map = &state.cluster()?.map;
            let open = self.shards.read();
            Some(placed_on(map, self.id()).iter().any(|placement| !open.contains_key(&placement.shard)))
        });
        if missing != Some(true) {
            return Ok(());
        }
        let Some(cluster) = self.cluster() else { return Ok(()) };
        self.format.lock().join(cluster.cluster_id)?;
        let placed = placed_on(&cluster.map, self.id());
        let opening = placed.into_iter().filter(|placement| self.shard(placement.shard).is_none());
        let opened = futures::future::join_all(opening.map(|placement| self.open_replica(placement))).await;
        opened.into_iter().collect()
    }

    async fn open_replica(self: &Arc<Self>, placement: &ShardPlacement) -> Result<(), NodeStartError> {
        let (shard, count) = (placement.shard, placement.replicas.len());
        let dir = shard_dir(&self.config, shard);
        let replica = ShardReplica::open(shard, &dir, self.setup(shard, count), self.shared.clone()).await?;
        if self.stop.is_cancelled() {
            replica.group.shutdown().await;
            return Ok(());
        }
        self.shards.write().insert(shard, Arc::clone(&replica));
        if count == 1 && replica.group.is_initialized().await {
            lead_alone(&replica.group).await;
        }
        self.run(duties::lead(Arc::clone(&replica), self.meta.view.clone(), self.stop.clone()));
        self.run(duties::collect_garbage(Arc::clone(&replica), self.stop.clone()));
        let group = replica.group.clone();
        self.run(keep_log_short(group, self.wal.clone(), self.config.storage, self.stop.clone()));
        Ok(())
    }

    /// The first replica of each placement gives its group its voters; `false` while one has to be tried again.
    async fn begin_shard_groups(&self) -> bool {
        let Some(cluster) = self.cluster() else { return true };
        let mut settled = true;
        for placement in &cluster.map.shards {
            if placement.replicas.first() != Some(&self.id()) {
                continue;
            }
            let Some(replica) = self.shard(placement.shard) else {
                settled = false;
                continue;
            };
            if replica.group.is_initialized().await {
                continue;
            }
            let address = |id: &NodeId| {
                cluster.nodes.iter().find(|info| info.id == *id).map(|info| info.address.clone())
            };
            let voters: Vec<_> =
                placement.replicas.iter().filter_map(|id| Some((*id, address(id)?))).collect();
            if let Err(error) = replica.group.initialize(&voters).await {
                tracing::warn!(shard = %placement.shard, error, "the group can't be begun yet");
                settled = false;
            }
        }
        settled
    }
}
