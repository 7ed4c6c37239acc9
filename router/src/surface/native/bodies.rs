//! Bodies of the native API's requests. Unknown fields are refused by name.

use lacuna_model::record::Metric;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A field that may be missing, null, or there: three things that mean three things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given<T> {
    /// Not in the body.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// A value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Missing | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// Makes a collection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCollectionBody {
    /// 1 to 512 bytes, no control characters, no `/`, not only digits.
    pub name: String,
    /// Components of each vector.
    #[schema(minimum = 1, maximum = 20_000)]
    pub dimension: u32,
    /// Distance function.
    #[schema(value_type = String, example = "cosine")]
    pub metric: Metric,
}

/// Writes whole records.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpsertBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The records; of a repeated id the last one counts.
    #[serde(deserialize_with = "crate::surface::object::each")]
    pub records: Vec<RecordBody>,
}

/// A record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBody {
    /// 1 to 4,096 bytes of UTF-8.
    pub id: String,
    /// As many components as the collection's dimension, all finite.
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
    /// Text.
    #[serde(default)]
    pub document: Option<String>,
    /// Strings, numbers, bools, or lists of one of these.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// Changes records that exist.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The changes; those of a repeated id are made one after the other.
    #[serde(deserialize_with = "crate::surface::object::each")]
    pub records: Vec<PatchBody>,
}

/// A change: missing fields stay, null removes, metadata merges by key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchBody {
    /// The record's id.
    pub id: String,
    /// A new vector, or null to remove it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<f32>>)]
    pub vector: Given<Vec<f32>>,
    /// A new document, or null to remove it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub document: Given<String>,
    /// Keys to set, or to remove by null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// A part of a record to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The vector.
    Vector,
    /// The document.
    Document,
    /// The metadata.
    Metadata,
}

/// Reads records: by ids, or those that match, or all.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// These, in this order; unknown ones are left out.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// Those that match, in id order.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// At most so many (default 100, at most 1,000); not with `ids`.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Where the page before ended; not with `ids`.
    #[serde(default)]
    pub cursor: Option<String>,
    /// What of the records to send; missing: document and metadata.
    #[serde(default)]
    pub include: Option<Vec<Part>>,
}

/// Lists ids.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only ids that begin so.
    #[serde(default)]
    pub prefix: Option<String>,
    /// At most so many (default 100, at most 1,000).
    #[serde(default)]
    pub limit: Option<usize>,
    /// Where the page before ended.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Searches by vector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// One query vector; the answer has `matches`.
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
    /// Up to 100 query vectors; the answer has `results`.
    #[serde(default)]
    pub vectors: Option<Vec<Vec<f32>>>,
    /// Hits for each, 1 to 10,000.
    pub top_k: usize,
    /// Only records that match.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// What of the records to send; missing: ids and scores only.
    #[serde(default)]
    pub include: Option<Vec<Part>>,
    /// Candidates kept while searching a graph, 1 to 10,000; larger is more exact.
    #[serde(default)]
    pub ef: Option<usize>,
}

/// Counts records.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only those that match.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
}

/// Deletes by ids, by filter, by both, or everything. Exactly one way must be said in so many words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// These; not empty, not null.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub ids: Given<Vec<String>>,
    /// What matches; with `ids`: those of them that match. Not empty, not null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Given<Value>,
    /// Everything in the namespace.
    #[serde(default)]
    pub delete_all: Option<bool>,
    /// With a filter alone: at most so many go, any that match.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Asks what a delete would take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    /// The namespace; missing: the default one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// These; not empty, not null.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub ids: Given<Vec<String>>,
    /// What matches; not empty, not null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Given<Value>,
    /// Everything in the namespace.
    #[serde(default)]
    pub delete_all: Option<bool>,
    /// Ids to show (default 10, at most 1,000).
    #[serde(default)]
    pub sample: Option<usize>,
}
