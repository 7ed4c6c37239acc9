//! The commands of a shard's log. An entry is a batch of them (protocol PE1).
//!
//! Variants are only ever appended: the encoding names them by position. Places of later commands
//! (`Release`, `Hold`, `Unhold`, `Expire`, `Prepare`, `Purge`, `Stop`) come after the ones here.

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::ids::{Account, Incarnation, ItemNumber, MapEpoch, OpNumber, RecordId, Slot, Stamp, slot_of};
use crate::memory::contribution::{Holding, NewContribution};
use crate::memory::part::{NewOwner, Takes};
use crate::op_id::OpId;
use crate::record::{NewRecord, RecordPatch, Schema};
use crate::value::MetaValue;

/// Most commands in one entry.
pub const MAX_COMMANDS: usize = 256;
/// Most bytes in an entry of several commands.
pub const MAX_ENTRY_BYTES: usize = 1 << 20;
/// Most bytes of one command, which then is an entry by itself.
pub const MAX_COMMAND_BYTES: usize = 8 << 20;

/// What one log entry of a shard carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The leader's clock; apply takes the larger of it and the state's (protocol PE6).
    pub stamp: Stamp,
    /// The commands, in order; each reads the effects of those before it.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A write whose outcome is kept under its call (exactly once).
    Write(Write),
    /// Begins a row (where-delete, update by filter) and takes its first range.
    StartWhere(StartWhere),
    /// Takes a row's next range; proposed by the shard's leader only.
    Advance(Advance),
    /// Ends incarnations.
    Fence(Fence),
    /// Forgets rows whose results the meta group has stored.
    Close(Close),
    /// Tells the shard which slots it holds.
    SetSlots(SetSlots),
    /// Begins to release items' references, and takes the first of them.
    StartRelease(StartRelease),
    /// Releases the next references; proposed by the shard's leader only.
    AdvanceRelease(AdvanceRelease),
}

/// Under which name an outcome is kept (protocol PC3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallRef {
    /// The account that asked.
    pub account: Account,
    /// The operation.
    pub op_id: OpId,
    /// Number of the piece in the plan.
    pub part: u32,
    /// Largest stamp heard when the op_id was made, or the stamp of the claim's entry.
    pub born: Stamp,
    /// How long the outcome is kept.
    pub window: Window,
}

impl CallRef {
    /// The stamp past which the outcome is evicted and a repeat is `forgotten`: one comparison for both.
    pub fn expires(&self) -> Stamp {
        self.born.after(self.window.micros())
    }
}

/// How long an outcome is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    /// 120 s: an op_id made by the router.
    Short,
    /// 24 h: a client's `Idempotency-Key`.
    Claim,
}

impl Window {
    /// Its length in µs.
    pub const fn micros(self) -> u64 {
        match self {
            Self::Short => 120 * 1_000_000,
            Self::Claim => 24 * 3600 * 1_000_000,
        }
    }
}

/// A write of records by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Name of its outcome.
    pub call: CallRef,
    /// The contents it is meant for.
    pub incarnation: Incarnation,
    /// The incarnation's schema as the router knows it.
    pub schema: Schema,
    /// What to do.
    pub verb: WriteVerb,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WriteVerb {
    /// Writes each record whole, whether it exists or not.
    Upsert(Vec<NewRecord>),
    /// Writes each record, merged into an existing one by field and metadata key.
    Merge(Vec<RecordPatch>),
    /// Writes the records that do not exist; an existing id stays as it is.
    Insert(Vec<NewRecord>),
    /// Changes the records that exist; an unknown id is absent.
    Update(Vec<RecordPatch>),
    /// Deletes by id.
    DeleteIds(Vec<IdAt>),
    /// Deletes those of the ids that match the filter.
    DeleteIdsWhere(Vec<IdAt>, Filter),
    /// Adds an item's contributions to records of a memory collection.
    Contribute(NewOwner, Vec<NewContribution>),
    /// Adds an item's reference to records that must be there: ends of its edges.
    Retain(Retain, Vec<IdAt>),
}

/// Who holds the ends of its edges, and what counts as being there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retain {
    /// The item.
    pub owner: NewOwner,
    /// Items whose records don't count: not open, or forgotten; ascending.
    pub hidden: Vec<ItemNumber>,
    /// Items from this number on don't count either, but for the owner itself.
    pub next: ItemNumber,
}

/// An id with its position in the client's request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdAt {
    /// Position in the client's request.
    pub position: u32,
    /// The id.
    pub id: RecordId,
}

