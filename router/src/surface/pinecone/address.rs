//! What a path names: an index, and perhaps a namespace. Segments come decoded once; nothing else is done to them.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use lacuna_model::catalog::{CollectionRef, Home, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::op_id::RequestDigest;
use lacuna_model::{Account, NamespaceName, RecordId};

use crate::app::Router;
use crate::core::Target;
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::call::Trace;
use crate::verb::caller::Caller;

/// End of every refusal's message.
pub(super) const NOTHING: &str = "nothing was changed";
/// Longest id, prefix and namespace, characters.
const MAX_CHARS: usize = 512;

/// An index, and the namespace if the path has one.
pub(super) struct Address {
    pub(super) index: String,
    segment: Option<String>,
    caller: Caller,
}

/// A namespace, and how the request spelt it: answers echo that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelt {
    pub(super) name: NamespaceName,
    pub(super) text: String,
}

impl FromRequestParts<Router> for Address {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Verb<Self> {
        let caller = Caller::from_request_parts(parts, router).await?;
        let params = RawPathParams::from_request_parts(parts, router).await;
        let params = params.map_err(|error| {
            VerbError::argument(format!("the path can't be read: {}; {NOTHING}", error.body_text()))
        })?;
        let named =
            |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
        Ok(Self { index: named("index").unwrap_or_default(), segment: named("namespace"), caller })
    }
}

/// Where an account's indexes are.
pub(super) fn home(account: &Account) -> Home {
    Home { account: account.clone(), surface: Surface::Pinecone, database: String::new() }
}

impl Address {
    /// The index.
    pub(super) fn collection(&self) -> CollectionRef {
        CollectionRef::Name(home(&self.caller.account), self.index.clone())
    }

    /// A namespace of the index.
    pub(super) fn target(&self, namespace: &Spelt) -> Target {
        Target {
            account: self.caller.account.clone(),
            collection: self.collection(),
            namespace: namespace.name.clone(),
        }
    }

    /// The namespace that the path names. An empty segment (a client's `..`, resolved by its HTTP library) names none:
    /// in particular not the default one.
    pub(super) fn namespace(&self) -> Verb<Spelt> {
        match self.segment.as_deref() {
            Some(text) if !text.is_empty() => namespace(Some(text.to_owned())),
            Some(_) | None => {
                Err(VerbError::new(ErrorCode::NotFound, format!("the path names no namespace; {NOTHING}")))
            }
        }
    }

    /// What was read of the request. That the index exists outranks whatever else is wrong with the request.
    pub(super) async fn known<T>(&self, router: &Router, read: Verb<T>) -> Verb<T> {
        let Err(wrong) = read else { return read };
        let call = Call {
            caller: self.caller.clone(),
            deadline: Deadline::within(super::DEADLINE),
            key: None,
            digest: RequestDigest::of(&[]),
            trace: Trace::default(),
        };
        match router.describe_collection(&call, &self.collection()).await {
            Err(error) if error.code == ErrorCode::NotFound => Err(error),
            Ok(_) | Err(_) => Err(wrong),
        }
    }
}

/// The namespace of a body or a query string; none, `""` and `__default__` are the same one.
pub(super) fn namespace(text: Option<String>) -> Verb<Spelt> {
    let text = text.unwrap_or_default();
    check_text("namespace", &text)?;
    let name = NamespaceName::new(text.clone())
        .map_err(|error| VerbError::argument(format!("namespace: {error}; {NOTHING}")))?;
    Ok(Spelt { name, text })
}

/// As namespaces are shown: the default one under its name.
pub(super) fn shown(name: &NamespaceName) -> &str {
    if name.is_default() { NamespaceName::DEFAULT_WRITTEN } else { name.as_str() }
}

/// ASCII without NUL, at most 512 characters.
pub(super) fn check_text(field: &str, text: &str) -> Verb<()> {
    if text.len() <= MAX_CHARS && text.is_ascii() && !text.contains('\0') {
        return Ok(());
    }
    let got =
        if text.len() > MAX_CHARS { format!("{} bytes", text.len()) } else { "another character".to_owned() };
    Err(VerbError::argument(format!(
        "{field} must be at most {MAX_CHARS} ASCII characters without NUL, got {got}; {NOTHING}"
    )))
}

/// An id of a record.
pub(super) fn record_id(text: String, path: impl Fn() -> String) -> Verb<RecordId> {
    check_text(&path(), &text)?;
    RecordId::new(text).map_err(|_| {
        VerbError::argument(format!(
            "{} must be 1 to {MAX_CHARS} ASCII characters, got none; {NOTHING}",
            path()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_namespace_has_three_spellings_and_each_is_echoed() {
        for (given, text) in [(None, ""), (Some(""), ""), (Some("__default__"), "__default__")] {
            let spelt = namespace(given.map(str::to_owned)).expect("a namespace");
            assert!(spelt.name.is_default());
            assert_eq!(spelt.text, text);
        }
        assert_eq!(shown(&NamespaceName::default()), "__default__");
    }

    #[test]
    fn dots_and_slashes_are_characters_like_others() {
        for text in ["..", ".", "../../indexes/victim", "a/b", "a b", "%2F"] {
            assert_eq!(namespace(Some(text.to_owned())).expect("a namespace").name.as_str(), text);
        }
    }

    #[test]
    fn ids_are_1_to_512_ascii_characters_without_nul() {
        let id = |text: &str| record_id(text.to_owned(), || "id".to_owned());
        assert!(id(&"x".repeat(512)).is_ok() && id("a b/c%#").is_ok());
        for bad in ["", "ä", "a\0b", &"x".repeat(513)] {
            assert_eq!(id(bad).expect_err(bad).code, ErrorCode::InvalidArgument);
        }
    }
}
