//! `/v1/cluster`.

use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::{NodeId, ShardId};
use lacuna_proto::call::GroupStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::request::Plain;
use crate::verb::cluster::{ClusterView, Digests, NodeView};

/// The cluster as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterJson {
    /// Identity, in every data directory.
    pub cluster_id: String,
    /// Version of the slot table.
    pub epoch: u64,
    /// No keys, and the address isn't loopback: every caller from anywhere has all rights.
    pub insecure_open: bool,
    /// The nodes, ascending.
    pub nodes: Vec<NodeJson>,
    /// The meta group: names, slot table, operations.
    pub meta: GroupJson,
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
    /// It answers.
    pub reachable: bool,
    /// Each of its groups has a leader and has recovered.
    pub ready: bool,
    /// Version of its software; null if it doesn't answer.
    pub version: Option<String>,
    /// Why it doesn't answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShardJson {
    /// Its id.
    pub shard: u32,
    /// Slots that it holds.
    pub slots: usize,
    /// Its group.
    #[serde(flatten)]
    pub group: GroupJson,
}

/// A Raft group, as its replicas describe it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupJson {
    /// Who leads, as the replica of the highest term says; null: nobody known.
    pub leader: Option<u64>,
    /// The highest term known.
    pub term: Option<u64>,
    /// The furthest applied index.
    pub applied: Option<u64>,
    /// Live records there (shards).
    pub live: Option<u64>,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<ReplicaJson>,
}

/// A replica; null where its node doesn't answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplicaJson {
    /// The node.
    pub node: u64,
    /// leader, follower, candidate, learner or stopped.
    pub role: Option<String>,
    /// Last index in its log.
    pub last_log: Option<u64>,
    /// Last index applied.
    pub applied: Option<u64>,
    /// What it holds, if asked for (`?digests=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestJson>,
}

/// Digests of a replica at an index: equal on all replicas that stand there.
#[derive(Debug, Serialize, ToSchema)]
pub struct DigestJson {
    /// Its applied index.
    pub index: u64,
    /// Digest over live records, hexadecimal.
    pub records: String,
    /// Digest over all other state, hexadecimal.
    pub rest: String,
}

/// Query string.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterQuery {
    digests: Option<bool>,
}

/// Describes the cluster: nodes, groups, leaders.
#[utoipa::path(get, path = "/v1/cluster", tag = "cluster",
    params(("digests" = Option<bool>, Query, description = "Ask every replica for its digests")),
    responses((status = 200, body = ClusterJson), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn describe(
    State(router): State<Router>,
    query: Result<Query<ClusterQuery>, axum::extract::rejection::QueryRejection>,
    Plain(call): Plain,
) -> Verb<Response> {
    let query = query.map_err(|error| VerbError::argument(error.body_text()))?;
    let digests = if query.digests == Some(true) { Digests::Asked } else { Digests::Left };
    let view = router.cluster(&call, digests).await?;
    let shards = view.info.map.shards.iter().map(|placement| ShardJson {
        shard: placement.shard.0,
        slots: view.info.map.slots_of(placement.shard).len(),
        group: group(&view, Some(placement.shard), &placement.replicas),
    });
    let voters: Vec<NodeId> =
        (view.nodes.iter()).filter(|node| status_in(node, None).is_some()).map(|node| node.info.id).collect();
    let body = ClusterJson {
        cluster_id: format!("{:032x}", view.info.cluster_id),
        epoch: view.info.map.epoch.0,
        insecure_open: router.config().insecure_open,
        nodes: view.nodes.iter().map(node).collect(),
        meta: group(&view, None, &voters),
        shards: shards.collect(),
    };
    Ok(answer::json(StatusCode::OK, &body))
}

fn status_in(node: &NodeView, shard: Option<ShardId>) -> Option<&GroupStatus> {
    node.status.as_ref().ok()?.groups.iter().find(|group| group.shard == shard)
}

fn group(view: &ClusterView, shard: Option<ShardId>, replicas: &[NodeId]) -> GroupJson {
    let statuses: Vec<&GroupStatus> = view.nodes.iter().filter_map(|node| status_in(node, shard)).collect();
    let newest = statuses.iter().filter(|group| group.leader.is_some()).max_by_key(|group| group.term);
    let furthest = statuses.iter().max_by_key(|group| group.applied);
    GroupJson {
        leader: newest.and_then(|group| group.leader).map(|node| node.0),
        term: statuses.iter().map(|group| group.term).max(),
        applied: furthest.map(|group| group.applied),
        live: furthest.filter(|_| shard.is_some()).map(|group| group.live),
        replicas: replicas.iter().map(|node| replica(view, shard, *node)).collect(),
    }
}

fn replica(view: &ClusterView, shard: Option<ShardId>, node: NodeId) -> ReplicaJson {
    let status =
        view.nodes.iter().find(|known| known.info.id == node).and_then(|known| status_in(known, shard));
    let digest = view.digests.iter().find(|known| known.node == node && Some(known.shard) == shard);
    ReplicaJson {
        node: node.0,
        role: status.map(|group| group.role.clone()),
        last_log: status.map(|group| group.last_log),
        applied: status.map(|group| group.applied),
        digest: digest.map(|known| DigestJson {
            index: known.index,
            records: format!("{:032x}", known.digest.records),
            rest: format!("{:032x}", known.digest.rest),
        }),
    }
}

fn node(view: &NodeView) -> NodeJson {
    let status = view.status.as_ref().ok();
    NodeJson {
        id: view.info.id.0,
        address: view.info.address.clone(),
        reachable: status.is_some(),
        ready: status.is_some_and(|status| status.ready),
        version: status.map(|status| status.version.clone()),
        error: view.status.as_ref().err().cloned(),
    }
}
