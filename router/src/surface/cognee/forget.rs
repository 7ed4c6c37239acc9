//! Forget in all its forms, and receipts.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::command::{ForgetWhat, Keep};
use lacuna_model::memory::query::{MemoryAsk, MemoryBody};
use lacuna_model::memory::words::Scope;
use lacuna_model::{DatasetId, ItemId};
use serde::Deserialize;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::bodies::ForgetBody;
use crate::surface::cognee::datasets::uuid;
use crate::surface::cognee::failure::{FailureView, combination};
use crate::surface::cognee::views::{ForgetView, ReceiptView};
use crate::surface::request::{Plain, Posted};
use crate::verb::Call;
use crate::verb::memory::{Forgot, odd};

/// Query string of an item's delete.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ItemQuery {
    delete_dataset_if_empty: Option<bool>,
}

/// Query string of the deprecated delete.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DeprecatedQuery {
    data_id: Option<String>,
    dataset_id: Option<String>,
    delete_dataset_if_empty: Option<bool>,
}

type Read<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

fn read<T>(query: Read<T>) -> Verb<T> {
    let wrong = |error: axum::extract::rejection::QueryRejection| {
        VerbError::argument(format!("{}; nothing was changed", error.body_text()))
    };
    Ok(query.map_err(wrong)?.0)
}

async fn run(router: &Router, call: &Call, what: ForgetWhat) -> Verb<Response> {
    let forgot = router.forget(call, what).await?;
    Ok(respond(call, what, forgot))
}

fn respond(call: &Call, what: ForgetWhat, forgot: Forgot) -> Response {
    let Forgot { forgotten, counts, pending } = forgot;
    let receipt = &forgotten.receipt;
    // What was forgotten before may have gone with more than what is asked now: a repeat says nothing of that.
    let scope = if forgotten.already { scope_of(what) } else { receipt.scope };
    let external = if forgotten.already { 0 } else { receipt.raw_external };
    let mut view = ForgetView::of(scope, counts, external);
    view.receipt_id = Some(receipt.id.to_string());
    view.already_forgotten = forgotten.already;
    view.pending_shards = pending.iter().map(|shard| shard.0).collect();
    if !forgotten.already {
        view.items_forgotten = receipt.items_forgotten;
    }
    fill(&mut view, what, (receipt.items_reset, receipt.datasets_removed), &forgotten.skipped);
    let (code, status) = if pending.is_empty() {
        (StatusCode::OK, "complete")
    } else {
        view.status = "partial";
        (StatusCode::MULTI_STATUS, "partial")
    };
    let response = answer::json(code, &view);
    match call.trace.op_id() {
        Some(op_id) => answer::named(response, &op_id, status),
        None => response,
    }
}

/// What only some forms tell.
fn fill(view: &mut ForgetView, what: ForgetWhat, (reset, datasets): (u64, u64), skipped: &[DatasetId]) {
    match what {
        ForgetWhat::Item(_, _, Keep::Nothing) => view.dataset_removed = Some(datasets > 0),
        ForgetWhat::Item(_, _, Keep::Dataset) | ForgetWhat::Dataset(..) => {}
        ForgetWhat::Everything => {
            view.datasets_removed = Some(datasets);
            view.datasets_skipped = Some(skipped.iter().map(ToString::to_string).collect());
        }
        ForgetWhat::ItemMemory(..) | ForgetWhat::DatasetMemory(_) => view.data_records_reset = Some(reset),
    }
}

fn scope_of(what: ForgetWhat) -> Scope {
    match what {
        ForgetWhat::Item(dataset, item, _) => Scope::Item(dataset, item),
        ForgetWhat::Dataset(dataset, Keep::Nothing) => Scope::Dataset(dataset),
        ForgetWhat::Dataset(dataset, Keep::Dataset) => Scope::Items(dataset),
        ForgetWhat::Everything => Scope::Everything,
        ForgetWhat::ItemMemory(dataset, item) => Scope::ItemMemory(dataset, item),
        ForgetWhat::DatasetMemory(dataset) => Scope::DatasetMemory(dataset),
    }
}

fn keep(delete_dataset_if_empty: Option<bool>) -> Keep {
    if delete_dataset_if_empty == Some(true) { Keep::Nothing } else { Keep::Dataset }
}

/// Forgets an item.
#[utoipa::path(delete, path = "/api/v1/datasets/{d}/data/{i}", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset"), ("i" = String, Path, description = "Id of the item"),
        ("delete_dataset_if_empty" = Option<bool>, Query, description = "The dataset goes with its last item")),
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = "default", body = FailureView)))]
pub(crate) async fn item(
    State(router): State<Router>,
    Path((d, i)): Path<(String, String)>,
    query: Read<ItemQuery>,
    Plain(call): Plain,
) -> Verb<Response> {
    let keep = keep(read(query)?.delete_dataset_if_empty);
    run(&router, &call, ForgetWhat::Item(uuid("dataset", &d)?, uuid("data", &i)?, keep)).await
}

/// Forgets all items of a dataset; the dataset and its grants stay.
#[utoipa::path(delete, path = "/api/v1/datasets/{d}/data", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset")),
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = "default", body = FailureView)))]
pub(crate) async fn items(
    State(router): State<Router>,
    Path(d): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    run(&router, &call, ForgetWhat::Dataset(uuid("dataset", &d)?, Keep::Dataset)).await
}

