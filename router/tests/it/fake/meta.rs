//! A meta group in memory.

use std::collections::BTreeMap;

use lacuna_model::catalog::{
    ClusterInfo, Collection, CollectionRef, Operation, OperationKind, Resolved, ShardProgress,
};
use lacuna_model::meta::{
    Changed, Claim, ClaimKey, MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal, MetaReply,
    RecordOperation,
};
use lacuna_model::outcome::RowStatus;
use lacuna_model::{CollectionId, Incarnation, NamespaceName, OpNumber, Stamp};

pub(crate) struct Meta {
    pub(crate) index: u64,
    cluster: ClusterInfo,
    collections: Vec<Collection>,
    namespaces: BTreeMap<(CollectionId, NamespaceName), Incarnation>,
    pub(crate) operations: Vec<(Operation, u128)>,
    claims: BTreeMap<String, Claim>,
    changes: Vec<(u64, Changed)>,
    next: u64,
}

impl Meta {
    pub(crate) fn new(cluster: ClusterInfo) -> Self {
        Self {
            index: 1,
            cluster,
            collections: Vec::new(),
            namespaces: BTreeMap::new(),
            operations: Vec::new(),
            claims: BTreeMap::new(),
            changes: Vec::new(),
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
            CollectionRef::Id(_, id) => collection.id == *id,
            CollectionRef::Name(home, name) => collection.home == *home && collection.name == *name,
        })
    }

    pub(crate) fn apply(&mut self, command: &MetaCommand, stamp: Stamp) -> MetaOutcome {
        self.index += 1;
        match command {
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
            MetaCommand::Init(_)
            | MetaCommand::FixDimension { .. }
            | MetaCommand::Closed { .. }
            | MetaCommand::Tick => MetaOutcome::Done,
        }
    }

    fn record(&mut self, ask: &RecordOperation, stamp: Stamp) -> MetaOutcome {
        if let Some((known, digest)) = self.operations.iter().find(|(known, _)| known.op_id == ask.op_id) {
            return if *digest == ask.digest.0 {
                MetaOutcome::Operation { operation: Box::new(known.clone()), fresh: false }
            } else {
                MetaOutcome::Refused(MetaRefusal::KeyReused)
            };
        }
        let Some(found) = self.find(&ask.collection).cloned() else {
            return MetaOutcome::Refused(MetaRefusal::NoCollection);
        };
        let name = ask.namespace.clone().unwrap_or_default();
        let incarnations: Vec<Incarnation> = match ask.kind {
            OperationKind::DeleteWhere { .. } => {
                self.namespaces.get(&(found.id, name)).copied().into_iter().collect()
            }
            OperationKind::DeleteAll => {
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
        };
        self.operations.push((operation.clone(), ask.digest.0));
        MetaOutcome::Operation { operation: Box::new(operation), fresh: true }
    }

    fn claim(&mut self, ask: &ClaimKey, stamp: Stamp) -> MetaOutcome {
        if let Some(claim) = self.claims.get(ask.key.as_str()) {
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
        self.claims.insert(ask.key.as_str().to_owned(), claim.clone());
        MetaOutcome::Claim { claim, fresh: true }
    }

    pub(crate) fn query(&self, query: &MetaQuery, stamp: Stamp) -> MetaReply {
        let body = match query {
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
            MetaQuery::Collections { .. } => MetaBody::Collections(self.collections.clone()),
            MetaQuery::Namespaces(id) => MetaBody::Namespaces(
                self.namespaces
                    .iter()
                    .filter(|((one, _), _)| one == id)
                    .map(|((_, name), incarnation)| (name.clone(), *incarnation))
                    .collect(),
            ),
            MetaQuery::Operation { op_id, .. } => {
                let found = self.operations.iter().find(|(operation, _)| operation.op_id == *op_id);
                MetaBody::Operation(found.map(|(operation, _)| Box::new(operation.clone())))
            }
            MetaQuery::Operations { limit, .. } => MetaBody::Operations(
                self.operations.iter().rev().take(*limit).map(|(operation, _)| operation.clone()).collect(),
            ),
            MetaQuery::Claim { key, .. } => MetaBody::Claim(self.claims.get(key.as_str()).cloned()),
        };
        MetaReply { version: self.index, stamp, body }
    }
}
