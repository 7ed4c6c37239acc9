//! What Lacuna has no counterpart for: 501 in so many words, or an empty list where clients only look.

use axum::response::Response;
use http::{Method, StatusCode, Uri};
use serde_json::json;

use crate::surface::pinecone::failure::{ControlFailure, ControlFailureFields};
use crate::surface::pinecone::reply;

/// 501, with the control plane's body on both planes.
pub(crate) async fn answer(method: Method, uri: Uri) -> Response {
    let message = format!("{method} {} has no counterpart in Lacuna; nothing was changed", uri.path());
    let error = ControlFailureFields { code: "UNIMPLEMENTED", message };
    reply::json(StatusCode::NOT_IMPLEMENTED, &ControlFailure { status: 501, error })
}

/// There are no backups and no restore jobs.
pub(crate) async fn no_data() -> Response {
    reply::json(StatusCode::OK, &json!({"data": []}))
}

/// There are no copies of indexes.
pub(crate) async fn no_collections() -> Response {
    reply::json(StatusCode::OK, &json!({"collections": []}))
}
