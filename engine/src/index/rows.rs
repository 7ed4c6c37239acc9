//! The rows of one incarnation: id → row in byte order, rows by slot, their metadata terms and vectors.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use lacuna_model::Slot;
use lacuna_model::record::{Metric, Ordinal, Schema};
use roaring::RoaringBitmap;

use super::ages::Ages;
use super::measure::working;
use super::metadata::MetaIndex;
use super::part::{Member, Place, RowNumber};
use super::reload::LoadingPart;
use super::simd::Lane;
use super::sparse::SparseIndex;
use super::vectors::{Upkeep, Vectors};
use super::{IndexConfig, KeyedRecord};

/// One live record as the index knows it.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: Arc<str>,
    /// Its slot.
    pub(crate) slot: Slot,
    /// Its place in insertion order.
    pub(crate) ordinal: Ordinal,
    at_in_slot: u32,
    terms: Box<[u32]>,
    /// Names this row's present vector; any other stamp is of the past.
    pub(crate) stamp: u32,
    /// Where its vector lies, if it has one.
    pub(crate) place: Option<Place>,
}

/// Everything known of one incarnation.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Metric of its schema.
    pub(crate) metric: Metric,
    /// Components of its vectors, once one is known.
    pub(crate) dimension: Option<usize>,
    /// Id → row.
    pub(crate) ids: BTreeMap<Arc<str>, RowNumber>,
    slab: Vec<Option<Row>>,
    free: Vec<RowNumber>,
    /// Rows in use.
    pub(crate) live: RoaringBitmap,
    /// Rows of each slot, in no order.
    pub(crate) slots: BTreeMap<Slot, Vec<RowNumber>>,
    /// Rows in insertion order.
    pub(crate) ages: Ages,
    /// The metadata index.
    pub(crate) meta: MetaIndex,
    /// The vectors, once there is one.
    pub(crate) vectors: Option<Vectors>,
    /// The sparse vectors.
    pub(crate) sparse: SparseIndex,
    /// Rows with a vector.
    pub(crate) with_vector: usize,
    /// Vectors that took the place of a record's older one: a search that saw neither is made again.
    pub(crate) rewrites: u64,
    /// When vectors are sealed, and get a graph.
    pub(crate) config: IndexConfig,
    /// Graphs read back that wait for their vectors.
    loading: Vec<LoadingPart>,
    next_stamp: u32,
}

impl Rows {
    /// Empty, of this schema; graphs that were read back wait for their vectors.
    pub(crate) fn new(schema: Schema, config: IndexConfig, loading: Vec<LoadingPart>) -> Self {
        Self {
            metric: schema.metric,
            dimension: schema.dimension.map(|d| d as usize),
            ids: BTreeMap::new(),
            slab: Vec::new(),
            free: Vec::new(),
            live: RoaringBitmap::new(),
            slots: BTreeMap::new(),
            ages: Ages::default(),
            meta: MetaIndex::default(),
            vectors: None,
            sparse: SparseIndex::default(),
            with_vector: 0,
            rewrites: 0,
            config,
            loading,
            next_stamp: 0,
        }
    }

    /// A row in use.
    pub(crate) fn row(&self, row: RowNumber) -> Option<&Row> {
        self.slab.get(row as usize)?.as_ref()
    }

    /// The row whose present vector this is (INV-4).
    pub(crate) fn of_member(&self, member: Member) -> Option<&Row> {
        self.row(member.row).filter(|row| row.stamp == member.stamp && row.place.is_some())
    }

    /// Enters a record, new or anew.
    pub(crate) fn upsert(&mut self, entry: KeyedRecord<'_>) -> Upkeep {
        let row = match self.ids.get(entry.id) {
            Some(row) => *row,
            None => self.new_row(&entry),
        };
        self.set_ordinal(row, entry.record.ordinal);
        let terms = self.meta.insert(row, &entry.record.metadata);
        let Some(present) = self.slab[row as usize].as_mut() else { return Upkeep::None };
        let stale: Vec<u32> =
            present.terms.iter().filter(|old| terms.binary_search(old).is_err()).copied().collect();
        present.terms = terms;
        self.meta.remove(row, &stale);
        self.sparse.set(row, entry.record.sparse.as_ref());
        let vector = entry.record.vector.as_deref().filter(|v| self.fits(v));
        match vector.and_then(|vector| working(self.metric, vector)) {
            Some(vector) => self.set_vector(row, &vector),
            None => self.take_vector(row),
        }
    }

    fn fits(&mut self, vector: &[f32]) -> bool {
        *self.dimension.get_or_insert(vector.len()) == vector.len()
    }

    /// A record that was deleted and written again in one batch comes with another ordinal.
    fn set_ordinal(&mut self, number: RowNumber, ordinal: Ordinal) {
        let Some(Some(row)) = self.slab.get_mut(number as usize) else { return };
        if row.ordinal != ordinal {
            let old = std::mem::replace(&mut row.ordinal, ordinal);
            self.ages.remove(old, number);
            self.ages.insert(ordinal, number);
        }
    }

