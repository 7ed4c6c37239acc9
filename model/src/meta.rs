//! Commands of the meta group's log, questions to it, and its answers.
//!
//! Variants are only ever appended: the encoding names them by position.

use serde::{Deserialize, Serialize};

use crate::access::{AccessRefusal, AccountInfo, Key, Reach, Rights, SecretHash};
use crate::catalog::{
    ClusterInfo, Collection, CollectionChange, CollectionRef, Database, DatabaseName, Home, Operation,
    OperationKind, Resolved, ShardProgress,
};
use crate::ids::{
    Account, CollectionId, DatabaseId, Incarnation, MapEpoch, NamespaceName, OpNumber, ShardId, Stamp,
};
use crate::memory::command::{MemoryCommand, MemoryOutcome};
use crate::memory::query::{MemoryBody, MemoryQuery};
use crate::op_id::{OpId, RequestDigest};
use crate::record::Schema;
use crate::uuid::{KeyId, Principal};

/// What one entry of the meta log carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaEntry {
    /// The leader's clock.
    pub stamp: Stamp,
    /// The command.
    pub command: MetaCommand,
}

/// A change to the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetaCommand {
    /// The cluster's first entry; a second one changes nothing.
    Init(ClusterInfo),
    /// Makes a collection; an existing name in the same home is refused.
    CreateCollection {
        /// Where its name is unique.
        home: Home,
        /// Its name.
        name: String,
        /// Dimension (if fixed), metric, kind.
        schema: Schema,
        /// What the surface keeps with it.
        extra: String,
    },
    /// Gives a namespace an incarnation if it has none; answers `Resolved`.
    OpenNamespace {
        /// The collection.
        collection: CollectionId,
        /// The namespace.
        namespace: NamespaceName,
    },
    /// Fixes a collection's dimension if it has none (compare-and-set, protocol PE5).
    FixDimension {
        /// The collection.
        collection: CollectionId,
        /// Components of a vector.
        dimension: u32,
    },
    /// Records a durable operation, or joins one (protocol PN3, PC4).
    Record(RecordOperation),
    /// Claims an `Idempotency-Key` for a request that nobody drives (protocol PC4).
    Claim(ClaimKey),
    /// Stores what shards answered to an operation.
    Report {
        /// The operation.
        number: OpNumber,
        /// Shards and how far they are; a shard never goes back.
        shards: Vec<(ShardId, ShardProgress)>,
    },
    /// Shards have closed these operations' rows.
    Closed {
        /// The shard.
        shard: ShardId,
        /// The operations.
        numbers: Vec<OpNumber>,
    },
    /// Nothing but the stamp: lets old operations and claims be evicted.
    Tick,
    /// Changes a collection's name, extra or protection; answers `Collection`.
    AlterCollection {
        /// The collection.
        collection: CollectionId,
        /// What changes.
        change: CollectionChange,
    },
    /// Makes a tenant; one that exists is refused.
    CreateTenant {
        /// Whose.
        account: Account,
        /// Its name.
        tenant: String,
    },
    /// Makes a database in a tenant that exists; answers `Database`.
    CreateDatabase(DatabaseName),
    /// Takes a database without collections away; the default one stays.
    DropDatabase {
        /// How it is named.
        named: DatabaseName,
        /// Which one: another of the same name isn't meant.
        id: DatabaseId,
    },
    /// A change to datasets, items and who may do what with them.
    Memory(MemoryCommand),
    /// Makes an account.
    CreateAccount(Account),
    /// Makes a key; the same id and hash again change nothing.
    CreateKey(Box<NewKey>),
    /// Gives a key another secret; the same hash again changes nothing.
    RotateKey {
        /// The account it must belong to.
        account: Account,
        /// The key.
        key: KeyId,
        /// Of the new secret.
        hash: SecretHash,
        /// How long the old secret stays good, µs from this entry's stamp; 0: it ends now.
        grace_micros: u64,
    },
    /// Ends a key; one that is revoked stays as it is.
    RevokeKey {
        /// The account it must belong to.
        account: Account,
        /// The key.
        key: KeyId,
    },
    /// Takes a tenant without databases away; the default one stays.
    DropTenant {
        /// Whose.
        account: Account,
        /// Its name.
        tenant: String,
    },
}

