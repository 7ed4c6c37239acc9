//! Bodies of the native API's answers (a delete's is `lacuna_model::merge::DeleteAnswer`).

use lacuna_model::catalog::{Collection, Surface};
use lacuna_model::merge::{DeleteAnswer, DeleteStatus, ShardError, ShardWrite, WriteAnswer};
use lacuna_model::read::{Hit, RecordView};
use lacuna_model::record::{Kind, Metric};
use serde::Serialize;
use utoipa::ToSchema;

use crate::surface::native::metadata::JsonMetadata;
use crate::verb::preview::{Previewed, ShardPreview};

/// A collection.
#[derive(Debug, Serialize, ToSchema)]
pub struct CollectionView {
    /// Its identity, never reused; usable in paths.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Components of each vector; null until the first vector fixes it.
    pub dimension: Option<u32>,
    /// cosine, l2 or dot.
    #[schema(value_type = String)]
    pub metric: Metric,
    /// vector or text.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// The surface it was made through.
    #[schema(value_type = String)]
    pub surface: Surface,
    /// The surface's levels above it (tenant/database), or empty.
    pub database: String,
    /// When it was made, ms since the Unix epoch.
    pub created_ms: u64,
}

impl From<&Collection> for CollectionView {
    fn from(collection: &Collection) -> Self {
        Self {
            id: collection.id.0,
            name: collection.name.clone(),
            dimension: collection.schema.dimension,
            metric: collection.schema.metric,
            kind: collection.schema.kind,
            surface: collection.home.surface,
            database: collection.home.database.clone(),
            created_ms: collection.created.0 / 1_000,
        }
    }
}

/// The account's collections.
#[derive(Debug, Serialize, ToSchema)]
pub struct CollectionsView {
    /// By name.
    pub collections: Vec<CollectionView>,
}

/// A namespace.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamespaceView {
    /// Its name; the default one is `__default__`.
    pub name: String,
    /// Its records; null if a shard didn't answer.
    pub count: Option<u64>,
}

/// A collection's namespaces.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamespacesView {
    /// By name, the default one first.
    pub namespaces: Vec<NamespaceView>,
}

/// Answer to an upsert.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpsertView {
    /// Repeat under it, as `Idempotency-Key`, to learn the outcome again.
    pub op_id: String,
    /// complete or partial.
    pub status: DeleteStatus,
    /// Records written; null if not known.
    pub upserted: Option<u64>,
    /// Of these, new ones.
    pub inserted: Option<u64>,
    /// Of these, replaced ones.
    pub updated: Option<u64>,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardWrite>,
}

impl From<WriteAnswer> for UpsertView {
    fn from(answer: WriteAnswer) -> Self {
        let counts = answer.counts;
        Self {
            op_id: answer.op_id.as_str().to_owned(),
            status: answer.status,
            upserted: counts.inserted.zip(counts.updated).map(|(new, old)| new + old),
            inserted: counts.inserted,
            updated: counts.updated,
            shards: answer.shards,
        }
    }
}

/// Answer to an update.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateView {
    /// Repeat under it, as `Idempotency-Key`, to learn the outcome again.
    pub op_id: String,
    /// complete or partial.
    pub status: DeleteStatus,
    /// Records changed; null if not known.
    pub updated: Option<u64>,
    /// Ids that weren't there.
    pub absent: Option<u64>,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardWrite>,
}

impl From<WriteAnswer> for UpdateView {
    fn from(answer: WriteAnswer) -> Self {
        Self {
            op_id: answer.op_id.as_str().to_owned(),
            status: answer.status,
            updated: answer.counts.updated,
            absent: answer.counts.absent,
            shards: answer.shards,
        }
    }
}

/// A record; parts that weren't asked for, or aren't there, are missing.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordJson {
    /// Its id.
    pub id: String,
    /// Its vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<JsonMetadata>,
}

impl From<RecordView> for RecordJson {
    fn from(record: RecordView) -> Self {
        Self {
            id: record.id.into_string(),
            vector: record.vector,
            document: record.document,
            metadata: record.metadata.map(JsonMetadata),
        }
    }
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordsView {
    /// The records.
    pub records: Vec<RecordJson>,
    /// Give it back to read on; missing: there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdsView {
    /// The ids, in order.
    pub ids: Vec<String>,
    /// Give it back to read on; missing: there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A hit.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchView {
    /// Its score: cosine or dot (best highest), squared distance for l2 (best lowest).
    pub score: f32,
    /// The record.
    #[serde(flatten)]
    pub record: RecordJson,
}

impl From<Hit> for MatchView {
    fn from(hit: Hit) -> Self {
        Self { score: hit.score, record: hit.record.into() }
    }
}

/// A shard that didn't answer in time.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnavailableShard {
    /// The shard.
    pub shard: u32,
    /// Why.
    pub error: ShardError,
}

