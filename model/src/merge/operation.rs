//! Fold of durable operations: deletes and updates by filter, deleteAll, collection drops.

use crate::error::ErrorCode;
use crate::ids::ShardId;
use crate::merge::{
    DeleteAnswer, DeleteKind, DeleteStatus, Erasure, ShardAnswer, ShardError, ShardStatus, total,
};
use crate::op_id::OpId;
use crate::outcome::{RowStatus, RowView};

/// Could a shard be asked when the answer was made?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It answers, and is at work.
    Reached,
    /// It didn't answer.
    Unreached,
}

/// What is known of one shard of a recorded operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// Its row.
    Row(RowView),
    /// It won't run there: the contents had ended before it began.
    Refused(ShardError),
    /// No row is known; with why, if it was asked in vain.
    Pending(Reach, Option<ShardError>),
}

/// A recorded operation, as far as the fold needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationFacts {
    /// Its name.
    pub op_id: OpId,
    /// What it does.
    pub kind: DeleteKind,
    /// Earlier operations of the same name are still open: it isn't complete before them (protocol PN3).
    pub waits_for_earlier: bool,
}

const NOTE_WHERE: &str = "Recorded: it completes by itself. On a shard without \"bound\" the filter also takes \
     what is written there until the operation reaches it.";
const NOTE_ALL: &str = "Recorded: it completes by itself. The old contents are neither read nor written any more; \
     counts of pending shards follow.";
const NOTE_FENCED: &str = "The contents were deleted as a whole meanwhile; what this operation had not taken there went with that one.";

fn row_answer(shard: ShardId, kind: DeleteKind, row: &RowView) -> ShardAnswer {
    let mut answer = ShardAnswer::open(shard, ShardStatus::Pending, None);
    answer.term = Some(row.at.term);
    answer.index = Some(row.at.index);
    let by_filter = matches!(kind, DeleteKind::DeleteWhere | DeleteKind::UpdateWhere);
    answer.bound = by_filter.then_some(row.bound_index);
    match row.status {
        // What it has taken so far isn't what it will have taken: not a count yet (INV-6).
        RowStatus::Sweeping => return answer,
        RowStatus::Done => answer.status = ShardStatus::Applied,
        RowStatus::Fenced => {
            answer.status = ShardStatus::Refused;
            answer.error =
                Some(ShardError::new(ErrorCode::Fenced, "the contents were deleted as a whole meanwhile"));
        }
    }
    answer.matched = Some(row.matched);
    answer.deleted = Some(row.deleted);
    answer.updated = (kind == DeleteKind::UpdateWhere).then_some(row.updated);
    answer.held = Some(row.held);
    answer.remaining = Some(row.remaining);
    answer
}

fn shard_answer(shard: ShardId, kind: DeleteKind, state: &ShardState) -> ShardAnswer {
    match state {
        ShardState::Row(row) => row_answer(shard, kind, row),
        ShardState::Refused(error) => ShardAnswer::open(shard, ShardStatus::Refused, Some(error.clone())),
        ShardState::Pending(_, error) => ShardAnswer::open(shard, ShardStatus::Pending, error.clone()),
    }
}

fn status_of(facts: &OperationFacts, states: &[(ShardId, ShardState)]) -> DeleteStatus {
    let mut status = DeleteStatus::Complete;
    for (_, state) in states {
        match state {
            ShardState::Row(row) => match row.status {
                RowStatus::Done => {}
                RowStatus::Sweeping => status = status.max_open(DeleteStatus::Pending),
                RowStatus::Fenced => status = DeleteStatus::Partial,
            },
            ShardState::Pending(Reach::Reached, _) => status = status.max_open(DeleteStatus::Pending),
            ShardState::Refused(_) | ShardState::Pending(Reach::Unreached, _) => {
                status = DeleteStatus::Partial;
            }
        }
    }
    if facts.waits_for_earlier { status.max_open(DeleteStatus::Pending) } else { status }
}

impl DeleteStatus {
    /// The one that is further from complete: partial, then pending.
    fn max_open(self, other: Self) -> Self {
        match (self, other) {
            (Self::Partial, _) | (_, Self::Partial) => Self::Partial,
            (Self::Pending, _) | (_, Self::Pending) => Self::Pending,
            (Self::Complete, Self::Complete) => Self::Complete,
        }
    }
}

impl Erasure {
    /// E1: committed and applied on every shard (design §8).
    pub fn decided() -> Self {
        Self { level: "E1".to_owned(), target: None }
    }

    /// E0: durable, and on its way.
    pub fn accepted() -> Self {
        Self { level: "E0".to_owned(), target: None }
    }

    /// A part was refused, or its fate isn't known, and nobody brings it on: no level is reached by all of it.
    pub fn none() -> Self {
        Self { level: "none".to_owned(), target: None }
    }
}

/// Folds a recorded operation. It never fails: what is recorded completes by itself.
pub fn fold_operation(facts: OperationFacts, states: &[(ShardId, ShardState)]) -> DeleteAnswer {
    let shards: Vec<_> =
        states.iter().map(|(shard, state)| shard_answer(*shard, facts.kind, state)).collect();
    let status = status_of(&facts, states);
    let fenced = shards.iter().any(|shard| shard.status == ShardStatus::Refused);
    let open = shards.iter().any(|shard| shard.status == ShardStatus::Pending);
    let note = match (open || facts.waits_for_earlier, fenced, facts.kind) {
        (true, _, DeleteKind::DeleteWhere | DeleteKind::UpdateWhere) => Some(NOTE_WHERE),
        (true, ..) => Some(NOTE_ALL),
        (false, true, _) => Some(NOTE_FENCED),
        (false, false, _) => None,
    };
    let updates = facts.kind == DeleteKind::UpdateWhere;
    let erasure = match (updates, open || facts.waits_for_earlier) {
        // What an update replaces is nobody's promise.
        (true, _) => Erasure::none(),
        (false, true) => Erasure::accepted(),
        (false, false) => Erasure::decided(),
    };
    DeleteAnswer {
        op_id: facts.op_id,
        kind: facts.kind,
        status,
        requested: None,
        matched: total(&shards, |shard| shard.matched),
        deleted: total(&shards, |shard| shard.deleted),
        updated: if updates { total(&shards, |shard| shard.updated) } else { None },
        absent: None,
        held: total(&shards, |shard| shard.held),
        released: None,
        remaining: total(&shards, |shard| shard.remaining),
        erasure,
        note: note.map(str::to_owned),
        shards,
    }
}

/// Records that finished rows have deleted, for what is left of a `limit` (protocol PW5).
pub fn sum_rows<'a>(rows: impl Iterator<Item = &'a RowView>) -> u64 {
    rows.map(|row| row.deleted).sum()
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;
