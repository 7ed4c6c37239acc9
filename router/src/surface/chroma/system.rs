//! Heartbeat, version, pre-flight checks, identity, and the routes that are no more.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lacuna_model::catalog::DatabaseName;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::Router;
use crate::config::Mode;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::delete::unfinished;
use crate::surface::chroma::errors::{ChromaFailure, switched_off};
use crate::surface::chroma::limits::MAX_BATCH;
use crate::surface::request::Plain;
use crate::verb::caller::Caller;
use crate::verb::cluster::Readiness;

/// Version of Chroma's API that is spoken here.
const VERSION: &str = "1.0.0";
/// The server's clock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Heartbeat {
    /// Wall clock, ns since the Unix epoch.
    #[serde(rename = "nanosecond heartbeat")]
    pub(super) nanoseconds: u64,
}

/// What a client asks before its first write.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreFlight {
    /// Most records of one add, update or upsert.
    pub(super) max_batch_size: usize,
    /// Vectors may be sent as base64 of little-endian 32-bit floats.
    pub(super) supports_base64_encoding: bool,
}

/// Whose key it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Identity {
    /// The account.
    pub(super) user_id: String,
    /// Its default tenant.
    pub(super) tenant: &'static str,
    /// Databases of that tenant that a client begins with.
    pub(super) databases: [&'static str; 1],
}

/// Is it ready?
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// It can read.
    pub(super) is_executor_ready: bool,
    /// It can write.
    pub(super) is_log_client_ready: bool,
}

/// The server's clock.
#[utoipa::path(get, path = "/api/v2/heartbeat", tag = "chroma: system",
    responses((status = 200, body = Heartbeat)))]
pub(crate) async fn heartbeat() -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    answer::json(StatusCode::OK, &Heartbeat { nanoseconds: now.as_nanos() as u64 })
}

/// Version of Chroma's API that is spoken here.
#[utoipa::path(get, path = "/api/v2/version", tag = "chroma: system", responses((status = 200, body = String, content_type = "application/json")))]
pub(crate) async fn version() -> Response {
    answer::json(StatusCode::OK, &VERSION)
}

/// What a client asks before its first write.
#[utoipa::path(get, path = "/api/v2/pre-flight-checks", tag = "chroma: system",
    responses((status = 200, body = PreFlight)))]
pub(crate) async fn pre_flight() -> Response {
    answer::json(StatusCode::OK, &PreFlight { max_batch_size: MAX_BATCH, supports_base64_encoding: true })
}

/// Whose key it is.
#[utoipa::path(get, path = "/api/v2/auth/identity", tag = "chroma: system",
    responses((status = 200, body = Identity), (status = "default", body = ChromaFailure)))]
pub(crate) async fn identity(caller: Caller) -> Response {
    let Caller { account, .. } = caller;
    let body = Identity {
        user_id: account.0,
        tenant: DatabaseName::DEFAULT_TENANT,
        databases: [DatabaseName::DEFAULT_DATABASE],
    };
    answer::json(StatusCode::OK, &body)
}

/// Is it ready?
#[utoipa::path(get, path = "/api/v2/healthcheck", tag = "chroma: system",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn health(State(router): State<Router>) -> Response {
    let (status, ready) = match router.readiness().await {
        Readiness::Ready => (StatusCode::OK, true),
        Readiness::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, false),
    };
    answer::json(status, &Health { is_executor_ready: ready, is_log_client_ready: ready })
}

/// Deletes everything that the account has here: switched off, as by default on Chroma's server, but in
/// development mode.
#[utoipa::path(post, path = "/api/v2/reset", tag = "chroma: system",
    responses((status = 200, body = bool), (status = 403, body = ChromaFailure), (status = "default", body = ChromaFailure)))]
pub(crate) async fn reset(State(router): State<Router>, asked: Result<Plain, VerbError>) -> Verb<Response> {
    match router.config().mode {
        Mode::Production => {
            Err(switched_off("resetting deletes everything and is switched off on this server"))
        }
        Mode::Development => {
            let Plain(call) = asked?;
            let dropped = router.reset_databases(&call).await?;
            match dropped.open() {
                None => Ok(answer::json(StatusCode::OK, &true)),
                Some((_, answer)) => {
                    Err(unfinished("all collections are gone from all reads; repeat the reset", answer))
                }
            }
        }
    }
}

/// `/api/v1` of older clients.
pub(super) async fn old() -> Response {
    let message = "The v1 API is deprecated. Please use /v2 apis";
    answer::json(StatusCode::GONE, &json!({ "error": "Unimplemented", "message": message }))
}

/// A route that isn't there, as Chroma's server says it: without a body.
pub(super) async fn no_route() -> Response {
    (StatusCode::NOT_FOUND, Body::empty()).into_response()
}

/// What Chroma's cloud offers and a single server doesn't.
pub(super) async fn unsupported(uri: http::Uri) -> VerbError {
    super::errors::unsupported(uri.path().rsplit('/').next().unwrap_or_default())
}