/// A key to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// Its id, made at random by the router.
    pub id: KeyId,
    /// The account.
    pub account: Account,
    /// The user.
    pub principal: Principal,
    /// What people call it.
    pub label: String,
    /// Of its secret.
    pub hash: SecretHash,
    /// What it may do.
    pub rights: Rights,
    /// To which collections.
    pub reach: Reach,
    /// How long it is good, µs from its entry's stamp; `None`: until it is revoked.
    pub life_micros: Option<u64>,
}

/// Records a durable operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordOperation {
    /// Whose.
    pub account: Account,
    /// Its name: the client's key, or made by the router.
    pub op_id: OpId,
    /// Digest of verb, names and body.
    pub digest: RequestDigest,
    /// The collection.
    pub collection: CollectionRef,
    /// The namespace; `None` for the whole collection.
    pub namespace: Option<NamespaceName>,
    /// What to do.
    pub kind: OperationKind,
}

/// Claims a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimKey {
    /// Whose.
    pub account: Account,
    /// The client's key.
    pub key: OpId,
    /// Digest of verb, names and body.
    pub digest: RequestDigest,
    /// What it works on: the plan of every repeat.
    pub collection: CollectionId,
    /// The contents it works on.
    pub incarnation: Incarnation,
    /// The slot table it was planned with.
    pub epoch: MapEpoch,
}

/// A claim as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its number.
    pub number: OpNumber,
    /// Digest of the request it was made for.
    pub digest: RequestDigest,
    /// The contents it works on.
    pub incarnation: Incarnation,
    /// The slot table it was planned with.
    pub epoch: MapEpoch,
    /// Stamp of its entry: `born` of its commands.
    pub born: Stamp,
}

/// What a meta command answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetaOutcome {
    /// Done, nothing to say.
    Done,
    /// Of `CreateCollection` and `FixDimension`: the collection as it now is.
    Collection(Collection),
    /// Of `OpenNamespace`.
    Resolved(Resolved),
    /// Of `Record`.
    Operation {
        /// The operation, recorded now or joined.
        operation: Box<Operation>,
        /// This entry recorded it; otherwise the call joined, or repeats.
        fresh: bool,
    },
    /// Of `Claim`: the claim, made now or before.
    Claim {
        /// The claim.
        claim: Claim,
        /// This entry made it.
        fresh: bool,
    },
    /// Nothing was done.
    Refused(MetaRefusal),
    /// Of `CreateDatabase`.
    Database(Database),
    /// Of `Memory`.
    Memory(MemoryOutcome),
    /// Of `CreateAccount`.
    Account(AccountInfo),
    /// Of `CreateKey`, `RotateKey` and `RevokeKey`: the key as it now is.
    Key(Box<Key>),
}

/// Why a meta command did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MetaRefusal {
    /// No such collection.
    #[error("no such collection")]
    NoCollection,
    /// The name is taken.
    #[error("the name is taken")]
    Exists(Box<Collection>),
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The dimension is fixed already.
    #[error("the dimension is fixed to {0}")]
    Dimension(u32),
    /// The cluster isn't set up yet.
    #[error("the cluster isn't set up yet")]
    NotReady,
    /// A router-made op_id older than its window (its `born`): whether it ran is no longer known (protocol PC3).
    #[error("the operation is too old to know")]
    Forgotten(Stamp),
    /// The collection is protected from being dropped.
    #[error("the collection is protected")]
    Protected(CollectionId),
    /// No such tenant.
    #[error("no such tenant")]
    NoTenant,
    /// No such database.
    #[error("no such database")]
    NoDatabase,
    /// The tenant exists.
    #[error("the tenant exists")]
    TenantExists,
    /// The database exists.
    #[error("the database exists")]
    DatabaseExists(Database),
    /// The database holds so many collections.
    #[error("the database holds {0} collections")]
    NotEmpty(u64),
    /// About accounts and keys.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
}

