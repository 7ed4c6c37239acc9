//! `records/get`, `query`, `count`, `list`.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::limits::{MAX_EF, MAX_QUERY_VECTORS, MAX_TOP_K};
use lacuna_model::read::{Hit, Include};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::native::bodies::{CountBody, GetBody, ListBody, QueryBody};
use crate::surface::native::parse::{check_finite, ids, in_range, include, page_size, read_filter, target};
use crate::surface::native::views::{
    CountView, IdsView, MatchesView, QueryView, RecordJson, RecordsView, UnavailableShard,
};
use crate::surface::request::Posted;
use crate::surface::{answer, cursor};
use crate::verb::Missing;
use crate::verb::list::Page;
use crate::verb::query::Query;

fn unavailable(missing: Vec<Missing>) -> Vec<UnavailableShard> {
    missing.into_iter().map(|m| UnavailableShard { shard: m.shard.0, error: m.error }).collect()
}

fn whole_or_part(missing: &[UnavailableShard]) -> StatusCode {
    if missing.is_empty() { StatusCode::OK } else { StatusCode::MULTI_STATUS }
}

/// Reads records by ids in the request's order, or those that match a filter, or all, in id order.
#[utoipa::path(post, path = "/v1/collections/{c}/records/get", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = GetBody,
    responses((status = 200, body = RecordsView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn get(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<GetBody>,
) -> Verb<Response> {
    let body = posted.body;
    let target = target(&posted.call.caller, &c, body.namespace)?;
    let usual = Include { vector: false, document: true, metadata: true };
    let include = include(body.include.as_deref(), usual);
    let Some(texts) = body.ids else {
        let page = Page {
            prefix: String::new(),
            filter: read_filter(body.filter.as_ref())?,
            after: cursor::read("cursor", body.cursor.as_deref())?,
            limit: page_size(body.limit)?,
            include,
        };
        let listed = router.list(&target, &posted.call, &page).await?;
        let records = listed.records.into_iter().map(RecordJson::from).collect();
        let cursor = listed.next_after.as_deref().map(cursor::write);
        return Ok(answer::json(StatusCode::OK, &RecordsView { records, cursor }));
    };
    if body.filter.is_some() || body.limit.is_some() || body.cursor.is_some() {
        return Err(
            VerbError::argument("ids: a get by ids takes no filter, limit or cursor").with("path", "ids")
        );
    }
    let records = router.get(&target, &posted.call, &ids(texts)?, include).await?;
    let records = records.into_iter().map(RecordJson::from).collect();
    Ok(answer::json(StatusCode::OK, &RecordsView { records, cursor: None }))
}

/// Lists ids, page by page.
#[utoipa::path(post, path = "/v1/collections/{c}/records/list", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = ListBody,
    responses((status = 200, body = IdsView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn list(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<ListBody>,
) -> Verb<Response> {
    let body = posted.body;
    let target = target(&posted.call.caller, &c, body.namespace)?;
    let page = Page {
        prefix: body.prefix.unwrap_or_default(),
        filter: None,
        after: cursor::read("cursor", body.cursor.as_deref())?,
        limit: page_size(body.limit)?,
        include: Include::default(),
    };
    let listed = router.list(&target, &posted.call, &page).await?;
    let ids = listed.records.into_iter().map(|record| record.id.into_string()).collect();
    let cursor = listed.next_after.as_deref().map(cursor::write);
    Ok(answer::json(StatusCode::OK, &IdsView { ids, cursor }))
}

/// Counts records, all or those that match.
#[utoipa::path(post, path = "/v1/collections/{c}/records/count", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = CountBody,
    responses((status = 200, body = CountView), (status = 207, description = "A shard didn't answer", body = CountView),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn count(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<CountBody>,
) -> Verb<Response> {
    let target = target(&posted.call.caller, &c, posted.body.namespace)?;
    let filter = read_filter(posted.body.filter.as_ref())?;
    let counted = router.count(&target, &posted.call, filter).await?;
    let shards_unavailable = unavailable(counted.missing);
    let code = whole_or_part(&shards_unavailable);
    Ok(answer::json(code, &CountView { count: counted.count, shards_unavailable }))
}

/// Finds the nearest records to one vector, or to each of several.
#[utoipa::path(post, path = "/v1/collections/{c}/records/query", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = QueryBody,
    responses((status = 200, body = QueryView), (status = 207, description = "A shard didn't answer", body = QueryView),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn query(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<QueryBody>,
) -> Verb<Response> {
    let body = posted.body;
    let target = target(&posted.call.caller, &c, body.namespace)?;
    let one = body.vector.is_some();
    let query = Query {
        vectors: vectors(body.vector, body.vectors)?,
        top_k: in_range("top_k", Some(body.top_k), (1, MAX_TOP_K))?.unwrap_or(body.top_k),
        ef: in_range("ef", body.ef, (1, MAX_EF))?,
        filter: read_filter(body.filter.as_ref())?,
        include: include(body.include.as_deref(), Include::default()),
    };
    let found = router.query(&target, &posted.call, query).await?;
    let shards_unavailable = unavailable(found.missing);
    let code = whole_or_part(&shards_unavailable);
    let matches = |hits: Vec<Hit>| hits.into_iter().map(Into::into).collect();
    let mut results = found.results.into_iter();
    let view = if one {
        QueryView {
            matches: Some(matches(results.next().unwrap_or_default())),
            results: None,
            shards_unavailable,
        }
    } else {
        let results = results.map(|hits| MatchesView { matches: matches(hits) }).collect();
        QueryView { matches: None, results: Some(results), shards_unavailable }
    };
    let response = answer::json(code, &view);
    posted.call.trace.mark("answer");
    Ok(response)
}

fn vectors(one: Option<Vec<f32>>, many: Option<Vec<Vec<f32>>>) -> Verb<Vec<Vec<f32>>> {
    match (one, many) {
        (Some(vector), None) => {
            check_finite(&vector, || "vector".to_owned())?;
            Ok(vec![vector])
        }
        (None, Some(vectors)) if (1..=MAX_QUERY_VECTORS).contains(&vectors.len()) => {
            for (position, vector) in vectors.iter().enumerate() {
                check_finite(vector, || format!("vectors[{position}]"))?;
            }
            Ok(vectors)
        }
        (None, Some(vectors)) => Err(VerbError::argument(format!(
            "vectors: {} of them, expected 1 to {MAX_QUERY_VECTORS}",
            vectors.len()
        ))
        .with("path", "vectors")),
        (Some(_), Some(_)) | (None, None) => {
            Err(VerbError::argument("a query takes either vector or vectors").with("path", "vector"))
        }
    }
}
