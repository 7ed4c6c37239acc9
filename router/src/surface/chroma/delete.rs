//! `delete`: by ids, by filters, by ids and filters. What it takes must be said; nothing said takes nothing.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Filter;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus, ShardStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::bodies::DeleteBody;
use crate::surface::chroma::errors::{ChromaFailure, NOTHING};
use crate::surface::chroma::filters::{among, filter, ids, placed_ids};
use crate::surface::chroma::names::CollectionAt;
use crate::surface::chroma::sent::Sent;
use crate::verb::delete::{Selector, Wishes};
use crate::verb::{Respond, Total};

/// How many records went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedView {
    /// Those that were there and are gone; exact.
    pub(super) deleted: u64,
}

/// What a delete takes.
enum Wanted {
    /// Nothing that there could be: no ids, or none of those that match.
    Nothing,
    Selected(Selector),
}

/// Deletes records by ids, by filters, or those of the ids that match the filters.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/delete", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = DeleteBody,
    responses((status = 200, description = "Every shard applied it", body = DeletedView),
        (status = 503, description = "Some shards applied it, or it completes by itself: the message says which", body = ChromaFailure),
        (status = "default", body = ChromaFailure)))]
pub(crate) async fn delete(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<DeleteBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let wanted = wanted(body)?;
    let found = at.find(&router, &call).await?;
    let selector = match wanted {
        Wanted::Nothing => return Ok(answer::json(StatusCode::OK, &DeletedView { deleted: 0 })),
        Wanted::Selected(selector) => selector,
    };
    let wishes = Wishes { respond: Respond::Wait, total: Total::AsKnown };
    let answer = found.said(router.delete(&found.target, &call, selector, wishes).await)?;
    match (answer.status, answer.deleted) {
        (DeleteStatus::Complete, Some(deleted)) => {
            let response = answer::json(StatusCode::OK, &DeletedView { deleted });
            Ok(answer::named(response, &answer.op_id, answer.status.as_str()))
        }
        (DeleteStatus::Complete | DeleteStatus::Partial | DeleteStatus::Pending, _) => {
            Err(unfinished("", &answer))
        }
    }
}

/// What the body selects (contract §7.2, row by row).
fn wanted(body: DeleteBody) -> Verb<Wanted> {
    let filter = filter(body.filter.as_ref(), body.where_document.as_ref())?;
    if body.limit.is_some() && filter.is_none() {
        return Err(empty("limit goes with where or where_document"));
    }
    match (body.ids, filter) {
        (None, None) => Err(empty("nothing is selected: expected ids, where or where_document")),
        (Some(ids), None) if ids.is_empty() => Err(empty("ids: an empty list, expected at least one id")),
        (Some(ids), None) => Ok(Wanted::Selected(Selector::Ids(placed_ids(ids)?))),
        (ids, Some(filter)) => by_filter(ids, filter, body.limit),
    }
}

fn by_filter(texts: Option<Vec<String>>, filter: Filter, limit: Option<u64>) -> Verb<Wanted> {
    if limit == Some(0) || texts.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Wanted::Nothing);
    }
    Ok(Wanted::Selected(match (texts, limit) {
        (None, limit) => Selector::Where { filter, limit },
        (Some(texts), None) => Selector::IdsWhere(placed_ids(texts)?, filter),
        (Some(texts), limit) => Selector::Where { filter: among(ids(texts)?, Some(filter))?, limit },
    }))
}

fn empty(what: &str) -> VerbError {
    VerbError::new(ErrorCode::EmptySelector, format!("{what}; {NOTHING}"))
}

/// A delete that isn't complete is no success that a client could believe in: it is told what went, which shards are
/// open, under which name, and that a repeat completes it. `beside` says what holds already.
pub(super) fn unfinished(beside: &str, answer: &DeleteAnswer) -> VerbError {
    let with = |status: ShardStatus| {
        answer.shards.iter().filter(move |shard| shard.status == status).map(|shard| shard.shard.0)
    };
    let pending: Vec<u32> = with(ShardStatus::Pending).collect();
    let failed: Vec<u32> = with(ShardStatus::Refused).chain(with(ShardStatus::Unknown)).collect();
    let known: u64 = answer.shards.iter().filter_map(|shard| shard.deleted).sum();
    let mut words = vec![format!("deleted {known}")];
    if !beside.is_empty() {
        words.push(beside.to_owned());
    }
    if !pending.is_empty() {
        words.push(format!("shards {pending:?} are pending: the rest completes by itself"));
    }
    if !failed.is_empty() {
        words.push(format!("shards {failed:?} failed"));
    }
    let reason = answer.shards.iter().find_map(|shard| shard.error.as_ref());
    words.extend(reason.map(|error| format!("reason: {}", error.message)));
    words.push(format!("operation {}", answer.op_id));
    words.push("retry: repeating the request completes it".to_owned());
    let mut error = VerbError::new(ErrorCode::Pending, words.join("; "))
        .of(&answer.op_id)
        .with("deleted", known)
        .with("deleted_is_exact", false)
        .with("status", answer.status.as_str())
        .with("shards_pending", pending)
        .with("shards_failed", failed);
    if let Some(note) = &answer.note {
        error = error.with("note", note.as_str());
    }
    let left: Vec<&String> = answer.shards.iter().flat_map(|shard| &shard.unprocessed_ids).collect();
    if !left.is_empty() {
        error = error.with("unprocessed_ids", left.into_iter().cloned().map(Value::from).collect::<Vec<_>>());
    }
    error.shards.clone_from(&answer.shards);
    error
}

#[cfg(test)]
#[path = "delete_tests.rs"]
mod tests;
