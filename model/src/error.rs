//! One closed list of error codes, each with its retry class and HTTP status.

use serde::{Deserialize, Serialize};

/// Whether and how a request may be repeated.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request fails again.
    Never,
    /// The same request may succeed later.
    SameRequest,
    /// After reading the names or the table anew.
    AfterRefresh,
    /// It may have happened: repeat under the same op_id to learn it.
    OutcomeUnknown,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $retry:ident;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }
        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// As it is written in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
            /// Its HTTP status on the native API.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }
            /// Whether and how to repeat.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry),* }
            }
        }
    };
}

/// Written out, because the derive doesn't see the names in a macro's literals.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ErrorCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let names = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ErrorCode {}

codes! {
    /// The body is no JSON, or not of the form.
    InvalidJson = "invalid_json", 400, Never;
    /// A field or value is wrong.
    InvalidArgument = "invalid_argument", 400, Never;
    /// A field that is not known here.
    UnknownField = "unknown_field", 400, Never;
    /// A filter is malformed.
    InvalidFilter = "invalid_filter", 400, Never;
    /// A vector has the wrong number of components, or one that isn't finite.
    InvalidVector = "invalid_vector", 400, Never;
    /// A delete that selects nothing in so many words.
    EmptySelector = "empty_selector", 400, Never;
    /// No key, or an unknown one.
    Unauthenticated = "unauthenticated", 401, Never;
    /// The key may not.
    Forbidden = "forbidden", 403, Never;
    /// No such collection, operation or route.
    NotFound = "not_found", 404, Never;
    /// The route has no such method.
    MethodNotAllowed = "method_not_allowed", 405, Never;
    /// The name is taken.
    AlreadyExists = "already_exists", 409, Never;
    /// The op_id was used for another request.
    OpIdReused = "op_id_reused", 409, Never;
    /// The contents were deleted meanwhile.
    Fenced = "fenced", 409, AfterRefresh;
    /// A legal hold is in the way.
    Held = "held", 409, Never;
    /// The op_id is too old to know.
    Forgotten = "forgotten", 410, Never;
    /// `expect` didn't hold.
    ExpectFailed = "expect_failed", 412, AfterRefresh;
    /// Body, batch or item too large.
    TooLarge = "too_large", 413, Never;
    /// The body isn't declared as JSON.
    UnsupportedMediaType = "unsupported_media_type", 415, Never;
    /// Too many requests at once.
    TooMany = "too_many", 429, SameRequest;
    /// Our fault.
    Internal = "internal", 500, SameRequest;
    /// The shard doesn't hold the slot.
    WrongSlot = "wrong_slot", 503, AfterRefresh;
    /// Nobody to serve it now; nothing happened and nothing will.
    Unavailable = "unavailable", 503, SameRequest;
    /// Recorded or running on; it will complete by itself.
    Pending = "pending", 503, SameRequest;
    /// Sent, and of no shard is the outcome known.
    OutcomeUnknown = "outcome_unknown", 504, OutcomeUnknown;
    /// No room on disk or in memory; deletes are still taken.
    NoRoom = "no_room", 507, SameRequest;
}
