//! Changes to the catalog's half of memory collections. Rights are judged when the entry is applied, so no
//! right that was revoked before it counts.

use serde::{Deserialize, Serialize};

use crate::ids::{ItemNumber, OpNumber, Stamp};
use crate::memory::rights::Permission;
use crate::memory::words::{Asker, Dataset, Item, ItemFacts, ItemNumbers, Receipt, Role, Tenant, User};
use crate::op_id::{OpId, RequestDigest};
use crate::uuid::{DatasetId, ItemId, Principal, ReceiptId};

/// A change, and who asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryCommand {
    /// Who asks.
    pub by: Asker,
    /// What.
    pub change: MemoryChange,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MemoryChange {
    /// Makes a user; only root may.
    MakeUser {
        /// Its id.
        id: Principal,
        /// Unique in the account.
        email: String,
    },
    /// Makes a tenant; it becomes the asker's current one.
    MakeTenant {
        /// Its id.
        id: Principal,
        /// Unique in the account.
        name: String,
    },
    /// Changes the asker's current tenant.
    SelectTenant(Option<Principal>),
    /// Adds a user to a tenant of the asker's.
    AddToTenant {
        /// The user.
        user: Principal,
        /// The tenant.
        tenant: Principal,
    },
    /// Takes a user out of a tenant of the asker's, with its roles and grants there.
    RemoveFromTenant {
        /// The user.
        user: Principal,
        /// The tenant.
        tenant: Principal,
    },
    /// Makes a role in the asker's current tenant.
    MakeRole {
        /// Its id.
        id: Principal,
        /// Unique in the tenant.
        name: String,
    },
    /// Ends a role, with its grants.
    DropRole(Principal),
    /// Gives a user a role.
    GiveRole {
        /// The user.
        user: Principal,
        /// The role.
        role: Principal,
    },
    /// Takes a role from a user.
    TakeRole {
        /// The user.
        user: Principal,
        /// The role.
        role: Principal,
    },
    /// Makes a dataset, or returns the asker's of that name in its current tenant.
    MakeDataset {
        /// Its id, if it is made.
        id: DatasetId,
        /// Its name.
        name: String,
    },
    /// Gives a permission on all of these datasets, or on none.
    Grant {
        /// To whom.
        to: Principal,
        /// What.
        permission: Permission,
        /// On which.
        datasets: Vec<DatasetId>,
    },
    /// Takes a permission on all of these datasets, or on none.
    Revoke {
        /// From whom.
        from: Principal,
        /// What.
        permission: Permission,
        /// On which.
        datasets: Vec<DatasetId>,
    },
    /// Begins an add: gives it its numbers. Nothing of it is visible until `Open`.
    BeginAdd {
        /// Into which dataset.
        dataset: DatasetId,
        /// What the client says of the item.
        facts: ItemFacts,
        /// After this the meta leader gives it up, should the router be lost.
        give_up: Stamp,
        /// Account of what a replacement replaces, or of the add's own end.
        receipt: ReceiptId,
    },
    /// Every shard has the add's records: it becomes visible, and what it replaces goes.
    Open {
        /// The add.
        number: ItemNumber,
        /// Records it refers to.
        records: u64,
        /// Name of the release of what it replaces.
        op_id: OpId,
    },
    /// A shard refused, or the router is lost: the add's records are released.
    GiveUp {
        /// The add.
        number: ItemNumber,
        /// Name of the release.
        op_id: OpId,
    },
    /// Forgets.
    Forget(Forget),
    /// Prunes the account's memory collections; only root may, and routers send it in development mode only.
    Prune(Prune),
}

/// Prunes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prune {
    /// What.
    pub what: PruneWhat,
    /// Id of its receipt.
    pub receipt: ReceiptId,
    /// Name of the operation.
    pub op_id: OpId,
    /// Digest of the request.
    pub digest: RequestDigest,
}

/// What is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PruneWhat {
    /// Every raw file that is stored.
    RawFiles,
    /// Nodes and edges.
    Graph,
    /// Records of kind vector, and all vectors.
    Vectors,
    /// Both: all records.
    Records,
    /// Datasets, items, grants, tombstones, and users but root; so all that items held.
    Metadata,
}

/// Does the dataset go with its items?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// It stays, with its grants.
    Dataset,
    /// It goes, with its grants.
    Nothing,
}

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForgetWhat {
    /// One item; the dataset too, if it was the last and `keep` says so.
    Item(DatasetId, ItemId, Keep),
    /// All items of a dataset.
    Dataset(DatasetId, Keep),
    /// All datasets on which the asker has been granted delete.
    Everything,
    /// An item's records.
    ItemMemory(DatasetId, ItemId),
    /// The records of all items of a dataset.
    DatasetMemory(DatasetId),
}

/// Forgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forget {
    /// What.
    pub what: ForgetWhat,
    /// Id of its receipt, if there is none already.
    pub receipt: ReceiptId,
    /// Name of the operation.
    pub op_id: OpId,
    /// Digest of the request.
    pub digest: RequestDigest,
}

/// What a change answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MemoryOutcome {
    /// Done.
    Done,
    /// Of `MakeUser`.
    User(User),
    /// Of `MakeTenant`.
    Tenant(Tenant),
    /// Of `MakeRole`.
    Role(Role),
    /// Of `MakeDataset`.
    Dataset(Dataset),
    /// Of `BeginAdd`.
    Adding {
        /// The owners of what it brings.
        numbers: ItemNumbers,
        /// The dataset it goes to.
        dataset: Dataset,
    },
    /// Of `Open`, with the operation that it asked for, if something goes on its account. A repeat names none.
    Opened(Box<Item>, Option<OpNumber>),
    /// Of `Forget` and `GiveUp`.
    Forgotten(Box<Forgotten>),
    /// Nothing was done.
    Refused(MemoryRefusal),
}

/// What a forget came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The receipt, made now or before.
    pub receipt: Receipt,
    /// It had been forgotten before.
    pub already: bool,
    /// Of `Everything`: datasets that the asker can read, and may not delete.
    pub skipped: Vec<DatasetId>,
    /// The dataset went too.
    pub dataset_removed: bool,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MemoryRefusal {
    /// No such dataset, for this asker.
    #[error("no dataset {0}")]
    NoDataset(DatasetId),
    /// No dataset of that name, for this asker.
    #[error("no dataset named {0:?}")]
    NoDatasetNamed(String),
    /// No such item in the dataset.
    #[error("no item {0} in the dataset")]
    NoItem(ItemId),
    /// No such user, role or tenant.
    #[error("no principal {0}")]
    NoPrincipal(Principal),
    /// The asker lacks this permission.
    #[error("permission {} is missing on dataset {}", .0.name(), .1)]
    Lacks(Permission, DatasetId),
    /// Only root, or only the tenant's owner, may.
    #[error("only {0} may do this")]
    Only(String),
    /// The name, or the id, is taken.
    #[error("{0} is taken")]
    Taken(String),
    /// It cannot be, as things are.
    #[error("{0}")]
    Wrong(String),
    /// The add was given up, or its dataset is gone.
    #[error("the add was given up")]
    GivenUp,
    /// Contents are being pruned, and not every shard has confirmed it.
    #[error("the memory collections are being pruned")]
    Pruning,
}
