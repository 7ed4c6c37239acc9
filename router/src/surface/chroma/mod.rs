//! Chroma's API v2, as `chromadb.HttpClient` speaks it (the one before 1.0 too), under `/api/v2`; and 410 for what
//! its `/api/v1` was.

mod bodies;
mod collections;
mod configuration;
mod delete;
mod errors;
mod filters;
mod limits;
mod metadata;
mod names;
mod old_parameters;
mod openapi;
mod read;
mod record_keys;
mod schema;
mod secret;
mod sent;
mod shapes;
mod system;
mod tenants;
mod vectors;
mod views;
mod write;

pub use openapi::document;

use axum::routing::{any, get, post};

use crate::app::Router;
use crate::surface::manners::Manners;

/// How this surface takes its requests and words its refusals.
pub(super) const MANNERS: Manners = Manners {
    name: "chroma",
    secret: secret::secret,
    is_open,
    failure: errors::failure,
    deadline: Some(limits::DEADLINE),
    max_body: limits::MAX_BODY,
    max_weight: None,
};

/// What a client may ask before it has a key; and what is no more.
fn is_open(path: &str) -> bool {
    let asks = ["heartbeat", "version", "pre-flight-checks", "healthcheck"];
    path.starts_with("/api/v1/") || path.strip_prefix("/api/v2/").is_some_and(|rest| asks.contains(&rest))
}

/// Routes of this surface.
pub(super) fn routes() -> axum::Router<Router> {
    axum::Router::new()
        .route("/api/v2/heartbeat", get(system::heartbeat))
        .route("/api/v2/version", get(system::version))
        .route("/api/v2/pre-flight-checks", get(system::pre_flight))
        .route("/api/v2/healthcheck", get(system::health))
        .route("/api/v2/auth/identity", get(system::identity))
        .route("/api/v2/reset", post(system::reset))
        .route("/api/v2/tenants", post(tenants::create_tenant))
        .route("/api/v2/tenants/{tenant}", get(tenants::get_tenant).patch(tenants::change_tenant))
        .route(
            "/api/v2/tenants/{tenant}/databases",
            get(tenants::list_databases).post(tenants::create_database),
        )
        .nest("/api/v2/tenants/{tenant}/databases/{database}", database())
        .route("/api/v2", any(system::no_route))
        .route("/api/v2/{*rest}", any(system::no_route))
        .merge(old())
}

fn database() -> axum::Router<Router> {
    axum::Router::new()
        .route("/", get(tenants::get_database).delete(tenants::delete_database))
        .route("/collections", get(collections::list).post(collections::create))
        .route("/collections_count", get(collections::count))
        .route("/collections/by-id/{collection}", get(collections::by_id))
        .route(
            "/collections/{collection}",
            get(collections::get).put(collections::modify).delete(collections::delete),
        )
        .route("/collections/{collection}/add", post(write::add))
        .route("/collections/{collection}/upsert", post(write::upsert))
        .route("/collections/{collection}/update", post(write::update))
        .route("/collections/{collection}/get", post(read::get))
        .route("/collections/{collection}/query", post(read::query))
        .route("/collections/{collection}/count", get(read::count))
        .route("/collections/{collection}/delete", post(delete::delete))
        .route("/collections/{collection}/indexing_status", get(read::indexing_status))
        .route("/collections/{collection}/search", post(system::unsupported))
        .route("/collections/{collection}/fork", post(system::unsupported))
        .route("/collections/{collection}/fork_count", get(system::unsupported))
        .route("/collections/{collection}/functions/{*rest}", any(system::unsupported))
        .route("/collections/{collection}/attached_functions/{*rest}", any(system::unsupported))
}

/// What clients before 0.5.16 ask. Other paths of `/api/v1` belong to another surface.
fn old() -> axum::Router<Router> {
    let mut routes = axum::Router::new();
    for path in ["heartbeat", "version", "reset", "pre-flight-checks", "count_collections"] {
        routes = routes.route(&format!("/api/v1/{path}"), any(system::old));
    }
    for path in ["collections", "tenants", "databases"] {
        routes = routes
            .route(&format!("/api/v1/{path}"), any(system::old))
            .route(&format!("/api/v1/{path}/{{*rest}}"), any(system::old));
    }
    routes
}
