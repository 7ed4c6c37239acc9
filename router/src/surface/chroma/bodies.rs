//! Bodies of requests on records. Unknown fields are ignored, as Chroma's server does.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::surface::chroma::metadata::MetadataBody;
use crate::surface::chroma::vectors::Embeddings;

/// Records to add, upsert or update, column by column.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct WriteBody {
    /// Their ids; each column has as many items.
    pub(super) ids: Vec<String>,
    /// Vectors: all lists of numbers, or all base64 strings of little-endian 32-bit floats. Only an update may leave
    /// them out, or have nulls.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Option<Vec<f32>>>>)]
    pub(super) embeddings: Option<Embeddings>,
    /// Metadata: strings, numbers, bools, lists of one of these. A null value removes the key (not in an add).
    #[serde(default)]
    #[schema(value_type = Option<Vec<Option<Object>>>)]
    pub(super) metadatas: Option<Vec<Option<MetadataBody>>>,
    /// Texts.
    #[serde(default)]
    pub(super) documents: Option<Vec<Option<String>>>,
    /// Where the client keeps what the records are about.
    #[serde(default)]
    pub(super) uris: Option<Vec<Option<String>>>,
}

/// A part of a record to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub(crate) enum Part {
    /// Texts.
    Documents,
    /// Vectors.
    Embeddings,
    /// Metadata.
    Metadatas,
    /// Uris.
    Uris,
    /// Distances, of a query.
    Distances,
}

/// Whatever else stands there has the wrong shape.
impl TryFrom<String> for Part {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "documents" => Ok(Self::Documents),
            "embeddings" => Ok(Self::Embeddings),
            "metadatas" => Ok(Self::Metadatas),
            "uris" => Ok(Self::Uris),
            "distances" => Ok(Self::Distances),
            _ => Err("unknown column, expected documents, embeddings, metadatas, uris or distances"),
        }
    }
}

/// Reads records: those with these ids, that match, or all; in the order of their insertion.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct GetBody {
    /// Only these.
    #[serde(default)]
    pub(super) ids: Option<Vec<String>>,
    /// Only those whose metadata match.
    #[serde(default, rename = "where")]
    #[schema(value_type = Option<Object>)]
    pub(super) filter: Option<Value>,
    /// Only those whose document matches.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) where_document: Option<Value>,
    /// At most so many.
    #[serde(default)]
    pub(super) limit: Option<u64>,
    /// Without the first so many.
    #[serde(default)]
    pub(super) offset: Option<u64>,
    /// Columns of the answer; missing: documents and metadatas.
    #[serde(default)]
    pub(super) include: Option<Vec<Part>>,
}

/// Searches by vector.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct QueryBody {
    /// Only these.
    #[serde(default)]
    pub(super) ids: Option<Vec<String>>,
    /// The query vectors, as lists of numbers.
    pub(super) query_embeddings: Vec<Vec<f32>>,
    /// Hits for each; missing: 10.
    #[serde(default)]
    pub(super) n_results: Option<u32>,
    /// Only those whose metadata match.
    #[serde(default, rename = "where")]
    #[schema(value_type = Option<Object>)]
    pub(super) filter: Option<Value>,
    /// Only those whose document matches.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) where_document: Option<Value>,
    /// Columns of the answer; missing: documents, metadatas and distances.
    #[serde(default)]
    pub(super) include: Option<Vec<Part>>,
}

/// Deletes records: those with these ids, those that match, or of those with these ids those that match.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DeleteBody {
    /// These.
    #[serde(default)]
    pub(super) ids: Option<Vec<String>>,
    /// Those whose metadata match.
    #[serde(default, rename = "where")]
    #[schema(value_type = Option<Object>)]
    pub(super) filter: Option<Value>,
    /// Those whose document matches.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) where_document: Option<Value>,
    /// With a filter: at most so many go, any that match.
    #[serde(default)]
    pub(super) limit: Option<u64>,
}
