//! Deletes by id, and by id and filter: one command, no row.

use std::collections::BTreeSet;

use lacuna_model::Incarnation;
use lacuna_model::command::{IdAt, RecordKey, Write};
use lacuna_model::filter::Filter;
use lacuna_model::outcome::Fate;

use super::watch::meet;
use super::write::{Fates, item};
use super::{Place, Transaction};
use crate::state::Judge;
use crate::store::StoreError;
use crate::store::records::{Vector, decode};

/// Deletes each id; a repeated one counts once.
pub(super) fn by_ids(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    ids: &[IdAt],
) -> Fates {
    each_once(ids, |id| one(transaction, at, incarnation, (id, None)))
}

/// Deletes those of the ids that match the filter.
pub(super) fn by_ids_where(
    transaction: &mut Transaction<'_>,
    at: Place,
    write: &Write,
    (ids, filter): (&[IdAt], &Filter),
) -> Fates {
    let judge = Judge::new(filter);
    each_once(ids, |id| one(transaction, at, write.incarnation, (id, Some(&judge))))
}

fn each_once(
    ids: &[IdAt],
    mut delete: impl FnMut(&IdAt) -> Result<lacuna_model::outcome::ItemFate, StoreError>,
) -> Fates {
    let mut seen = BTreeSet::new();
    ids.iter().filter(|at| seen.insert(at.id.as_str())).map(&mut delete).collect()
}

fn one(
    transaction: &mut Transaction<'_>,
    at: Place,
    incarnation: Incarnation,
    (id, judge): (&IdAt, Option<&Judge>),
) -> Result<lacuna_model::outcome::ItemFate, StoreError> {
    let key = RecordKey::of(incarnation, id.id.as_str());
    let fate = match meet(transaction, at, incarnation, &key)? {
        None => Fate::Absent,
        Some(old) => {
            let matches = match judge {
                None => true,
                Some(judge) => judge.matches(&key.id, &decode(&old, Vector::Skip)?),
            };
            if matches {
                transaction.remove_record(incarnation, &key, &old);
                Fate::Deleted
            } else {
                Fate::Unmatched
            }
        }
    };
    Ok(item(key.slot, id.position, fate))
}
