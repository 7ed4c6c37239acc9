//! Pruning: only in development mode, only for root. Asked before anything else of the request is looked at.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::ShardId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::failure::FailureView;
use crate::surface::request::{Offered, Plain};
use crate::verb::Call;
use crate::verb::caller::Caller;
use crate::verb::memory::Layer;

/// Layers to prune; without a body, or where one says nothing, the defaults.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneBody {
    /// Nodes and edges; true if not given.
    graph: Option<bool>,
    /// Records of kind vector, and all vectors; true if not given.
    vector: Option<bool>,
    /// Datasets, items with all that they hold, grants, tombstones, users but root; false if not given.
    metadata: Option<bool>,
    /// Caches; true if not given.
    cache: Option<bool>,
}

impl PruneBody {
    fn layers(&self) -> BTreeSet<Layer> {
        let asked = [
            (Layer::Graph, self.graph.unwrap_or(true)),
            (Layer::Vector, self.vector.unwrap_or(true)),
            (Layer::Metadata, self.metadata.unwrap_or(false)),
            (Layer::Cache, self.cache.unwrap_or(true)),
        ];
        asked.into_iter().filter(|(_, asked)| *asked).map(|(layer, _)| layer).collect()
    }
}

/// What a prune of raw files came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrunedFilesView {
    /// `success`, or `partial`: some shards follow by themselves.
    status: &'static str,
    /// Files that are gone (with `partial`: of the shards that are done).
    raw_files_deleted: u64,
    /// Shards that follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_shards: Vec<u32>,
}

/// What a prune of layers came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrunedView {
    /// `success`, or `partial`: some shards follow by themselves.
    status: &'static str,
    /// Names of the layers.
    pruned: Vec<&'static str>,
    /// Shards that follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_shards: Vec<u32>,
}

/// Drops every stored raw file.
#[utoipa::path(post, path = "/api/v1/prune/data", tag = "memory",
    responses((status = 200, body = PrunedFilesView), (status = 207, description = "Some shards follow by themselves", body = PrunedFilesView),
        (status = 403, description = "Not in development mode, or not root", body = FailureView), (status = "default", body = FailureView)))]
pub(crate) async fn data(
    State(router): State<Router>,
    caller: Caller,
    asked: Result<Plain, VerbError>,
) -> Verb<Response> {
    router.may_prune(&caller)?;
    let Plain(call) = asked?;
    let pruning = router.prune_raw_files(&call).await?;
    let (code, status, pending_shards) = told(&pruning.pending);
    let view = PrunedFilesView { status, raw_files_deleted: pruning.counts.raw.deleted, pending_shards };
    Ok(named(&call, code, answer::json(code, &view)))
}

/// Drops layers of all memory collections of the account.
#[utoipa::path(post, path = "/api/v1/prune/system", tag = "memory", request_body = Option<PruneBody>,
    responses((status = 200, body = PrunedView), (status = 207, description = "Some shards follow by themselves", body = PrunedView),
        (status = 403, description = "Not in development mode, or not root", body = FailureView), (status = "default", body = FailureView)))]
pub(crate) async fn system(
    State(router): State<Router>,
    caller: Caller,
    asked: Result<Offered<PruneBody>, VerbError>,
) -> Verb<Response> {
    router.may_prune(&caller)?;
    let Offered { body, call } = asked?;
    let layers = body.unwrap_or_default().layers();
    let pruning = router.prune_layers(&call, &layers).await?;
    let (code, status, pending_shards) = told(&pruning.pending);
    let pruned = layers.into_iter().map(Layer::as_str).collect();
    Ok(named(&call, code, answer::json(code, &PrunedView { status, pruned, pending_shards })))
}

fn told(pending: &[ShardId]) -> (StatusCode, &'static str, Vec<u32>) {
    if pending.is_empty() {
        return (StatusCode::OK, "success", Vec::new());
    }
    (StatusCode::MULTI_STATUS, "partial", pending.iter().map(|shard| shard.0).collect())
}

/// With the operation's name; caches alone need none.
fn named(call: &Call, code: StatusCode, response: Response) -> Response {
    let status = if code == StatusCode::OK { "complete" } else { "partial" };
    match call.trace.op_id() {
        Some(op_id) => answer::named(response, &op_id, status),
        None => response,
    }
}
