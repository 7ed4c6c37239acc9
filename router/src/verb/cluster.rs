//! The cluster as it is now: nodes, shards, who leads.

use std::time::Duration;

use futures::future::join_all;
use lacuna_model::catalog::{ClusterInfo, NodeInfo};
use lacuna_model::read::{DigestView, ReadBody};
use lacuna_model::{NodeId, ShardId};
use lacuna_proto::call::{NodeCall, NodeReply, NodeStatus};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::error::Verb;
use crate::verb::Call;

/// A node's status is waited for no longer than this.
const STATUS_TIME: Duration = Duration::from_secs(1);

/// A node and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Id and address.
    pub info: NodeInfo,
    /// Its status, or why it can't be asked.
    pub status: Result<NodeStatus, String>,
}

/// Cluster and nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// Identity, nodes, slot table.
    pub info: ClusterInfo,
    /// The nodes, ascending.
    pub nodes: Vec<NodeView>,
    /// Digests of replicas, if asked for: those that answered.
    pub digests: Vec<ReplicaDigest>,
}

/// What one replica holds, at its own applied index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaDigest {
    /// Where it is.
    pub node: NodeId,
    /// Of which shard.
    pub shard: ShardId,
    /// Its applied index.
    pub index: u64,
    /// Its digests: equal on all replicas at the same index.
    pub digest: DigestView,
}

/// Are replicas asked for their digests?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// No.
    Left,
    /// Yes.
    Asked,
}

/// Is the router able to serve?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// No, and why.
    NotReady(String),
}

impl Router {
    /// The cluster from the meta group, and every node's own word. For the root key only: it is everybody's.
    pub async fn cluster(&self, call: &Call, digests: Digests) -> Verb<ClusterView> {
        call.caller.need_root()?;
        let info = self.core().catalog.cluster(Fresh::Asked, call.deadline).await?;
        let nodes = join_all(
            info.nodes
                .iter()
                .map(|node| async { NodeView { info: node.clone(), status: self.status_of(node).await } }),
        );
        let nodes = nodes.await;
        let digests = match digests {
            Digests::Left => Vec::new(),
            Digests::Asked => self.digests(&info).await,
        };
        Ok(ClusterView { info: (*info).clone(), nodes, digests })
    }

    async fn digests(&self, info: &ClusterInfo) -> Vec<ReplicaDigest> {
        let replicas = info.map.shards.iter().flat_map(|placement| {
            placement.replicas.iter().map(|node| self.digest_of(*node, placement.shard))
        });
        join_all(replicas).await.into_iter().flatten().collect()
    }

    async fn digest_of(&self, node: NodeId, shard: ShardId) -> Option<ReplicaDigest> {
        let handle = self.core().peers.handle(node)?;
        match handle.call(NodeCall::ReplicaDigest(shard), STATUS_TIME).await {
            Ok(NodeReply::Read(reply)) => {
                let ReadBody::Digest(digest) = reply.body else { return None };
                Some(ReplicaDigest { node, shard, index: reply.at.index, digest })
            }
            Ok(_) | Err(_) => None,
        }
    }

    async fn status_of(&self, node: &NodeInfo) -> Result<NodeStatus, String> {
        let handle = self.core().peers.handle(node.id).ok_or("unknown node")?;
        match handle.call(NodeCall::Status, STATUS_TIME).await {
            Ok(NodeReply::Status(status)) => Ok(status),
            Ok(other) => Err(format!("odd answer: {other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Every local shard has a leader and has recovered, or, for a router alone, the cluster is
    /// set up and the catalog leased.
    pub async fn readiness(&self) -> Readiness {
        let core = self.core();
        let Some(local) = core.config.local_node else {
            return if !core.catalog.is_leased() {
                Readiness::NotReady("the catalog can't be read from the meta group".to_owned())
            } else if !core.catalog.knows_cluster() {
                Readiness::NotReady("the cluster isn't set up yet".to_owned())
            } else {
                Readiness::Ready
            };
        };
        let Some(info) = core.peers.nodes().into_iter().find(|node| node.id == local) else {
            return Readiness::NotReady("the local node isn't known yet".to_owned());
        };
        match self.status_of(&info).await {
            Ok(status) if status.ready => Readiness::Ready,
            Ok(status) => Readiness::NotReady(format!(
                "{} of {} local groups have no leader or have not recovered",
                status.groups.iter().filter(|group| group.leader.is_none() || !group.recovered).count(),
                status.groups.len()
            )),
            Err(error) => Readiness::NotReady(error),
        }
    }
}
