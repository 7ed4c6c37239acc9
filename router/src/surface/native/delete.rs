//! `records/delete` and its preview.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::limits::MAX_PAGE;
use lacuna_model::merge::{DeleteAnswer, http_status};
use serde::Deserialize;
use serde_json::Value;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::native::bodies::{DeleteBody, Given, PreviewBody};
use crate::surface::native::parse::{NOTHING, delete_filter, empty, ids, in_range, placed_ids, target};
use crate::surface::native::views::PreviewView;
use crate::surface::request::{Posted, Preference};
use crate::verb::Total;
use crate::verb::delete::{Selector, Wishes};
use crate::verb::preview::Preview;

/// Ids that a preview shows when no number is given.
const DEFAULT_SAMPLE: usize = 10;

/// Query string of a delete.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteQuery {
    remaining: Option<bool>,
}

/// Deletes by ids, by filter, by both, or everything in a namespace.
#[utoipa::path(post, path = "/v1/collections/{c}/records/delete", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection"),
        ("remaining" = Option<bool>, Query, description = "Ask all shards for the number of records left"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: answer once it is recorded"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the operation; a repeat has the same outcome"),
        ("Lacuna-Deadline-Ms" = Option<u64>, Header, description = "100 to 60,000, default 10,000")),
    request_body = DeleteBody,
    responses((status = 200, description = "Every shard applied it", body = DeleteAnswer),
        (status = 202, description = "Recorded, and running on", body = DeleteAnswer),
        (status = 207, description = "Some shards applied it, or it completes by itself", body = DeleteAnswer),
        (status = 504, description = "Of no shard is the outcome known", body = answer::ErrorBody),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn delete(
    State(router): State<Router>,
    Path(c): Path<String>,
    query: Result<Query<DeleteQuery>, axum::extract::rejection::QueryRejection>,
    Preference(respond): Preference,
    posted: Posted<DeleteBody>,
) -> Verb<Response> {
    tracing::trace!(collection = c, "delete");
    let query = query.map_err(|error| VerbError::argument(format!("{}; {NOTHING}", error.body_text())))?;
    let total = if query.remaining == Some(true) { Total::Asked } else { Total::AsKnown };
    let target = target(&posted.call.caller, &c, posted.body.namespace.clone())?;
    let selector = selector(posted.body)?;
    let answer = router.delete(&target, &posted.call, selector, Wishes { respond, total }).await?;
    Ok(respond_with(&answer))
}

/// A delete's answer with its status and headers.
pub(super) fn respond_with(answer: &DeleteAnswer) -> Response {
    let code = StatusCode::from_u16(http_status(answer.status)).unwrap_or(StatusCode::OK);
    answer::named(answer::json(code, answer), &answer.op_id, answer.status.as_str())
}

/// Ids and filter as given: null is refused, for it may have meant something else than missing.
fn parts(ids: Given<Vec<String>>, filter: Given<Value>) -> Verb<(Option<Vec<String>>, Option<Value>)> {
    let ids = match ids {
        Given::Missing => None,
        Given::Null => return Err(empty("ids: null")),
        Given::Value(ids) if ids.is_empty() => return Err(empty("ids: an empty list")),
        Given::Value(ids) => Some(ids),
    };
    match filter {
        Given::Missing => Ok((ids, None)),
        Given::Null => Err(empty("filter: null")),
        Given::Value(filter) => Ok((ids, Some(filter))),
    }
}

fn selector(body: DeleteBody) -> Verb<Selector> {
    let all = body.delete_all.unwrap_or(false);
    let (ids, filter) = parts(body.ids, body.filter)?;
    if all && (ids.is_some() || filter.is_some() || body.limit.is_some()) {
        return Err(VerbError::argument(format!(
            "delete_all: it takes no ids, filter or limit beside it; {NOTHING}"
        ))
        .with("path", "delete_all"));
    }
    if body.limit.is_some() && (ids.is_some() || filter.is_none()) {
        return Err(VerbError::argument(format!("limit: it goes with a filter alone; {NOTHING}"))
            .with("path", "limit"));
    }
    if body.limit == Some(0) {
        return Err(
            VerbError::argument(format!("limit: 0, expected at least 1; {NOTHING}")).with("path", "limit")
        );
    }
    match (ids, filter) {
        (Some(texts), None) => Ok(Selector::Ids(placed_ids(texts)?)),
        (Some(texts), Some(json)) => Ok(Selector::IdsWhere(placed_ids(texts)?, delete_filter(&json)?)),
        (None, Some(json)) => Ok(Selector::Where { filter: delete_filter(&json)?, limit: body.limit }),
        (None, None) if all => Ok(Selector::All),
        (None, None) => Err(empty("no selector")),
    }
}

/// Counts what a delete would take now, and shows the first ids of it. Changes nothing.
#[utoipa::path(post, path = "/v1/collections/{c}/records/delete/preview", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = PreviewBody,
    responses((status = 200, body = PreviewView), (status = 207, description = "A shard didn't answer", body = PreviewView),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn preview(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<PreviewBody>,
) -> Verb<Response> {
    let body = posted.body;
    let target = target(&posted.call.caller, &c, body.namespace)?;
    let sample = in_range("sample", body.sample, (0, MAX_PAGE))?.unwrap_or(DEFAULT_SAMPLE);
    let what = match (parts(body.ids, body.filter)?, body.delete_all.unwrap_or(false)) {
        ((Some(texts), None), false) => Preview::Ids(ids(texts)?),
        ((None, Some(json)), false) => Preview::Where(delete_filter(&json)?),
        ((None, None), true) => Preview::All,
        ((None, None), false) => return Err(empty("no selector")),
        ((Some(_), Some(_)), _) | ((Some(_), None) | (None, Some(_)), true) => {
            return Err(VerbError::argument("a preview takes one of ids, filter and delete_all"));
        }
    };
    let previewed = router.preview(&target, &posted.call, &what, sample).await?;
    let code = if previewed.matched.is_some() { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok(answer::json(code, &PreviewView::from(previewed)))
}
