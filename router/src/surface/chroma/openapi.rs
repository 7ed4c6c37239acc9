//! This surface's part of the OpenAPI document.

use utoipa::OpenApi;

use crate::surface::chroma::{collections, delete, read, system, tenants, write};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lacuna for Chroma's clients",
        description = "What an unmodified chromadb client speaks, under /api/v2. The key stands in x-chroma-token or in \
            Authorization: Bearer. Every failure has the body {error, message}; every write's answer carries the headers \
            Lacuna-Operation and Lacuna-Status."
    ),
    components(schemas(read::ReadLevel)),
    paths(
        system::heartbeat,
        system::version,
        system::pre_flight,
        system::health,
        system::identity,
        system::reset,
        tenants::create_tenant,
        tenants::get_tenant,
        tenants::change_tenant,
        tenants::create_database,
        tenants::list_databases,
        tenants::get_database,
        tenants::delete_database,
        collections::create,
        collections::list,
        collections::count,
        collections::get,
        collections::by_id,
        collections::modify,
        collections::delete,
        write::add,
        write::upsert,
        write::update,
        read::get,
        read::query,
        read::count,
        read::indexing_status,
        delete::delete,
    )
)]
struct Document;

/// The OpenAPI document of this surface.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
