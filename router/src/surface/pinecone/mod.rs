//! Pinecone: indexes under `/pinecone`, their records under `/pc.v1/<index>`. Translates, decides nothing.
//!
//! Paths are matched as they came, and each segment is decoded once: nothing is ever normalised, so that a
//! namespace named `..` is a namespace and not a way out of it.

mod address;
mod configure;
mod create;
mod delete;
mod documents;
mod failure;
mod fetch;
mod filter;
mod host;
mod index_model;
mod indexes;
mod list;
mod metadata;
mod namespaces;
mod openapi;
mod query;
mod query_string;
mod reply;
mod sparse;
mod stats;
mod unsupported;
mod update;
mod upsert;
mod weight;

use std::time::Duration;

use axum::routing::{any, get, post};
use http::HeaderMap;
use lacuna_model::error::ErrorCode;

use crate::app::Router;
use crate::error::VerbError;
use crate::surface::manners::{Manners, MaxWeight};

pub use openapi::document;

/// Below the clients' own 30 s: an answer always comes before they give up.
const DEADLINE: Duration = Duration::from_secs(20);
/// Largest body, by its [`weight`].
const MAX_WEIGHT: MaxWeight = MaxWeight { of: weight::weight, most: 2 << 20 };
/// As many bytes can weigh so much, with numbers of at most 24 digits and signs.
const MAX_BODY: usize = 16 << 20;

/// Of the calls on indexes.
pub(crate) const CONTROL: Manners = Manners {
    name: "pinecone indexes",
    secret: api_key,
    is_open: |_| false,
    failure: failure::control,
    deadline: Some(DEADLINE),
    max_body: MAX_BODY,
    max_weight: Some(MAX_WEIGHT),
};

/// Of the calls on records.
pub(crate) const DATA: Manners = Manners { name: "pinecone records", failure: failure::data, ..CONTROL };

/// `Api-Key: <key>`.
fn api_key(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("api-key")?.to_str().ok()?.to_owned())
}

/// Routes of the control plane.
pub(crate) fn control() -> axum::Router<Router> {
    let routes = axum::Router::new()
        .route("/indexes", get(indexes::list).post(create::create))
        .route(
            "/indexes/{index}",
            get(indexes::describe).patch(configure::configure).delete(indexes::drop_it),
        )
        .route("/indexes/create-for-model", post(unsupported::answer))
        .route("/indexes/{index}/backups", get(unsupported::no_data).post(unsupported::answer))
        .route("/backups", get(unsupported::no_data))
        .route("/backups/{*rest}", any(unsupported::answer))
        .route("/restore-jobs", get(unsupported::no_data))
        .route("/restore-jobs/{*rest}", any(unsupported::answer))
        .route("/collections", get(unsupported::no_collections).post(unsupported::answer))
        .route("/collections/{collection}", any(unsupported::answer))
        .route("/indexes/{index}/backup-schedules", any(unsupported::answer))
        .route("/backup-schedules/{*rest}", any(unsupported::answer))
        .route("/assistant/{*rest}", any(unsupported::answer))
        .route("/embed", post(unsupported::answer))
        .route("/rerank", post(unsupported::answer))
        .route("/models", get(unsupported::answer))
        .route("/models/{model}", get(unsupported::answer))
        .fallback(no_route);
    axum::Router::new().nest("/pinecone", routes).route("/pinecone/", any(no_route))
}

/// Routes of the data plane.
pub(crate) fn data() -> axum::Router<Router> {
    let routes = axum::Router::new()
        .route("/{index}/vectors/upsert", post(upsert::upsert))
        .route("/{index}/vectors/update", post(update::update))
        .route("/{index}/vectors/fetch", get(fetch::by_ids))
        .route("/{index}/vectors/fetch_by_metadata", post(fetch::by_metadata))
        .route("/{index}/vectors/list", get(list::ids))
        .route("/{index}/vectors/delete", post(delete::by_body).delete(delete::by_query_string))
        .route("/{index}/query", post(query::query))
        .route("/{index}/describe_index_stats", post(stats::posted).get(stats::asked))
        .route("/{index}/namespaces", get(namespaces::list).post(namespaces::create))
        .route("/{index}/namespaces/{namespace}", get(namespaces::describe).delete(namespaces::drop_it))
        .route("/{index}/namespaces/{namespace}/documents/delete", post(documents::delete))
        .route("/{index}/namespaces/{namespace}/documents/{verb}", any(unsupported::answer))
        .route("/{index}/records/namespaces/{namespace}/upsert", post(documents::upsert_text))
        .route("/{index}/records/namespaces/{namespace}/search", post(query::search_records))
        .route("/{index}/bulk/imports", any(unsupported::answer))
        .route("/{index}/bulk/imports/{id}", any(unsupported::answer))
        .fallback(no_route);
    axum::Router::new().nest("/pc.v1", routes).route("/pc.v1/", any(no_route))
}

/// The path is told from where the plane begins.
async fn no_route(uri: http::Uri) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("there is no route {} here; nothing was changed", uri.path()))
}
