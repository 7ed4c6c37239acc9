//! Moorcheh's API under `/moorcheh/v1`: what an unmodified `moorcheh_sdk` speaks.

mod bodies;
mod delete;
mod failure;
mod files;
mod filters;
mod ids;
mod item;
mod metadata;
mod namespace;
mod namespaces;
mod openapi;
mod read;
mod search;
mod tolerant;
mod upload;
mod views;

pub use bodies::*;
pub use failure::{Code, FailureView};
pub use openapi::document;
pub use views::*;

use std::time::Duration;

use axum::response::Response;
use axum::routing::{MethodRouter, any, delete as delete_method, get, post};
use http::HeaderMap;
use lacuna_model::limits::MAX_BODY_BYTES;

use crate::app::Router;
use crate::error::Verb;
use crate::surface::manners::Manners;

/// Where the surface is mounted.
const PREFIX: &str = "/moorcheh/v1";

/// Of Moorcheh's surface.
pub(crate) const MANNERS: Manners = Manners {
    name: "moorcheh",
    secret,
    is_open: |_| false,
    failure: failure::failure,
    // Below the SDK's 30 s.
    deadline: Some(Duration::from_secs(20)),
    max_body: MAX_BODY_BYTES,
    max_weight: None,
};

/// `x-api-key: <key>`.
fn secret(headers: &HeaderMap) -> Option<String> {
    headers.get("x-api-key")?.to_str().ok().map(str::to_owned)
}

/// Routes of this surface. Every path is taken with and without a slash at its end; none redirects.
pub(crate) fn routes() -> axum::Router<Router> {
    let namespaces = get(namespaces::list).post(namespaces::create);
    let mut routes = axum::Router::new();
    for (path, allow, methods) in [
        ("/namespaces", "GET, HEAD, POST", namespaces),
        ("/namespaces/{ns}", "DELETE", delete_method(namespaces::drop_it)),
        ("/namespaces/{ns}/documents", "POST", post(upload::documents)),
        ("/namespaces/{ns}/vectors", "POST", post(upload::vectors)),
        ("/namespaces/{ns}/documents/get", "POST", post(read::get)),
        ("/namespaces/{ns}/documents/fetch-text-data", "GET, HEAD", get(read::page)),
        ("/namespaces/{ns}/documents/delete", "POST", post(delete::documents)),
        ("/namespaces/{ns}/vectors/delete", "POST", post(delete::vectors)),
        ("/search", "POST", post(search::search)),
        ("/answer", "POST", post(files::answer)),
        ("/namespaces/{ns}/upload-url", "POST", post(files::upload_url)),
        ("/namespaces/{ns}/list-files", "GET, HEAD", get(files::list)),
        ("/namespaces/{ns}/delete-file", "DELETE", delete_method(files::delete)),
    ] {
        let methods: MethodRouter<Router> = methods.fallback(move |method: http::Method| async move {
            Verb::<Response>::Err(failure::no_method(&method, allow))
        });
        routes = routes
            .route(&format!("{PREFIX}{path}"), methods.clone())
            .route(&format!("{PREFIX}{path}/"), methods);
    }
    for path in ["", "/", "/{*rest}"] {
        routes = routes.route(&format!("{PREFIX}{path}"), any(no_route));
    }
    routes
}

async fn no_route(uri: http::Uri) -> Verb<Response> {
    Err(failure::no_route(uri.path()))
}
