//! The meta group's state and what each command does to it: a function of (state, entry), nothing else (INV-2).

use lacuna_model::catalog::{ClusterInfo, CollectionChange, DatabaseName, Operation, Resolved, Surface};
use lacuna_model::meta::{Changed, MetaCommand, MetaEntry, MetaOutcome, MetaRefusal};
use lacuna_model::{CollectionId, DatabaseId, NamespaceName, OpNumber, ShardId, Stamp};
use serde::{Deserialize, Serialize};

use super::access::Access;
use super::changes::Changes;
use super::claims::Keys;
use super::collections::{Collections, NewCollection};
use super::databases::Databases;
use super::memory::MemoryCatalog;
use super::namespaces::Namespaces;
use super::operations::Operations;
use super::remembered::Remembered;

/// Operations, and claims, that one entry evicts at most: applying stays short.
const EVICTED_PER_ENTRY: usize = 64;

/// Everything the meta group knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetaState {
    pub(super) stamp: Stamp,
    pub(super) cluster: Option<ClusterInfo>,
    pub(super) collections: Collections,
    pub(super) namespaces: Namespaces,
    pub(super) operations: Operations,
    pub(super) remembered: Remembered,
    pub(super) keys: Keys,
    pub(super) changes: Changes,
    pub(super) memory: MemoryCatalog,
    pub(super) databases: Databases,
    pub(super) access: Access,
}

impl MetaState {
    /// Applies the entry at `index`.
    pub fn apply(&mut self, index: u64, entry: MetaEntry) -> MetaOutcome {
        self.stamp = self.stamp.max(entry.stamp);
        self.evict();
        match entry.command {
            MetaCommand::Init(cluster) => self.init(index, cluster),
            MetaCommand::CreateCollection { home, name, schema, extra } => {
                self.create(index, NewCollection { home, name, schema, extra })
            }
            MetaCommand::OpenNamespace { collection, namespace } => self.open(index, collection, namespace),
            MetaCommand::FixDimension { collection, dimension } => self.fix(index, collection, dimension),
            MetaCommand::Record(ask) => self.record(index, ask),
            MetaCommand::Claim(ask) => self.claim(ask),
            MetaCommand::Report { number, shards } => {
                self.operations.report(number, shards);
                self.settle(number);
                MetaOutcome::Done
            }
            MetaCommand::Closed { shard, numbers } => {
                self.operations.closed(shard, &numbers);
                MetaOutcome::Done
            }
            MetaCommand::Tick => MetaOutcome::Done,
            MetaCommand::Memory(command) => self.change_memory(index, command),
            MetaCommand::AlterCollection { collection, change } => self.alter(index, collection, change),
            MetaCommand::CreateTenant { account, tenant } => {
                let made = self.databases.create_tenant(account, tenant);
                made.map_or_else(MetaOutcome::Refused, |()| MetaOutcome::Done)
            }
            MetaCommand::CreateDatabase(named) => {
                self.databases.create(named).map_or_else(MetaOutcome::Refused, MetaOutcome::Database)
            }
            MetaCommand::DropDatabase { named, id } => self.drop_database(&named, id),
            MetaCommand::CreateAccount(name) => self.create_account(name),
            MetaCommand::CreateKey(new) => self.create_key(*new),
            MetaCommand::RotateKey { account, key, hash, grace_micros } => {
                self.rotate_key(index, (&account, key), (hash, grace_micros))
            }
            MetaCommand::RevokeKey { account, key } => self.revoke_key(index, (&account, key)),
            MetaCommand::DropTenant { account, tenant } => {
                let gone = self.databases.remove_tenant(&account, &tenant);
                gone.map_or_else(MetaOutcome::Refused, |()| MetaOutcome::Done)
            }
        }
    }

    /// Index of the last entry that changed the catalog.
    pub fn version(&self) -> u64 {
        self.changes.version()
    }

    /// The largest stamp of any entry applied.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Nodes, slot table and placement; `None` before `Init`.
    pub fn cluster(&self) -> Option<&ClusterInfo> {
        self.cluster.as_ref()
    }

