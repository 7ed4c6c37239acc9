//! What is wrong with a filter, and where.

use std::fmt;

/// A filter that is refused. The caller corrects it; nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {found}; expected {expected}")]
pub struct FilterError {
    /// Where, as in `filter.$and[1].price.$gt`.
    pub path: String,
    /// What is wrong there.
    pub found: String,
    /// What belongs there.
    pub expected: String,
}

impl FilterError {
    /// An error at this place.
    pub(crate) fn at(path: &Path<'_>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { path: path.to_string(), found: found.into(), expected: expected.into() }
    }
}

/// Most characters of a key that are shown in a message.
const SHOWN: usize = 64;

/// The way to a place in a filter. Borrowed, so that it costs nothing until it is shown.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The filter itself, by the name of its field in the request.
    Root(&'static str),
    /// A member of an object.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list.
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Key(parent, key) => write!(f, "{parent}.{}", shown(key)),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A client's word, cut so that a message stays a message.
pub(crate) fn shown(word: &str) -> String {
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}
