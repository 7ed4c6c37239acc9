//! The OpenAPI document of this surface.

use utoipa::OpenApi;

use crate::surface::cognee::{datasets, forget, items, permissions, prune, records, system};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lacuna: memory collections",
        description = "Datasets, items, shared records, permissions and forget, under /api/v1, in Cognee's shapes. The \
            key goes into X-Api-Key or Authorization: Bearer. Every failure has the body {detail, error}."
    ),
    paths(
        system::health,
        system::stats,
        datasets::make,
        datasets::list,
        items::add,
        items::list,
        items::raw,
        records::of_item,
        records::one,
        records::graph,
        records::search,
        forget::item,
        forget::items,
        forget::dataset,
        forget::all,
        forget::forget,
        forget::deprecated,
        forget::receipt,
        prune::data,
        prune::system,
        permissions::make_user,
        permissions::grant,
        permissions::revoke,
        permissions::granted,
        permissions::make_role,
        permissions::drop_role,
        permissions::give_role,
        permissions::take_role,
        permissions::make_tenant,
        permissions::add_to_tenant,
        permissions::remove_from_tenant,
        permissions::select_tenant,
    )
)]
struct Document;

/// The OpenAPI document of this surface.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