    /// An operation, by number.
    pub fn operation(&self, number: OpNumber) -> Option<&Operation> {
        self.operations.get(number)
    }

    /// Operations that have not ended, ascending.
    pub fn unfinished(&self) -> impl Iterator<Item = &Operation> {
        self.operations.unfinished()
    }

    /// Operations that have ended, with rows left to close; ascending.
    pub fn to_close(&self) -> impl Iterator<Item = &Operation> {
        self.operations.to_close()
    }

    /// What a `Close` of `closing` tells a shard: every number below it has ended there (protocol PW4).
    pub fn low(&self, shard: ShardId, closing: &[OpNumber]) -> OpNumber {
        self.operations.low(shard, closing)
    }

    /// Would an entry with this stamp evict something?
    pub fn evictable(&self, stamp: Stamp) -> bool {
        self.operations.evictable(stamp) || self.keys.evictable(stamp)
    }

    fn evict(&mut self) {
        for key in self.operations.evict(self.stamp, EVICTED_PER_ENTRY) {
            self.keys.free(&key);
        }
        self.keys.evict(self.stamp, EVICTED_PER_ENTRY);
    }

    /// Ends what can end now, and forgets its names.
    pub(super) fn settle(&mut self, number: OpNumber) {
        for ended in self.operations.settle(number, self.stamp) {
            self.remembered.forget(ended);
            self.complete_release(ended);
        }
    }

    fn init(&mut self, index: u64, cluster: ClusterInfo) -> MetaOutcome {
        if self.cluster.is_none() {
            self.cluster = Some(cluster);
            self.changes.note(index, Changed::Cluster);
        }
        MetaOutcome::Done
    }

    fn create(&mut self, index: u64, new: NewCollection) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        if DatabaseName::of_home(&new.home).is_some_and(|named| self.databases.find(&named).is_none()) {
            return MetaOutcome::Refused(MetaRefusal::NoDatabase);
        }
        match self.collections.create(new, self.stamp) {
            Ok(made) => {
                self.changes.note(index, Changed::Collection(made.id));
                MetaOutcome::Collection(made.clone())
            }
            Err(refusal) => MetaOutcome::Refused(refusal),
        }
    }

    fn alter(&mut self, index: u64, id: CollectionId, change: CollectionChange) -> MetaOutcome {
        match self.collections.alter(id, change) {
            Ok(altered) => {
                self.changes.note(index, Changed::Collection(id));
                MetaOutcome::Collection(altered.clone())
            }
            Err(refusal) => MetaOutcome::Refused(refusal),
        }
    }

    fn drop_database(&mut self, named: &DatabaseName, id: DatabaseId) -> MetaOutcome {
        if self.databases.find(named) != Some(id) {
            return MetaOutcome::Refused(MetaRefusal::NoDatabase);
        }
        let home = named.home(Surface::Chroma);
        match self.collections.list(&named.account, Some(&home)).len() {
            0 => {
                self.databases.remove(named);
                MetaOutcome::Done
            }
            held => MetaOutcome::Refused(MetaRefusal::NotEmpty(held as u64)),
        }
    }

    fn open(&mut self, index: u64, id: CollectionId, name: NamespaceName) -> MetaOutcome {
        let Some(collection) = self.collections.get(id).cloned() else {
            return MetaOutcome::Refused(MetaRefusal::NoCollection);
        };
        let incarnation = self.namespaces.current(id, &name).unwrap_or_else(|| {
            self.changes.note(index, Changed::Namespace(id, name.clone()));
            self.namespaces.open(id, name)
        });
        MetaOutcome::Resolved(Resolved { collection, incarnation: Some(incarnation) })
    }

    fn fix(&mut self, index: u64, id: CollectionId, dimension: u32) -> MetaOutcome {
        match self.collections.fix_dimension(id, dimension) {
            Ok((collection, changed)) => {
                if changed {
                    self.changes.note(index, Changed::Collection(id));
                }
                MetaOutcome::Collection(collection.clone())
            }
            Err(refusal) => MetaOutcome::Refused(refusal),
        }
    }
}
