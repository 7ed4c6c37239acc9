//! One apply call's view: the store and state as they were, with this batch's writes laid over them. Nothing
//! is changed until the whole batch is known (INV-1), so an error leaves everything as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use lacuna_model::command::{RecordKey, Upto};
use lacuna_model::outcome::{CommandOutcome, Refusal};
use lacuna_model::record::{Schema, StoredRecord, Written};
use lacuna_model::{Incarnation, ItemNumber, LogPosition, OpNumber, ShardId, Slot, Stamp};

use super::ApplyError;
use crate::digest::{self, Digest};
use crate::index::ShardIndex;
use crate::state::{Closed, Delta, Head, IncarnationState, NumberChunk, RowState, Slots, State};
use crate::store::keys::{self, Kind};
use crate::store::records::encode;
use crate::store::{Bytes, Store, StoreError, Writes, over, values};

/// What the index is told once the store has taken the batch, in this order.
pub(crate) enum IndexChange {
    /// A record as it now is.
    Upsert { incarnation: Incarnation, schema: Schema, key: RecordKey, record: Box<StoredRecord> },
    /// A record is gone.
    Remove { incarnation: Incarnation, id: String },
    /// An incarnation is gone.
    Drop(Incarnation),
}

/// What a batch does, ready to be committed.
pub(crate) struct Committed {
    pub(crate) writes: Writes,
    pub(crate) delta: Delta,
    pub(crate) index: Vec<IndexChange>,
}

/// Where a command stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: LogPosition,
    pub(crate) place: u32,
}

