//! Failures as Moorcheh's clients read them: its statuses, its codes.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use lacuna_model::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::VerbError;
use crate::surface::answer;

/// Detail of an error that says its code here, where the closed list of all surfaces is too coarse.
const CODE: &str = "moorcheh_code";
/// Detail of an error that lists the methods of its path.
const ALLOW: &str = "allow";

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The body is no JSON.
    InvalidJson,
    /// A field is missing or wrong.
    InvalidField,
    /// More items than one request may have.
    TooManyIds,
    /// The other type's endpoint.
    WrongNamespaceType,
    /// A vector of another length.
    DimensionMismatch,
    /// No key.
    Unauthenticated,
    /// A key that may not, or isn't known.
    Forbidden,
    /// No such namespace.
    NamespaceNotFound,
    /// The name is taken.
    NamespaceExists,
    /// Body too large.
    PayloadTooLarge,
    /// Not offered: route, method, media type, feature.
    Unsupported,
    /// Too many requests at once.
    RateLimited,
    /// Nobody could serve it now, or whether it was done isn't known; repeating it is safe.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Code {
    const ALL: [Self; 14] = [
        Self::InvalidJson,
        Self::InvalidField,
        Self::TooManyIds,
        Self::WrongNamespaceType,
        Self::DimensionMismatch,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NamespaceNotFound,
        Self::NamespaceExists,
        Self::PayloadTooLarge,
        Self::Unsupported,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "INVALID_JSON",
            Self::InvalidField => "INVALID_FIELD",
            Self::TooManyIds => "TOO_MANY_IDS",
            Self::WrongNamespaceType => "WRONG_NAMESPACE_TYPE",
            Self::DimensionMismatch => "DIMENSION_MISMATCH",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NamespaceNotFound => "NAMESPACE_NOT_FOUND",
            Self::NamespaceExists => "NAMESPACE_EXISTS",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::Unsupported => "UNSUPPORTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code of the closed list that goes with it.
    const fn general(self) -> ErrorCode {
        match self {
            Self::InvalidJson => ErrorCode::InvalidJson,
            Self::InvalidField | Self::TooManyIds | Self::WrongNamespaceType | Self::Unsupported => {
                ErrorCode::InvalidArgument
            }
            Self::DimensionMismatch => ErrorCode::InvalidVector,
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::Forbidden => ErrorCode::Forbidden,
            Self::NamespaceNotFound => ErrorCode::NotFound,
            Self::NamespaceExists => ErrorCode::AlreadyExists,
            Self::PayloadTooLarge => ErrorCode::TooLarge,
            Self::RateLimited => ErrorCode::TooMany,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::Internal => ErrorCode::Internal,
        }
    }
}

/// Body of every failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureView {
    /// Always `failure`.
    pub status: &'static str,
    /// What was wrong, what was expected, and what became of the data.
    pub message: String,
    /// One of a closed list.
    pub error_code: Code,
}

/// A refusal under a code; nothing was changed.
pub(super) fn refused(code: Code, words: &str) -> VerbError {
    VerbError::new(code.general(), format!("{words}; nothing was changed")).with(CODE, code.as_str())
}

/// A path that doesn't take the method.
pub(super) fn no_method(method: &http::Method, allow: &'static str) -> VerbError {
    let message = format!("the route doesn't take {method}, only {allow}; nothing was changed");
    VerbError::new(ErrorCode::MethodNotAllowed, message).with(ALLOW, allow)
}

/// A route that isn't there.
pub(super) fn no_route(path: &str) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("no such route: {path}"))
        .with(CODE, Code::Unsupported.as_str())
}

/// A failure's status and code here.
pub(super) fn worded(error: &VerbError) -> (StatusCode, Code) {
    let said = error.details.get(CODE).and_then(|code| code.as_str());
    let said = said.and_then(|said| Code::ALL.into_iter().find(|code| code.as_str() == said));
    let (status, code) = match error.code {
        ErrorCode::InvalidJson => (StatusCode::BAD_REQUEST, Code::InvalidJson),
        ErrorCode::InvalidArgument if said == Some(Code::Unsupported) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Code::Unsupported)
        }
        ErrorCode::InvalidVector if error.details.contains_key("dimension") => {
            (StatusCode::BAD_REQUEST, Code::DimensionMismatch)
        }
        ErrorCode::InvalidArgument
        | ErrorCode::InvalidVector
        | ErrorCode::UnknownField
        | ErrorCode::InvalidFilter
        | ErrorCode::EmptySelector
        | ErrorCode::OpIdReused
        | ErrorCode::Forgotten
        | ErrorCode::Held
        | ErrorCode::ExpectFailed => (StatusCode::BAD_REQUEST, Code::InvalidField),
        // A key that isn't known is refused as one without rights is; 401 says that none came.
        ErrorCode::Unauthenticated if error.details.get("key").is_some_and(|key| key != "missing") => {
            (StatusCode::FORBIDDEN, Code::Forbidden)
        }
        ErrorCode::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
        ErrorCode::Forbidden => (StatusCode::FORBIDDEN, Code::Forbidden),
        ErrorCode::NotFound => (StatusCode::NOT_FOUND, Code::NamespaceNotFound),
        ErrorCode::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
        ErrorCode::AlreadyExists => (StatusCode::CONFLICT, Code::NamespaceExists),
        ErrorCode::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Code::PayloadTooLarge),
        ErrorCode::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unsupported),
        ErrorCode::TooMany => (StatusCode::TOO_MANY_REQUESTS, Code::RateLimited),
        ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
        // Each request may be repeated as it is, so doubt is no other case for this client.
        ErrorCode::Fenced
        | ErrorCode::WrongSlot
        | ErrorCode::Unavailable
        | ErrorCode::Pending
        | ErrorCode::OutcomeUnknown
        | ErrorCode::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
    };
    (status, said.unwrap_or(code))
}

/// A failure's answer.
pub(super) fn failure(error: &VerbError) -> Response {
    let (status, error_code) = worded(error);
    let body = FailureView { status: "failure", message: error.message.clone(), error_code };
    let mut response = with_retry_after(answer::json(status, &body));
    if let Some(methods) = error.details.get(ALLOW).and_then(|methods| methods.as_str())
        && let Ok(methods) = HeaderValue::from_str(methods)
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    match &error.op_id {
        Some(op_id) => answer::named(response, op_id, error.code.as_str()),
        None => response,
    }
}

/// Says when to repeat, where repeating helps.
pub(super) fn with_retry_after(mut response: Response) -> Response {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
