//! The OpenAPI document of the native API.

use utoipa::OpenApi;

use crate::surface::native::{cluster, collections, delete, health, keys, operations, read, write};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lacuna",
        description = "A distributed vector database whose deletes can be trusted. Every error has the body \
            {\"error\": {code, message, retry, details}}; every write's answer carries the headers Lacuna-Operation \
            and Lacuna-Status. Requests may carry Lacuna-Deadline-Ms (100 to 60,000) and, for writes, Idempotency-Key."
    ),
    paths(
        collections::create,
        collections::list,
        collections::describe,
        collections::drop_it,
        collections::namespaces,
        collections::delete_namespace,
        write::upsert,
        write::update,
        read::get,
        read::query,
        read::count,
        read::list,
        delete::delete,
        delete::preview,
        operations::list,
        operations::describe,
        keys::create,
        keys::list,
        keys::rotate,
        keys::revoke,
        keys::create_account,
        keys::accounts,
        cluster::describe,
        health::lives,
        health::ready,
        health::metrics,
    )
)]
struct Document;

/// The OpenAPI document of the native API.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
