//! Answers: things in camelCase, results in snake_case.

use lacuna_model::ShardId;
use lacuna_model::Stamp;
use lacuna_model::memory::contribution::{Content, End};
use lacuna_model::memory::counts::{Fates, MemoryKind, ReleaseCounts};
use lacuna_model::memory::words::{Dataset, Item, Memory, Raw, Receipt, Scope};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::surface::time::rfc3339;
use crate::verb::memory::{InCollection, Referrer};

pub(super) fn time(stamp: Stamp) -> String {
    rfc3339(stamp.0)
}

/// A dataset.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When an item was last added, replaced or forgotten.
    pub updated_at: Option<String>,
    /// Who made it.
    pub owner_id: String,
    /// The tenant it was made in.
    pub tenant_id: Option<String>,
}

impl From<&Dataset> for DatasetView {
    fn from(dataset: &Dataset) -> Self {
        Self {
            id: dataset.id.to_string(),
            name: dataset.name.clone(),
            created_at: time(dataset.created),
            updated_at: dataset.updated.map(time),
            owner_id: dataset.owner.to_string(),
            tenant_id: dataset.tenant.map(|tenant| tenant.to_string()),
        }
    }
}

/// A data item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// When it was added first.
    pub created_at: String,
    /// When it was replaced or cleared last.
    pub updated_at: Option<String>,
    /// Extension of its name.
    pub extension: String,
    /// Media type of its raw file.
    pub mime_type: String,
    /// `lacuna://raw/<sha256>`, the URI of another's file, or empty.
    pub raw_data_location: String,
    /// The dataset it belongs to.
    pub dataset_id: String,
    /// As it was given.
    #[schema(value_type = Object)]
    pub external_metadata: Map<String, Value>,
    /// `none`, `stored` or `external`.
    pub raw_kind: &'static str,
    /// Records it refers to.
    pub record_count: u64,
    /// `present` or `cleared`.
    pub memory: Memory,
}

/// A JSON object kept as text.
fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

impl From<&Item> for ItemView {
    fn from(item: &Item) -> Self {
        let (raw_kind, raw_data_location) = match &item.facts.raw {
            Raw::None => ("none", String::new()),
            Raw::Stored { sha256, .. } => ("stored", format!("lacuna://raw/{}", hex::encode(sha256))),
            Raw::External { uri } => ("external", uri.clone()),
        };
        Self {
            id: item.facts.id.to_string(),
            name: item.facts.name.clone(),
            label: item.facts.label.clone(),
            created_at: time(item.created),
            updated_at: item.updated.map(time),
            extension: item.facts.extension.clone(),
            mime_type: item.facts.mime_type.clone(),
            raw_data_location,
            dataset_id: item.dataset.to_string(),
            external_metadata: object(&item.facts.external_metadata),
            raw_kind,
            record_count: item.records,
            memory: item.memory,
        }
    }
}

/// An end of an edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndView {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
}

impl From<&End> for EndView {
    fn from(end: &End) -> Self {
        Self { collection: end.collection.clone(), id: end.id.clone() }
    }
}

/// An item that refers to a record.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferrerView {
    /// Its dataset.
    pub dataset_id: String,
    /// The item.
    pub data_id: String,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryRecordView {
    /// Its id.
    pub id: String,
    /// Its collection.
    pub collection: String,
    /// What it is.
    pub kind: &'static str,
    /// Its embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Its text.
    pub text: String,
    /// Its metadata.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Sets of nodes it belongs to.
    pub node_sets: Vec<String>,
    /// A node's type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Where an edge begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<EndView>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<EndView>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
    /// References of all items.
    pub references: u64,
    /// Those of datasets that the caller can read.
    pub referenced_by: Vec<ReferrerView>,
}

pub(super) fn kind(kind: MemoryKind) -> &'static str {
    match kind {
        MemoryKind::Vector => "vector",
        MemoryKind::Node => "node",
        MemoryKind::Edge => "edge",
        MemoryKind::Blob => "blob",
    }
}

impl MemoryRecordView {
    pub(super) fn new(found: InCollection, referrers: &[Referrer]) -> Self {
        let InCollection { collection, record } = found;
        let Content { vector, text, facts } = record.content;
        Self {
            id: record.id.into_string(),
            collection,
            kind: kind(facts.kind),
            vector,
            text: text.unwrap_or_default(),
            metadata: object(&facts.metadata),
            node_sets: facts.node_sets,
            type_name: facts.type_name,
            source: facts.source.as_ref().map(EndView::from),
            target: facts.target.as_ref().map(EndView::from),
            relationship: facts.relationship,
            references: record.references,
            referenced_by: referrers
                .iter()
                .map(|who| ReferrerView {
                    dataset_id: who.dataset.to_string(),
                    data_id: who.item.to_string(),
                })
                .collect(),
        }
    }
}

/// A hit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryHitView {
    /// Its id.
    pub id: String,
    /// Its collection.
    pub collection: String,
    /// What it is.
    pub kind: &'static str,
    /// Cosine, best highest.
    pub score: f32,
    /// Its text.
    pub text: String,
    /// Its metadata.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Datasets searched that refer to it.
    pub dataset_ids: Vec<String>,
}

pub(super) fn metadata(content: &Content) -> Map<String, Value> {
    object(&content.facts.metadata)
}

/// Records of one kind that lost a reference.
#[derive(Debug, Serialize, ToSchema)]
pub struct FatesView {
    /// Live on.
    pub released: u64,
    /// Are gone.
    pub deleted: u64,
}

impl From<Fates> for FatesView {
    fn from(fates: Fates) -> Self {
        Self { released: fates.released, deleted: fates.deleted }
    }
}

