//! Lacuna's own API under `/v1`, and the health routes.

mod bodies;
mod cluster;
mod collections;
mod delete;
mod health;
mod key_bodies;
mod keys;
pub(crate) mod metadata;
mod openapi;
mod operations;
mod parse;
mod read;
mod views;
mod write;

pub use bodies::*;
pub use cluster::{ClusterJson, DigestJson, GroupJson, NodeJson, ReplicaJson, ShardJson};
pub use health::HealthView;
pub use key_bodies::*;
pub use openapi::document;
pub use views::*;

use axum::routing::{get, post};

use crate::app::Router;

/// Routes of the native API.
pub(crate) fn routes() -> axum::Router<Router> {
    let records = axum::Router::new()
        .route("/upsert", post(write::upsert))
        .route("/update", post(write::update))
        .route("/get", post(read::get))
        .route("/query", post(read::query))
        .route("/count", post(read::count))
        .route("/list", post(read::list))
        .route("/delete", post(delete::delete))
        .route("/delete/preview", post(delete::preview));
    axum::Router::new()
        .route("/v1/collections", get(collections::list).post(collections::create))
        .route("/v1/collections/{c}", get(collections::describe).delete(collections::drop_it))
        .route("/v1/collections/{c}/namespaces", get(collections::namespaces))
        .route("/v1/collections/{c}/namespaces/{ns}", axum::routing::delete(collections::delete_namespace))
        .nest("/v1/collections/{c}/records", records)
        .route("/v1/operations", get(operations::list))
        .route("/v1/operations/{op_id}", get(operations::describe))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/keys/{id}", axum::routing::delete(keys::revoke))
        .route("/v1/keys/{id}/rotate", post(keys::rotate))
        .route("/v1/accounts", get(keys::accounts).post(keys::create_account))
        .route("/v1/cluster", get(cluster::describe))
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
}
