//! Query strings, decoded as forms: a space may come as `+`.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{self, Spelt};

/// The pairs of a query string. Unknown names are ignored.
pub(super) struct QueryString(Vec<(String, String)>);

impl FromRequestParts<Router> for QueryString {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, _router: &Router) -> Verb<Self> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl QueryString {
    fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value under a name, the last if there are several.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values under a name, in order.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }

    /// The namespace.
    pub(super) fn namespace(&self) -> Verb<Spelt> {
        address::namespace(self.one("namespace").map(str::to_owned))
    }

    /// A page's size, 1 to 100 (which is also the default).
    pub(super) fn limit(&self) -> Verb<usize> {
        const MOST: usize = 100;
        match self.one("limit") {
            None => Ok(MOST),
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MOST).contains(&limit) => Ok(limit),
                _ => Err(VerbError::argument(format!("limit must be from 1 to {MOST}, got {text:?}"))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_decoded_as_forms() {
        let query = QueryString::read("ids=a+b&ids=c%20d&ids=%2B&namespace=a%2Fb&other");
        assert_eq!(query.all("ids"), ["a b", "c d", "+"]);
        assert_eq!(query.one("namespace"), Some("a/b"));
        assert_eq!(query.one("prefix"), None);
    }

    #[test]
    fn a_limit_is_1_to_100() {
        for (text, limit) in
            [("", Some(100)), ("limit=7", Some(7)), ("limit=0", None), ("limit=x", None), ("limit=101", None)]
        {
            assert_eq!(QueryString::read(text).limit().ok(), limit, "{text}");
        }
    }
}
