//! Failures in Pinecone's words: one body for each plane, one row for each of our codes.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{DeleteAnswer, DeleteKind, ShardError, ShardStatus, WriteAnswer};
use lacuna_model::op_id::OpId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::VerbError;
use crate::surface::answer;
use crate::surface::pinecone::reply;

/// Body of a failure on the control plane.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ControlFailure {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong.
    pub error: ControlFailureFields,
}

/// What went wrong on the control plane.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ControlFailureFields {
    /// One of Pinecone's words, such as `NOT_FOUND`.
    pub code: &'static str,
    /// What was wrong, what was expected, and what became of the data.
    pub message: String,
}

/// Body of a failure on the data plane.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataFailure {
    /// gRPC's number.
    pub code: u8,
    /// What was wrong, what was expected, and what became of the data.
    pub message: String,
    /// Shards that haven't applied a write: `{shard, state}`.
    #[schema(value_type = Vec<Object>)]
    pub details: Vec<Value>,
}

/// HTTP status, the control plane's word, gRPC's number.
type Row = (u16, &'static str, u8);

/// What the verbs call a collection and its records is an index and its vectors here.
const CALLED: [(&str, &str); 8] = [
    ("there is no collection named", "there is no index named"),
    ("there is a collection named", "there is an index named"),
    ("this collection", "this index"),
    ("the collection", "the index"),
    ("every collection", "every index"),
    ("records[", "vectors["),
    ("].vector is", "].values is"),
    ("].vector has", "].values has"),
];

fn row(code: ErrorCode) -> Row {
    match code {
        ErrorCode::InvalidJson
        | ErrorCode::InvalidArgument
        | ErrorCode::UnknownField
        | ErrorCode::InvalidFilter
        | ErrorCode::InvalidVector
        | ErrorCode::EmptySelector => (400, "INVALID_ARGUMENT", 3),
        ErrorCode::Unauthenticated => (401, "UNAUTHENTICATED", 16),
        ErrorCode::Forbidden => (403, "FORBIDDEN", 7),
        ErrorCode::NotFound => (404, "NOT_FOUND", 5),
        ErrorCode::MethodNotAllowed => (405, "UNIMPLEMENTED", 12),
        ErrorCode::AlreadyExists => (409, "ALREADY_EXISTS", 6),
        ErrorCode::OpIdReused | ErrorCode::Fenced | ErrorCode::Forgotten => (409, "ABORTED", 10),
        ErrorCode::Held | ErrorCode::ExpectFailed => (412, "FAILED_PRECONDITION", 9),
        ErrorCode::TooLarge => (413, "INVALID_ARGUMENT", 11),
        ErrorCode::UnsupportedMediaType => (415, "INVALID_ARGUMENT", 3),
        ErrorCode::TooMany => (429, "RESOURCE_EXHAUSTED", 8),
        ErrorCode::Internal => (500, "UNKNOWN", 13),
        ErrorCode::WrongSlot | ErrorCode::Unavailable | ErrorCode::Pending => (503, "UNAVAILABLE", 14),
        ErrorCode::OutcomeUnknown => (504, "UNAVAILABLE", 4),
        ErrorCode::NoRoom => (507, "RESOURCE_EXHAUSTED", 8),
    }
}

/// A failure on the control plane. A body that can't be decoded is 422 there, a value that isn't allowed 400.
pub(super) fn control(error: &VerbError) -> Response {
    let undecodable = error.code == ErrorCode::InvalidJson || error.details.contains_key("line");
    let (status, code, _) = if undecodable { (422, "UNPROCESSABLE_ENTITY", 3) } else { row(error.code) };
    let message = words(error);
    dressed(error, status, &ControlFailure { status, error: ControlFailureFields { code, message } })
}

/// A failure on the data plane.
pub(super) fn data(error: &VerbError) -> Response {
    let (status, _, code) = row(error.code);
    let shards = error.shards.iter().map(|shard| json!({"shard": shard.shard.0, "state": shard.status}));
    let details = match error.details.get("states") {
        Some(Value::Array(states)) => states.clone(),
        Some(_) | None => shards.collect(),
    };
    dressed(error, status, &DataFailure { code, message: words(error), details })
}

fn dressed<T: Serialize>(error: &VerbError, status: u16, body: &T) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = reply::json(status, body);
    if error.code == ErrorCode::TooMany {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    match &error.op_id {
        Some(op_id) => {
            let says = error.details.get("says").and_then(Value::as_str).unwrap_or(error.code.as_str());
            answer::named(response, op_id, says)
        }
        None => response,
    }
}

/// The message: some of them are read by clients, word for word.
fn words(error: &VerbError) -> String {
    let fact = |name: &str| error.details.get(name).and_then(Value::as_u64);
    match (error.code, fact("got"), fact("dimension")) {
        (ErrorCode::InvalidVector, Some(got), Some(dimension)) => format!(
            "Vector dimension {got} does not match the dimension of the index {dimension}; nothing was changed"
        ),
        (ErrorCode::Forbidden, ..) if error.details.contains_key("protected") => {
            "Deletion protection is enabled for this index. Disable deletion protection before deleting it; \
             nothing was changed"
                .to_owned()
        }
        (
            ErrorCode::NotFound | ErrorCode::AlreadyExists | ErrorCode::InvalidVector | ErrorCode::Forbidden,
            ..,
        ) => CALLED.iter().fold(error.message.clone(), |message, (there, here)| message.replace(there, here)),
        _ => error.message.clone(),
    }
}

/// A shard that has not applied a write, in the words of every surface.
struct Open<'a> {
    shard: u32,
    status: ShardStatus,
    error: Option<&'a ShardError>,
}