/// A key of a shard's record space inside one incarnation: ordered as the store orders them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The record's slot.
    pub slot: Slot,
    /// The record's id (compared by bytes).
    pub id: String,
}

impl RecordKey {
    /// Where a record of these contents is.
    pub fn of(incarnation: Incarnation, id: &str) -> Self {
        Self { slot: slot_of(incarnation, id), id: id.to_owned() }
    }
}

/// End of a key range that a sweep takes, inclusive (protocol PW2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upto {
    /// To the end of the incarnation.
    End,
    /// Up to and with this key.
    Key(RecordKey),
}

/// Begins a row (protocol PW1). Repeated, it changes nothing and returns the row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartWhere {
    /// The operation's number.
    pub number: OpNumber,
    /// The operation's name.
    pub op_id: OpId,
    /// The contents it is meant for.
    pub incarnation: Incarnation,
    /// What goes.
    pub filter: Filter,
    /// At most so many go (of a delete; an update takes all).
    pub limit: Option<u64>,
    /// End of the first range, chosen by the proposing leader (the router sends `End`, the leader narrows it).
    pub upto: Upto,
    /// What becomes of what it takes.
    pub action: RowAction,
}

/// What a row does with a record that it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowAction {
    /// Deletes it.
    Delete,
    /// Sets these metadata keys (`Some`) or removes them (`None`); the others, vector and document stay.
    SetMetadata(Vec<(String, Option<MetaValue>)>),
}

/// Takes a row's next range; applies only if the row's `after` is this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advance {
    /// The row.
    pub number: OpNumber,
    /// Where the row must stand.
    pub after: RecordKey,
    /// End of this range.
    pub upto: Upto,
}

/// Begins a release (protocol PM2). Repeated, it changes nothing and returns the row. If it takes all, writes for
/// these items are refused from here on, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRelease {
    /// The operation's number.
    pub number: OpNumber,
    /// The operation's name.
    pub op_id: OpId,
    /// The items, ascending.
    pub items: Vec<ItemNumber>,
    /// References to take in this entry (the router sends 0, the leader sets it).
    pub budget: u32,
    /// What of the items goes. Unless it is all, writes for them are still taken.
    pub takes: Takes,
    /// Contents that end with it: what the items held there goes at once.
    pub ends: Vec<Incarnation>,
}

/// Releases the next references; applies only if the row's `after` is this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvanceRelease {
    /// The row.
    pub number: OpNumber,
    /// Where the row must stand.
    pub after: Option<Holding>,
    /// References to take.
    pub budget: u32,
}

/// Ends incarnations on this shard; its count is kept as a row (protocol PN4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The operation's number.
    pub number: OpNumber,
    /// The operation's name.
    pub op_id: OpId,
    /// What ends; counts are of all together.
    pub incarnations: Vec<Incarnation>,
}

/// Forgets rows (protocol PW4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Rows whose results are stored.
    pub numbers: Vec<OpNumber>,
    /// The lowest number that is still open on this shard, or will be used next.
    pub low: OpNumber,
}

/// The slots of a shard, from the slot table of an epoch (protocol PE4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSlots {
    /// The table's epoch.
    pub epoch: MapEpoch,
    /// The slots, ascending.
    pub slots: Vec<Slot>,
}

impl Command {
    /// Records or ids it carries, for budgets.
    pub fn items(&self) -> usize {
        match self {
            Self::Write(write) => write.verb.items(),
            Self::StartWhere(_)
            | Self::Advance(_)
            | Self::Fence(_)
            | Self::Close(_)
            | Self::SetSlots(_)
            | Self::StartRelease(_)
            | Self::AdvanceRelease(_) => 1,
        }
    }
}

impl WriteVerb {
    /// Records or ids it carries.
    pub fn items(&self) -> usize {
        match self {
            Self::Upsert(records) | Self::Insert(records) => records.len(),
            Self::Merge(patches) | Self::Update(patches) => patches.len(),
            Self::DeleteIds(ids) | Self::DeleteIdsWhere(ids, _) | Self::Retain(_, ids) => ids.len(),
            Self::Contribute(_, records) => records.len(),
        }
    }

    /// Does it only take away? Deletes are served where writes are refused for want of room.
    pub fn is_delete(&self) -> bool {
        match self {
            Self::DeleteIds(_) | Self::DeleteIdsWhere(..) => true,
            Self::Upsert(_)
            | Self::Merge(_)
            | Self::Insert(_)
            | Self::Update(_)
            | Self::Contribute(..)
            | Self::Retain(..) => false,
        }
    }
}
