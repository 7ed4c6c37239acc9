//! The answer to a delete, shard by shard and in all (design §5).

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Retry};
use crate::ids::ShardId;
use crate::op_id::OpId;

/// What kind of delete an answer is about.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteKind {
    /// By ids.
    DeleteIds,
    /// By ids and filter.
    DeleteIdsWhere,
    /// By filter.
    DeleteWhere,
    /// Everything in a namespace.
    DeleteAll,
    /// A collection with everything in it.
    DropCollection,
    /// No delete: an update by filter.
    UpdateWhere,
    /// What items of memory collections referred to; `released` records live on.
    Forget,
}

/// How far a delete is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteStatus {
    /// Every shard applied it.
    Complete,
    /// Some did; the others are listed.
    Partial,
    /// Recorded, all shards reachable, running on.
    Pending,
}

impl DeleteStatus {
    /// As it is written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Pending => "pending",
        }
    }
}

/// How far one shard is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardStatus {
    /// Applied, counts known.
    Applied,
    /// Will be applied by itself.
    Pending,
    /// Not applied, and won't be.
    Refused,
    /// Sent; its fate isn't known.
    Unknown,
}

/// Why a shard didn't apply.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardError {
    /// What went wrong.
    pub code: ErrorCode,
    /// Whether and how to repeat.
    pub retry: Retry,
    /// In words.
    pub message: String,
}

/// One shard's part of an answer. A count is known or `None` (INV-6).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardAnswer {
    /// The shard.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub shard: ShardId,
    /// How far it is.
    pub status: ShardStatus,
    /// Term of the entry that did it.
    pub term: Option<u64>,
    /// Index of the entry that did it.
    pub index: Option<u64>,
    /// Index that bounds what a where-delete takes here, once it is fixed (protocol PW6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<u64>,
    /// Records that matched.
    pub matched: Option<u64>,
    /// Records deleted.
    pub deleted: Option<u64>,
    /// Records changed (update by filter; `None` elsewhere).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<u64>,
    /// Ids that weren't there.
    pub absent: Option<u64>,
    /// Records kept by a legal hold.
    pub held: Option<u64>,
    /// Live records after it.
    pub remaining: Option<u64>,
    /// Ids of the request that this shard hasn't processed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unprocessed_ids: Vec<String>,
    /// Why not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ShardError>,
}

impl ShardAnswer {
    /// A shard that has not applied it: nothing of its counts is known.
    pub fn open(shard: ShardId, status: ShardStatus, error: Option<ShardError>) -> Self {
        Self {
            shard,
            status,
            term: None,
            index: None,
            bound: None,
            matched: None,
            deleted: None,
            updated: None,
            absent: None,
            held: None,
            remaining: None,
            unprocessed_ids: Vec::new(),
            error,
        }
    }
}

impl ShardError {
    /// With the code's own retry class.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, retry: code.retry(), message: message.into() }
    }
}

/// How far the bytes are gone (design §8): `none` (a part was refused or isn't known), `E0` recorded, `E1` decided
/// on every shard.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The level reached by what is known now.
    pub level: String,
    /// The level asked for (place reserved).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The answer to every delete on the native API, and to other durable operations.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteAnswer {
    /// Its name: repeat under it to learn the outcome again.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub op_id: OpId,
    /// What was asked.
    pub kind: DeleteKind,
    /// How far it is.
    pub status: DeleteStatus,
    /// Ids asked for, repeats counted once; `None` where it was not by ids.
    pub requested: Option<u64>,
    /// Records that matched.
    pub matched: Option<u64>,
    /// Records deleted.
    pub deleted: Option<u64>,
    /// Records changed (update by filter; `None` elsewhere).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<u64>,
    /// Ids that weren't there.
    pub absent: Option<u64>,
    /// Records kept by a legal hold.
    pub held: Option<u64>,
    /// Owner references dropped (memory collections; `None` elsewhere).
    pub released: Option<u64>,
    /// Live records left in the namespace.
    pub remaining: Option<u64>,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardAnswer>,
    /// How far the bytes are gone.
    pub erasure: Erasure,
    /// What a partial or pending answer means for writes made meanwhile, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
