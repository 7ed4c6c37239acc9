//! The OpenAPI document of this surface.

use utoipa::OpenApi;

use crate::surface::pinecone::{
    configure, create, delete, documents, fetch, indexes, list, namespaces, query, stats, update, upsert,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lacuna for Pinecone's clients",
        description = "Indexes under /pinecone, their records under /pc.v1/{index}. The key stands in the header Api-Key."
    ),
    paths(
        create::create,
        configure::configure,
        indexes::list,
        indexes::describe,
        indexes::drop_it,
        upsert::upsert,
        update::update,
        fetch::by_ids,
        fetch::by_metadata,
        list::ids,
        query::query,
        query::search_records,
        delete::by_body,
        delete::by_query_string,
        stats::posted,
        stats::asked,
        namespaces::list,
        namespaces::create,
        namespaces::describe,
        namespaces::drop_it,
        documents::delete,
        documents::upsert_text,
    )
)]
struct Document;

/// The OpenAPI document of this surface.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