/// The view.
pub(crate) struct Transaction<'a> {
    shard: ShardId,
    store: &'a Store,
    base: &'a State,
    index: &'a ShardIndex,
    writes: Writes,
    changes: Vec<IndexChange>,
    head: Head,
    slots: Option<Slots>,
    ended: BTreeSet<Incarnation>,
    closed: Option<Closed>,
    released: BTreeSet<ItemNumber>,
    incarnations: BTreeMap<Incarnation, Option<IncarnationState>>,
    rows: BTreeMap<OpNumber, Option<RowState>>,
    /// Rows that watch writes, lowest bound first.
    watching: Vec<(Written, Incarnation, OpNumber)>,
    pub(crate) none_expires_before: Stamp,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(shard: ShardId, store: &'a Store, base: &'a State, index: &'a ShardIndex) -> Self {
        let mut transaction = Self {
            shard,
            store,
            base,
            index,
            writes: Writes::new(),
            changes: Vec::new(),
            head: base.head,
            slots: None,
            ended: BTreeSet::new(),
            closed: None,
            released: BTreeSet::new(),
            incarnations: BTreeMap::new(),
            rows: BTreeMap::new(),
            watching: Vec::new(),
            none_expires_before: base.none_expires_before,
        };
        for (number, row) in &base.rows {
            transaction.watch(*number, row);
        }
        transaction
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.head.stamp
    }

    pub(crate) fn applied(&self) -> LogPosition {
        self.head.applied
    }

    /// An entry begins: its position, and the larger of its stamp and ours (protocol PE6).
    pub(crate) fn begin(&mut self, position: LogPosition, stamp: Option<Stamp>) {
        self.head.applied = position;
        self.head.stamp = self.head.stamp.max(stamp.unwrap_or_default());
    }

    pub(crate) fn written(&self, at: Place) -> Written {
        Written { index: at.position.index, place: at.place, shard: self.shard }
    }

    // Records.

    /// A record's value as this batch sees it.
    pub(crate) fn record(
        &self,
        incarnation: Incarnation,
        key: &RecordKey,
    ) -> Result<Option<Bytes>, StoreError> {
        self.value(&keys::record(incarnation, key.slot, &key.id))
    }

    /// Writes a record; `old` is what [`Self::record`] gave.
    pub(crate) fn put_record(
        &mut self,
        incarnation: Incarnation,
        key: RecordKey,
        old: Option<&Bytes>,
        record: StoredRecord,
    ) -> Result<(), StoreError> {
        let Some(mut state) = self.incarnation(incarnation) else {
            return Err(StoreError::corrupt("a record is written before its incarnation's schema"));
        };
        let raw = keys::record(incarnation, key.slot, &key.id);
        let value = encode(&record)?;
        if let Some(old) = old {
            self.forget_hash(&mut state, digest::of_record(&raw, old));
        }
        let hash = digest::of_record(&raw, &value);
        state.live += 1;
        self.head.live += 1;
        let schema = state.schema;
        with(&mut state.digest, |digest| digest.add(hash));
        with(&mut self.head.records, |digest| digest.add(hash));
        self.incarnations.insert(incarnation, Some(state));
        self.writes.insert(raw, Some(value));
        self.changes.push(IndexChange::Upsert { incarnation, schema, key, record: Box::new(record) });
        Ok(())
    }

    /// Removes a record; `old` is what [`Self::record`] gave.
    pub(crate) fn remove_record(&mut self, incarnation: Incarnation, key: &RecordKey, old: &Bytes) {
        let raw = keys::record(incarnation, key.slot, &key.id);
        if let Some(mut state) = self.incarnation(incarnation) {
            self.forget_hash(&mut state, digest::of_record(&raw, old));
            self.incarnations.insert(incarnation, Some(state));
        }
        self.writes.insert(raw, None);
        self.changes.push(IndexChange::Remove { incarnation, id: key.id.clone() });
    }

    fn forget_hash(&mut self, state: &mut IncarnationState, hash: u128) {
        state.live -= 1;
        self.head.live -= 1;
        with(&mut state.digest, |digest| digest.remove(hash));
        with(&mut self.head.records, |digest| digest.remove(hash));
    }

    /// Keys in `(after, upto]` of records that may match the row's filter, ascending: what the index names,
    /// what rows with a lower bound may change before this one judges it, and what this batch wrote, which the
    /// index doesn't know yet. The verdict is the caller's (INV-3).
    pub(crate) fn candidates(&self, row: &RowState, upto: &Upto) -> Vec<RecordKey> {
        let (incarnation, after) = (row.row.incarnation, row.row.after.as_ref());
        let Some(filter) = &row.row.filter else { return Vec::new() };
        let mut found = self.index.matching_keys(incarnation, filter, after, upto);
        let before = found.len();
        for (_, lower) in self.watchers(incarnation) {
            if lower.row.bound < row.row.bound && lower.changes_records() {
                let Some(filter) = &lower.row.filter else { continue };
                let after = after.max(lower.row.after.as_ref());
                found.extend(self.index.matching_keys(incarnation, filter, after, upto));
            }
        }
        let from = keys::records_from(incarnation);
        let to = keys::after_prefix(from.clone());
        found.extend(
            self.writes
                .range(from..to)
                .filter(|(_, value)| value.is_some())
                .filter_map(|(key, _)| keys::parse_record(key))
                .map(|(_, key)| key)
                .filter(|key| after.is_none_or(|after| key > after) && within(key, upto)),
        );
        if found.len() > before {
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    // Incarnations.

    pub(crate) fn is_ended(&self, incarnation: Incarnation) -> bool {
        self.ended.contains(&incarnation) || self.base.is_ended(incarnation)
    }

    pub(crate) fn incarnation(&self, incarnation: Incarnation) -> Option<IncarnationState> {
        match self.incarnations.get(&incarnation) {
            Some(changed) => *changed,
            None => self.base.incarnations.get(&incarnation).copied(),
        }
    }

    pub(crate) fn live(&self, incarnation: Incarnation) -> u64 {
        self.incarnation(incarnation).map_or(0, |state| state.live)
    }

    /// Stores an incarnation's schema with its first write, or the dimension fixed since.
    pub(crate) fn set_schema(&mut self, incarnation: Incarnation, schema: Schema) {
        let state = match self.incarnation(incarnation) {
            Some(state) if state.schema == schema => return,
            Some(state) => IncarnationState { schema, ..state },
            None => IncarnationState { schema, live: 0, digest: 0 },
        };
        self.incarnations.insert(incarnation, Some(state));
    }

    /// Ends an incarnation; returns how many live records it ended, in constant time (protocol PN4).
    pub(crate) fn end_incarnation(&mut self, incarnation: Incarnation) -> u64 {
        let state = self.incarnation(incarnation);
        self.ended.insert(incarnation);
        self.incarnations.insert(incarnation, None);
        self.changes.push(IndexChange::Drop(incarnation));
        let Some(state) = state else { return 0 };
        self.head.live -= state.live;
        with(&mut self.head.records, |digest| digest.remove(state.digest));
        state.live
    }

    // Slots, closed numbers.

    pub(crate) fn slots(&self) -> &Slots {
        self.slots.as_ref().unwrap_or(&self.base.slots)
    }

    pub(crate) fn set_slots(&mut self, slots: Slots) {
        self.slots = Some(slots);
    }

    pub(crate) fn holds(&self, slot: Slot) -> bool {
        self.slots().holds(slot)
    }

    pub(crate) fn closed(&self) -> &Closed {
        self.closed.as_ref().unwrap_or(&self.base.closed)
    }

    pub(crate) fn closed_mut(&mut self) -> &mut Closed {
        self.closed.get_or_insert_with(|| self.base.closed.clone())
    }

    pub(crate) fn is_released(&self, item: ItemNumber) -> bool {
        self.released.contains(&item) || self.base.released.contains(item.0)
    }

    /// From here on nothing is written for these items.
    pub(crate) fn release(&mut self, items: &[ItemNumber]) {
        self.released.extend(items.iter().copied().filter(|item| !self.base.released.contains(item.0)));
    }

    // Rows.

    pub(crate) fn row(&self, number: OpNumber) -> Option<&RowState> {
        match self.rows.get(&number) {
            Some(changed) => changed.as_ref(),
            None => self.base.rows.get(&number),
        }
    }

    /// What a repeated or late start is told: the row as it stands, or that its operation was closed.
    pub(crate) fn begun_before(&self, number: OpNumber) -> Option<CommandOutcome> {
        let row = self.row(number).map(|row| CommandOutcome::Row(row.row.view.clone()));
        let closed = || self.closed().contains(number).then_some(CommandOutcome::Refused(Refusal::Closed));
        row.or_else(closed)
    }

    /// Changes a row, if it is there.
    pub(crate) fn change_row<R>(
        &mut self,
        number: OpNumber,
        change: impl FnOnce(&mut RowState) -> R,
    ) -> Option<R> {
        let slot = self.rows.entry(number).or_insert_with(|| self.base.rows.get(&number).cloned());
        let row = slot.as_mut()?;
        let result = change(row);
        if !row.watches_writes() {
            self.watching.retain(|(_, _, watching)| *watching != number);
        }
        Some(result)
    }

    pub(crate) fn add_row(&mut self, number: OpNumber, row: RowState) {
        self.watch(number, &row);
        self.rows.insert(number, Some(row));
    }

    pub(crate) fn remove_row(&mut self, number: OpNumber) {
        self.watching.retain(|(_, _, watching)| *watching != number);
        self.rows.insert(number, None);
    }

    /// How many rows still sweep.
    pub(crate) fn sweeping(&self) -> usize {
        let unchanged = self.base.rows.iter().filter(|(number, _)| !self.rows.contains_key(number));
        let changed = self.rows.values().flatten();
        unchanged.map(|(_, row)| row).chain(changed).filter(|row| row.is_sweeping()).count()
    }

    /// Rows for which `is` holds, by number.
    pub(crate) fn rows_where(&self, is: impl Fn(OpNumber, &RowState) -> bool) -> Vec<OpNumber> {
        let mut numbers: BTreeSet<OpNumber> = self.base.rows.keys().copied().collect();
        numbers.extend(self.rows.keys().copied());
        numbers.retain(|number| self.row(*number).is_some_and(|row| is(*number, row)));
        numbers.into_iter().collect()
    }

    /// Rows that watch writes to an incarnation, lowest bound first (protocol PW3).
    pub(crate) fn watchers(&self, incarnation: Incarnation) -> impl Iterator<Item = (OpNumber, &RowState)> {
        self.watching
            .iter()
            .filter(move |(_, watched, _)| *watched == incarnation)
            .filter_map(|(_, _, number)| self.row(*number).map(|row| (*number, row)))
    }

    fn watch(&mut self, number: OpNumber, row: &RowState) {
        if row.watches_writes() {
            let entry = (row.row.bound, row.row.incarnation, number);
            let at = self.watching.partition_point(|other| *other < entry);
            self.watching.insert(at, entry);
        }
    }

    // Raw keys: outcomes, and the small state at the end.

    /// A key's value as this batch sees it.
    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.store.get(key),
        }
    }

    /// Sets or removes a key under the digest of the rest; `old` is what [`Self::value`] gave.
    pub(crate) fn set_rest(&mut self, key: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        let mut digest = Digest(self.head.rest);
        if let Some(old) = old {
            digest.remove(digest::of_rest(&key, old));
        }
        if let Some(new) = &new {
            digest.add(digest::of_rest(&key, new));
        }
        self.head.rest = digest.0;
        self.writes.insert(key, new);
    }

    /// The first `limit` keys in `from..to` as this batch sees them, ascending.
    pub(crate) fn first_in(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let ours = self.writes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let pairs = over(ours, self.store.range(from, to)).take(limit);
        pairs.map(|pair| pair.map(|(key, value)| (key.to_vec(), value))).collect()
    }

    /// Everything the batch does, the small state encoded into it.
    pub(crate) fn finish(mut self, sidecar: &[u8]) -> Result<Committed, ApplyError> {
        for (key, value) in self.small_state()? {
            let old = self.store.get(&key)?;
            self.set_rest(key, old.as_ref(), value);
        }
        self.writes.insert(keys::single(Kind::Head), Some(values::encode(&self.head)?));
        self.writes.insert(keys::single(Kind::Sidecar), Some(sidecar.to_vec().into()));
        let delta = Delta {
            head: self.head,
            sidecar: Arc::from(sidecar),
            slots: self.slots,
            ended: self.ended,
            closed: self.closed,
            released: self.released,
            incarnations: self.incarnations,
            rows: self.rows,
            none_expires_before: self.none_expires_before,
        };
        Ok(Committed { writes: self.writes, delta, index: self.changes })
    }

    fn small_state(&self) -> Result<Writes, StoreError> {
        let mut writes = Writes::new();
        if let Some(slots) = &self.slots {
            writes.insert(keys::single(Kind::Slots), Some(values::encode(&slots.to_stored())?));
        }
        if let Some(closed) = &self.closed {
            writes.insert(keys::single(Kind::Closed), Some(values::encode(closed)?));
        }
        for (incarnation, state) in &self.incarnations {
            let value = state.as_ref().map(values::encode).transpose()?;
            writes.insert(keys::incarnation(*incarnation), value);
        }
        for (number, row) in &self.rows {
            let value = row.as_ref().map(|row| values::encode(&row.row)).transpose()?;
            writes.insert(keys::row(*number), value);
        }
        for incarnation in &self.ended {
            self.note(&mut writes, keys::ended(*incarnation), incarnation.0)?;
        }
        for item in &self.released {
            self.note(&mut writes, keys::released(*item), item.0)?;
        }
        Ok(writes)
    }

    /// Notes a number in its chunk.
    fn note(&self, writes: &mut Writes, key: Vec<u8>, number: u64) -> Result<(), StoreError> {
        let old = match writes.get(&key) {
            Some(written) => written.clone(),
            None => self.store.get(&key)?,
        };
        let chunk = NumberChunk::read(old.as_deref());
        let mut chunk = chunk.ok_or_else(|| StoreError::corrupt("ended incarnations or released items"))?;
        chunk.insert(number);
        writes.insert(key, Some(chunk.bytes().into()));
        Ok(())
    }
}

/// Is the key at or before the end of the range?
pub(crate) fn within(key: &RecordKey, upto: &Upto) -> bool {
    match upto {
        Upto::End => true,
        Upto::Key(end) => key <= end,
    }
}

/// The one that ends first.
pub(crate) fn nearer(a: Upto, b: Upto) -> Upto {
    match (a, b) {
        (Upto::End, other) | (other, Upto::End) => other,
        (Upto::Key(a), Upto::Key(b)) => Upto::Key(a.min(b)),
    }
}

fn with(digest: &mut u128, change: impl FnOnce(&mut Digest)) {
    let mut sum = Digest(*digest);
    change(&mut sum);
    *digest = sum.0;
}