/// Hits of one query vector.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchesView {
    /// Best first, ties by id.
    pub matches: Vec<MatchView>,
}

/// Answer to a query: `matches` for `vector`, `results` for `vectors`.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryView {
    /// Best first, ties by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Vec<MatchView>>,
    /// In the order of the query vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<MatchesView>>,
    /// Shards whose records were not searched; the status is then 207.
    pub shards_unavailable: Vec<UnavailableShard>,
}

/// Answer to a count.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountView {
    /// Records; null if a shard didn't answer (the status is then 207).
    pub count: Option<u64>,
    /// Shards that didn't answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards_unavailable: Vec<UnavailableShard>,
}

/// One shard's part of a preview.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShardPreviewView {
    /// The shard.
    pub shard: u32,
    /// Term of its log when it answered.
    pub term: Option<u64>,
    /// Index of its log when it answered.
    pub index: Option<u64>,
    /// Records that match there; null if it didn't answer.
    pub matched: Option<u64>,
    /// Why it didn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ShardError>,
}

/// What a delete would take now.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Records that match; null if a shard didn't answer (the status is then 207).
    pub matched: Option<u64>,
    /// The first ids of them, in order.
    pub sample: Vec<String>,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardPreviewView>,
}

impl From<Previewed> for PreviewView {
    fn from(previewed: Previewed) -> Self {
        let sample = previewed.sample.into_iter().map(lacuna_model::RecordId::into_string).collect();
        Self {
            matched: previewed.matched,
            sample,
            shards: previewed.shards.into_iter().map(shard_preview).collect(),
        }
    }
}

fn shard_preview(part: ShardPreview) -> ShardPreviewView {
    let (known, error) = match part.answer {
        Ok(known) => (Some(known), None),
        Err(error) => (None, Some(error)),
    };
    ShardPreviewView {
        shard: part.shard.0,
        term: known.map(|(at, _)| at.term),
        index: known.map(|(at, _)| at.index),
        matched: known.map(|(_, matched)| matched),
        error,
    }
}

/// An operation: a recorded delete with its answer as of now, or what shards keep of a write by id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OperationView {
    /// Recorded.
    Recorded(Box<RecordedView>),
    /// A write by id.
    Outcomes(OutcomesView),
}

/// A recorded operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedView {
    /// As its call would be answered now.
    #[serde(flatten)]
    pub answer: DeleteAnswer,
    /// The collection's name when it was recorded.
    pub collection: String,
    /// The collection's id.
    pub collection_id: u64,
    /// The namespace; null for a whole collection.
    pub namespace: Option<String>,
    /// When it was recorded, ms since the Unix epoch.
    pub recorded_ms: u64,
    /// When every shard was done, ms since the Unix epoch.
    pub finished_ms: Option<u64>,
}

/// Recorded operations.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationsView {
    /// Newest first.
    pub operations: Vec<RecordedView>,
}

/// What shards keep of a write by id. Shards that took no part, or refused it, aren't listed.
#[derive(Debug, Serialize, ToSchema)]
// Nothing else: or the document could not tell a recorded operation from this.
#[serde(deny_unknown_fields)]
pub struct OutcomesView {
    /// The operation.
    pub op_id: String,
    /// Always `write`.
    pub kind: &'static str,
    /// Always `applied`: on the shards listed.
    pub status: &'static str,
    /// Each shard that applied a part of it, ascending.
    pub shards: Vec<OutcomeView>,
}

/// What one shard did.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct OutcomeView {
    /// The shard.
    pub shard: u32,
    /// Term of the last entry that did it.
    pub term: u64,
    /// Index of the last entry that did it.
    pub index: u64,
    /// New records.
    pub inserted: u64,
    /// Records replaced or changed.
    pub updated: u64,
    /// Records deleted.
    pub deleted: u64,
    /// Ids that weren't there.
    pub absent: u64,
    /// Records that a legal hold kept.
    pub held: u64,
    /// Live records after it.
    pub remaining: u64,
}
