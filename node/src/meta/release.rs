//! Where memory collections meet durable operations: a change that releases owners records one, and its end
//! completes the receipt.

use lacuna_model::catalog::{Home, Operation, OperationKind, ShardProgress, Surface};
use lacuna_model::memory::command::{MemoryChange, MemoryCommand, MemoryOutcome};
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::memory::words::Asker;
use lacuna_model::meta::{MetaOutcome, MetaRefusal};
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::{CollectionId, ItemNumber, OpNumber, Stamp};

use super::claims::Holder;
use super::memory::{Moment, Release};
use super::state::MetaState;

impl MetaState {
    /// `Memory`.
    pub(super) fn change_memory(&mut self, command: MemoryCommand) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        if let Some(known) = self.known_release(&command) {
            return known;
        }
        let number = self.operations.next_number();
        let (outcome, release) = self.memory.apply(command, Moment { now: self.stamp, number });
        let Some(release) = release else { return MetaOutcome::Memory(outcome) };
        self.record_release(release);
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
    fn record_release(&mut self, release: Release) {
        let number = self.operations.number();
        let Release { account, op_id, digest, items } = release;
        let home = Home { account: account.clone(), surface: Surface::Cognee, database: String::new() };
        self.keys.hold((account.clone(), op_id.clone()), number, digest);
        let shards =
            self.cluster.iter().flat_map(|cluster| &cluster.map.shards).map(|placement| placement.shard);
        let pending = shards.map(|shard| (shard, ShardProgress::Pending));
        let nothing = items.is_empty();
        self.operations.keep(Operation {
            number,
            op_id,
            account,
            kind: OperationKind::Release { items },
            collection: CollectionId(0),
            collection_name: String::new(),
            namespace: None,
            incarnations: Vec::new(),
            recorded: self.stamp,
            shards: if nothing { Vec::new() } else { pending.collect() },
            finished: None,
            unclosed: Vec::new(),
            after: Vec::new(),
            home,
        });
        self.settle(number);
    }

    /// An operation has ended: if it was a release, its receipt is complete.
    pub(super) fn complete_release(&mut self, number: OpNumber) {
        let Some(operation) = self.operations.get(number) else { return };
        match &operation.kind {
            OperationKind::Release { .. } => {
                let counts = released(operation);
                self.memory.completed(number, counts, self.stamp);
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

/// What all shards released together.
fn released(operation: &Operation) -> ReleaseCounts {
    let rows = operation.shards.iter().map(|(_, progress)| match progress {
        ShardProgress::Pending => ReleaseCounts::default(),
        ShardProgress::Row(row) => row.released,
    });
    rows.fold(ReleaseCounts::default(), ReleaseCounts::and)
}
