//! Records as the caller may see them: of an item, one, as a graph, by search.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::MAX_TOP_K;
use lacuna_model::memory::counts::MemoryKind;
use lacuna_model::memory::query::Chosen;
use lacuna_model::{DatasetId, RecordId};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::bodies::MemorySearchBody;
use crate::surface::cognee::datasets::{name, uuid};
use crate::surface::cognee::failure::{FailureView, combination};
use crate::surface::cognee::items::checked;
use crate::surface::cognee::views::{
    EdgeView, GraphView, MemoryHitView, MemoryRecordView, NodeView, kind, metadata,
};
use crate::surface::request::{Plain, Posted};
use crate::verb::memory::{DEFAULT_COLLECTION, ERROR_NAME, MemorySearchAsk};

/// Hits of a search that names no number.
const DEFAULT_TOP_K: usize = 15;

/// Records that an item refers to.
#[utoipa::path(get, path = "/api/v1/datasets/{d}/data/{i}/records", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset"), ("i" = String, Path, description = "Id of the item")),
    responses((status = 200, body = [MemoryRecordView]), (status = "default", body = FailureView)))]
pub(crate) async fn of_item(
    State(router): State<Router>,
    Path((d, i)): Path<(String, String)>,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.records_of_items(&call, uuid("dataset", &d)?, Some(uuid("data", &i)?)).await?;
    let views: Vec<MemoryRecordView> =
        found.into_iter().map(|(record, who)| MemoryRecordView::new(record, &who)).collect();
    Ok(answer::json(StatusCode::OK, &views))
}

/// One record, if an item of the dataset refers to it.
#[utoipa::path(get, path = "/api/v1/datasets/{d}/records/{collection}/{record_id}", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset"), ("collection" = String, Path, description = "Name"),
        ("record_id" = String, Path, description = "Id of the record")),
    responses((status = 200, body = MemoryRecordView), (status = "default", body = FailureView)))]
pub(crate) async fn one(
    State(router): State<Router>,
    Path((d, collection, record_id)): Path<(String, String, String)>,
    Plain(call): Plain,
) -> Verb<Response> {
    let dataset: DatasetId = uuid("dataset", &d)?;
    let collection = name("collection", &collection)?;
    let id = RecordId::new(record_id).map_err(|error| VerbError::argument(format!("record id: {error}")))?;
    let found = router.memory_record(&call, dataset, (&collection, id)).await?;
    let (record, who) = found.ok_or_else(|| {
        let message = "no item of the dataset refers to such a record";
        VerbError::new(ErrorCode::NotFound, message).with(ERROR_NAME, "RecordNotFoundError")
    })?;
    Ok(answer::json(StatusCode::OK, &MemoryRecordView::new(record, &who)))
}

/// Nodes and edges of a dataset.
#[utoipa::path(get, path = "/api/v1/datasets/{d}/graph", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset")),
    responses((status = 200, body = GraphView), (status = "default", body = FailureView)))]
pub(crate) async fn graph(
    State(router): State<Router>,
    Path(d): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.records_of_items(&call, uuid("dataset", &d)?, None).await?;
    let mut graph = GraphView { nodes: Vec::new(), edges: Vec::new() };
    for (found, _) in found {
        let record = found.record;
        let properties = metadata(&record.content);
        let facts = record.content.facts;
        let id = record.id.into_string();
        match facts.kind {
            MemoryKind::Node => graph.nodes.push(NodeView {
                label: record.content.text.unwrap_or_else(|| id.clone()),
                id,
                type_name: facts.type_name.unwrap_or_default(),
                properties,
            }),
            MemoryKind::Edge => graph.edges.push(EdgeView {
                source: facts.source.map(|end| end.id).unwrap_or_default(),
                target: facts.target.map(|end| end.id).unwrap_or_default(),
                label: facts.relationship.unwrap_or_default(),
            }),
            MemoryKind::Vector | MemoryKind::Blob => {}
        }
    }
    Ok(answer::json(StatusCode::OK, &graph))
}

/// Nearest neighbours among what the caller can read.
#[utoipa::path(post, path = "/api/v1/search", tag = "memory", request_body = MemorySearchBody,
    responses((status = 200, body = [MemoryHitView]), (status = "default", body = FailureView)))]
pub(crate) async fn search(State(router): State<Router>, posted: Posted<MemorySearchBody>) -> Verb<Response> {
    let body = posted.body;
    let chosen = match (body.datasets, body.dataset_ids) {
        (Some(_), Some(_)) => return Err(combination("datasets and datasetIds: one of them")),
        (Some(names), None) => Chosen::Names(names),
        (None, Some(ids)) => {
            Chosen::Ids(ids.iter().map(|id| uuid("datasetIds", id)).collect::<Verb<Vec<_>>>()?)
        }
        (None, None) => Chosen::All,
    };
    let top_k = body.top_k.unwrap_or(DEFAULT_TOP_K);
    if !(1..=MAX_TOP_K).contains(&top_k) {
        return Err(VerbError::argument(format!("topK: {top_k}, expected 1 to {MAX_TOP_K}")));
    }
    let ask = MemorySearchAsk {
        vector: checked("vector", body.vector)?,
        collection: name("collection", body.collection.as_deref().unwrap_or(DEFAULT_COLLECTION))?,
        chosen,
        top_k,
    };
    let hits = router.search_memory(&posted.call, &ask).await?;
    let views: Vec<MemoryHitView> = hits
        .into_iter()
        .map(|hit| MemoryHitView {
            collection: ask.collection.clone(),
            kind: kind(hit.record.content.facts.kind),
            score: hit.score,
            metadata: metadata(&hit.record.content),
            text: hit.record.content.text.unwrap_or_default(),
            id: hit.record.id.into_string(),
            dataset_ids: hit.datasets.iter().map(ToString::to_string).collect(),
        })
        .collect();
    Ok(answer::json(StatusCode::OK, &views))
}
