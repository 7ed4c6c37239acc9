//! Requests. Names are taken in both casings.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A user to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UserBody {
    /// Unique in the account.
    pub email: String,
}

/// A dataset to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DatasetBody {
    /// Unique for its owner in its tenant.
    pub name: String,
}

/// An item to add, or to replace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemBody {
    /// A UUID; made if absent. The same again replaces the item.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// Kept with it, unread.
    #[serde(alias = "external_metadata")]
    #[schema(value_type = Option<Object>)]
    pub external_metadata: Option<Map<String, Value>>,
    /// Media type of its raw file.
    #[serde(alias = "mime_type")]
    pub mime_type: Option<String>,
    /// Its raw file.
    pub raw: Option<RawBody>,
    /// Its records.
    #[serde(default, deserialize_with = "crate::surface::object::each")]
    pub records: Vec<RecordBody>,
}

/// A raw file: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawBody {
    /// Text, which Lacuna keeps.
    pub content: Option<String>,
    /// Bytes in base64, which Lacuna keeps.
    #[serde(alias = "content_base64")]
    pub content_base64: Option<String>,
    /// Where it is; never opened, never deleted.
    pub uri: Option<String>,
}

/// A record to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordBody {
    /// Its id.
    pub id: String,
    /// Its collection; `default` if absent.
    pub collection: Option<String>,
    /// `vector` (if absent), `node` or `edge`.
    pub kind: Option<String>,
    /// A node's type.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Its embedding.
    pub vector: Option<Vec<f32>>,
    /// Its text.
    pub text: Option<String>,
    /// Kept with it.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Sets of nodes it belongs to.
    #[serde(alias = "node_sets", default)]
    pub node_sets: Vec<String>,
    /// Where an edge begins: an id in its own collection, or `{collection, id}`.
    pub source: Option<EndBody>,
    /// Where it ends.
    pub target: Option<EndBody>,
    /// What it says.
    pub relationship: Option<String>,
}

/// An end of an edge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EndBody {
    /// In the edge's own collection.
    Id(String),
    /// Anywhere in the space.
    Placed {
        /// Its collection.
        collection: String,
        /// Its id.
        id: String,
    },
}

/// What to forget.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgetBody {
    /// One item of the dataset.
    #[serde(alias = "data_id")]
    pub data_id: Option<String>,
    /// The dataset, by name.
    pub dataset: Option<String>,
    /// The dataset, by id.
    #[serde(alias = "dataset_id")]
    pub dataset_id: Option<String>,
    /// Every dataset that the caller may delete; overrides the rest.
    pub everything: Option<bool>,
    /// Records go; item rows and raw files stay.
    #[serde(alias = "memory_only")]
    pub memory_only: Option<bool>,
    /// Only tell what would go.
    #[serde(alias = "dry_run")]
    pub dry_run: Option<bool>,
}

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemorySearchBody {
    /// The query vector.
    pub vector: Vec<f32>,
    /// `default` if absent.
    pub collection: Option<String>,
    /// In these datasets, by name.
    pub datasets: Option<Vec<String>>,
    /// In these datasets, by id.
    #[serde(alias = "dataset_ids")]
    pub dataset_ids: Option<Vec<String>>,
    /// Hits; 15 if absent, at most 10,000.
    #[serde(alias = "top_k")]
    pub top_k: Option<usize>,
}

/// The tenant to work in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectBody {
    /// None: the user's own space.
    #[serde(alias = "tenant_id")]
    pub tenant_id: Option<String>,
}