/// The same for each kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct KindsView {
    /// Vectors.
    pub vector: FatesView,
    /// Nodes.
    pub node: FatesView,
    /// Edges.
    pub edge: FatesView,
}

/// Raw files.
#[derive(Debug, Serialize, ToSchema)]
pub struct RawFilesView {
    /// Gone.
    pub deleted: u64,
    /// Another item of the space refers to them.
    pub retained_shared: u64,
    /// Others', left alone.
    pub external: u64,
}

/// Result of every forget.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForgetView {
    /// `success`, or `partial`: the pending shards follow by themselves.
    pub status: &'static str,
    /// What was forgotten.
    pub scope: &'static str,
    /// The dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<String>,
    /// The item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_id: Option<String>,
    /// It had been forgotten before.
    pub already_forgotten: bool,
    /// Its receipt; none of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_id: Option<String>,
    /// Item rows that went.
    pub items_forgotten: u64,
    /// Records that lost a reference and live on.
    pub released: u64,
    /// Records that are gone.
    pub deleted: u64,
    /// References that went.
    pub references_removed: u64,
    /// Records by kind.
    pub by_kind: KindsView,
    /// Raw files.
    pub raw_files: RawFilesView,
    /// Items whose records went, and whose rows stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_records_reset: Option<u64>,
    /// Datasets that went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasets_removed: Option<u64>,
    /// Datasets that the caller can read, and may not delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasets_skipped: Option<Vec<String>>,
    /// The dataset went with its last item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_removed: Option<bool>,
    /// Shards that release later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending_shards: Vec<u32>,
    /// Nothing was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A scope with its ids, in words.
pub(super) fn scope(scope: Scope) -> (&'static str, Option<String>, Option<String>) {
    match scope {
        Scope::Item(dataset, item) | Scope::Replaced(dataset, item) => {
            ("item", Some(dataset.to_string()), Some(item.to_string()))
        }
        Scope::Dataset(dataset) | Scope::Items(dataset) => ("dataset", Some(dataset.to_string()), None),
        Scope::Everything => ("everything", None, None),
        Scope::ItemMemory(dataset, item) => {
            ("item_memory", Some(dataset.to_string()), Some(item.to_string()))
        }
        Scope::DatasetMemory(dataset) => ("dataset_memory", Some(dataset.to_string()), None),
        Scope::Add(_) => ("add", None, None),
        Scope::Pruned => ("prune", None, None),
    }
}

impl ForgetView {
    /// A result with these counts; the rest is the caller's to fill.
    pub(super) fn of(scope_of: Scope, counts: ReleaseCounts, external: u64) -> Self {
        let (scope, dataset_id, data_id) = scope(scope_of);
        let records = counts.records();
        Self {
            status: "success",
            scope,
            dataset_id,
            data_id,
            already_forgotten: false,
            receipt_id: None,
            items_forgotten: 0,
            released: records.released,
            deleted: records.deleted,
            references_removed: counts.references,
            by_kind: KindsView {
                vector: counts.vectors.into(),
                node: counts.nodes.into(),
                edge: counts.edges.into(),
            },
            raw_files: RawFilesView {
                deleted: counts.raw.deleted,
                retained_shared: counts.raw.released,
                external,
            },
            data_records_reset: None,
            datasets_removed: None,
            datasets_skipped: None,
            dataset_removed: None,
            pending_shards: Vec::new(),
            dry_run: false,
        }
    }
}

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Its id.
    pub receipt_id: String,
    /// What was forgotten.
    pub scope: &'static str,
    /// `complete` or `pending`.
    pub status: &'static str,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: String,
    /// When every shard had released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// Item rows that went.
    pub items_forgotten: u64,
    /// Records that live on.
    pub released: u64,
    /// Records that are gone.
    pub deleted: u64,
    /// Raw files.
    pub raw_files: RawFilesView,
    /// Shards that are still to release.
    pub pending_shards: Vec<u32>,
}

impl ReceiptView {
    pub(super) fn new(receipt: &Receipt, counts: ReleaseCounts, pending: &[ShardId]) -> Self {
        let records = counts.records();
        Self {
            receipt_id: receipt.id.to_string(),
            scope: scope(receipt.scope).0,
            status: if receipt.completed.is_some() { "complete" } else { "pending" },
            requested_by: receipt.requested_by.to_string(),
            requested_at: time(receipt.requested),
            completed_at: receipt.completed.map(time),
            items_forgotten: receipt.items_forgotten,
            released: records.released,
            deleted: records.deleted,
            raw_files: RawFilesView {
                deleted: counts.raw.deleted,
                retained_shared: counts.raw.released,
                external: receipt.raw_external,
            },
            pending_shards: pending.iter().map(|shard| shard.0).collect(),
        }
    }
}

/// A node of a dataset's graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// Its id.
    pub id: String,
    /// Its text, or its id.
    pub label: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its metadata.
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
}

/// An edge of a dataset's graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct EdgeView {
    /// Id of the node where it begins.
    pub source: String,
    /// Id of the node where it ends.
    pub target: String,
    /// What it says.
    pub label: String,
}

/// A dataset's graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct GraphView {
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// Its edges.
    pub edges: Vec<EdgeView>,
}

/// What is physically held of a space.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsView {
    /// The space: a tenant, or a user.
    pub space: String,
    /// Datasets.
    pub datasets: u64,
    /// Items.
    pub items: u64,
    /// Records in the store.
    pub records: u64,
    /// Vectors in the store.
    pub vectors: u64,
    /// References on records.
    pub references: u64,
    /// Raw files.
    pub raw_files: u64,
    /// Their bytes.
    pub raw_bytes: u64,
    /// Vectors of deleted records that indexes still hold, never returned.
    pub index_tombstones: u64,
    /// Forgets that aren't complete.
    pub pending_receipts: u64,
}
