//! The catalog's words: collections, namespaces, nodes, the slot table, operations.

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::ids::{
    Account, CollectionId, DatabaseId, Incarnation, ItemNumber, MapEpoch, NamespaceName, NodeId, OpNumber,
    SLOTS, ShardId, Slot, Stamp,
};
use crate::memory::part::Takes;
use crate::op_id::OpId;
use crate::outcome::RowView;
use crate::record::Schema;
use crate::value::MetaValue;

/// The surface through which a collection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// `/v1`.
    Native,
    /// Chroma.
    Chroma,
    /// Pinecone.
    Pinecone,
    /// Moorcheh.
    Moorcheh,
    /// Cognee.
    Cognee,
}

impl Surface {
    /// Do its calls on records name a collection by id? Then no router ever keeps a collection's name of it.
    pub fn calls_by_id(self) -> bool {
        match self {
            Self::Chroma => true,
            Self::Native | Self::Pinecone | Self::Moorcheh | Self::Cognee => false,
        }
    }
}

/// Where a collection's name is unique: an account, a surface, and the surface's own levels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Home {
    /// The account.
    pub account: Account,
    /// The surface.
    pub surface: Surface,
    /// Tenant and database, `/`-joined, where the surface has them; else empty.
    pub database: String,
}

impl Home {
    /// The native home of an account.
    pub fn native(account: Account) -> Self {
        Self { account, surface: Surface::Native, database: String::new() }
    }
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its identity.
    pub id: CollectionId,
    /// Where its name is unique.
    pub home: Home,
    /// Its name.
    pub name: String,
    /// Dimension (if fixed), metric, kind.
    pub schema: Schema,
    /// When it was made.
    pub created: Stamp,
    /// What a surface keeps with it (configuration, metadata), as opaque JSON text.
    pub extra: String,
    /// May it be dropped?
    pub protected: Protection,
}

/// Whether a collection refuses to be dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// It may be dropped.
    #[default]
    Off,
    /// Dropping it is refused until this is switched off.
    On,
}

/// A change to a collection: what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionChange {
    /// Its new name; one that is taken in its home is refused.
    pub name: Option<String>,
    /// What its surface keeps with it, whole.
    pub extra: Option<String>,
    /// May it be dropped?
    pub protected: Option<Protection>,
}

/// A database: the level between a tenant and its collections, where a surface has one (Chroma).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Database {
    /// Its identity; never reused.
    pub id: DatabaseId,
    /// How a request names it.
    pub named: DatabaseName,
}

/// How a request names a database: inside an account, inside a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatabaseName {
    /// Whose.
    pub account: Account,
    /// The tenant.
    pub tenant: String,
    /// Its name in the tenant; without `/`.
    pub name: String,
}

impl DatabaseName {
    /// The tenant that every account has.
    pub const DEFAULT_TENANT: &'static str = "default_tenant";
    /// The database that every account has, in its default tenant.
    pub const DEFAULT_DATABASE: &'static str = "default_database";

    /// Is this the database that is always there? Emptied, it stays.
    pub fn is_default(&self) -> bool {
        self.tenant == Self::DEFAULT_TENANT && self.name == Self::DEFAULT_DATABASE
    }

    /// Where a surface's collections in it are unique.
    pub fn home(&self, surface: Surface) -> Home {
        Home { account: self.account.clone(), surface, database: format!("{}/{}", self.tenant, self.name) }
    }

    /// The database that a home is in; `None` for a surface without databases.
    pub fn of_home(home: &Home) -> Option<Self> {
        match home.surface {
            Surface::Chroma => {}
            Surface::Native | Surface::Pinecone | Surface::Moorcheh | Surface::Cognee => return None,
        }
        // A database's name has no `/`, a tenant's may.
        let (tenant, name) = home.database.rsplit_once('/').unwrap_or(("", &home.database));
        Some(Self { account: home.account.clone(), tenant: tenant.to_owned(), name: name.to_owned() })
    }
}

