//! Metadata values: string, integer, float, bool, and lists of one kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A scalar of a record's metadata. Kinds never equal each other, but integer and float are one kind
/// ("number") and compare by exact value (design §4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    /// UTF-8 text.
    Str(String),
    /// 64-bit signed integer.
    Int(i64),
    /// 64-bit float; finite (checked at the door).
    Float(f64),
    /// true or false.
    Bool(bool),
}

/// A value of a record's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetaValue {
    /// One scalar.
    Scalar(Scalar),
    /// A list of scalars of one kind (strings, numbers or bools); may be empty.
    List(Vec<Scalar>),
}

/// A record's metadata: ordered, so that it is encoded alike everywhere.
pub type Metadata = BTreeMap<String, MetaValue>;
