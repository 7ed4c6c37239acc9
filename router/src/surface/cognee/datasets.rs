//! Datasets: made, listed.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::DatasetId;
use lacuna_model::memory::command::{MemoryChange, MemoryOutcome};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::bodies::DatasetBody;
use crate::surface::cognee::failure::FailureView;
use crate::surface::cognee::views::DatasetView;
use crate::surface::request::{Plain, Posted};
use crate::verb::memory::odd;

/// Longest name of a dataset, a user or a tenant, bytes.
pub(super) const MAX_NAME: usize = 512;

/// A name that can be shown.
pub(super) fn name(field: &str, text: &str) -> Verb<String> {
    if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
        let message = format!(
            "{field}: expected 1 to {MAX_NAME} bytes without control characters; nothing was changed"
        );
        return Err(VerbError::argument(message));
    }
    Ok(text.to_owned())
}

/// A UUID.
pub(super) fn uuid<T: std::str::FromStr<Err = lacuna_model::uuid::BadUuid>>(
    field: &str,
    text: &str,
) -> Verb<T> {
    text.parse().map_err(|error| VerbError::argument(format!("{field}: {error}; nothing was changed")))
}

/// Makes a dataset, or returns the caller's own of that name.
#[utoipa::path(post, path = "/api/v1/datasets", tag = "memory", request_body = DatasetBody,
    responses((status = 200, body = DatasetView), (status = "default", body = FailureView)))]
pub(crate) async fn make(State(router): State<Router>, posted: Posted<DatasetBody>) -> Verb<Response> {
    let name = name("name", &posted.body.name)?;
    let id = DatasetId(rand::random());
    match router.change_memory(&posted.call, MemoryChange::MakeDataset { id, name }).await? {
        MemoryOutcome::Dataset(dataset) => Ok(answer::json(StatusCode::OK, &DatasetView::from(&dataset))),
        _ => Err(odd()),
    }
}

/// Datasets that the caller can read.
#[utoipa::path(get, path = "/api/v1/datasets", tag = "memory",
    responses((status = 200, body = [DatasetView]), (status = "default", body = FailureView)))]
pub(crate) async fn list(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let found = router.readable_datasets(&call).await?;
    let views: Vec<DatasetView> = found.iter().map(DatasetView::from).collect();
    Ok(answer::json(StatusCode::OK, &views))
}
