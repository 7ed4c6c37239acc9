//! Items deleted by id: the heart of this API.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus, ShardStatus};
use lacuna_model::record::Kind;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::moorcheh::bodies::IdsBody;
use crate::surface::moorcheh::failure::{Code, FailureView, refused, with_retry_after, worded};
use crate::surface::moorcheh::ids::{ItemId, distinct};
use crate::surface::moorcheh::namespace::{Lookup, Wanted};
use crate::surface::moorcheh::views::{DeleteErrorView, DeletedView, Status, counted};
use crate::surface::request::Posted;
use crate::verb::last_counts::Tally;

/// Most ids in a request.
const MAX_IDS: usize = 1_000;

const TEXT: Wanted = Wanted::Only(Kind::Text, "POST /namespaces/{ns}/vectors/delete");
const VECTOR: Wanted = Wanted::Only(Kind::Vector, "POST /namespaces/{ns}/documents/delete");

/// Deletes documents by id.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/documents/delete", tag = "deletes",
    params(("ns" = String, Path, description = "A text namespace")), request_body = IdsBody,
    responses((status = 200, description = "No item failed", body = DeletedView),
        (status = 207, description = "Some shards did not confirm", body = DeletedView),
        (status = 503, description = "No shard confirmed", body = DeletedView),
        (status = "default", body = FailureView)))]
pub(crate) async fn documents(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<IdsBody>,
) -> Verb<Response> {
    delete(&router, name, posted, TEXT).await
}

/// Deletes vectors by id.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/vectors/delete", tag = "deletes",
    params(("ns" = String, Path, description = "A vector namespace")), request_body = IdsBody,
    responses((status = 200, description = "No item failed", body = DeletedView),
        (status = 207, description = "Some shards did not confirm", body = DeletedView),
        (status = 503, description = "No shard confirmed", body = DeletedView),
        (status = "default", body = FailureView)))]
pub(crate) async fn vectors(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<IdsBody>,
) -> Verb<Response> {
    delete(&router, name, posted, VECTOR).await
}

async fn delete(router: &Router, name: String, posted: Posted<IdsBody>, wanted: Wanted) -> Verb<Response> {
    let (ids, call) = (posted.body.ids, posted.call);
    check_number(ids.len(), MAX_IDS)?;
    let mut lookup = Lookup::new();
    loop {
        let namespace = match lookup.up((router, &call), &name, wanted).await {
            Ok(namespace) => namespace,
            Err(error) => return none_confirmed(&ids, error),
        };
        match router.delete_and_tally(&namespace.target, &call, distinct(&ids)).await {
            Ok((deleted, tally)) => return Ok(respond(&name, &ids, &deleted, tally)),
            Err(error) if lookup.again(&error) => {}
            Err(error) => return none_confirmed(&ids, error),
        }
    }
}

/// From one id to the most that a request may have.
pub(super) fn check_number(ids: usize, most: usize) -> Verb<()> {
    match ids {
        0 => Err(refused(Code::InvalidField, "ids: an empty list, expected at least one")),
        ids if ids > most => {
            Err(refused(Code::TooManyIds, &format!("ids: {ids} of them, at most {most} in one request")))
        }
        _ => Ok(()),
    }
}

fn texts(ids: &[ItemId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

fn respond(name: &str, ids: &[ItemId], deleted: &DeleteAnswer, tally: Tally) -> Response {
    let actual: u64 = deleted.shards.iter().filter_map(|shard| shard.deleted).sum();
    let (unprocessed_ids, errors) = unprocessed(ids, deleted);
    let complete = deleted.status == DeleteStatus::Complete;
    let about =
        if tally.exact { "" } else { " (with the last known counts of shards that can't be reached)" };
    let left = match unprocessed_ids.len() {
        0 => String::new(),
        1 => " 1 id was not confirmed by its shard; it is safe to send it again.".to_owned(),
        left => format!(" {left} ids were not confirmed by their shards; it is safe to send them again."),
    };
    let remain = if tally.records == 1 { "remains" } else { "remain" };
    let view = DeletedView {
        status: if complete { Status::Success } else { Status::Partial },
        message: format!(
            "Deleted {actual} of {} from namespace '{name}'; {} {remain}{about}.{left}",
            counted(ids.len(), "requested item"),
            tally.records
        ),
        error_code: None,
        requested_deletions: ids.len(),
        actual_deletions: actual,
        remaining_items: Some(tally.records),
        remaining_items_exact: (!tally.exact).then_some(false),
        requested_ids: texts(ids),
        unprocessed_ids,
        errors,
    };
    let code = if complete { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    answer::named(answer::json(code, &view), &deleted.op_id, deleted.status.as_str())
}

/// Ids whose shard did not confirm, in the order of the request, each with why.
fn unprocessed(ids: &[ItemId], deleted: &DeleteAnswer) -> (Vec<String>, Vec<DeleteErrorView>) {
    let open = deleted.shards.iter().filter(|shard| shard.status != ShardStatus::Applied);
    let why: std::collections::HashMap<&str, String> = open
        .flat_map(|shard| {
            let error = shard.error.as_ref().map_or("it did not confirm", |error| error.message.as_str());
            let error = format!("shard {} unavailable: {error}", shard.shard.0);
            shard.unprocessed_ids.iter().map(move |id| (id.as_str(), error.clone()))
        })
        .collect();
    let open = distinct(ids).into_iter().filter_map(|id| {
        let error = why.get(id.id.as_str())?.clone();
        Some((id.id.as_str().to_owned(), error))
    });
    open.map(|(id, error)| (id.clone(), DeleteErrorView { id, error })).unzip()
}

/// No shard confirmed: all ids are open. Other failures stay as they are.
fn none_confirmed(ids: &[ItemId], error: VerbError) -> Verb<Response> {
    let (status, code) = worded(&error);
    if status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(error);
    }
    let open = distinct(ids).into_iter().map(|id| id.id.as_str().to_owned());
    let (unprocessed_ids, errors) =
        open.map(|id| (id.clone(), DeleteErrorView { id, error: error.message.clone() })).unzip();
    let view = DeletedView {
        status: Status::Failure,
        message: "No shard confirmed the delete in time. All ids are open and safe to send again.".to_owned(),
        error_code: Some(code),
        requested_deletions: ids.len(),
        actual_deletions: 0,
        remaining_items: None,
        remaining_items_exact: None,
        requested_ids: texts(ids),
        unprocessed_ids,
        errors,
    };
    let response = with_retry_after(answer::json(status, &view));
    Ok(match &error.op_id {
        Some(op_id) => answer::named(response, op_id, error.code.as_str()),
        None => response,
    })
}
