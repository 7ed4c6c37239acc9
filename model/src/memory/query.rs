//! Questions on the catalog's half of memory collections, answered at a read index: rights are always as they
//! are, never from a cache.

use serde::{Deserialize, Serialize};

use crate::ids::{DatasetNumber, ItemNumber};
use crate::memory::command::{ForgetWhat, MemoryRefusal};
use crate::memory::rights::{Permission, Permissions};
use crate::memory::words::{Asker, Dataset, Item, MemoryTotals, Receipt};
use crate::uuid::{DatasetId, ItemId, Principal, ReceiptId};

/// A question, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryQuery {
    /// Who asks.
    pub by: Asker,
    /// What.
    pub ask: MemoryAsk,
}

/// Datasets named by a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chosen {
    /// All that the asker can read.
    All,
    /// These.
    Ids(Vec<DatasetId>),
    /// The asker's own of these names in its current tenant, else those of these names that it can read.
    Names(Vec<String>),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemoryAsk {
    /// Datasets on which a principal has a permission; `None`: the asker.
    Datasets {
        /// Whose.
        of: Option<Principal>,
        /// Which.
        permission: Permission,
    },
    /// Which dataset a forget by name means: one that the asker may delete, or its own that was forgotten.
    ToForget(String),
    /// Items of a dataset that the asker can read.
    Items(DatasetId),
    /// One item of it.
    Item(DatasetId, ItemId),
    /// What a read of records may show.
    View(Chosen),
    /// A receipt.
    Receipt(ReceiptId),
    /// Counts of the asker's current space.
    Totals,
    /// Which items these owners are.
    Owners(Vec<ItemNumber>),
    /// What a forget would take now.
    WouldForget(ForgetWhat),
}

/// What a forget would take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldForget {
    /// Owners whose references would go, ascending.
    pub items: Vec<ItemNumber>,
    /// Item rows that would go.
    pub rows: u64,
    /// Items whose records would go, and whose rows would stay.
    pub reset: u64,
    /// Datasets that would go.
    pub datasets: u64,
    /// Raw files of others, which would be left alone.
    pub external: u64,
    /// Datasets that would be left out.
    pub skipped: Vec<DatasetId>,
    /// It was forgotten before: nothing is left to take.
    pub already: bool,
}

/// What a read of records may show: sent along to every shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryView {
    /// The datasets asked for.
    pub chosen: Vec<Dataset>,
    /// Numbers of all datasets that the asker can read, ascending: contributions of others aren't shown.
    pub readable: Vec<DatasetNumber>,
    /// Adds that aren't open, and forgotten ones that shards may still hold, ascending.
    pub hidden: Vec<ItemNumber>,
    /// Adds from this number on began after the view was made: hidden too.
    pub next: ItemNumber,
    /// Nodes and edges of items below this number are being pruned: hidden too, so that no edge is seen without
    /// its ends while some shards are behind.
    pub graph_from: ItemNumber,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemoryBody {
    /// Of `Datasets`: by name, with what the principal may do.
    Datasets(Vec<(Dataset, Permissions)>),
    /// Of `ToForget`.
    ToForget(DatasetId),
    /// Of `Items`: oldest first.
    Items(Vec<Item>),
    /// Of `Item`.
    Item(Box<Item>),
    /// Of `View`.
    View(MemoryView),
    /// Of `Receipt`; `None`: none for this asker.
    Receipt(Option<Box<Receipt>>),
    /// Of `Totals`.
    Totals(Principal, MemoryTotals),
    /// Of `Owners`: those that are open.
    Owners(Vec<(ItemNumber, DatasetId, ItemId)>),
    /// Of `WouldForget`.
    WouldForget(WouldForget),
    /// No such thing, or no right to it.
    Refused(MemoryRefusal),
}
