//! Filters: one tree for three dialects. Parsed at the door, carried in the log, judged at apply.

use serde::{Deserialize, Serialize};

use crate::value::Scalar;

/// A filter over one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    /// All hold; not empty.
    And(Vec<Filter>),
    /// Any holds; not empty.
    Or(Vec<Filter>),
    /// The exact complement.
    Not(Box<Filter>),
    /// A test of one metadata field.
    Field(String, FieldTest),
    /// A test of the document.
    Document(DocumentTest),
}

/// A test of one metadata field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldTest {
    /// The key is there.
    Exists,
    /// Equals.
    Eq(Scalar),
}

/// A test of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DocumentTest {
    /// Holds the text.
    Contains(String),
    /// Matches the regular expression.
    Regex(String),
}
