//! Reading the state back, with every digest and counter computed anew and compared.

use lacuna_model::command::RecordKey;
use lacuna_model::outcome::Row;
use lacuna_model::{Incarnation, OpNumber};

use super::slots::StoredSlots;
use super::{Head, IncarnationState, NumberChunk, RowState, Slots, State, chunk_members};
use crate::digest::{self, Digest};
use crate::store::keys::{self, Kind};
use crate::store::{Bytes, Store, StoreError, values};

/// What a load found.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// What doesn't agree with what is stored beside it; empty in a sound store.
    pub(crate) damage: Vec<String>,
}

/// Counters and digests computed from what was read.
#[derive(Default)]
struct Found {
    rest: Digest,
    records: Digest,
    live: u64,
    /// Of the incarnation being read: records come grouped by it.
    current: Option<(Incarnation, u64, Digest)>,
    /// Live incarnations whose records agree.
    seen: std::collections::BTreeSet<Incarnation>,
}

/// Reads everything; hands each live record to `each` (incarnation, its state, key, value).
pub(crate) fn load(
    store: &Store,
    mut each: impl FnMut(Incarnation, &IncarnationState, &RecordKey, &Bytes) -> Result<(), StoreError>,
) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded { state: State::default(), damage: Vec::new() };
    let mut found = Found::default();
    for pair in store.all() {
        let (key, value) = pair?;
        let Some(kind) = Kind::of(&key) else {
            // sled keeps nothing of its own in this tree, so an unknown key is damage.
            loaded.damage.push(format!("a key of unknown kind {:?}", key.first()));
            continue;
        };
        if kind.in_rest_digest() {
            found.rest.add(digest::of_rest(&key, &value));
        }
        if kind == Kind::Record {
            let (incarnation, record) =
                keys::parse_record(&key).ok_or_else(|| StoreError::corrupt("a record's key"))?;
            if loaded.state.is_ended(incarnation) {
                loaded.state.garbage.insert(incarnation);
                continue;
            }
            found.count(&mut loaded, incarnation, digest::of_record(&key, &value));
            if let Some(state) = loaded.state.incarnations.get(&incarnation) {
                each(incarnation, state, &record, &value)?;
            }
        } else {
            take(&mut loaded.state, kind, &key, &value)?;
        }
    }
    found.finish(&mut loaded);
    Ok(loaded)
}

fn take(state: &mut State, kind: Kind, key: &[u8], value: &Bytes) -> Result<(), StoreError> {
    let number =
        || keys::number_of(key).ok_or_else(|| StoreError::corrupt(format!("a key of kind {kind:?}")));
    match kind {
        Kind::Head => state.head = values::decode::<Head>(value, "the head")?,
        Kind::Sidecar => state.sidecar = Some(value.as_ref().into()),
        Kind::Slots => state.slots = Slots::from_stored(&values::decode::<StoredSlots>(value, "the slots")?),
        Kind::Ended => {
            let chunk =
                NumberChunk::read(Some(value)).ok_or_else(|| StoreError::corrupt("ended incarnations"))?;
            state.ended.extend(chunk_members(number()?, &chunk));
        }
        Kind::Released => {
            let chunk =
                NumberChunk::read(Some(value)).ok_or_else(|| StoreError::corrupt("released items"))?;
            state.released.extend(chunk_members(number()?, &chunk));
        }
        Kind::Closed => state.closed = values::decode(value, "closed numbers")?,
        Kind::Incarnation => {
            state
                .incarnations
                .insert(Incarnation(number()?), values::decode(value, "an incarnation's state")?);
        }
        Kind::Row => {
            state.rows.insert(OpNumber(number()?), RowState::new(values::decode::<Row>(value, "a row")?));
        }
        Kind::Outcome | Kind::Holding | Kind::Record => {}
    }
    Ok(())
}

impl Found {
    fn count(&mut self, loaded: &mut Loaded, incarnation: Incarnation, hash: u128) {
        if self.current.is_none_or(|(current, ..)| current != incarnation) {
            self.close(loaded);
            self.current = Some((incarnation, 0, Digest::default()));
        }
        if let Some((_, live, digest)) = &mut self.current {
            *live += 1;
            digest.add(hash);
        }
        self.live += 1;
        self.records.add(hash);
    }

    fn close(&mut self, loaded: &mut Loaded) {
        let Some((incarnation, live, digest)) = self.current.take() else { return };
        self.seen.insert(incarnation);
        match loaded.state.incarnations.get(&incarnation) {
            None => loaded.damage.push(format!("incarnation {incarnation} has {live} records but no state")),
            Some(stored) if stored.live != live => {
                loaded.damage.push(format!(
                    "incarnation {incarnation}: {live} records, its counter says {}",
                    stored.live
                ));
            }
            Some(stored) if stored.digest != digest.0 => {
                loaded.damage.push(format!("incarnation {incarnation}: its records' digest is wrong"));
            }
            Some(_) => {}
        }
    }

    fn finish(mut self, loaded: &mut Loaded) {
        self.close(loaded);
        for (incarnation, stored) in &loaded.state.incarnations {
            if stored.live > 0 && !self.seen.contains(incarnation) {
                loaded
                    .damage
                    .push(format!("incarnation {incarnation}: no records, its counter says {}", stored.live));
            }
        }
        let head = loaded.state.head;
        if head.live != self.live {
            loaded.damage.push(format!("{} live records, the counter says {}", self.live, head.live));
        }
        if head.records != self.records.0 {
            loaded.damage.push("the records' digest is wrong".to_owned());
        }
        if head.rest != self.rest.0 {
            loaded.damage.push("the digest of everything but records is wrong".to_owned());
        }
    }
}
