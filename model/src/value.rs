//! Metadata values: string, integer, float, bool, and lists of one kind.

mod json;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use json::{
    BigIntegers, MetadataPatch, ValueError, chroma_metadata_from_json, chroma_metadata_patch_from_json,
    metadata_from_json, metadata_patch_from_json, metadata_to_json,
};

use crate::number::NumberKey;

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

impl Scalar {
    /// Equal in value: integers and floats exactly, other kinds never across.
    pub fn same_value(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                NumberKey::of(self) == NumberKey::of(other)
            }
            (Self::Str(_), Self::Int(_) | Self::Float(_) | Self::Bool(_))
            | (Self::Bool(_), Self::Str(_) | Self::Int(_) | Self::Float(_))
            | (Self::Int(_) | Self::Float(_), Self::Str(_) | Self::Bool(_)) => false,
        }
    }

    /// Its kind; integer and float are one.
    pub fn kind(&self) -> ScalarKind {
        match self {
            Self::Str(_) => ScalarKind::Str,
            Self::Int(_) | Self::Float(_) => ScalarKind::Number,
            Self::Bool(_) => ScalarKind::Bool,
        }
    }
}

/// Kinds of scalars, which never equal each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScalarKind {
    /// Text.
    Str,
    /// Integer or float.
    Number,
    /// true or false.
    Bool,
}
