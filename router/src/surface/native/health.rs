//! `/healthz`, `/readyz`, `/metrics`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::surface::answer;
use crate::verb::cluster::Readiness;

/// Is it alive, is it ready?
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `lives`, `ready` or `not_ready`.
    pub status: &'static str,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn lives() -> Response {
    answer::json(StatusCode::OK, &HealthView { status: "lives", reason: None })
}

/// Every local shard has a leader and has recovered (a router alone: the catalog can be read).
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
pub(crate) async fn ready(State(router): State<Router>) -> Response {
    match router.readiness().await {
        Readiness::Ready => answer::json(StatusCode::OK, &HealthView { status: "ready", reason: None }),
        Readiness::NotReady(reason) => {
            let body = HealthView { status: "not_ready", reason: Some(reason) };
            answer::json(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}

/// Metrics in Prometheus's text form.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(router): State<Router>) -> Response {
    let Some(handle) = router.metrics() else {
        return (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], "").into_response();
    };
    handle.run_upkeep();
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}
