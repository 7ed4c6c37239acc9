//! Writes that meet old records under open rows (protocol PW3): the one place where a row takes a record
//! outside its own range.

use lacuna_model::Incarnation;
use lacuna_model::OpNumber;
use lacuna_model::command::RecordKey;

use super::{Place, Transaction};
use crate::store::records::{Vector, decode};
use crate::store::{Bytes, StoreError};

/// What a write finds under a key, after open rows have taken what is theirs. Every verb reads through this.
pub(super) fn meet(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    key: &RecordKey,
) -> Result<Option<Bytes>, StoreError> {
    match transaction.record(incarnation, key)? {
        Some(old) if taken(transaction, at, incarnation, key, &old)? => Ok(None),
        found => Ok(found),
    }
}

/// Deletes the record for the watching row with the lowest bound that would take it, if there is one.
pub(super) fn taken(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    key: &RecordKey,
    old: &Bytes,
) -> Result<bool, StoreError> {
    if transaction.watchers(incarnation).next().is_none() {
        return Ok(false);
    }
    let record = decode(old, Vector::Skip)?;
    let taker = transaction
        .watchers(incarnation)
        .find(|(_, row)| row.would_take(key, &record))
        .map(|(number, _)| number);
    let Some(number) = taker else { return Ok(false) };
    transaction.remove_record(incarnation, key, old);
    credit(transaction, at, incarnation, number);
    Ok(true)
}

/// Counts one deleted record to a row.
pub(super) fn credit(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    number: OpNumber,
) {
    let remaining = transaction.live(incarnation);
    transaction.change_row(number, |row| {
        let view = &mut row.row.view;
        (view.at, view.remaining) = (at.position, remaining);
        view.matched += 1;
        view.deleted += 1;
    });
}
