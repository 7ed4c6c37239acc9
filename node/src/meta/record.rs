//! Recording a durable operation, or joining one that is still open (protocol PN2, PN3, PC4).

use lacuna_model::catalog::{
    CollectionRef, Home, Operation, OperationKind, Protection, ShardProgress, Surface,
};
use lacuna_model::command::Window;
use lacuna_model::meta::{Changed, Claim, ClaimKey, MetaOutcome, MetaRefusal, RecordOperation};
use lacuna_model::op_id::RequestDigest;
use lacuna_model::{CollectionId, Incarnation, OpNumber};

use super::claims::{Holder, Key};
use super::operations::born;
use super::state::MetaState;

/// Where a recording leads.
enum Target {
    /// A collection that exists.
    Open(CollectionId),
    /// One whose contents are still being deleted, by this operation.
    Dropped(OpNumber),
}

/// What an operation works on.
struct Contents {
    collection: CollectionId,
    collection_name: String,
    home: Home,
    incarnations: Vec<Incarnation>,
    after: Vec<OpNumber>,
}

impl MetaState {
    /// `Record`.
    pub(super) fn record(&mut self, index: u64, mut ask: RecordOperation) -> MetaOutcome {
        tracing::trace!(index, "record");
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        if let Some(known) = self.known(&ask) {
            return known;
        }
        let Some(target) = self.target(&ask.collection) else {
            return MetaOutcome::Refused(MetaRefusal::NoCollection);
        };
        ask.namespace = match ask.kind {
            OperationKind::DropCollection => None,
            // Only a memory command records one: it says who may.
            OperationKind::Release { .. } => return MetaOutcome::Refused(MetaRefusal::NoCollection),
            OperationKind::DeleteAll
            | OperationKind::DeleteWhere { .. }
            | OperationKind::UpdateWhere { .. } => Some(ask.namespace.unwrap_or_default()),
        };
        if let Target::Open(id) = target
            && self.collections.get(id).is_some_and(|found| found.home.surface == Surface::Cognee)
        {
            // Records of memory collections go with the items that refer to them, never past these.
            return MetaOutcome::Refused(MetaRefusal::Protected(id));
        }
        match (target, &ask.kind) {
            (Target::Open(id), OperationKind::DeleteWhere { .. } | OperationKind::UpdateWhere { .. }) => {
                self.record_where(id, ask)
            }
            (Target::Open(id), OperationKind::DeleteAll) => self.record_all(index, id, ask),
            (Target::Open(id), OperationKind::DropCollection) => self.record_drop(index, id, ask),
            (_, OperationKind::Release { .. }) => MetaOutcome::Refused(MetaRefusal::NoCollection),
            (Target::Dropped(_), OperationKind::DeleteWhere { .. } | OperationKind::UpdateWhere { .. }) => {
                MetaOutcome::Refused(MetaRefusal::NoCollection)
            }
            (Target::Dropped(number), OperationKind::DeleteAll | OperationKind::DropCollection) => {
                self.join(number, (ask.account, ask.op_id), ask.digest)
            }
        }
    }

    /// The answer to a key that was used before, or is too old to know.
    fn known(&self, ask: &RecordOperation) -> Option<MetaOutcome> {
        match self.keys.holder(&ask.account, &ask.op_id) {
            Some(Holder::Operation(number, digest)) if *digest == ask.digest => {
                let operation = Box::new(self.operations.get(*number)?.clone());
                Some(MetaOutcome::Operation { operation, fresh: false })
            }
            Some(Holder::Operation(..) | Holder::Claim(_)) => {
                Some(MetaOutcome::Refused(MetaRefusal::KeyReused))
            }
            None => born(&ask.op_id)
                .filter(|born| born.after(Window::Claim.micros()) < self.stamp)
                .map(|_| MetaOutcome::Refused(MetaRefusal::Forgotten(self.stamp))),
        }
    }

    fn target(&self, named: &CollectionRef) -> Option<Target> {
        let open = self.collections.find(named).map(|found| Target::Open(found.id));
        open.or_else(|| self.remembered.find(named).map(Target::Dropped))
    }

    fn record_where(&mut self, id: CollectionId, ask: RecordOperation) -> MetaOutcome {
        let current = ask.namespace.as_ref().and_then(|name| self.namespaces.current(id, name));
        self.admit(id, ask, current.into_iter().collect(), Vec::new())
    }

    /// deleteAll: name → none in this entry (PN2), or joins the last one of a name without contents (PN3).
    fn record_all(&mut self, index: u64, id: CollectionId, ask: RecordOperation) -> MetaOutcome {
        let name = ask.namespace.clone().unwrap_or_default();
        let earlier = self.remembered.of_namespace(id, &name);
        match (self.namespaces.close(id, &name), earlier.last()) {
            (Some(ended), _) => {
                self.changes.note(index, Changed::Namespace(id, name.clone()));
                let outcome = self.admit(id, ask, vec![ended], earlier);
                if let MetaOutcome::Operation { operation, .. } = &outcome
                    && operation.finished.is_none()
                {
                    self.remembered.emptied(id, name, operation.number);
                }
                outcome
            }
            (None, Some(last)) => self.join(*last, (ask.account, ask.op_id), ask.digest),
            (None, None) => self.admit(id, ask, Vec::new(), Vec::new()),
        }
    }

