//! Failures as Cognee's clients read them.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use lacuna_model::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::VerbError;
use crate::surface::answer;
use crate::verb::memory::ERROR_NAME;

/// Detail of a failure whose status is another than its code's.
const STATUS: &str = "status";

/// Body of every failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureView {
    /// `<message> [<ErrorName>]`.
    pub detail: String,
    /// The message.
    pub error: String,
}

/// A failure on this surface.
pub(super) fn failure(error: &VerbError) -> Response {
    let named = error.details.get(ERROR_NAME).and_then(serde_json::Value::as_str);
    let name = named.unwrap_or_else(|| name_of(error.code));
    let status = error.details.get(STATUS).and_then(serde_json::Value::as_u64);
    let status =
        status.and_then(|status| u16::try_from(status).ok()).unwrap_or_else(|| status_of(error.code));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = FailureView { detail: format!("{} [{name}]", error.message), error: error.message.clone() };
    let mut response = answer::json(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    match &error.op_id {
        Some(op_id) => answer::named(response, op_id, error.code.as_str()),
        None => response,
    }
}

/// A bad combination: 422.
pub(super) fn combination(message: &str) -> VerbError {
    VerbError::argument(format!("{message}; nothing was changed")).with(STATUS, 422)
}

fn status_of(code: ErrorCode) -> u16 {
    match code {
        // A vector that doesn't fit, and what the door refuses, is the client's to mend.
        ErrorCode::UnknownField => 400,
        other => other.status(),
    }
}

fn name_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthenticated => "AuthenticationError",
        ErrorCode::Forbidden => "PermissionDeniedError",
        ErrorCode::NotFound => "NotFoundError",
        ErrorCode::MethodNotAllowed => "MethodNotAllowedError",
        ErrorCode::AlreadyExists | ErrorCode::OpIdReused | ErrorCode::Held | ErrorCode::Fenced => {
            "ConflictError"
        }
        ErrorCode::InvalidJson
        | ErrorCode::InvalidArgument
        | ErrorCode::UnknownField
        | ErrorCode::InvalidFilter
        | ErrorCode::InvalidVector
        | ErrorCode::EmptySelector
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::ExpectFailed => "RequestValidationError",
        ErrorCode::TooLarge => "PayloadTooLargeError",
        ErrorCode::TooMany => "TooManyRequestsError",
        ErrorCode::NoRoom => "NoRoomError",
        ErrorCode::Forgotten => "OperationTooOldError",
        ErrorCode::Unavailable | ErrorCode::WrongSlot | ErrorCode::Pending => "ServiceUnavailableError",
        ErrorCode::OutcomeUnknown => "OutcomeUnknownError",
        ErrorCode::Internal => "InternalError",
    }
}
