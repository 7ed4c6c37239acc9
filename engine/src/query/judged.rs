//! Records that match a filter, judged by the store (INV-3).

use lacuna_model::Incarnation;
use lacuna_model::command::{RecordKey, Upto};
use lacuna_model::filter::{CompiledFilter, Filter};

use super::ReadError;
use crate::engine::Live;
use crate::store::keys;
use crate::store::records::{Vector, decode};

/// Does the walk go on?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Yes.
    On,
    /// No: enough was seen.
    Stop,
}

pub(super) fn compile(filter: &Filter) -> Result<CompiledFilter, ReadError> {
    filter.compile().map_err(|error| ReadError::Filter(error.to_string()))
}

/// Keys that can match, in the store's order; `None` if the incarnation has ended.
pub(super) fn candidates(live: &Live, incarnation: Incarnation, filter: &Filter) -> Option<Vec<RecordKey>> {
    (!live.state.is_ended(incarnation))
        .then(|| live.index.matching_keys(incarnation, filter, None, &Upto::End))
}

/// Hands each key whose record matches to `each`, in the order given.
pub(super) fn walk(
    live: &Live,
    incarnation: Incarnation,
    filter: &CompiledFilter,
    candidates: &[RecordKey],
    mut each: impl FnMut(&RecordKey) -> Result<Walk, ReadError>,
) -> Result<(), ReadError> {
    for key in candidates {
        if matches(live, incarnation, filter, key)? && each(key)? == Walk::Stop {
            break;
        }
    }
    Ok(())
}

/// Is there a record under this key, and does it match?
pub(super) fn matches(
    live: &Live,
    incarnation: Incarnation,
    filter: &CompiledFilter,
    key: &RecordKey,
) -> Result<bool, ReadError> {
    let Some(value) = live.store.get(&keys::record(incarnation, key.slot, &key.id))? else {
        return Ok(false);
    };
    let record = decode(&value, Vector::Skip)?;
    Ok(filter.matches(&key.id, &record.metadata, record.document.as_deref()))
}
