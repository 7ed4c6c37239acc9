//! Memory collections under `/api/v1`: datasets, items, shared records, permissions, forget. Routes and shapes
//! are Cognee's where it has them.

mod bodies;
mod datasets;
mod failure;
mod forget;
mod items;
mod openapi;
mod permissions;
mod prune;
mod records;
mod system;
mod views;

pub use bodies::*;
pub use failure::FailureView;
pub use openapi::document;
pub use permissions::UserView;
pub use prune::{PruneBody, PrunedFilesView, PrunedView};
pub use system::CogneeHealthView;
pub use views::*;

use std::time::Duration;

use axum::routing::{any, delete as delete_method, get, post};
use http::HeaderMap;
use lacuna_model::limits::MAX_BODY_BYTES;

use crate::app::Router;
use crate::surface::manners::{Manners, bearer};

/// Of this surface.
pub(crate) const MANNERS: Manners = Manners {
    name: "cognee",
    secret,
    is_open: |path| path == "/health",
    failure: failure::failure,
    deadline: Some(Duration::from_secs(20)),
    max_body: MAX_BODY_BYTES,
    max_weight: None,
};

/// `X-Api-Key: <key>`, or `Authorization: Bearer <key>`.
fn secret(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("x-api-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    key.or_else(|| bearer(headers))
}

/// Routes of this surface.
pub(crate) fn routes() -> axum::Router<Router> {
    axum::Router::new()
        .route("/health", get(system::health))
        .route("/api/v1/users", post(permissions::make_user))
        .route("/api/v1/datasets", get(datasets::list).post(datasets::make).delete(forget::all))
        .route("/api/v1/datasets/{d}", delete_method(forget::dataset))
        .route("/api/v1/datasets/{d}/data", get(items::list).post(items::add).delete(forget::items))
        .route("/api/v1/datasets/{d}/data/{i}", delete_method(forget::item))
        .route("/api/v1/datasets/{d}/data/{i}/raw", get(items::raw))
        .route("/api/v1/datasets/{d}/data/{i}/records", get(records::of_item))
        .route("/api/v1/datasets/{d}/records/{collection}/{record_id}", get(records::one))
        .route("/api/v1/datasets/{d}/graph", get(records::graph))
        .route("/api/v1/search", post(records::search))
        .route("/api/v1/forget", post(forget::forget).delete(forget::forget))
        .route("/api/v1/delete", delete_method(forget::deprecated))
        .route("/api/v1/receipts/{id}", get(forget::receipt))
        .route("/api/v1/stats", get(system::stats))
        .merge(permissions())
        .route("/api/v1/prune/data", post(prune::data))
        .route("/api/v1/prune/system", post(prune::system))
        .route("/api/v1", any(system::no_route))
        .route("/api/v1/{*rest}", any(system::no_route))
}

fn permissions() -> axum::Router<Router> {
    axum::Router::new()
        .route(
            "/api/v1/permissions/datasets/{principal}",
            post(permissions::grant).delete(permissions::revoke),
        )
        .route("/api/v1/permissions/principals/{principal}/datasets", get(permissions::granted))
        .route("/api/v1/permissions/roles", post(permissions::make_role))
        .route("/api/v1/permissions/roles/{role}", delete_method(permissions::drop_role))
        .route(
            "/api/v1/permissions/users/{user}/roles",
            post(permissions::give_role).delete(permissions::take_role),
        )
        .route("/api/v1/permissions/tenants", post(permissions::make_tenant))
        .route("/api/v1/permissions/users/{user}/tenants", post(permissions::add_to_tenant))
        .route(
            "/api/v1/permissions/tenants/{tenant}/users/{user}",
            delete_method(permissions::remove_from_tenant),
        )
        .route("/api/v1/permissions/tenants/select", post(permissions::select_tenant))
}