/// A question to the meta group, asked at a read index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetaQuery {
    /// Cluster and slot table.
    Cluster,
    /// What changed since a version: the lease's confirmed read (protocol PN5).
    Changes(u64),
    /// What a name stands for.
    Resolve {
        /// The collection.
        collection: CollectionRef,
        /// The namespace.
        namespace: NamespaceName,
    },
    /// Collections of an account: all, or those of one home.
    Collections {
        /// The account.
        account: Account,
        /// Only of this home.
        home: Option<Home>,
    },
    /// Open namespaces of a collection.
    Namespaces(CollectionId),
    /// One operation of an account.
    Operation {
        /// The account.
        account: Account,
        /// Its name.
        op_id: OpId,
    },
    /// Operations of an account, newest first, at most so many.
    Operations {
        /// The account.
        account: Account,
        /// At most.
        limit: usize,
    },
    /// A claim.
    Claim {
        /// The account.
        account: Account,
        /// The key.
        key: OpId,
    },
    /// Tenants of an account, by name.
    Tenants(Account),
    /// Databases of a tenant, by name.
    Databases {
        /// The account.
        account: Account,
        /// The tenant.
        tenant: String,
    },
    /// Collections of a home that were dropped and whose contents are still being ended.
    Dropping(Home),
    /// A question on datasets and items.
    Memory(MemoryQuery),
    /// The key with the secret of this hash, revoked and expired ones too.
    Key(SecretHash),
    /// Keys of an account, oldest first.
    Keys(Account),
    /// One account.
    Account(Account),
    /// Accounts, by name.
    Accounts,
    /// Whose open contents these are: a client that carries a router-made op_id says which contents it means.
    Contents(Incarnation),
}

/// The meta group's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaReply {
    /// Version of the catalog when it answered: index of the last entry that changed it.
    pub version: u64,
    /// The state's stamp.
    pub stamp: Stamp,
    /// The answer.
    pub body: MetaBody,
}

/// Body of the meta group's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetaBody {
    /// Of `Cluster`; `None` before `Init`.
    Cluster(Option<Box<ClusterInfo>>),
    /// Of `Changes`: drop these from the cache. `None`: too far back, drop everything.
    Changes(Option<Vec<Changed>>),
    /// Of `Resolve`; `None` = no such collection.
    Resolved(Option<Box<Resolved>>),
    /// Of `Collections`.
    Collections(Vec<Collection>),
    /// Of `Namespaces`: open ones, by name.
    Namespaces(Vec<(NamespaceName, Incarnation)>),
    /// Of `Operation`.
    Operation(Option<Box<Operation>>),
    /// Of `Operations`.
    Operations(Vec<Operation>),
    /// Of `Claim`.
    Claim(Option<Claim>),
    /// Of `Tenants`.
    Tenants(Vec<String>),
    /// Of `Databases`; `None` = no such tenant.
    Databases(Option<Vec<Database>>),
    /// Of `Dropping`, ascending.
    Dropping(Vec<CollectionId>),
    /// Of `Memory`.
    Memory(MemoryBody),
    /// Of `Key`.
    Key(Option<Box<Key>>),
    /// Of `Keys`.
    Keys(Vec<Key>),
    /// Of `Account`.
    Account(Option<AccountInfo>),
    /// Of `Accounts`.
    Accounts(Vec<AccountInfo>),
    /// Of `Contents`; `None`: they are nobody's, or ended.
    Contents(Option<(CollectionId, NamespaceName)>),
}

/// A thing whose cached copy is no longer true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Changed {
    /// A collection: its schema, or it is gone; with all its namespaces.
    Collection(CollectionId),
    /// A namespace's incarnation.
    Namespace(CollectionId, NamespaceName),
    /// Nodes, slot table or placement.
    Cluster,
    /// A key: rotated or revoked.
    Key(KeyId),
}