    /// Drop: the collection leaves the catalog in this entry, with all its contents.
    fn record_drop(&mut self, index: u64, id: CollectionId, ask: RecordOperation) -> MetaOutcome {
        let Some(gone) = self.collections.get(id).cloned() else {
            return MetaOutcome::Refused(MetaRefusal::NoCollection);
        };
        if gone.protected == Protection::On {
            return MetaOutcome::Refused(MetaRefusal::Protected(id));
        }
        let earlier: Vec<OpNumber> = self.remembered.of_collection(&gone).into_iter().collect();
        let ended = self.namespaces.close_all(id);
        let joins =
            earlier.split_last().filter(|(last, others)| ended.is_empty() && self.covers(**last, others));
        let outcome = match joins {
            Some((last, _)) => self.join(*last, (ask.account, ask.op_id), ask.digest),
            None => self.admit(id, ask, ended, earlier),
        };
        self.collections.remove(id);
        self.changes.note(index, Changed::Collection(id));
        if let MetaOutcome::Operation { operation, .. } = &outcome
            && operation.finished.is_none()
        {
            self.remembered.dropped(gone, operation.number);
        }
        outcome
    }

    /// Does the end of one operation imply the end of these others?
    fn covers(&self, last: OpNumber, others: &[OpNumber]) -> bool {
        self.operations.get(last).is_some_and(|last| others.iter().all(|other| last.after.contains(other)))
    }

    /// Keeps a new operation; one without contents and without earlier ones is finished at once.
    fn admit(
        &mut self,
        collection: CollectionId,
        ask: RecordOperation,
        incarnations: Vec<Incarnation>,
        after: Vec<OpNumber>,
    ) -> MetaOutcome {
        let found = self.collections.get(collection).map(|found| (found.name.clone(), found.home.clone()));
        let (collection_name, home) =
            found.unwrap_or_else(|| (String::new(), Home::native(ask.account.clone())));
        let number = self.operations.number();
        self.keys.hold((ask.account.clone(), ask.op_id.clone()), number, ask.digest);
        let operation = self.new_operation(
            number,
            ask,
            Contents { collection, collection_name, home, incarnations, after },
        );
        self.operations.keep(operation);
        self.settle(number);
        self.answer(number, Freshness::Recorded)
    }

    fn new_operation(&self, number: OpNumber, ask: RecordOperation, contents: Contents) -> Operation {
        let shards =
            self.cluster.iter().flat_map(|cluster| &cluster.map.shards).map(|placement| placement.shard);
        let pending = shards.map(|shard| (shard, ShardProgress::Pending));
        let none = contents.incarnations.is_empty();
        Operation {
            number,
            op_id: ask.op_id,
            account: ask.account,
            kind: ask.kind,
            collection: contents.collection,
            collection_name: contents.collection_name,
            namespace: ask.namespace,
            incarnations: contents.incarnations,
            recorded: self.stamp,
            shards: if none { Vec::new() } else { pending.collect() },
            finished: None,
            unclosed: Vec::new(),
            after: contents.after,
            home: contents.home,
        }
    }

    /// Claims a caller's key onto an operation that is open (PN3).
    fn join(&mut self, number: OpNumber, key: Key, digest: RequestDigest) -> MetaOutcome {
        self.operations.join(number, key.clone());
        self.keys.hold(key, number, digest);
        self.answer(number, Freshness::Joined)
    }

    fn answer(&self, number: OpNumber, freshness: Freshness) -> MetaOutcome {
        match self.operations.get(number) {
            Some(operation) => MetaOutcome::Operation {
                operation: Box::new(operation.clone()),
                fresh: freshness == Freshness::Recorded,
            },
            // Unreachable while names of ended operations are forgotten; never a second run.
            None => MetaOutcome::Refused(MetaRefusal::NoCollection),
        }
    }

    /// `Claim`.
    pub(super) fn claim(&mut self, ask: ClaimKey) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        match self.keys.holder(&ask.account, &ask.key) {
            Some(Holder::Claim(claim)) if claim.digest == ask.digest => {
                return MetaOutcome::Claim { claim: claim.clone(), fresh: false };
            }
            Some(Holder::Claim(_) | Holder::Operation(..)) => {
                return MetaOutcome::Refused(MetaRefusal::KeyReused);
            }
            None => {}
        }
        let number = self.operations.number();
        let ClaimKey { account, key, digest, incarnation, epoch, .. } = ask;
        let claim = Claim { number, digest, incarnation, epoch, born: self.stamp };
        self.keys.claim((account, key), claim.clone());
        MetaOutcome::Claim { claim, fresh: true }
    }
}

/// Did this entry record the operation?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Recorded,
    Joined,
}
