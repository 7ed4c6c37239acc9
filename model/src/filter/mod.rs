//! Filters: one tree for three dialects. Parsed at the door, carried in the log, judged at apply.
//!
//! The nodes say their meaning themselves; nothing that evaluates or narrows by a filter needs to know which dialect it
//! was written in. Every negative operator (`$ne`, `$nin`, `$not_contains`, `$not_regex`, `$exists: false`) is, in
//! all three, the exact complement of its positive, and so is a [`Filter::Not`] around it: it holds for a record
//! without the key, or without a document.

mod check;
mod compile;
mod error;
mod flat;
pub mod parse;
mod spell;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use compile::CompiledFilter;
pub use error::FilterError;

use error::Path;

use crate::ids::RecordId;
#[cfg(doc)]
use crate::limits::{MAX_FILTER_ID_BYTES, MAX_ITEMS};
use crate::value::Scalar;

/// A filter over one record.
///
/// On the wire and in the log it is a flat list of nodes, so that no depth of it can exhaust a reader's stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold. Empty only as a whole filter of a read, where it means "no filter" ([`Filter::is_everything`]).
    And(Vec<Filter>),
    /// Any holds; never empty.
    Or(Vec<Filter>),
    /// The exact complement.
    Not(Box<Filter>),
    /// A test of one metadata field. A record without the key fails every such test.
    Field(String, FieldTest),
    /// A test of the document. A record without one fails every such test.
    Document(DocumentTest),
    /// The record's id is one of these. Made by surfaces from their own `ids`, written in no dialect.
    Ids(IdSet),
}

/// Ids a record may have: ascending by bytes, each once, within the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdSet(Vec<RecordId>);

impl IdSet {
    /// Of ids in any order; a repeated one counts once. At most [`MAX_ITEMS`] of together
    /// [`MAX_FILTER_ID_BYTES`].
    pub fn new(ids: impl IntoIterator<Item = RecordId>) -> Result<Self, FilterError> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        check::ids(&ids, &Path::Root("ids"))?;
        Ok(Self(ids))
    }

    /// Is this one of them?
    pub fn has(&self, id: &str) -> bool {
        self.0.binary_search_by(|one| one.as_str().cmp(id)).is_ok()
    }

    /// The ids, ascending.
    pub fn as_slice(&self) -> &[RecordId] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for IdSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<RecordId>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A test of one metadata field that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldTest {
    /// The key is there, whatever its value.
    Exists,
    /// The value, or an element of it, equals one of these (`$eq` has one, `$in` many). Kinds (string, number, bool)
    /// never equal each other. Empty only in a Pinecone read, where it matches nothing.
    OneOf {
        /// What it may equal.
        values: Vec<Scalar>,
        /// What of the field is compared.
        look: Look,
    },
    /// A single number in this order to `than`, by exact value. Strings, bools and lists have no order.
    Compare {
        /// The order.
        order: Order,
        /// A finite number.
        than: Scalar,
    },
}

/// Where [`FieldTest::OneOf`] looks for its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Look {
    /// At a scalar; a list equals nothing. Equality in the native dialect and in Chroma's.
    Scalar,
    /// At the elements of a list; a scalar holds nothing. Native `$contains`.
    Element,
    /// As `Element`, but integers and floats are apart: `1` isn't in `[1.0]`. Chroma's `$contains`.
    ElementOfKind,
    /// At a scalar, or at the elements of a list. Equality in Pinecone's dialect.
    ScalarOrElement,
}

/// An order of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// `$gt`
    Greater,
    /// `$gte`
    GreaterOrEqual,
    /// `$lt`
    Less,
    /// `$lte`
    LessOrEqual,
}

/// A test of a document that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DocumentTest {
    /// Holds the text, case-sensitively; not empty.
    Contains(String),
    /// Matches the regular expression (syntax of the `regex` crate) anywhere; not empty.
    Regex(String),
}

/// What a filter is for: a delete refuses what selects everything, or nothing, without saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Get, query, count: `{}` is "no filter".
    Read,
    /// Delete, preview of one, update: `{}` is refused.
    Delete,
}

impl Order {
    /// Whether a number that compares so to the operand is in this order to it.
    pub fn holds(self, found: std::cmp::Ordering) -> bool {
        match self {
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }
}

impl Filter {
    /// True for the empty filter `{}` of a read: it matches every record, so callers may pass "no filter" instead.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }

    /// All of the parts; `And`s among them are taken apart, a single one stays itself. Of no parts: everything.
    pub fn all_of(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                Self::Or(_) | Self::Not(_) | Self::Field(..) | Self::Document(_) | Self::Ids(_) => {
                    flat.push(part);
                }
            }
        }
        if flat.len() == 1 { flat.swap_remove(0) } else { Self::And(flat) }
    }

    /// Any of the parts; a single one stays itself.
    pub fn any_of(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::Or(parts) }
    }

    /// Its complement.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// A test of the id, to be joined to a `where` by [`Self::all_of`]. Of no ids it matches nothing; a delete by
    /// it alone is refused as one by an empty list.
    pub fn ids(ids: impl IntoIterator<Item = RecordId>) -> Result<Self, FilterError> {
        IdSet::new(ids).map(Self::Ids)
    }

    /// A test of one field.
    pub fn field(key: impl Into<String>, test: FieldTest) -> Self {
        Self::Field(key.into(), test)
    }

    /// Whether its verdict depends on the document.
    pub fn reads_document(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::reads_document),
            Self::Not(inner) => inner.reads_document(),
            Self::Field(..) | Self::Ids(_) => false,
            Self::Document(_) => true,
        }
    }
}
