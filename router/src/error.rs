//! Why a verb did not succeed: a code of the closed list, words, and what a client can use.

use lacuna_model::error::{ErrorCode, Retry};
use lacuna_model::merge::{Failure, ShardAnswer};
use lacuna_model::op_id::OpId;
use serde_json::{Map, Value};

/// A verb's failure; every surface translates it into its own body.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct VerbError {
    /// What went wrong.
    pub code: ErrorCode,
    /// What was wrong, what was expected, and what became of the data.
    pub message: String,
    /// Facts for programs: field, position, limit, `settles_by`, …
    pub details: Map<String, Value>,
    /// The operation, once it has a name.
    pub op_id: Option<OpId>,
    /// What each shard answered, where shards were asked.
    pub shards: Vec<ShardAnswer>,
}

/// A verb's result.
pub type Verb<T> = Result<T, VerbError>;

impl VerbError {
    /// With words for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Map::new(), op_id: None, shards: Vec::new() }
    }

    /// A wrong field or value.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Names the operation.
    #[must_use]
    pub fn of(mut self, op_id: &OpId) -> Self {
        self.op_id = Some(op_id.clone());
        self
    }

    /// A fold's failure under an operation's name; `settles_by` in ms since the Unix epoch.
    pub fn from_failure(failure: Failure, op_id: &OpId, settles_by: u64) -> Self {
        let reason = failure.shards.iter().find_map(|shard| shard.error.as_ref());
        let reason = reason.map_or_else(String::new, |error| format!(" ({})", error.message));
        let error = Self::new(failure.code, format!("{}{reason}", failure_words(failure.code)));
        let mut error = error.of(op_id);
        if failure.code == ErrorCode::OutcomeUnknown {
            error = error.with("settles_by", settles_by);
        }
        error.shards = failure.shards;
        error
    }

    /// Whether and how to repeat.
    pub fn retry(&self) -> Retry {
        self.code.retry()
    }
}

fn failure_words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::OutcomeUnknown => {
            "the request was sent, but no shard answered in time: whether it happened is not known. \
             Repeat it with this op_id as Idempotency-Key to learn it; at settles_by it has happened or never will"
        }
        ErrorCode::Fenced => {
            "these contents were deleted as a whole meanwhile; nothing was changed by this request"
        }
        ErrorCode::Forgotten => {
            "this op_id is too old: whether it ran is no longer known; nothing was changed now"
        }
        ErrorCode::NoRoom => "no room left for this write; nothing was changed. Deletes are still taken",
        ErrorCode::TooMany => "too many requests at once; nothing was changed",
        ErrorCode::InvalidVector => {
            "the vectors don't fit the schema that these contents have; nothing was changed"
        }
        ErrorCode::Unavailable | ErrorCode::WrongSlot => {
            "no shard could take the request in time; nothing was changed and nothing will be"
        }
        ErrorCode::InvalidJson
        | ErrorCode::InvalidArgument
        | ErrorCode::UnknownField
        | ErrorCode::InvalidFilter
        | ErrorCode::EmptySelector
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::AlreadyExists
        | ErrorCode::OpIdReused
        | ErrorCode::Held
        | ErrorCode::ExpectFailed
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::Internal
        | ErrorCode::Pending => "the request was refused; nothing was changed",
    }
}
