//! `get`, `query`, `count`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as QueryString, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::RecordId;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Filter;
use lacuna_model::limits::{MAX_QUERY_VECTORS, MAX_TOP_K};
use lacuna_model::read::{Hit, Include, RecordView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::bodies::{GetBody, Part, QueryBody};
use crate::surface::chroma::configuration::ef_of;
use crate::surface::chroma::errors::ChromaFailure;
use crate::surface::chroma::filters::{among, filter, possible_ids};
use crate::surface::chroma::names::{CollectionAt, Found};
use crate::surface::chroma::sent::Sent;
use crate::surface::chroma::vectors::check_vectors;
use crate::surface::chroma::views::{Columns, GetAnswer, GetView, QueryAnswer, QueryView};
use crate::surface::request::Plain;
use crate::verb::by_age::AgePage;
use crate::verb::query::Query;
use crate::verb::scatter::unavailable;
use crate::verb::{Call, Missing};

/// Hits when no number is given.
const DEFAULT_HITS: u32 = 10;

/// Query string of a count.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CountQuery {
    read_level: Option<ReadLevel>,
}

/// How much of the log a read of Chroma's cloud takes in. Here every read takes in everything.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub(crate) enum ReadLevel {
    /// All.
    #[serde(rename = "index_and_wal")]
    WithLog,
    /// All.
    #[serde(rename = "index_only")]
    Without,
    /// All.
    #[serde(rename = "index_and_bounded_wal")]
    WithSome,
}

/// How far the index is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexingView {
    /// Records in the index: all.
    pub(super) num_indexed_ops: u64,
    /// Always 0.
    pub(super) num_unindexed_ops: u64,
    /// Records.
    pub(super) total_ops: u64,
    /// Always 1.
    pub(super) op_indexing_progress: f64,
}

/// Reads records by ids, by filters, by both, or all, in the order of their insertion.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/get", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = GetBody, responses((status = 200, body = GetView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn get(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<GetBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let filter = filter(body.filter.as_ref(), body.where_document.as_ref())?;
    let wanted = body.ids.map(possible_ids);
    let columns = Columns::new(body.include, &[Part::Documents, Part::Metadatas]);
    let found = at.find(&router, &call).await?;
    let span = (body.offset.unwrap_or(0), body.limit);
    let nothing = span.1 == Some(0) || wanted.as_ref().is_some_and(Vec::is_empty);
    let records = match (wanted, filter) {
        _ if nothing => Vec::new(),
        (Some(ids), None) => by_ids(&router, (&found, &call), &ids, (columns.include(), span)).await?,
        (wanted, filter) => {
            let filter = narrowed(wanted, filter)?;
            matching(&router, (&found, &call), filter, (columns.include(), span)).await?
        }
    };
    Ok(answer::json(StatusCode::OK, &GetAnswer { records, columns }))
}

/// First and number of the records that are sent.
type Span = (u64, Option<u64>);

/// Records by ids, in the order of their insertion.
async fn by_ids(
    router: &Router,
    (found, call): (&Found, &Call),
    ids: &[RecordId],
    (include, span): (Include, Span),
) -> Verb<Vec<RecordView>> {
    let records = found.said(router.get(&found.target, call, ids, include).await)?;
    Ok(in_order(records, span))
}

/// All that match, in the order of their insertion.
async fn matching(
    router: &Router,
    (found, call): (&Found, &Call),
    filter: Option<Filter>,
    (include, (first, number)): (Include, Span),
) -> Verb<Vec<RecordView>> {
    let page = AgePage { filter, offset: size(first), limit: number.map(size), include };
    found.said(router.list_by_age(&found.target, call, &page).await)
}

