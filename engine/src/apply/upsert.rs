//! Writes records whether they exist or not: whole, or merged into what is there.

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::outcome::Fate;
use lacuna_model::record::{Change, NewRecord, Ordinal, RecordPatch, StoredRecord, Written};
use lacuna_model::value::Metadata;

use super::update::patched;
use super::watch::meet;
use super::write::{Fates, item};
use super::{Place, Transaction};
use crate::store::records::{Vector, decode, decode_head};

/// Writes each record whole; an existing one keeps its insertion order.
pub(super) fn upsert(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    records: &[NewRecord],
) -> Fates {
    let mut fates = Vec::with_capacity(records.len());
    for record in records {
        let key = RecordKey::of(incarnation, record.id.as_str());
        let slot = key.slot;
        let old = meet(transaction, at, incarnation, &key)?;
        let (ordinal, fate) = match &old {
            Some(old) => (decode_head(old)?.1, Fate::Updated),
            None => (record.ordinal, Fate::Inserted),
        };
        let stored = stored(record, transaction.written(at), ordinal);
        transaction.put_record(incarnation, key, old.as_ref(), stored)?;
        fates.push(item(slot, record.position, fate));
    }
    Ok(fates)
}

/// Merges each patch into the record that exists, or makes a record of it.
pub(super) fn merge(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    patches: &[RecordPatch],
) -> Fates {
    let mut fates = Vec::with_capacity(patches.len());
    for patch in patches {
        let key = RecordKey::of(incarnation, patch.id.as_str());
        let slot = key.slot;
        let written = transaction.written(at);
        let old = meet(transaction, at, incarnation, &key)?;
        let (merged, fate) = match &old {
            Some(old) => (patched(decode(old, Vector::Read)?, patch, written), Fate::Updated),
            None => (fresh(patch, written), Fate::Inserted),
        };
        transaction.put_record(incarnation, key, old.as_ref(), merged)?;
        fates.push(item(slot, patch.position, fate));
    }
    Ok(fates)
}

/// A new record as it is kept.
pub(super) fn stored(record: &NewRecord, written: Written, ordinal: Ordinal) -> StoredRecord {
    StoredRecord {
        written,
        ordinal,
        vector: record.vector.clone(),
        document: record.document.clone(),
        metadata: record.metadata.clone(),
        holds: 0,
        expires: None,
        memory: None,
        sparse: record.sparse.clone(),
    }
}

fn fresh(patch: &RecordPatch, written: Written) -> StoredRecord {
    let empty = StoredRecord {
        written,
        ordinal: patch.ordinal,
        vector: None,
        document: None,
        metadata: Metadata::new(),
        holds: 0,
        expires: None,
        memory: None,
        sparse: None,
    };
    patched(empty, patch, written)
}

/// A field after a change.
pub(super) fn changed<T: Clone>(old: Option<T>, change: &Change<T>) -> Option<T> {
    match change {
        Change::Keep => old,
        Change::Set(new) => Some(new.clone()),
        Change::Remove => None,
    }
}
