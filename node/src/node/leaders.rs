//! What the meta group's leader does, and how leaders get back to where they are preferred.

use std::sync::Weak;
use std::time::Duration;

use lacuna_model::catalog::{ClusterInfo, NodeInfo};
use lacuna_model::meta::MetaCommand;
use tokio_util::sync::CancellationToken;

use super::start::meta_voters;
use super::{Node, SHORT};
use crate::meta::driver::MetaGroup;
use crate::meta::layout;
use crate::raft::group::{Group, Leadership};

/// How often the meta leader looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A follower so many entries behind isn't handed the lead.
const CAUGHT_UP: u64 = 64;

/// Sets the cluster up, and adds the nodes that only listen to the meta group.
pub(super) async fn lead_meta(node: Weak<Node>, stop: CancellationToken) {
    let Some(mut watcher) = node.upgrade().map(|node| node.meta.group.watch()) else { return };
    loop {
        let Some(this) = node.upgrade() else { return };
        if this.meta.leads() {
            this.set_up_cluster().await;
            this.add_learners().await;
        }
        drop(this);
        tokio::select! {
            () = stop.cancelled() => return,
            () = watcher.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Node {
    async fn set_up_cluster(&self) {
        if self.meta.view.look(|state| state.cluster().is_some()) {
            return;
        }
        let ids: Vec<_> = self.nodes.iter().map(|info| info.id).collect();
        let info = ClusterInfo {
            cluster_id: rand::random(),
            nodes: self.nodes.clone(),
            map: layout::plan(&ids, self.config.shards, self.config.replicas),
        };
        if let Err(error) = self.meta.propose(MetaCommand::Init(info), SHORT).await {
            tracing::debug!(%error, "the cluster's first entry will be proposed again");
        }
    }

    async fn add_learners(&self) {
        let voters = meta_voters(&self.nodes).len();
        let members = self.meta.group.view().members;
        let missing = |info: &&NodeInfo| !members.contains(&info.id);
        for info in self.nodes[voters..].iter().filter(missing) {
            if let Err(error) = self.meta.group.add_learner(info.id, &info.address).await {
                tracing::debug!(node = %info.id, error, "the node will be added again");
                return;
            }
        }
    }

    /// Hands one shard's lead to its preferred replica, if that one is well and caught up.
    async fn hand_one_back(&self) {
        let preferred = self.meta.view.look(|state| {
            let cluster = state.cluster()?;
            let first =
                |p: &lacuna_model::catalog::ShardPlacement| p.replicas.first().map(|node| (p.shard, *node));
            Some(cluster.map.shards.iter().filter_map(first).collect::<Vec<_>>())
        });
        for (shard, wanted) in preferred.into_iter().flatten() {
            let Some(replica) = self.shard(shard) else { continue };
            if wanted != self.id() && can_lead(&replica.group, wanted) {
                tracing::info!(%shard, to = %wanted, "leadership goes back to the preferred replica");
                // Tried again at the next look if it comes to nothing.
                let _ = replica.group.transfer(wanted).await;
                return;
            }
        }
    }
}

/// Do we lead, and could that follower take over at once?
pub(super) fn can_lead(group: &Group, follower: lacuna_model::NodeId) -> bool {
    let Leadership::Here { .. } = group.leadership() else { return false };
    let view = group.view();
    let matched = view.followers.get(&follower).copied().unwrap_or_default();
    view.healthy.contains(&follower) && view.last_log.saturating_sub(matched) <= CAUGHT_UP
}

/// Moves leaders gently to where they are preferred, one at a time.
pub(super) async fn balance(node: Weak<Node>, stop: CancellationToken) {
    let Some(every) = node.upgrade().map(|node| node.config.balance_ms) else { return };
    if every == 0 {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(every)) => {}
        }
        let Some(this) = node.upgrade() else { return };
        this.hand_one_back().await;
    }
}
