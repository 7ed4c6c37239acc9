//! How a surface takes its requests and words its refusals: all that the door must know of one.

use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use lacuna_model::limits::MAX_BODY_BYTES;

use crate::error::VerbError;
use crate::surface::answer;

/// A surface's manners.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    /// Its name, in metrics and logs.
    pub(crate) name: &'static str,
    /// The key that a client sent, wherever this surface's clients put it.
    pub(crate) secret: fn(&HeaderMap) -> Option<String>,
    /// Paths that need no key (and take no place at the door): health and the like.
    pub(crate) is_open: fn(&str) -> bool,
    /// A failure as this surface's clients read it. Every [`VerbError`] that a handler or an extractor
    /// answers with is worded by it.
    pub(crate) failure: fn(&VerbError) -> Response,
    /// Deadline of a request that gives none; `None`: the router's default.
    pub(crate) deadline: Option<Duration>,
    /// Bytes of a body that are read.
    pub(crate) max_body: usize,
    /// What of it is taken, where that is counted otherwise.
    pub(crate) max_weight: Option<MaxWeight>,
}

/// The most that a body may weigh.
#[derive(Clone, Copy)]
pub(crate) struct MaxWeight {
    pub(crate) of: fn(&[u8]) -> usize,
    pub(crate) most: usize,
}

/// Of the native API.
pub(crate) const NATIVE: Manners = Manners {
    name: "native",
    secret: bearer,
    is_open: |path| !path.starts_with("/v1/"),
    failure: answer::failure,
    deadline: None,
    max_body: MAX_BODY_BYTES,
    max_weight: None,
};

/// `Authorization: Bearer <key>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}
