//! A meta group in memory.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::catalog::{
    ClusterInfo, Collection, CollectionChange, CollectionRef, Database, DatabaseName, Operation,
    OperationKind, Protection, Resolved, ShardProgress, Surface,
};
use lacuna_model::meta::{
    Changed, Claim, ClaimKey, MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal, MetaReply,
    RecordOperation,
};
use lacuna_model::outcome::RowStatus;
use lacuna_model::{Account, CollectionId, DatabaseId, Incarnation, NamespaceName, OpNumber, Stamp};

use super::keys::Keys;

pub(crate) struct Meta {
    pub(crate) index: u64,
    cluster: ClusterInfo,
    collections: Vec<Collection>,
    namespaces: BTreeMap<(CollectionId, NamespaceName), Incarnation>,
    pub(crate) operations: Vec<(Operation, u128)>,
    claims: BTreeMap<(Account, String), Claim>,
    changes: Vec<(u64, Changed)>,
    tenants: BTreeSet<String>,
    databases: Vec<Database>,
    keys: Keys,
    next: u64,
}

impl Meta {
    pub(crate) fn new(cluster: ClusterInfo) -> Self {
        let default = DatabaseName {
            account: Account::default(),
            tenant: DatabaseName::DEFAULT_TENANT.to_owned(),
            name: DatabaseName::DEFAULT_DATABASE.to_owned(),
        };
        Self {
            index: 1,
            cluster,
            collections: Vec::new(),
            namespaces: BTreeMap::new(),
            operations: Vec::new(),
            claims: BTreeMap::new(),
            changes: Vec::new(),
            tenants: [DatabaseName::DEFAULT_TENANT.to_owned()].into(),
            databases: vec![Database { id: DatabaseId(0), named: default }],
            keys: Keys::default(),
            next: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn note(&mut self, changed: Changed) {
        self.changes.push((self.index, changed));
    }

    fn find(&self, named: &CollectionRef) -> Option<&Collection> {
        self.collections.iter().find(|collection| match named {
            CollectionRef::Id(account, id) => collection.id == *id && collection.home.account == *account,
            CollectionRef::Name(home, name) => collection.home == *home && collection.name == *name,
        })
    }

    pub(crate) fn apply(&mut self, command: &MetaCommand, stamp: Stamp) -> MetaOutcome {
        self.index += 1;
        match command {
            MetaCommand::Memory(_) => panic!("no memory collections here"),
            MetaCommand::CreateCollection { home, name, schema, extra } => {
                let named = CollectionRef::Name(home.clone(), name.clone());
                if let Some(found) = self.find(&named) {
                    return MetaOutcome::Refused(MetaRefusal::Exists(Box::new(found.clone())));
                }
                let collection = Collection {
                    id: CollectionId(self.number()),
                    home: home.clone(),
                    name: name.clone(),
                    schema: *schema,
                    created: Stamp(1_700_000_000_000_000),
                    extra: extra.clone(),
                    protected: Protection::Off,
                };
                self.collections.push(collection.clone());
                MetaOutcome::Collection(collection)
            }
            MetaCommand::OpenNamespace { collection, namespace } => {
                let fresh = Incarnation(self.number());
                let key = (*collection, namespace.clone());
                let incarnation = *self.namespaces.entry(key).or_insert(fresh);
                self.note(Changed::Namespace(*collection, namespace.clone()));
                let found = self.collections.iter().find(|found| found.id == *collection);
                MetaOutcome::Resolved(Resolved {
                    collection: found.expect("a collection").clone(),
                    incarnation: Some(incarnation),
                })
            }
            MetaCommand::Record(ask) => self.record(ask, stamp),
            MetaCommand::Claim(ask) => self.claim(ask, stamp),
            MetaCommand::Report { number, shards } => {
                let kept = self.operations.iter_mut().find(|(operation, _)| operation.number == *number);
                let (operation, _) = kept.expect("an operation");
                for (shard, progress) in shards {
                    operation.shards.iter_mut().filter(|(known, _)| known == shard).for_each(|known| {
                        known.1 = progress.clone();
                    });
                }
                let done = |progress: &ShardProgress| matches!(progress, ShardProgress::Row(row) if row.status != RowStatus::Sweeping);
                if operation.shards.iter().all(|(_, progress)| done(progress)) {
                    operation.finished = Some(stamp);
                }
                MetaOutcome::Done
            }
            MetaCommand::Init(_) | MetaCommand::Closed { .. } | MetaCommand::Tick => MetaOutcome::Done,
            MetaCommand::FixDimension { collection, dimension } => self.fix(*collection, *dimension),
            MetaCommand::AlterCollection { collection, change } => self.alter(*collection, change),
            MetaCommand::CreateTenant { .. }
            | MetaCommand::CreateDatabase(_)
            | MetaCommand::DropDatabase { .. }
            | MetaCommand::DropTenant { .. } => self.change_level(command),
            MetaCommand::CreateAccount(name) => self.keys.create_account(name, stamp),
            MetaCommand::CreateKey(new) => self.keys.create(new, stamp),
            MetaCommand::RotateKey { .. } | MetaCommand::RevokeKey { .. } => self.change_key(command, stamp),
        }
    }

    fn alter(&mut self, id: CollectionId, change: &CollectionChange) -> MetaOutcome {
        self.note(Changed::Collection(id));
        let taken = |found: &&Collection| found.id != id && change.name.as_ref() == Some(&found.name);
        if let Some(there) = self.collections.iter().find(taken) {
            return MetaOutcome::Refused(MetaRefusal::Exists(Box::new(there.clone())));
        }
        let Some(found) = self.collections.iter_mut().find(|found| found.id == id) else {
            return MetaOutcome::Refused(MetaRefusal::NoCollection);
        };
        found.name = change.name.clone().unwrap_or_else(|| found.name.clone());
        found.extra = change.extra.clone().unwrap_or_else(|| found.extra.clone());
        found.protected = change.protected.unwrap_or(found.protected);
        MetaOutcome::Collection(found.clone())
    }

    fn change_level(&mut self, command: &MetaCommand) -> MetaOutcome {
        match command {
            MetaCommand::CreateTenant { tenant, .. } => {
                if self.tenants.insert(tenant.clone()) {
                    MetaOutcome::Done
                } else {
                    MetaOutcome::Refused(MetaRefusal::TenantExists)
                }
            }
            MetaCommand::CreateDatabase(named) => {
                if !self.tenants.contains(&named.tenant) {
                    return MetaOutcome::Refused(MetaRefusal::NoTenant);
                }
                let database = Database { id: DatabaseId(self.number()), named: named.clone() };
                if self.databases.iter().any(|there| there.named == *named) {
                    return MetaOutcome::Refused(MetaRefusal::DatabaseExists(database));
                }
                self.databases.push(database.clone());
                MetaOutcome::Database(database)
            }
            MetaCommand::DropDatabase { named, id } => {
                let home = named.home(Surface::Chroma);
                let held = self.collections.iter().filter(|found| found.home == home).count() as u64;
                if held > 0 {
                    return MetaOutcome::Refused(MetaRefusal::NotEmpty(held));
                }
                self.databases.retain(|there| there.id != *id || named.is_default());
                MetaOutcome::Done
            }
            MetaCommand::DropTenant { tenant, .. } => {
                self.tenants.remove(tenant);
                MetaOutcome::Done
            }
            other => panic!("{other:?} changes no tenant or database"),
        }
    }

    fn fix(&mut self, collection: CollectionId, dimension: u32) -> MetaOutcome {
        let found = self.collections.iter_mut().find(|found| found.id == collection).expect("a collection");
        found.schema.dimension.get_or_insert(dimension);
        MetaOutcome::Collection(found.clone())
    }

    fn change_key(&mut self, command: &MetaCommand, stamp: Stamp) -> MetaOutcome {
        let (outcome, changed) = match command {
            MetaCommand::RotateKey { account, key, hash, grace_micros } => {
                self.keys.rotate((account, *key), (*hash, *grace_micros), stamp)
            }
            MetaCommand::RevokeKey { account, key } => self.keys.revoke(account, *key, stamp),
            other => panic!("{other:?} changes no key"),
        };
        if let Some(changed) = changed {
            self.note(changed);
        }
        outcome
    }

    fn record(&mut self, ask: &RecordOperation, stamp: Stamp) -> MetaOutcome {
        if let Some((known, digest)) =
            self.operations.iter().find(|(known, _)| known.op_id == ask.op_id && known.account == ask.account)
        {
            return if *digest == ask.digest.0 {
                MetaOutcome::Operation { operation: Box::new(known.clone()), fresh: false }
            } else {
                MetaOutcome::Refused(MetaRefusal::KeyReused)
            };
        }
        let Some(found) = self.find(&ask.collection).cloned() else {
            return self.dropping(ask);
        };
        if ask.kind == OperationKind::DropCollection && found.protected == Protection::On {
            return MetaOutcome::Refused(MetaRefusal::Protected(found.id));
        }
        let name = ask.namespace.clone().unwrap_or_default();
        let incarnations: Vec<Incarnation> = match ask.kind {
            OperationKind::Release { .. } => panic!("no memory collections here"),
            OperationKind::DeleteWhere { .. } | OperationKind::UpdateWhere { .. } => {
                self.namespaces.get(&(found.id, name)).copied().into_iter().collect()
            }
            OperationKind::DeleteAll => {
                if let Some(known) = self.emptying(&found, &name) {
                    return MetaOutcome::Operation { operation: Box::new(known), fresh: false };
                }
                self.note(Changed::Namespace(found.id, name.clone()));
                self.namespaces.remove(&(found.id, name)).into_iter().collect()
            }
            OperationKind::DropCollection => {
                self.note(Changed::Collection(found.id));
                self.collections.retain(|collection| collection.id != found.id);
                let ended: Vec<_> = self
                    .namespaces
                    .iter()
                    .filter(|((id, _), _)| *id == found.id)
                    .map(|(_, one)| *one)
                    .collect();
                self.namespaces.retain(|(id, _), _| *id != found.id);
                ended
            }
        };
        let shards =
            self.cluster.map.shards.iter().map(|placement| (placement.shard, ShardProgress::Pending));
        let shards = if incarnations.is_empty() { Vec::new() } else { shards.collect() };
        let operation = Operation {
            number: OpNumber(self.number()),
            op_id: ask.op_id.clone(),
            account: ask.account.clone(),
            kind: ask.kind.clone(),
            collection: found.id,
            collection_name: found.name,
            namespace: ask.namespace.clone(),
            finished: shards.is_empty().then_some(stamp),
            incarnations,
            recorded: stamp,
            shards,
            unclosed: Vec::new(),
            after: Vec::new(),
            home: found.home,
        };
        self.operations.push((operation.clone(), ask.digest.0));
        MetaOutcome::Operation { operation: Box::new(operation), fresh: true }
    }

    /// Of a collection that is gone: the open operation that ends its contents, or there is none.
    fn dropping(&self, ask: &RecordOperation) -> MetaOutcome {
        let joined = self.operations.iter().find(|(known, _)| {
            let by_id = CollectionRef::Id(known.account.clone(), known.collection);
            let by_name = CollectionRef::Name(known.home.clone(), known.collection_name.clone());
            known.finished.is_none() && (ask.collection == by_id || ask.collection == by_name)
        });
        match joined {
            Some((known, _)) => MetaOutcome::Operation { operation: Box::new(known.clone()), fresh: false },
            None => MetaOutcome::Refused(MetaRefusal::NoCollection),
        }
    }

    /// The open deleteAll of a namespace that has no contents any more (protocol PN3).
    fn emptying(&self, collection: &Collection, name: &NamespaceName) -> Option<Operation> {
        if self.namespaces.contains_key(&(collection.id, name.clone())) {
            return None;
        }
        let same = |known: &Operation| {
            known.finished.is_none()
                && known.kind == OperationKind::DeleteAll
                && known.collection == collection.id
                && known.namespace.as_ref() == Some(name)
        };
        self.operations.iter().map(|(known, _)| known).find(|known| same(known)).cloned()
    }

    fn claim(&mut self, ask: &ClaimKey, stamp: Stamp) -> MetaOutcome {
        if let Some(claim) = self.claims.get(&(ask.account.clone(), ask.key.as_str().to_owned())) {
            return if claim.digest == ask.digest {
                MetaOutcome::Claim { claim: claim.clone(), fresh: false }
            } else {
                MetaOutcome::Refused(MetaRefusal::KeyReused)
            };
        }
        let claim = Claim {
            number: OpNumber(self.number()),
            digest: ask.digest,
            incarnation: ask.incarnation,
            epoch: ask.epoch,
            born: stamp,
        };
        self.claims.insert((ask.account.clone(), ask.key.as_str().to_owned()), claim.clone());
        MetaOutcome::Claim { claim, fresh: true }
    }

    pub(crate) fn query(&self, query: &MetaQuery, stamp: Stamp) -> MetaReply {
        let body = match query {
            MetaQuery::Memory(_) => panic!("no memory collections here"),
            MetaQuery::Cluster => MetaBody::Cluster(Some(Box::new(self.cluster.clone()))),
            MetaQuery::Changes(version) => MetaBody::Changes(Some(
                self.changes
                    .iter()
                    .filter(|(at, _)| at > version)
                    .map(|(_, changed)| changed.clone())
                    .collect(),
            )),
            MetaQuery::Resolve { collection, namespace } => {
                MetaBody::Resolved(self.find(collection).map(|found| {
                    let incarnation = self.namespaces.get(&(found.id, namespace.clone())).copied();
                    Box::new(Resolved { collection: found.clone(), incarnation })
                }))
            }
            MetaQuery::Collections { account, home } => {
                let wanted = |found: &&Collection| {
                    found.home.account == *account && home.as_ref().is_none_or(|home| found.home == *home)
                };
                MetaBody::Collections(self.collections.iter().filter(wanted).cloned().collect())
            }
            MetaQuery::Tenants(_) => MetaBody::Tenants(self.tenants.iter().cloned().collect()),
            MetaQuery::Databases { tenant, .. } => {
                let of = |there: &&Database| there.named.tenant == *tenant;
                let known = self.tenants.contains(tenant);
                MetaBody::Databases(known.then(|| self.databases.iter().filter(of).cloned().collect()))
            }
            MetaQuery::Dropping(_) => {
                let drops = |operation: &Operation| {
                    operation.kind == OperationKind::DropCollection && operation.finished.is_none()
                };
                let open = self.operations.iter().filter(|(operation, _)| drops(operation));
                MetaBody::Dropping(open.map(|(operation, _)| operation.collection).collect())
            }
            MetaQuery::Namespaces(id) => MetaBody::Namespaces(
                self.namespaces
                    .iter()
                    .filter(|((one, _), _)| one == id)
                    .map(|((_, name), incarnation)| (name.clone(), *incarnation))
                    .collect(),
            ),
            MetaQuery::Operation { op_id, account } => {
                let of = |one: &Operation| one.op_id == *op_id && one.account == *account;
                let found = self.operations.iter().find(|(operation, _)| of(operation));
                MetaBody::Operation(found.map(|(operation, _)| Box::new(operation.clone())))
            }
            MetaQuery::Operations { limit, account } => MetaBody::Operations(
                self.operations
                    .iter()
                    .rev()
                    .filter(|(one, _)| one.account == *account)
                    .take(*limit)
                    .map(|(operation, _)| operation.clone())
                    .collect(),
            ),
            MetaQuery::Claim { key, account } => {
                MetaBody::Claim(self.claims.get(&(account.clone(), key.as_str().to_owned())).cloned())
            }
            MetaQuery::Key(hash) => MetaBody::Key(self.keys.by_hash(hash).map(Box::new)),
            MetaQuery::Keys(account) => MetaBody::Keys(self.keys.of(account)),
            MetaQuery::Account(name) => MetaBody::Account(self.keys.account(name)),
            MetaQuery::Accounts => MetaBody::Accounts(self.keys.accounts()),
            MetaQuery::Contents(incarnation) => {
                let open = self.namespaces.iter().find(|(_, one)| *one == incarnation);
                MetaBody::Contents(open.map(|(place, _)| place.clone()))
            }
        };
        MetaReply { version: self.index, stamp, body }
    }
}
