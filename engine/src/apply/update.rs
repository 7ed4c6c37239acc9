//! Changes records that exist; an unknown id is absent.

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::outcome::Fate;
use lacuna_model::record::{RecordPatch, StoredRecord, Written};
use lacuna_model::value::{MetaValue, Metadata};

use super::upsert::changed;
use super::watch::meet;
use super::write::{Fates, item};
use super::{Place, Transaction};
use crate::store::records::{Vector, decode};

pub(super) fn update(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    patches: &[RecordPatch],
) -> Fates {
    let mut fates = Vec::with_capacity(patches.len());
    for patch in patches {
        let key = RecordKey::of(incarnation, patch.id.as_str());
        let slot = key.slot;
        let fate = match meet(transaction, at, incarnation, &key)? {
            None => Fate::Absent,
            Some(old) => {
                let new = patched(decode(&old, Vector::Read)?, patch, transaction.written(at));
                transaction.put_record(incarnation, key, Some(&old), new)?;
                Fate::Updated
            }
        };
        fates.push(item(slot, patch.position, fate));
    }
    Ok(fates)
}

/// The record after a patch: fields as it says, metadata merged by key.
pub(super) fn patched(mut record: StoredRecord, patch: &RecordPatch, written: Written) -> StoredRecord {
    record.vector = changed(record.vector.take(), &patch.vector);
    record.document = changed(record.document.take(), &patch.document);
    record.sparse = changed(record.sparse.take(), &patch.sparse);
    set_metadata(&mut record.metadata, &patch.metadata);
    StoredRecord { written, ..record }
}

/// Sets keys that have a value and removes the others; what isn't named stays.
pub(super) fn set_metadata(metadata: &mut Metadata, changes: &[(String, Option<MetaValue>)]) {
    for (key, value) in changes {
        match value {
            Some(value) => metadata.insert(key.clone(), value.clone()),
            None => metadata.remove(key),
        };
    }
}
