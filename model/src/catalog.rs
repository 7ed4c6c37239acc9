//! The catalog's words: collections, namespaces, nodes, the slot table, operations.

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::ids::{
    Account, CollectionId, Incarnation, MapEpoch, NamespaceName, NodeId, OpNumber, SLOTS, ShardId, Slot,
    Stamp,
};
use crate::op_id::OpId;
use crate::outcome::RowView;
use crate::record::Schema;

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
}