/// 503 for a delete that isn't done on every shard: every 2xx would be read as success.
pub(super) fn unfinished_delete(answer: &DeleteAnswer) -> VerbError {
    let open = answer.shards.iter().map(|part| Open {
        shard: part.shard.0,
        status: part.status,
        error: part.error.as_ref(),
    });
    let by_itself =
        "it is recorded and completes by itself; repeating the call waits for it or begins it anew";
    let (what, next) = match answer.kind {
        DeleteKind::DeleteIds | DeleteKind::DeleteIdsWhere => ("delete", "repeat the call to complete it"),
        DeleteKind::DeleteWhere | DeleteKind::DeleteAll | DeleteKind::DropCollection => ("delete", by_itself),
        DeleteKind::UpdateWhere => ("update", by_itself),
        DeleteKind::Forget => ("forget", by_itself),
    };
    unfinished(what, (&answer.op_id, answer.status.as_str()), &open.collect::<Vec<_>>(), next)
}

/// 503 for an upsert or update that isn't done on every shard.
pub(super) fn unfinished_write(answer: &WriteAnswer) -> VerbError {
    let open = answer.shards.iter().map(|part| Open {
        shard: part.shard.0,
        status: part.status,
        error: part.error.as_ref(),
    });
    unfinished(
        "write",
        (&answer.op_id, answer.status.as_str()),
        &open.collect::<Vec<_>>(),
        "repeat the call to complete it",
    )
}

fn unfinished(what: &str, (op_id, says): (&OpId, &str), shards: &[Open<'_>], next: &str) -> VerbError {
    let done: Vec<u32> =
        shards.iter().filter(|part| part.status == ShardStatus::Applied).map(|part| part.shard).collect();
    let open = || shards.iter().filter(|part| part.status != ShardStatus::Applied);
    let numbers: Vec<u32> = open().map(|part| part.shard).collect();
    let why = open().find_map(|part| part.error).map(|error| format!(" ({})", error.message));
    let message = format!(
        "the {what} is applied on shards {done:?} and not yet on shards {numbers:?}{}: {next}. Operation {op_id}",
        why.unwrap_or_default()
    );
    let states: Vec<Value> = open().map(|part| json!({"shard": part.shard, "state": part.status})).collect();
    VerbError::new(ErrorCode::Pending, message).of(op_id).with("says", says).with("states", states)
}

/// Of a delete whose fate isn't known on any shard: 503 as well, whatever the class of the failure.
pub(super) fn delete_in_doubt(error: VerbError) -> VerbError {
    match error.code {
        ErrorCode::OutcomeUnknown => {
            let says = error.code.as_str();
            VerbError { code: ErrorCode::Pending, ..error }.with("says", says)
        }
        _ => error,
    }
}

/// 404 for a delete in a namespace that doesn't exist, as clients look for it.
pub(super) fn no_namespace() -> VerbError {
    VerbError::new(ErrorCode::NotFound, "Namespace not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_and_clients_see_a_failure() {
        for code in ErrorCode::ALL {
            let (status, word, number) = row(*code);
            assert!((400..600).contains(&status), "{code:?}");
            assert!(!word.is_empty() && (1..=16).contains(&number), "{code:?}");
        }
    }

    #[test]
    fn a_wrong_dimension_is_said_in_pinecones_words() {
        let error = VerbError::new(ErrorCode::InvalidVector, "ours").with("got", 3).with("dimension", 2);
        assert_eq!(
            words(&error),
            "Vector dimension 3 does not match the dimension of the index 2; nothing was changed"
        );
        assert_eq!(words(&VerbError::new(ErrorCode::InvalidVector, "ours")), "ours");
        let dense = "records[3].vector is dense, and this collection holds sparse vectors alone";
        assert_eq!(
            words(&VerbError::new(ErrorCode::InvalidVector, dense)),
            "vectors[3].values is dense, and this index holds sparse vectors alone"
        );
    }
}