/// Forgets a dataset: items, grants and itself.
#[utoipa::path(delete, path = "/api/v1/datasets/{d}", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset")),
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = "default", body = FailureView)))]
pub(crate) async fn dataset(
    State(router): State<Router>,
    Path(d): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    run(&router, &call, ForgetWhat::Dataset(uuid("dataset", &d)?, Keep::Nothing)).await
}

/// Forgets every dataset on which the caller was granted delete.
#[utoipa::path(delete, path = "/api/v1/datasets", tag = "memory",
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = "default", body = FailureView)))]
pub(crate) async fn all(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    run(&router, &call, ForgetWhat::Everything).await
}

/// Forgets an item, a dataset or everything; with `dryRun` it only tells what would go.
#[utoipa::path(post, path = "/api/v1/forget", tag = "memory", request_body = ForgetBody,
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = 422, description = "No selector, or contradictory ones", body = FailureView),
        (status = "default", body = FailureView)))]
pub(crate) async fn forget(State(router): State<Router>, posted: Posted<ForgetBody>) -> Verb<Response> {
    let what = selected(&router, &posted.call, &posted.body).await?;
    if posted.body.dry_run != Some(true) {
        return run(&router, &posted.call, what).await;
    }
    let (would, counts) = router.would_forget(&posted.call, what).await?;
    let mut view = ForgetView::of(scope_of(what), counts, would.external);
    view.items_forgotten = would.rows;
    view.already_forgotten = would.already;
    view.dry_run = true;
    fill(&mut view, what, (would.reset, would.datasets), &would.skipped);
    Ok(answer::json(StatusCode::OK, &view))
}

async fn selected(router: &Router, call: &Call, body: &ForgetBody) -> Verb<ForgetWhat> {
    if body.everything == Some(true) {
        return Ok(ForgetWhat::Everything);
    }
    let memory_only = body.memory_only == Some(true);
    let dataset = match (&body.dataset, &body.dataset_id) {
        (Some(_), Some(_)) => return Err(combination("dataset and datasetId: one of them")),
        (Some(name), None) => Some(named(router, call, name).await?),
        (None, Some(id)) => Some(uuid("datasetId", id)?),
        (None, None) => None,
    };
    let data: Option<ItemId> = body.data_id.as_deref().map(|id| uuid("dataId", id)).transpose()?;
    match (dataset, data, memory_only) {
        (Some(dataset), Some(item), false) => Ok(ForgetWhat::Item(dataset, item, Keep::Dataset)),
        (Some(dataset), None, false) => Ok(ForgetWhat::Dataset(dataset, Keep::Nothing)),
        (Some(dataset), Some(item), true) => Ok(ForgetWhat::ItemMemory(dataset, item)),
        (Some(dataset), None, true) => Ok(ForgetWhat::DatasetMemory(dataset)),
        (None, Some(_), _) => Err(combination("dataId: it needs dataset or datasetId")),
        (None, None, true) => Err(combination("memoryOnly: it needs dataset or datasetId")),
        (None, None, false) => {
            Err(combination("nothing is selected; expected dataset, datasetId, or everything: true"))
        }
    }
}

async fn named(router: &Router, call: &Call, name: &str) -> Verb<DatasetId> {
    match router.memory(call, MemoryAsk::ToForget(name.to_owned())).await? {
        MemoryBody::ToForget(dataset) => Ok(dataset),
        _ => Err(odd()),
    }
}

/// The route that Cognee has deprecated; `mode` is ignored.
#[utoipa::path(delete, path = "/api/v1/delete", tag = "memory",
    params(("data_id" = String, Query, description = "Id of the item"), ("dataset_id" = String, Query, description = "Id of the dataset"),
        ("mode" = Option<String>, Query, description = "Ignored"),
        ("delete_dataset_if_empty" = Option<bool>, Query, description = "The dataset goes with its last item")),
    responses((status = 200, body = ForgetView), (status = 207, description = "Some shards follow by themselves", body = ForgetView),
        (status = "default", body = FailureView)))]
pub(crate) async fn deprecated(
    State(router): State<Router>,
    query: Read<DeprecatedQuery>,
    Plain(call): Plain,
) -> Verb<Response> {
    let query = read(query)?;
    let (Some(data), Some(dataset)) = (&query.data_id, &query.dataset_id) else {
        return Err(VerbError::argument("data_id and dataset_id: both are needed; nothing was changed"));
    };
    let what = ForgetWhat::Item(
        uuid("dataset_id", dataset)?,
        uuid("data_id", data)?,
        keep(query.delete_dataset_if_empty),
    );
    let mut response = run(&router, &call, what).await?;
    response.headers_mut().insert(HeaderName::from_static("deprecation"), HeaderValue::from_static("true"));
    Ok(response)
}

/// A receipt, for who asked, the dataset's owner, and root.
#[utoipa::path(get, path = "/api/v1/receipts/{id}", tag = "memory",
    params(("id" = String, Path, description = "Id of the receipt")),
    responses((status = 200, body = ReceiptView), (status = "default", body = FailureView)))]
pub(crate) async fn receipt(
    State(router): State<Router>,
    Path(id): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    match router.receipt(&call, uuid("receipt", &id)?).await? {
        Some((receipt, counts, pending)) => {
            Ok(answer::json(StatusCode::OK, &ReceiptView::new(&receipt, counts, &pending)))
        }
        None => Err(VerbError::new(ErrorCode::NotFound, "there is no such receipt")),
    }
}
