//! Users, tenants, roles, datasets, items and receipts, as the meta group keeps them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{Account, DatasetNumber, ItemNumber, OpNumber, Stamp};
use crate::memory::counts::ReleaseCounts;
use crate::uuid::{DatasetId, ItemId, Principal, ReceiptId};

/// A user of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: Principal,
    /// Unique in the account.
    pub email: String,
    /// The tenant it works in now; datasets of others are out of its sight.
    pub tenant: Option<Principal>,
    /// Tenants it belongs to.
    pub tenants: BTreeSet<Principal>,
    /// Roles it has.
    pub roles: BTreeSet<Principal>,
}

/// A tenant: users who share datasets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: Principal,
    /// Unique in the account.
    pub name: String,
    /// The user who made it; it alone changes roles and members.
    pub owner: Principal,
}

/// A role in a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: Principal,
    /// Unique in the tenant.
    pub name: String,
    /// The tenant.
    pub tenant: Principal,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its id.
    pub id: DatasetId,
    /// Its short name on records.
    pub number: DatasetNumber,
    /// Unique for its owner in its tenant.
    pub name: String,
    /// The user who made it. It has no right by that alone.
    pub owner: Principal,
    /// The tenant it was made in.
    pub tenant: Option<Principal>,
    /// When it was made.
    pub created: Stamp,
    /// When an item was last added, replaced or forgotten.
    pub updated: Option<Stamp>,
}

impl Dataset {
    /// Whose records it shares: its tenant's if it has one, else its owner's. Nothing is shared across spaces.
    pub fn space(&self) -> Principal {
        self.tenant.unwrap_or(self.owner)
    }
}

/// An item's raw file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Raw {
    /// It has none.
    None,
    /// Bytes that Lacuna holds: they go with the last item of the space that refers to them.
    Stored {
        /// SHA-256 of the bytes.
        sha256: [u8; 32],
        /// How many.
        bytes: u64,
    },
    /// Somebody else's: never opened, never deleted.
    External {
        /// Where it is, as the client said.
        uri: String,
    },
}

/// What a client says of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// Its id.
    pub id: ItemId,
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// A JSON object, as text.
    pub external_metadata: String,
    /// Media type of its raw file.
    pub mime_type: String,
    /// Extension of its name.
    pub extension: String,
    /// Its raw file.
    pub raw: Raw,
}

/// Are an item's records there?
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// Yes.
    Present,
    /// They were forgotten; its row and its raw file stay.
    Cleared,
}

/// The two owners that an item stands for: so its records can go and its raw file stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemNumbers {
    /// Owner of its records.
    pub records: ItemNumber,
    /// Owner of its raw file's pieces.
    pub raw: ItemNumber,
}

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What the client says of it.
    pub facts: ItemFacts,
    /// The dataset it belongs to.
    pub dataset: DatasetId,
    /// Its owners on records; new ones with each replacement.
    pub numbers: ItemNumbers,
    /// Records it refers to, ends of edges included.
    pub records: u64,
    /// Are they there?
    pub memory: Memory,
    /// When it was added first.
    pub created: Stamp,
    /// When it was replaced or cleared last.
    pub updated: Option<Stamp>,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// One item.
    Item(DatasetId, ItemId),
    /// A dataset: items, grants and itself.
    Dataset(DatasetId),
    /// A dataset's items; it stays.
    Items(DatasetId),
    /// Every dataset that the caller may delete.
    Everything,
    /// One item's records; its row and raw file stay.
    ItemMemory(DatasetId, ItemId),
    /// Records of all items of a dataset.
    DatasetMemory(DatasetId),
    /// An add that was refused, or whose router was lost.
    Add(ItemNumber),
    /// What a replacement replaced.
    Replaced(DatasetId, ItemId),
    /// What a prune took.
    Pruned,
}

/// The account of a forget, kept for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// What was forgotten.
    pub scope: Scope,
    /// Who asked.
    pub requested_by: Principal,
    /// Owner of the dataset, if it was one dataset's.
    pub owner: Option<Principal>,
    /// When its entry was applied.
    pub requested: Stamp,
    /// When every shard had released.
    pub completed: Option<Stamp>,
    /// The durable operation that releases.
    pub operation: OpNumber,
    /// Item rows that went.
    pub items_forgotten: u64,
    /// Items whose records went, and whose rows stay.
    pub items_reset: u64,
    /// Datasets that went.
    pub datasets_removed: u64,
    /// Raw files of others, which were left alone.
    pub raw_external: u64,
    /// What the shards released; known once completed.
    pub counts: Option<ReleaseCounts>,
}

/// An account's things, counted by the meta group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryTotals {
    /// Datasets of a space.
    pub datasets: u64,
    /// Items in them.
    pub items: u64,
    /// Receipts of the space's datasets that aren't complete.
    pub pending_receipts: u64,
}

/// Whom a memory command belongs to, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asker {
    /// The account.
    pub account: Account,
    /// The user.
    pub user: Principal,
}

impl Asker {
    /// Does it hold the key given at start-up?
    pub fn is_root(&self) -> bool {
        self.user == Principal::ROOT
    }
}
