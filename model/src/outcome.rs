//! What a command answered, on one shard, at one index.

use serde::{Deserialize, Serialize};

use crate::command::{RecordKey, RowAction, Upto};
use crate::filter::Filter;
use crate::ids::{Incarnation, ItemNumber, LogPosition, MapEpoch, OpNumber, Slot, Stamp};
use crate::memory::contribution::Holding;
use crate::memory::counts::ReleaseCounts;
use crate::memory::part::Takes;
use crate::op_id::OpId;
use crate::record::{Schema, Written};

/// What a command answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CommandOutcome {
    /// A write took effect (now, or when its call was first applied).
    Written(WriteOutcome),
    /// A row as it now stands: answer of a Start, an Advance or a Fence.
    Row(RowView),
    /// `Close` or `SetSlots` is done.
    Done,
    /// Nothing was done.
    Refused(Refusal),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The shard doesn't hold a slot of the command: plan again with a newer table.
    #[error("this shard doesn't hold the record's slot (slot table epoch {0})")]
    WrongSlot(MapEpoch),
    /// The incarnation has ended here: ask the meta group, plan again.
    #[error("these contents were deleted")]
    Fenced,
    /// The call is older than its window: whether it ran is no longer known.
    #[error("the operation is too old to know")]
    Forgotten(Stamp),
    /// Dimension, metric or kind differ from what the incarnation holds.
    #[error("the contents have another schema")]
    Schema(Schema),
    /// Too many rows sweep here: wait and repeat.
    #[error("too many deletes and updates by filter are running on this shard")]
    Busy,
    /// The row's operation was closed: a late copy of a Start or Fence.
    #[error("the operation has ended")]
    Closed,
    /// No such row, or it stands elsewhere (a late Advance).
    #[error("the row stands elsewhere")]
    Elsewhere,
    /// The item was forgotten, or its add given up: nothing is written for it any more.
    #[error("the item was forgotten")]
    Released,
}

/// Fate of one record or id of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// Written as a new record.
    Inserted,
    /// An existing record was replaced or changed.
    Updated,
    /// `Insert` met an existing record and left it.
    Kept,
    /// Deleted.
    Deleted,
    /// No such record.
    Absent,
    /// It exists, but doesn't match the filter.
    Unmatched,
    /// A legal hold keeps it.
    Held,
    /// An item's reference was added to it.
    Retained,
}

/// One record or id, by slot and position in the request, never by id (protocol PE8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFate {
    /// Its slot.
    pub slot: Slot,
    /// Its position in the client's request.
    pub position: u32,
    /// What became of it.
    pub fate: Fate,
}

/// Effect of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOutcome {
    /// The entry that did it.
    pub at: LogPosition,
    /// Each record or id, in the command's order. A repeated id counts once: later mentions in a delete
    /// aren't listed.
    pub items: Vec<ItemFate>,
    /// Live records of the incarnation on this shard after it.
    pub remaining: u64,
}

impl WriteOutcome {
    /// How many items had this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.items.iter().filter(|item| item.fate == fate).count() as u64
    }
}

/// How far a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowStatus {
    /// Ranges are left to take.
    Sweeping,
    /// All taken.
    Done,
    /// A fence ended the incarnation first; what wasn't taken counts to the fence.
    Fenced,
}

/// What a row tells outside the shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// The operation.
    pub number: OpNumber,
    /// How far.
    pub status: RowStatus,
    /// The last entry that worked on it.
    pub at: LogPosition,
    /// Index that bounds what it takes.
    pub bound_index: u64,
    /// Records that matched so far (deleted, changed or held).
    pub matched: u64,
    /// Records deleted so far.
    pub deleted: u64,
    /// Records that matched but are held.
    pub held: u64,
    /// Live records of the incarnation on this shard after `at` (0 after a fence).
    pub remaining: u64,
    /// Records changed so far (update by filter).
    pub updated: u64,
    /// What a release took so far; nothing of other rows.
    pub released: ReleaseCounts,
    /// Of a release that takes only a part: references that each item lost so far, by item.
    pub lost: Vec<(ItemNumber, u64)>,
}

impl RowView {
    /// A row as it begins, or that never will: nothing taken yet.
    pub fn begun(number: OpNumber, status: RowStatus, at: LogPosition) -> Self {
        Self {
            number,
            status,
            at,
            bound_index: at.index,
            matched: 0,
            deleted: 0,
            held: 0,
            remaining: 0,
            updated: 0,
            released: ReleaseCounts::default(),
            lost: Vec::new(),
        }
    }
}

/// A row as the shard keeps it: where-deletes, updates by filter and fences at work or waiting to be closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The operation's name.
    pub op_id: OpId,
    /// The incarnation it works in (a fence's first).
    pub incarnation: Incarnation,
    /// What it takes; `None` for a fence.
    pub filter: Option<Filter>,
    /// It takes only what was written before this.
    pub bound: Written,
    /// Everything up to and with this key is taken.
    pub after: Option<RecordKey>,
    /// How many more it may take.
    pub limit_left: Option<u64>,
    /// What it tells.
    pub view: RowView,
    /// What becomes of what it takes.
    pub action: RowAction,
    /// Of a release: whose references go, and how far it is.
    pub release: Option<ReleaseRow>,
}

/// A release at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// The items, ascending.
    pub items: Vec<ItemNumber>,
    /// Every reference up to and with this one is taken.
    pub after: Option<Holding>,
    /// What of them goes.
    pub takes: Takes,
}

/// A range that a leader would propose next for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRange {
    /// The row.
    pub number: OpNumber,
    /// Where it stands.
    pub after: RecordKey,
    /// How far to go.
    pub upto: Upto,
}