/// How a request names a collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CollectionRef {
    /// By id, inside an account.
    Id(Account, CollectionId),
    /// By name, inside a home.
    Name(Home, String),
}

/// What a name stands for now. `absence` is never cached by routers (protocol PN5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The collection.
    pub collection: Collection,
    /// The namespace's open incarnation, if it has one.
    pub incarnation: Option<Incarnation>,
}

/// A node, as the cluster knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Its id.
    pub id: NodeId,
    /// Where its gRPC services listen, `host:port`.
    pub address: String,
}

/// Where a shard's replicas are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlacement {
    /// The shard.
    pub shard: ShardId,
    /// Nodes with a replica; the first is the preferred leader.
    pub replicas: Vec<NodeId>,
}

/// The slot table with the placement of its shards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMap {
    /// Its version.
    pub epoch: MapEpoch,
    /// Shard of each slot; [`SLOTS`] long.
    pub slots: Vec<ShardId>,
    /// The shards, ascending.
    pub shards: Vec<ShardPlacement>,
}

impl ShardMap {
    /// The shard that holds a slot.
    pub fn shard_of(&self, slot: Slot) -> ShardId {
        self.slots[usize::from(slot.0)]
    }

    /// The slots of a shard, ascending.
    pub fn slots_of(&self, shard: ShardId) -> Vec<Slot> {
        (0..SLOTS).map(Slot).filter(|slot| self.shard_of(*slot) == shard).collect()
    }

    /// Placement of a shard.
    pub fn placement(&self, shard: ShardId) -> Option<&ShardPlacement> {
        self.shards.iter().find(|placement| placement.shard == shard)
    }
}

/// The cluster as its first meta entry made it, and as later entries changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// Random identity, in every data directory's FORMAT file.
    pub cluster_id: u128,
    /// The nodes, ascending.
    pub nodes: Vec<NodeInfo>,
    /// Slot table and placement.
    pub map: ShardMap,
}

/// What a durable operation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Deletes by filter in one namespace.
    DeleteWhere {
        /// What goes.
        filter: Filter,
        /// At most so many go, shard after shard (protocol PW5).
        limit: Option<u64>,
    },
    /// Ends a namespace's contents.
    DeleteAll,
    /// Ends all of a collection's contents, and the collection.
    DropCollection,
    /// Changes the metadata of what matches in one namespace.
    UpdateWhere {
        /// What is changed.
        filter: Filter,
        /// Keys to set (`Some`) or to remove (`None`); the others stay.
        set: Vec<(String, Option<MetaValue>)>,
    },
    /// Releases items' references on the records of memory collections (protocol PM2).
    Release {
        /// The items, ascending.
        items: Vec<ItemNumber>,
        /// What of them goes.
        takes: Takes,
    },
}

/// How far one shard is with an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShardProgress {
    /// Nothing is known to have happened yet; its bound isn't fixed.
    Pending,
    /// The row as last seen.
    Row(RowView),
}

/// A durable operation as the meta group keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number.
    pub number: OpNumber,
    /// Its name: the client's key, or made by the router.
    pub op_id: OpId,
    /// Whose.
    pub account: Account,
    /// What it does.
    pub kind: OperationKind,
    /// In which collection.
    pub collection: CollectionId,
    /// The collection's name when it was recorded.
    pub collection_name: String,
    /// In which namespace; `None` for a whole collection.
    pub namespace: Option<NamespaceName>,
    /// Contents it works on, ascending; empty: there were none, it is complete at once.
    pub incarnations: Vec<Incarnation>,
    /// Stamp of the entry that recorded it.
    pub recorded: Stamp,
    /// Each shard of the table when it was recorded, ascending.
    pub shards: Vec<(ShardId, ShardProgress)>,
    /// When every shard was done.
    pub finished: Option<Stamp>,
    /// Shards whose row is not yet closed.
    pub unclosed: Vec<ShardId>,
    /// Earlier operations of the same name that must end first (protocol PN3).
    pub after: Vec<OpNumber>,
    /// The collection's home: with its name, what a key's reach names.
    pub home: Home,
}
