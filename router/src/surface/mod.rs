//! The surfaces, mounted as one app. A surface translates and decides nothing.

pub mod answer;
pub mod chroma;
pub mod cognee;
mod cursor;
mod door;
mod leftover;
pub(crate) mod manners;
mod misfit;
pub mod moorcheh;
pub mod native;
pub(crate) mod object;
pub mod openapi;
pub mod pinecone;
pub(crate) mod repeated;
pub(crate) mod request;
mod time;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use lacuna_model::error::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::Router;
use crate::error::VerbError;
use manners::Manners;

/// All routes behind the door: admission, timing, panics and unknown routes are answered alike everywhere,
/// each surface in its own words.
pub(crate) fn app(router: Router) -> axum::Router {
    let door = door::Door::new(router.clone());
    let mut routes =
        behind(&door, manners::NATIVE, native::routes().merge(openapi::routes()).fallback(no_route))
            .merge(behind(&door, chroma::MANNERS, chroma::routes()))
            .merge(behind(&door, pinecone::CONTROL, pinecone::control()))
            .merge(behind(&door, moorcheh::MANNERS, moorcheh::routes()))
            .merge(behind(&door, cognee::MANNERS, cognee::routes()));
    if router.config().pinecone_records.is_none() {
        routes = routes.merge(behind(&door, pinecone::DATA, pinecone::data()));
    }
    routes.layer(DefaultBodyLimit::disable()).with_state(router)
}

/// Pinecone's records without its indexes: no path, however it climbs, leads from one to the other.
pub(crate) fn records_app(router: Router) -> axum::Router {
    let door = door::Door::new(router.clone());
    behind(&door, pinecone::DATA, pinecone::data().fallback(no_route))
        .layer(DefaultBodyLimit::disable())
        .with_state(router)
}

/// A surface's routes behind the door.
fn behind(door: &door::Door, manners: Manners, routes: axum::Router<Router>) -> axum::Router<Router> {
    routes
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(door::after_panic))
        .layer(middleware::from_fn_with_state((door.clone(), manners), door::pass))
}

pub(crate) async fn no_route(uri: http::Uri) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("there is no route {}; see /docs", uri.path()))
}

async fn no_method(method: http::Method, uri: http::Uri) -> VerbError {
    let message = format!("{} doesn't take {method}; see /docs", uri.path());
    VerbError::new(ErrorCode::MethodNotAllowed, message)
}
