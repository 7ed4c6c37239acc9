//! Records that match a filter, judged by the store (INV-3) in slices, so that no apply waits for long.

use lacuna_model::Incarnation;
use lacuna_model::command::{RecordKey, Upto};
use lacuna_model::filter::{CompiledFilter, Filter};

use super::ReadError;
use crate::engine::{Engine, Live};
use crate::store::keys;
use crate::store::records::{Vector, decode};

/// Records judged under one hold of the lock: about a millisecond.
const SLICE: usize = 512;

/// What a walk over judged records came to.
pub(super) enum Walked {
    /// It went over all of them, or as far as was wanted.
    Done,
    /// The incarnation has ended.
    Fenced,
}

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
pub(super) fn candidates(
    engine: &Engine,
    incarnation: Incarnation,
    filter: &Filter,
) -> Option<Vec<RecordKey>> {
    let live = engine.read_lock();
    if live.state.is_ended(incarnation) {
        return None;
    }
    Some(live.index.matching_keys(incarnation, filter, None, &Upto::End))
}

/// Hands each key whose record matches to `each`, in the order given.
pub(super) fn walk(
    engine: &Engine,
    incarnation: Incarnation,
    filter: &CompiledFilter,
    candidates: &[RecordKey],
    mut each: impl FnMut(&Live, &RecordKey) -> Result<Walk, ReadError>,
) -> Result<Walked, ReadError> {
    for slice in candidates.chunks(SLICE) {
        let live = engine.read_lock();
        if live.state.is_ended(incarnation) {
            return Ok(Walked::Fenced);
        }
        for key in slice {
            if matches(&live, incarnation, filter, key)? && each(&live, key)? == Walk::Stop {
                return Ok(Walked::Done);
            }
        }
    }
    Ok(Walked::Done)
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
    Ok(filter.matches(&record.metadata, record.document.as_deref()))
}
