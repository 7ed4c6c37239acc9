//! References of items on records of memory collections: added with what the item says of the record, or with
//! nothing, where an edge of the item holds it (protocol PM1, PM3).

use lacuna_model::Incarnation;
use lacuna_model::ItemNumber;
use lacuna_model::command::{IdAt, RecordKey, Retain};
use lacuna_model::memory::contribution::{Holding, NewContribution};
use lacuna_model::memory::part::{Brings, NewOwner, attach};
use lacuna_model::outcome::Fate;
use lacuna_model::record::{Ordinal, StoredRecord};

use super::watch::meet;
use super::write::{Fates, item};
use super::{Place, Transaction};
use crate::store::records::{Vector, decode};
use crate::store::{Bytes, StoreError, keys, values};

/// Adds an item's contributions.
pub(super) fn contribute(
    transaction: &mut Transaction<'_>,
    at: Place,
    (incarnation, owner): (Incarnation, NewOwner),
    contributions: &[NewContribution],
) -> Fates {
    let mut fates = Vec::with_capacity(contributions.len());
    for new in contributions {
        let key = RecordKey::of(incarnation, new.id.as_str());
        let slot = key.slot;
        let old = meet(transaction, at, incarnation, &key)?;
        let fate = if old.is_some() { Fate::Updated } else { Fate::Inserted };
        let record = old.as_ref().map(|old| decode(old, Vector::Read)).transpose()?;
        let place = (transaction.written(at), new.ordinal);
        let brings = Brings { content: Some(&new.content), holds: new.holds };
        let attached = attach(record, owner, brings, place);
        keep(transaction, (incarnation, key), owner.item, (old.as_ref(), attached))?;
        fates.push(item(slot, new.position, fate));
    }
    Ok(fates)
}

/// Adds an item's reference to records that it says nothing of, where they are there for it.
pub(super) fn retain(
    transaction: &mut Transaction<'_>,
    at: Place,
    (incarnation, retain): (Incarnation, &Retain),
    ids: &[IdAt],
) -> Fates {
    let mut fates = Vec::with_capacity(ids.len());
    for id in ids {
        let key = RecordKey::of(incarnation, id.id.as_str());
        let slot = key.slot;
        let old = meet(transaction, at, incarnation, &key)?;
        let record = old.as_ref().map(|old| decode(old, Vector::Read)).transpose()?;
        let record = record.filter(|record| is_there(record, retain));
        let fate = if record.is_some() { Fate::Retained } else { Fate::Absent };
        if record.is_some() {
            let place = (transaction.written(at), Ordinal::default());
            let attached = attach(record, retain.owner, Brings { content: None, holds: true }, place);
            keep(transaction, (incarnation, key), retain.owner.item, (old.as_ref(), attached))?;
        }
        fates.push(item(slot, id.position, fate));
    }
    Ok(fates)
}

/// Is the record one that an open item holds, or the item itself?
fn is_there(record: &StoredRecord, retain: &Retain) -> bool {
    let counts = |item: ItemNumber| {
        item == retain.owner.item || (item < retain.next && retain.hidden.binary_search(&item).is_err())
    };
    record.memory.as_ref().is_some_and(|part| part.owners.iter().any(|owner| counts(owner.item)))
}

/// Writes the record, and notes at the item that it holds it.
fn keep(
    transaction: &mut Transaction<'_>,
    (incarnation, key): (Incarnation, RecordKey),
    item: ItemNumber,
    (old, new): (Option<&Bytes>, Option<StoredRecord>),
) -> Result<(), StoreError> {
    let Some(new) = new else {
        return Err(StoreError::corrupt("a record without owners in a memory collection"));
    };
    let holding = keys::holding(&Holding { item, incarnation, key: key.clone() });
    if transaction.value(&holding)?.is_none() {
        transaction.set_rest(holding, None, Some(values::encode(&())?));
    }
    transaction.put_record(incarnation, key, old, new)
}
