//! `/v1/cluster`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_proto::call::GroupStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::Verb;
use crate::surface::answer;
use crate::surface::request::Plain;
use crate::verb::cluster::{ClusterView, NodeView};

/// The cluster as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterJson {
    /// Identity, in every data directory.
    pub cluster_id: String,
    /// Version of the slot table.
    pub epoch: u64,
    /// `open`: no keys, every caller has all rights; `insecure_open`: that beyond loopback.
    pub access: &'static str,
    /// The nodes, ascending.
    pub nodes: Vec<NodeJson>,
    /// The shards, ascending.
    pub shards: Vec<ShardJson>,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeJson {
    /// Its id.
    pub id: u64,
    /// Where it listens for other processes.
    pub address: String,
    /// It answers, and each of its groups has a leader and has recovered.
    pub ready: bool,
    /// Version of its software; null if it doesn't answer.
    pub version: Option<String>,
    /// Why it doesn't answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its replicas; the one without a shard is the meta group's.
    pub groups: Vec<GroupJson>,
}

/// A replica.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupJson {
    /// The shard; null: the meta group.
    pub shard: Option<u32>,
    /// leader, follower, candidate, learner or stopped.
    pub role: String,
    /// The leader it knows.
    pub leader: Option<u64>,
    /// Its term.
    pub term: u64,
    /// Last index in its log.
    pub last_log: u64,
    /// Last index applied.
    pub applied: u64,
    /// Live records (shards).
    pub live: u64,
}

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShardJson {
    /// Its id.
    pub shard: u32,
    /// Slots that it holds.
    pub slots: usize,
    /// Nodes with a replica, the preferred leader first.
    pub replicas: Vec<u64>,
    /// Who leads, as the replica of the highest term says; null: nobody known.
    pub leader: Option<u64>,
}

/// Describes the cluster: nodes, shards, leaders.
#[utoipa::path(get, path = "/v1/cluster", tag = "cluster",
    responses((status = 200, body = ClusterJson), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn describe(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let view = router.cluster(&call).await?;
    let access = if router.config().insecure_open { "insecure_open" } else { "open" };
    let shards = view.info.map.shards.iter().map(|placement| ShardJson {
        shard: placement.shard.0,
        slots: view.info.map.slots_of(placement.shard).len(),
        replicas: placement.replicas.iter().map(|node| node.0).collect(),
        leader: leader(&view, placement.shard.0),
    });
    let body = ClusterJson {
        cluster_id: format!("{:032x}", view.info.cluster_id),
        epoch: view.info.map.epoch.0,
        access,
        shards: shards.collect(),
        nodes: view.nodes.iter().map(node).collect(),
    };
    Ok(answer::json(StatusCode::OK, &body))
}

fn leader(view: &ClusterView, shard: u32) -> Option<u64> {
    let groups =
        view.nodes.iter().filter_map(|node| node.status.as_ref().ok()).flat_map(|status| &status.groups);
    let known =
        groups.filter(|group| group.shard.is_some_and(|known| known.0 == shard) && group.leader.is_some());
    known.max_by_key(|group| group.term).and_then(|group| group.leader).map(|node| node.0)
}

fn node(view: &NodeView) -> NodeJson {
    let (status, error) = match &view.status {
        Ok(status) => (Some(status), None),
        Err(error) => (None, Some(error.clone())),
    };
    NodeJson {
        id: view.info.id.0,
        address: view.info.address.clone(),
        ready: status.is_some_and(|status| status.ready),
        version: status.map(|status| status.version.clone()),
        error,
        groups: status.map(|status| status.groups.iter().map(group).collect()).unwrap_or_default(),
    }
}

fn group(status: &GroupStatus) -> GroupJson {
    GroupJson {
        shard: status.shard.map(|shard| shard.0),
        role: status.role.clone(),
        leader: status.leader.map(|node| node.0),
        term: status.term,
        last_log: status.last_log,
        applied: status.applied,
        live: status.live,
    }
}
