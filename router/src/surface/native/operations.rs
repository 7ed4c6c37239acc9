//! `/v1/operations`.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::ShardId;
use lacuna_model::limits::{DEFAULT_PAGE, MAX_PAGE};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::{Fate, WriteOutcome};
use serde::Deserialize;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::native::parse::{in_range, written};
use crate::surface::native::views::{OperationView, OperationsView, OutcomeView, OutcomesView, RecordedView};
use crate::surface::request::Plain;
use crate::verb::operations::{Known, Recorded};

/// Query string of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    limit: Option<usize>,
}

/// Lists recorded operations, newest first.
#[utoipa::path(get, path = "/v1/operations", tag = "operations",
    params(("limit" = Option<usize>, Query, description = "At most so many (default 100, at most 1,000)")),
    responses((status = 200, body = OperationsView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn list(
    State(router): State<Router>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
    Plain(call): Plain,
) -> Verb<Response> {
    let query = query.map_err(|error| VerbError::argument(error.body_text()))?;
    let limit = in_range("limit", query.limit, (1, MAX_PAGE))?.unwrap_or(DEFAULT_PAGE);
    let operations = router.operations(&call, &call.caller.account, limit).await?;
    let operations = operations.into_iter().map(recorded).collect();
    Ok(answer::json(StatusCode::OK, &OperationsView { operations }))
}

/// Describes an operation: how far it is, or what shards keep of it.
#[utoipa::path(get, path = "/v1/operations/{op_id}", tag = "operations",
    params(("op_id" = String, Path, description = "As an answer gave it, or the Idempotency-Key")),
    responses((status = 200, body = OperationView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn describe(
    State(router): State<Router>,
    Path(op_id): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let op_id = OpId::new(op_id).map_err(|error| VerbError::argument(error.to_string()))?;
    let view = match router.operation(&call, &call.caller.account, &op_id).await? {
        Known::Recorded(known) => OperationView::Recorded(Box::new(recorded(*known))),
        Known::Outcomes(shards) => OperationView::Outcomes(OutcomesView {
            op_id: op_id.as_str().to_owned(),
            kind: "write",
            status: "applied",
            shards: shards.into_iter().map(|(shard, pieces)| outcome(shard, &pieces)).collect(),
        }),
    };
    Ok(answer::json(StatusCode::OK, &view))
}

fn recorded(known: Recorded) -> RecordedView {
    let operation = known.operation;
    RecordedView {
        answer: known.answer,
        collection: operation.collection_name,
        collection_id: operation.collection.0,
        namespace: operation.namespace.as_ref().map(written),
        recorded_ms: operation.recorded.0 / 1_000,
        finished_ms: operation.finished.map(|stamp| stamp.0 / 1_000),
    }
}

fn outcome(shard: ShardId, pieces: &[WriteOutcome]) -> OutcomeView {
    let last = pieces.iter().max_by_key(|outcome| outcome.at);
    let count = |fate| pieces.iter().map(|outcome| outcome.count(fate)).sum();
    OutcomeView {
        shard: shard.0,
        term: last.map_or(0, |outcome| outcome.at.term),
        index: last.map_or(0, |outcome| outcome.at.index),
        inserted: count(Fate::Inserted),
        updated: count(Fate::Updated),
        deleted: count(Fate::Deleted),
        absent: count(Fate::Absent),
        held: count(Fate::Held),
        remaining: last.map_or(0, |outcome| outcome.remaining),
    }
}
