//! Records that meet open rows (protocol PW3): the one place where rows take records. Rows run over a record
//! lowest bound first; each judges what those before it have left, as if it had been applied whole at its bound.

use lacuna_model::command::{RecordKey, RowAction};
use lacuna_model::record::{StoredRecord, Written};
use lacuna_model::{Incarnation, OpNumber};

use super::update::set_metadata;
use super::{Place, Transaction};
use crate::store::records::{Vector, decode};
use crate::store::{Bytes, StoreError};

/// Which rows run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    /// Those with this bound or a lower one.
    Bound(Written),
    /// All that watch writes.
    Every,
}

/// What rows make of a record. Nothing is changed yet.
pub(super) struct Met {
    /// Rows that take it, in turn.
    takers: Vec<OpNumber>,
    /// What they leave (its vector isn't read); `None`: the last of them deletes it.
    pub(super) left: Option<StoredRecord>,
}

impl Met {
    /// Does this row take it?
    pub(super) fn is_taken_by(&self, number: OpNumber) -> bool {
        self.takers.contains(&number)
    }
}

/// Runs rows over a record, on paper.
pub(super) fn run(
    transaction: &Transaction<'_>,
    incarnation: Incarnation,
    key: &RecordKey,
    mut record: StoredRecord,
    through: Through,
) -> Met {
    let mut takers = Vec::new();
    for (number, row) in transaction.watchers(incarnation) {
        let beyond = match through {
            Through::Every => false,
            Through::Bound(last) => row.row.bound > last,
        };
        if beyond {
            break;
        }
        if !row.would_take(key, &record) {
            continue;
        }
        takers.push(number);
        match &row.row.action {
            RowAction::Delete => return Met { takers, left: None },
            RowAction::SetMetadata(changes) => {
                set_metadata(&mut record.metadata, changes);
                // Its time is the row's bound, not this entry's: rows with a higher bound still take it, rows
                // with a lower one, and this one, don't.
                record.written = row.row.bound;
            }
        }
    }
    Met { takers, left: Some(record) }
}

/// Writes down what rows made of a record, and counts it to them. Returns what is stored now.
pub(super) fn settle(
    transaction: &mut Transaction<'_>,
    at: Place,
    (incarnation, key): (Incarnation, &RecordKey),
    (old, met): (Bytes, Met),
) -> Result<Option<Bytes>, StoreError> {
    let Some((last, others)) = met.takers.split_last() else { return Ok(Some(old)) };
    for number in others {
        credit(transaction, at, incarnation, *number);
    }
    let now = match met.left {
        None => {
            transaction.remove_record(incarnation, key, &old);
            None
        }
        Some(StoredRecord { written, metadata, .. }) => {
            let changed = StoredRecord { written, metadata, ..decode(&old, Vector::Read)? };
            transaction.put_record(incarnation, key.clone(), Some(&old), changed)?;
            transaction.record(incarnation, key)?
        }
    };
    credit(transaction, at, incarnation, *last);
    Ok(now)
}

/// What a write finds under a key, after open rows have done what is theirs. Every verb reads through this.
pub(super) fn meet(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    key: &RecordKey,
) -> Result<Option<Bytes>, StoreError> {
    let Some(old) = transaction.record(incarnation, key)? else { return Ok(None) };
    if transaction.watchers(incarnation).next().is_none() {
        return Ok(Some(old));
    }
    let met = run(transaction, incarnation, key, decode(&old, Vector::Skip)?, Through::Every);
    settle(transaction, at, (incarnation, key), (old, met))
}

/// Counts one record to the row that took it.
pub(super) fn credit(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    number: OpNumber,
) {
    let remaining = transaction.live(incarnation);
    transaction.change_row(number, |row| {
        let deletes = row.row.action == RowAction::Delete;
        let view = &mut row.row.view;
        (view.at, view.remaining) = (at.position, remaining);
        view.matched += 1;
        if deletes {
            view.deleted += 1;
        } else {
            view.updated += 1;
        }
    });
}
