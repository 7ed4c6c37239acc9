//! The surfaces, mounted as one app. A surface translates and decides nothing.

pub mod answer;
mod door;
pub mod native;
pub(crate) mod request;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use lacuna_model::error::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::Router;
use crate::error::VerbError;

/// All routes behind the door: admission, timing, panics and unknown routes are answered alike everywhere.
pub(crate) fn app(router: Router) -> axum::Router {
    let limit = router.config().max_concurrent;
    let door = door::Door::new(limit, router.config().slow_request);
    native::routes()
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(door, door::pass))
        .layer(CatchPanicLayer::custom(door::after_panic))
        .with_state(router)
}

async fn no_route(uri: http::Uri) -> axum::response::Response {
    let message = format!("there is no route {}; see /docs", uri.path());
    answer::failure(&VerbError::new(ErrorCode::NotFound, message))
}

async fn no_method(method: http::Method, uri: http::Uri) -> axum::response::Response {
    let message = format!("{} doesn't take {method}; see /docs", uri.path());
    answer::failure(&VerbError::new(ErrorCode::MethodNotAllowed, message))
}
