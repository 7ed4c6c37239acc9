//! Where memory collections meet durable operations: a change that releases owners records one, and its end
//! completes the receipt.

use lacuna_model::catalog::{Collection, Home, Operation, OperationKind, ShardProgress, Surface};
use lacuna_model::memory::RAW_COLLECTION;
use lacuna_model::memory::command::{MemoryChange, MemoryCommand, MemoryOutcome};
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::memory::words::Asker;
use lacuna_model::meta::{Changed, MetaOutcome, MetaRefusal};
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::{Account, CollectionId, Incarnation, ItemNumber, OpNumber, Stamp};

use super::claims::Holder;
use super::memory::{Empties, Moment, Release};
use super::state::MetaState;

impl MetaState {
    /// `Memory`.
    pub(super) fn change_memory(&mut self, index: u64, command: MemoryCommand) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        if let Some(known) = self.known_release(&command) {
            return known;
        }
        let number = self.operations.next_number();
        let (outcome, release) = self.memory.apply(command, Moment { now: self.stamp, number });
        let Some(release) = release else { return MetaOutcome::Memory(outcome) };
        self.record_release(index, release);
        MetaOutcome::Memory(self.with_receipt_of(number, outcome))
    }

    /// The answer to a name that was used before.
    fn known_release(&self, command: &MemoryCommand) -> Option<MetaOutcome> {
        let (op_id, digest) = named(&command.change)?;
        match self.keys.holder(&command.by.account, op_id)? {
            Holder::Operation(number, known) if *known == digest => {
                let receipt = self.memory.receipt_of(*number)?.clone();
                Some(MetaOutcome::Memory(self.memory.repeated(&command.by, receipt)))
            }
            Holder::Operation(..) | Holder::Claim(_) => Some(MetaOutcome::Refused(MetaRefusal::KeyReused)),
        }
    }

    /// Records the operation under the number it was promised.
    fn record_release(&mut self, index: u64, release: Release) {
        let number = self.operations.number();
        let Release { account, op_id, digest, items, takes, empties, users } = release;
        let incarnations = self.end_memory(index, &account, empties);
        self.revoke_keys_of(index, &account, &users);
        let home = Home { account: account.clone(), surface: Surface::Cognee, database: String::new() };
        self.keys.hold((account.clone(), op_id.clone()), number, digest);
        let shards =
            self.cluster.iter().flat_map(|cluster| &cluster.map.shards).map(|placement| placement.shard);
        let pending = shards.map(|shard| (shard, ShardProgress::Pending));
        let nothing = items.is_empty() && incarnations.is_empty();
        self.operations.keep(Operation {
            number,
            op_id,
            account,
            kind: OperationKind::Release { items, takes },
            collection: CollectionId(0),
            collection_name: String::new(),
            namespace: None,
            incarnations,
            recorded: self.stamp,
            shards: if nothing { Vec::new() } else { pending.collect() },
            finished: None,
            unclosed: Vec::new(),
            after: Vec::new(),
            home,
        });
        self.settle(number);
    }

    /// Takes memory collections out of the catalog; returns their contents, which end on every shard.
    fn end_memory(&mut self, index: u64, account: &Account, empties: Empties) -> Vec<Incarnation> {
        let ends = |found: &Collection| {
            found.home.surface == Surface::Cognee
                && match empties {
                    Empties::Nothing => false,
                    Empties::Records => found.name != RAW_COLLECTION,
                    Empties::Everything => true,
                }
        };
        let mut ended = Vec::new();
        for collection in self.collections.list(account, None).into_iter().filter(ends) {
            ended.extend(self.namespaces.close_all(collection.id));
            self.collections.remove(collection.id);
            self.changes.note(index, Changed::Collection(collection.id));
        }
        ended.sort_unstable();
        ended
    }

    /// An operation has ended: if it was a release, its receipt is complete.
    pub(super) fn complete_release(&mut self, number: OpNumber) {
        let Some(operation) = self.operations.get(number) else { return };
        match &operation.kind {
            OperationKind::Release { .. } => {
                let (counts, lost) = (released(operation), lost(operation));
                self.memory.completed(number, (counts, &lost), self.stamp);
            }
            OperationKind::DeleteWhere { .. }
            | OperationKind::UpdateWhere { .. }
            | OperationKind::DeleteAll
            | OperationKind::DropCollection => {}
        }
    }

    /// The receipt may have been completed by the recording itself.
    fn with_receipt_of(&self, number: OpNumber, outcome: MemoryOutcome) -> MemoryOutcome {
        match (outcome, self.memory.receipt_of(number)) {
            (MemoryOutcome::Forgotten(mut forgotten), Some(receipt)) => {
                forgotten.receipt = receipt.clone();
                MemoryOutcome::Forgotten(forgotten)
            }
            (outcome, _) => outcome,
        }
    }

    /// Adds whose router is lost: the driver gives them up.
    pub fn overdue_adds(&self, now: Stamp) -> Vec<(ItemNumber, Asker)> {
        self.memory.overdue(now)
    }
}

/// The name that a change gives its operation.
fn named(change: &MemoryChange) -> Option<(&OpId, RequestDigest)> {
    match change {
        MemoryChange::Forget(forget) => Some((&forget.op_id, forget.digest)),
        MemoryChange::Prune(prune) => Some((&prune.op_id, prune.digest)),
        // Their op_ids are made by routers, and the add's number already makes them run once.
        MemoryChange::Open { .. }
        | MemoryChange::GiveUp { .. }
        | MemoryChange::MakeUser { .. }
        | MemoryChange::MakeTenant { .. }
        | MemoryChange::SelectTenant(_)
        | MemoryChange::AddToTenant { .. }
        | MemoryChange::RemoveFromTenant { .. }
        | MemoryChange::MakeRole { .. }
        | MemoryChange::DropRole(_)
        | MemoryChange::GiveRole { .. }
        | MemoryChange::TakeRole { .. }
        | MemoryChange::MakeDataset { .. }
        | MemoryChange::Grant { .. }
        | MemoryChange::Revoke { .. }
        | MemoryChange::BeginAdd { .. } => None,
    }
}

/// References that items lost, shard by shard.
fn lost(operation: &Operation) -> Vec<(ItemNumber, u64)> {
    let rows = operation.shards.iter().map(|(_, progress)| match progress {
        ShardProgress::Pending => [].as_slice(),
        ShardProgress::Row(row) => row.lost.as_slice(),
    });
    rows.flatten().copied().collect()
}

/// What all shards released together.
fn released(operation: &Operation) -> ReleaseCounts {
    let rows = operation.shards.iter().map(|(_, progress)| match progress {
        ShardProgress::Pending => ReleaseCounts::default(),
        ShardProgress::Row(row) => row.released,
    });
    rows.fold(ReleaseCounts::default(), ReleaseCounts::and)
}
