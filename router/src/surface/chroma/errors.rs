//! Failures as Chroma's clients read them: `{"error": name, "message"}`. The client maps the name alone to an
//! exception's class; whatever else is in the body is for programs that look.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use lacuna_model::error::{ErrorCode, Retry};
use lacuna_model::merge::ShardAnswer;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::VerbError;
use crate::surface::answer;

/// End of every refusal's message.
pub(super) const NOTHING: &str = "nothing was changed";

/// Details by which a failure says what its code alone doesn't: its name, or its status, in Chroma's words.
const NAME: &str = "chroma_error";
const STATUS: &str = "chroma_status";
/// The client keeps it in `exc.trace_id`.
const TRACE: HeaderName = HeaderName::from_static("chroma-trace-id");

/// Body of every failure on this surface.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChromaFailure {
    /// The name that the client turns into an exception, as in `NotFoundError`.
    pub(super) error: String,
    /// What was wrong, what was expected, and what became of the data.
    pub(super) message: String,
    /// Whether and how to repeat.
    pub(super) retry: Retry,
    /// The operation, once it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) op_id: Option<String>,
    /// What each shard answered, where shards were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) shards: Vec<ShardAnswer>,
    /// Facts for programs: `deleted`, `settles_by`, place of the fault, …
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub(super) details: Map<String, Value>,
}

/// JSON that was read but has the wrong shape: 422.
pub(super) fn misshapen(message: impl Into<String>) -> VerbError {
    VerbError::argument(message).with(STATUS, 422).with(NAME, "ChromaError")
}

/// What Chroma's cloud can and this server can't: 501.
pub(super) fn unsupported(what: &str) -> VerbError {
    VerbError::argument(format!("{what} is not supported by this server; {NOTHING}"))
        .with(STATUS, 501)
        .with(NAME, "ChromaError")
}

/// A batch above what pre-flight-checks reported.
pub(super) fn batch_too_large(got: usize, most: usize) -> VerbError {
    let message = format!("{got} records in one request, at most {most}; split the batch; {NOTHING}");
    VerbError::new(ErrorCode::TooLarge, message)
        .with(NAME, "BatchSizeExceededError")
        .with("max_batch_size", most)
}

/// What this server never does: 403.
pub(super) fn switched_off(message: &str) -> VerbError {
    VerbError::new(ErrorCode::Forbidden, format!("{message}; {NOTHING}")).with(NAME, "ChromaError")
}

/// 404 for a collection, in the words that Chroma's own tests look for.
pub(super) fn no_collection(shown: &str) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("Collection [{shown}] does not exist; {NOTHING}"))
}

/// A failure in Chroma's words.
pub(super) fn failure(error: &VerbError) -> Response {
    if error.code == ErrorCode::MethodNotAllowed {
        return (StatusCode::METHOD_NOT_ALLOWED, Body::empty()).into_response();
    }
    let (status, name) = words(error);
    let mut details = error.details.clone();
    details.remove(NAME);
    details.remove(STATUS);
    let body = ChromaFailure {
        error: name,
        message: error.message.clone(),
        retry: error.retry(),
        op_id: error.op_id.as_ref().map(ToString::to_string),
        shards: error.shards.clone(),
        details,
    };
    let mut response = answer::json(status, &body);
    if let Some(op_id) = &error.op_id {
        if let Ok(trace) = HeaderValue::from_str(op_id.as_str()) {
            response.headers_mut().insert(TRACE, trace);
        }
        let says = error.details.get("status").and_then(Value::as_str).unwrap_or(error.code.as_str());
        return answer::named(response, op_id, says);
    }
    response
}

/// Status and name of a failure.
fn words(error: &VerbError) -> (StatusCode, String) {
    let (mut status, mut name) = by_code(error.code);
    // A body that was read but doesn't fit its form has a place where it doesn't.
    let fits_not = error.details.contains_key("line") || error.details.get("path") == Some(&".".into());
    if fits_not && error.code != ErrorCode::InvalidJson {
        (status, name) = (422, "ChromaError");
    }
    if let Some(given) = error.details.get(STATUS).and_then(Value::as_u64) {
        status = given as u16;
    }
    let name = error.details.get(NAME).and_then(Value::as_str).unwrap_or(name);
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), name.to_owned())
}

fn by_code(code: ErrorCode) -> (u16, &'static str) {
    match code {
        ErrorCode::InvalidJson
        | ErrorCode::InvalidArgument
        | ErrorCode::UnknownField
        | ErrorCode::InvalidFilter
        | ErrorCode::InvalidVector
        | ErrorCode::EmptySelector => (400, "InvalidArgumentError"),
        ErrorCode::Unauthenticated => (401, "AuthError"),
        ErrorCode::Forbidden => (403, "AuthorizationError"),
        ErrorCode::NotFound => (404, "NotFoundError"),
        ErrorCode::MethodNotAllowed => (405, "ChromaError"),
        ErrorCode::AlreadyExists => (409, "UniqueConstraintError"),
        ErrorCode::OpIdReused
        | ErrorCode::Fenced
        | ErrorCode::Held
        | ErrorCode::Forgotten
        | ErrorCode::ExpectFailed => (409, "ChromaError"),
        ErrorCode::TooLarge => (413, "ChromaError"),
        ErrorCode::UnsupportedMediaType => (415, "ChromaError"),
        ErrorCode::TooMany => (429, "RateLimitError"),
        ErrorCode::Internal => (500, "InternalError"),
        ErrorCode::WrongSlot | ErrorCode::Unavailable | ErrorCode::NoRoom => (503, "ChromaError"),
        // Only of these may something have happened, or be happening still.
        ErrorCode::Pending => (503, "InternalError"),
        ErrorCode::OutcomeUnknown => (504, "InternalError"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::request::parse;

    #[derive(Debug, serde::Deserialize)]
    struct Ids {
        #[allow(dead_code)]
        ids: Vec<String>,
    }

    fn of(body: &str) -> (u16, String) {
        let (status, name) = words(&parse::<Ids>(body.as_bytes()).expect_err("a refusal"));
        (status.as_u16(), name)
    }

    #[test]
    fn no_json_is_400_and_json_of_another_shape_422() {
        for body in ["", "{", "{\"ids\": [\"a\"]} x", "nul"] {
            assert_eq!(of(body), (400, "InvalidArgumentError".to_owned()), "{body}");
        }
        for body in ["[]", "[[\"a\"]]", "{}", "{\"ids\": \"a\"}", "{\"ids\": [1]}", "7"] {
            assert_eq!(of(body), (422, "ChromaError".to_owned()), "{body}");
        }
    }

    #[test]
    fn every_code_has_a_status_that_the_contract_knows() {
        let known = [400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 503, 504];
        for code in ErrorCode::ALL {
            assert!(known.contains(&by_code(*code).0), "{code:?}");
        }
        assert_eq!(words(&unsupported("search")).0.as_u16(), 501);
        assert_eq!(words(&batch_too_large(9, 8)).1, "BatchSizeExceededError");
    }
}
