//! The OpenAPI document of this surface.

use utoipa::OpenApi;

use crate::surface::moorcheh::{delete, files, namespaces, read, search, upload};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lacuna: Moorcheh's API",
        description = "What an unmodified moorcheh_sdk speaks, under /moorcheh/v1. The key goes into x-api-key. Every \
            failure has the body {status, message, error_code}; every write's answer carries the headers \
            Lacuna-Operation and Lacuna-Status. Requests may carry Lacuna-Deadline-Ms (default 20,000)."
    ),
    paths(
        namespaces::create,
        namespaces::list,
        namespaces::drop_it,
        upload::documents,
        upload::vectors,
        read::get,
        read::page,
        search::search,
        delete::documents,
        delete::vectors,
        files::answer,
        files::upload_url,
        files::list,
        files::delete,
    )
)]
struct Document;

/// The OpenAPI document of this surface.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
