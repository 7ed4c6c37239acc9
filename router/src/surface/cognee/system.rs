//! Health, stats, and what isn't there.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::config::Mode;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::failure::FailureView;
use crate::surface::cognee::views::StatsView;
use crate::surface::request::Plain;
use crate::verb::cluster::Readiness;

/// Is it well?
#[derive(Debug, Serialize, ToSchema)]
pub struct CogneeHealthView {
    /// `ready` or `not ready`.
    pub status: &'static str,
    /// `healthy` or `unhealthy`.
    pub health: &'static str,
    /// Lacuna's version.
    pub version: &'static str,
    /// Can stores be pruned?
    pub dev_mode: bool,
}

/// Is it well?
#[utoipa::path(get, path = "/health", tag = "memory",
    responses((status = 200, body = CogneeHealthView), (status = 503, body = CogneeHealthView)))]
pub(crate) async fn health(State(router): State<Router>) -> Response {
    let (code, status, health) = match router.readiness().await {
        Readiness::Ready => (StatusCode::OK, "ready", "healthy"),
        Readiness::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready", "unhealthy"),
    };
    let version = env!("CARGO_PKG_VERSION");
    let dev_mode = router.config().mode == Mode::Development;
    answer::json(code, &CogneeHealthView { status, health, version, dev_mode })
}

/// What is physically held of the caller's current space, references or none.
#[utoipa::path(get, path = "/api/v1/stats", tag = "memory",
    responses((status = 200, body = StatsView), (status = "default", body = FailureView)))]
pub(crate) async fn stats(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let (space, totals, held) = router.memory_stats(&call).await?;
    let view = StatsView {
        space: space.to_string(),
        datasets: totals.datasets,
        items: totals.items,
        records: held.records,
        vectors: held.vectors,
        references: held.references,
        raw_files: held.raw_files,
        raw_bytes: held.raw_bytes,
        index_tombstones: held.tombstones,
        pending_receipts: totals.pending_receipts,
    };
    Ok(answer::json(StatusCode::OK, &view))
}

pub(crate) async fn no_route(uri: http::Uri) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("there is no route {}; see /docs", uri.path()))
}