/// The part of them that is sent, in the order of their insertion.
fn in_order(mut records: Vec<RecordView>, (first, number): Span) -> Vec<RecordView> {
    records.sort_unstable_by(|a, b| a.ordinal.cmp(&b.ordinal).then_with(|| a.id.cmp(&b.id)));
    records.into_iter().skip(size(first)).take(number.map_or(usize::MAX, size)).collect()
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Ids and filter as one filter.
fn narrowed(ids: Option<Vec<RecordId>>, filter: Option<Filter>) -> Verb<Option<Filter>> {
    match ids {
        Some(ids) => among(ids, filter).map(Some),
        None => Ok(filter),
    }
}

/// Searches by vectors.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/query", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = QueryBody, responses((status = 200, body = QueryView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn query(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<QueryBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let filter = filter(body.filter.as_ref(), body.where_document.as_ref())?;
    let wanted = body.ids.map(possible_ids);
    check_vectors(body.query_embeddings.iter().map(Vec::as_slice).enumerate())?;
    let number = body.n_results.unwrap_or(DEFAULT_HITS) as usize;
    let columns = Columns::new(body.include, &[Part::Documents, Part::Metadatas, Part::Distances]);
    let found = at.find(&router, &call).await?;
    let schema = found.resolved.collection.schema;
    let number = number_of_hits(&router, (&found, &call), number).await?;
    let nothing = number == 0 || wanted.as_ref().is_some_and(Vec::is_empty);
    let results = if nothing {
        body.query_embeddings.iter().map(|_| Vec::new()).collect()
    } else {
        let query = Query {
            vectors: body.query_embeddings,
            top_k: number,
            ef: ef_of(&found.resolved.collection.extra),
            filter: narrowed(wanted, filter)?,
            include: columns.include(),
        };
        search(&router, (&found, &call), query).await?
    };
    Ok(answer::json(StatusCode::OK, &QueryAnswer { results, metric: schema.metric, columns }))
}

/// How many hits are looked for: more than can be are still all, if the collection has no more.
async fn number_of_hits(router: &Router, (found, call): (&Found, &Call), asked: usize) -> Verb<usize> {
    if asked <= MAX_TOP_K || records_of(router, (found, call)).await? <= MAX_TOP_K as u64 {
        return Ok(asked.min(MAX_TOP_K));
    }
    let message = format!("n_results: {asked}, at most {MAX_TOP_K}; get reads more");
    Err(VerbError::argument(message).with("field", "n_results"))
}

/// Hits of every vector. One shard missing is a failure: a client could not tell a shorter answer from a whole one.
async fn search(router: &Router, (found, call): (&Found, &Call), query: Query) -> Verb<Vec<Vec<Hit>>> {
    let mut results = Vec::with_capacity(query.vectors.len());
    let mut vectors = query.vectors.into_iter();
    loop {
        let vectors: Vec<Vec<f32>> = vectors.by_ref().take(MAX_QUERY_VECTORS).collect();
        if vectors.is_empty() {
            return Ok(results);
        }
        let part = Query { vectors, filter: query.filter.clone(), ..query };
        let answer = found.said(router.query(&found.target, call, part).await)?;
        whole(&answer.missing)?;
        results.extend(answer.results);
    }
}

/// How many records there are.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/count", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID"),
        ("read_level" = Option<ReadLevel>, Query, description = "Every level reads everything here")),
    responses((status = 200, body = u64, content_type = "application/json"), (status = "default", body = ChromaFailure)))]
pub(crate) async fn count(
    State(router): State<Router>,
    at: CollectionAt,
    query: Result<QueryString<CountQuery>, QueryRejection>,
    Plain(call): Plain,
) -> Verb<Response> {
    let QueryString(query) = query.map_err(|error| VerbError::argument(error.body_text()))?;
    match query.read_level {
        None | Some(ReadLevel::WithLog | ReadLevel::Without | ReadLevel::WithSome) => {}
    }
    Ok(answer::json(StatusCode::OK, &counted(&router, at, &call).await?))
}

/// How far the index is: it always holds everything.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/indexing_status", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    responses((status = 200, body = IndexingView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn indexing_status(
    State(router): State<Router>,
    at: CollectionAt,
    Plain(call): Plain,
) -> Verb<Response> {
    let records = counted(&router, at, &call).await?;
    let view = IndexingView {
        num_indexed_ops: records,
        num_unindexed_ops: 0,
        total_ops: records,
        op_indexing_progress: 1.0,
    };
    Ok(answer::json(StatusCode::OK, &view))
}

/// Records of a collection; one shard missing is a failure (INV-6).
async fn counted(router: &Router, at: CollectionAt, call: &Call) -> Verb<u64> {
    let found = at.find(router, call).await?;
    records_of(router, (&found, call)).await
}

async fn records_of(router: &Router, (found, call): (&Found, &Call)) -> Verb<u64> {
    let counted = found.said(router.count(&found.target, call, None).await)?;
    whole(&counted.missing)?;
    counted.count.ok_or_else(|| VerbError::new(ErrorCode::Internal, "the count isn't known"))
}

/// Refuses what some shards are missing from.
fn whole(missing: &[Missing]) -> Verb<()> {
    missing.first().map_or(Ok(()), |first| Err(unavailable(missing, &first.error)))
}