    fn new_row(&mut self, entry: &KeyedRecord<'_>) -> RowNumber {
        let (slot, ordinal) = (entry.slot, entry.record.ordinal);
        let id: Arc<str> = Arc::from(entry.id);
        let in_slot = self.slots.entry(slot).or_default();
        let row = Row {
            id: id.clone(),
            slot,
            ordinal,
            at_in_slot: in_slot.len() as u32,
            terms: Box::default(),
            stamp: 0,
            place: None,
        };
        let number = if let Some(free) = self.free.pop() {
            self.slab[free as usize] = Some(row);
            free
        } else {
            self.slab.push(Some(row));
            (self.slab.len() - 1) as RowNumber
        };
        in_slot.push(number);
        self.ids.insert(id, number);
        self.ages.insert(ordinal, number);
        self.live.insert(number);
        number
    }

    /// Gives a row this vector; one that has not changed stays where it lies.
    fn set_vector(&mut self, row: RowNumber, vector: &[Lane]) -> Upkeep {
        let place = self.row(row).and_then(|row| row.place);
        let same = place.and_then(|place| self.vectors.as_ref()?.vector(place)) == Some(vector);
        if same {
            return Upkeep::None;
        }
        self.rewrites += u64::from(place.is_some());
        let upkeep = self.take_vector(row);
        let stamp = self.stamp();
        let member = Member { row, stamp };
        if self.vectors.is_none() {
            let mut loading = std::mem::take(&mut self.loading);
            loading.retain(|part| part.fits(self.metric, vector.len()));
            self.vectors = Some(Vectors::new(vector.len(), self.config.seal_rows, loading));
        }
        let (Some(vectors), Some(Some(present))) = (&mut self.vectors, self.slab.get_mut(row as usize))
        else {
            return upkeep;
        };
        let (place, full) = match vectors.claim(&present.id, member, vector) {
            Some(place) => (place, false),
            None => vectors.push(member, vector),
        };
        present.stamp = stamp;
        present.place = Some(place);
        self.with_vector += 1;
        if full {
            vectors.seal();
        }
        if full { Upkeep::Look } else { upkeep }
    }

    fn stamp(&mut self) -> u32 {
        self.next_stamp = self.next_stamp.wrapping_add(1);
        self.next_stamp
    }

    /// Everything was loaded: graphs that were read back serve.
    pub(crate) fn finish_load(&mut self) {
        self.loading = Vec::new();
        if let Some(vectors) = &mut self.vectors {
            vectors.finish_load();
        }
    }

    /// Says that a row's present vector lies elsewhere now; false if this is no present vector of a row.
    pub(crate) fn relocate(&mut self, member: Member, place: Place) -> bool {
        match self.slab.get_mut(member.row as usize) {
            Some(Some(row)) if row.stamp == member.stamp && row.place.is_some() => {
                row.place = Some(place);
                true
            }
            Some(_) | None => false,
        }
    }

    fn take_vector(&mut self, row: RowNumber) -> Upkeep {
        let Some(Some(present)) = self.slab.get_mut(row as usize) else { return Upkeep::None };
        let (Some(place), Some(vectors)) = (present.place.take(), self.vectors.as_mut()) else {
            return Upkeep::None;
        };
        self.with_vector -= 1;
        let removed = vectors.remove(place);
        if let Some(Some(moved)) = removed.moved.map(|moved| &mut self.slab[moved as usize]) {
            moved.place = Some(place);
        }
        removed.upkeep
    }

    /// Takes a record out; an unknown id changes nothing.
    pub(crate) fn remove(&mut self, id: &str) -> Upkeep {
        let Some(number) = self.ids.remove(id) else { return Upkeep::None };
        let upkeep = self.take_vector(number);
        let Some(row) = self.slab[number as usize].take() else { return upkeep };
        self.meta.remove(number, &row.terms);
        self.sparse.set(number, None);
        self.live.remove(number);
        self.ages.remove(row.ordinal, number);
        self.free.push(number);
        self.leave_slot(&row);
        upkeep
    }

    fn leave_slot(&mut self, row: &Row) {
        let Some(in_slot) = self.slots.get_mut(&row.slot) else { return };
        in_slot.swap_remove(row.at_in_slot as usize);
        let moved = in_slot.get(row.at_in_slot as usize).copied();
        if in_slot.is_empty() {
            self.slots.remove(&row.slot);
        }
        if let Some(Some(moved)) = moved.map(|moved| &mut self.slab[moved as usize]) {
            moved.at_in_slot = row.at_in_slot;
        }
    }

    /// Ids in byte order.
    pub(crate) fn ids(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Arc<str>> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        let from = self.ids.range::<str, _>((start, Bound::Unbounded)).map(|(id, _)| id);
        from.take_while(|id| id.starts_with(prefix)).take(limit).cloned().collect()
    }
}
