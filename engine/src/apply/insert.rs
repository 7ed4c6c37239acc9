//! Writes the records that do not exist; an existing id stays as it is.

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::outcome::Fate;
use lacuna_model::record::NewRecord;

use super::upsert::stored;
use super::watch::meet;
use super::write::{Fates, item};
use super::{Place, Transaction};

pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    records: &[NewRecord],
) -> Fates {
    let mut fates = Vec::with_capacity(records.len());
    for record in records {
        let key = RecordKey::of(incarnation, record.id.as_str());
        let slot = key.slot;
        let fate = if meet(transaction, at, incarnation, &key)?.is_some() {
            Fate::Kept
        } else {
            let stored = stored(record, transaction.written(at), record.ordinal);
            transaction.put_record(incarnation, key, None, stored)?;
            Fate::Inserted
        };
        fates.push(item(slot, record.position, fate));
    }
    Ok(fates)
}
