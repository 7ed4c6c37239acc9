//! Answers as HTTP: JSON bodies, the error body, the headers of writes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use lacuna_model::error::{ErrorCode, Retry};
use lacuna_model::op_id::OpId;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::VerbError;

/// Names the operation of a write's answer.
pub(crate) const OPERATION: HeaderName = HeaderName::from_static("lacuna-operation");
/// complete, partial, pending, or the error's code.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("lacuna-status");

/// Body of every error on the native API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorFields,
}

/// What went wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorFields {
    /// One of a closed list.
    pub code: ErrorCode,
    /// What was wrong, what was expected, and what became of the data.
    pub message: String,
    /// Whether and how to repeat.
    pub retry: Retry,
    /// Facts for programs: `op_id`, `settles_by` (ms since the Unix epoch), `shards`, position, limit, …
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// A JSON body with a status.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let content = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (status, [content], Body::from(bytes)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer can't be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An error's body as the native API has it.
pub(crate) fn error_body(error: &VerbError) -> ErrorBody {
    let mut details = error.details.clone();
    if let Some(op_id) = &error.op_id {
        details.insert("op_id".to_owned(), op_id.as_str().into());
    }
    if !error.shards.is_empty() {
        let shards = serde_json::to_value(&error.shards).unwrap_or(Value::Null);
        details.insert("shards".to_owned(), shards);
    }
    ErrorBody {
        error: ErrorFields {
            code: error.code,
            message: error.message.clone(),
            retry: error.retry(),
            details,
        },
    }
}

/// A failure on the native API.
pub(crate) fn failure(error: &VerbError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &error_body(error));
    if error.code == ErrorCode::TooMany {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if error.code == ErrorCode::Unauthenticated {
        let scheme = HeaderValue::from_static("Bearer realm=\"lacuna\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    match &error.op_id {
        Some(op_id) => named(response, op_id, error.code.as_str()),
        None => response,
    }
}

/// Adds the headers of a write's answer.
pub(crate) fn named(mut response: Response, op_id: &OpId, status: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(op_id.as_str()) {
        response.headers_mut().insert(OPERATION, value);
    }
    if let Ok(value) = HeaderValue::from_str(status) {
        response.headers_mut().insert(STATUS, value);
    }
    response
}

/// In native words; it carries the error along, for the door to word it as the surface does.
impl IntoResponse for VerbError {
    fn into_response(self) -> Response {
        let mut response = failure(&self);
        response.extensions_mut().insert(self);
        response
    }
}
