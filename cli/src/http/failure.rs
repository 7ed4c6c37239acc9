//! Why a request had no good answer, in words for the person at the terminal.

use serde_json::Value;

/// A request without a good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection: nothing was sent.
    #[error(
        "cannot reach {url}: {cause}. Is a server running there? `lacuna serve` starts one. Nothing was changed."
    )]
    Unreachable {
        /// Whom we asked.
        url: String,
        /// Why not.
        cause: String,
    },
    /// Sent, but no answer came.
    #[error(
        "no answer from {url}: {cause}. Whether it was done is not known; repeat the command to make sure."
    )]
    Silent {
        /// Whom we asked.
        url: String,
        /// Why not.
        cause: String,
    },
    /// The server said no, or that it doesn't know.
    #[error("{message} ({code}, HTTP {status})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The code, as in the answer.
        code: String,
        /// The server's words.
        message: String,
        /// `never`, `same_request`, `after_refresh`, `outcome_unknown`.
        retry: String,
    },
    /// An answer that isn't ours.
    #[error("{url} answered HTTP {status} with something that isn't Lacuna's: {excerpt:?}")]
    Foreign {
        /// Whom we asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// How it begins.
        excerpt: String,
    },
}

impl Failure {
    /// Reads the body of an error answer.
    pub(super) fn of_body(url: &str, status: u16, text: &str) -> Self {
        let body: Option<Value> = serde_json::from_str(text).ok();
        let error = body.as_ref().and_then(|body| body.get("error"));
        let field =
            |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str).map(str::to_owned);
        match (field("code"), field("message")) {
            (Some(code), Some(message)) => Self::Refused {
                status,
                code,
                message,
                retry: field("retry").unwrap_or_else(|| "never".to_owned()),
            },
            _ => body.as_ref().and_then(|body| Self::of_memory(status, body)).unwrap_or_else(|| {
                Self::Foreign { url: url.to_owned(), status, excerpt: text.chars().take(200).collect() }
            }),
        }
    }

    /// A failure as memory collections word it: `{"detail": "<message> [<ErrorName>]", "error": "<message>"}`.
    fn of_memory(status: u16, body: &Value) -> Option<Self> {
        let (message, detail) = (body["error"].as_str()?, body["detail"].as_str()?);
        let code = detail.strip_suffix(']')?.rsplit_once(" [")?.1.to_owned();
        // These two say that nothing happened; no other of this surface's answers does.
        let retry = if matches!(status, 429 | 503) { "same_request" } else { "never" }.to_owned();
        Some(Self::Refused { status, code, message: message.to_owned(), retry })
    }

    /// May the same request be sent again, and did nothing happen so far?
    pub(crate) fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Refused { retry, .. } => retry == "same_request" || retry == "after_refresh",
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Foreign { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_a_memory_collection_has_its_name_as_its_code() {
        let body = r#"{"detail":"a [b] c [DatasetNotFoundError]","error":"a [b] c"}"#;
        let failure = Failure::of_body("http://x", 404, body);
        assert_eq!(failure.to_string(), "a [b] c (DatasetNotFoundError, HTTP 404)");
        assert!(
            !failure.is_worth_repeating() && Failure::of_body("http://x", 503, body).is_worth_repeating()
        );
        let foreign = Failure::of_body("http://x", 500, r#"{"detail":"no name","error":"x"}"#);
        assert!(matches!(foreign, Failure::Foreign { .. }), "{foreign}");
    }

    #[test]
    fn an_error_body_is_read_and_a_foreign_one_is_shown() {
        let body =
            r#"{"error":{"code":"unavailable","message":"no leader","retry":"same_request","details":{}}}"#;
        let failure = Failure::of_body("http://x", 503, body);
        assert!(failure.is_worth_repeating());
        assert_eq!(failure.to_string(), "no leader (unavailable, HTTP 503)");
        let foreign = Failure::of_body("http://x", 502, "<html>");
        assert!(!foreign.is_worth_repeating() && foreign.to_string().contains("<html>"));
    }
}
