//! The naive model: maps and loops, separately reasoned. A delete or update by filter is applied whole when it
//! starts; what was there before waits as *pending*, with what becomes of it, until a sweep or a write comes to
//! it: how many entries a sweep needs can only show in when that is seen and counted.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::command::{CallRef, Command, Write, WriteVerb};
use lacuna_model::filter::Filter;
use lacuna_model::outcome::{CommandOutcome, Fate, ItemFate, Refusal, WriteOutcome};
use lacuna_model::record::{Change, Metric, NewRecord, Ordinal, RecordPatch, Schema, SparseVector, Written};
use lacuna_model::value::Metadata;
use lacuna_model::{LogPosition, MapEpoch, RecordId, Slot, Stamp, slot_of};

use crate::making::SHARD;
use crate::naive_rows::NaiveRow;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NaiveRecord {
    pub(crate) written: Written,
    pub(crate) ordinal: Ordinal,
    pub(crate) vector: Option<Vec<f32>>,
    pub(crate) document: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) sparse: Option<SparseVector>,
}

/// Slot and id: the order in which sweeps go.
pub(crate) type Key = (Slot, String);

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) schema: Option<Schema>,
    /// As every row begun so far leaves them.
    pub(crate) records: BTreeMap<Key, NaiveRecord>,
    /// Of keys that rows have still to come to: what is there to be read, and what becomes of it.
    pub(crate) pending: BTreeMap<Key, Pending>,
}

/// A record that waits for rows.
pub(crate) struct Pending {
    pub(crate) now: NaiveRecord,
    /// In the order of the rows' bounds: the row, and what it leaves.
    pub(crate) effects: Vec<(u64, Option<NaiveRecord>)>,
}

#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) stamp: Stamp,
    pub(crate) epoch: MapEpoch,
    pub(crate) slots: BTreeSet<Slot>,
    pub(crate) outcomes: BTreeMap<CallRef, CommandOutcome>,
    pub(crate) ended: BTreeSet<u64>,
    pub(crate) low: u64,
    pub(crate) closed: BTreeSet<u64>,
    pub(crate) contents: BTreeMap<u64, Contents>,
    pub(crate) rows: BTreeMap<u64, NaiveRow>,
}

/// Where a command stands.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) position: LogPosition,
    pub(crate) place: u32,
}

impl At {
    pub(crate) fn written(self) -> Written {
        Written { index: self.position.index, place: self.place, shard: SHARD }
    }
}

pub(crate) fn matches(filter: &Filter, id: &str, record: &NaiveRecord) -> bool {
    filter.compile().unwrap().matches(id, &record.metadata, record.document.as_deref())
}

impl Naive {
    pub(crate) fn begin(&mut self, stamp: Stamp) {
        self.stamp = self.stamp.max(stamp);
    }

    pub(crate) fn apply(&mut self, at: At, command: &Command) -> CommandOutcome {
        match command {
            Command::Write(write) => self.write(at, write),
            Command::StartRelease(_) | Command::AdvanceRelease(_) => {
                panic!("memory records have a model of their own")
            }
            Command::StartWhere(start) => self.start(at, start),
            Command::Advance(advance) => self.advance(at, advance),
            Command::Fence(fence) => self.fence(at, fence),
            Command::Close(close) => {
                self.low = self.low.max(close.low.0);
                self.closed.extend(close.numbers.iter().map(|number| number.0));
                let (low, closed) = (self.low, self.closed.clone());
                self.rows.retain(|number, _| *number >= low && !closed.contains(number));
                CommandOutcome::Done
            }
            Command::SetSlots(set) => {
                if set.epoch >= self.epoch {
                    (self.epoch, self.slots) = (set.epoch, set.slots.iter().copied().collect());
                }
                CommandOutcome::Done
            }
        }
    }

    /// Everything a reader can see of an incarnation now: pending records as they still are.
    pub(crate) fn visible(&self, incarnation: u64) -> BTreeMap<String, NaiveRecord> {
        let named = |(key, record): (Key, NaiveRecord)| (key.1, record);
        self.stored(incarnation).into_iter().map(named).collect()
    }

    /// The same, in the order of sweeps.
    pub(crate) fn stored(&self, incarnation: u64) -> BTreeMap<Key, NaiveRecord> {
        let Some(contents) = self.contents.get(&incarnation) else { return BTreeMap::new() };
        let mut stored = contents.records.clone();
        stored.extend(contents.pending.iter().map(|(key, pending)| (key.clone(), pending.now.clone())));
        stored
    }

    pub(crate) fn live(&self, incarnation: u64) -> u64 {
        self.visible(incarnation).len() as u64
    }

    fn write(&mut self, at: At, write: &Write) -> CommandOutcome {
        if write.call.born.0 + write.call.window.micros() < self.stamp.0 {
            return CommandOutcome::Refused(Refusal::Forgotten(self.stamp));
        }
        if let Some(known) = self.outcomes.get(&write.call) {
            return known.clone();
        }
        let inc = write.incarnation;
        if ids(&write.verb).iter().any(|id| !self.slots.contains(&slot_of(inc, id.as_str()))) {
            return CommandOutcome::Refused(Refusal::WrongSlot(self.epoch));
        }
        let outcome = if let Some(refusal) = self.refuse(write) {
            CommandOutcome::Refused(refusal)
        } else {
            let items = self.effect(at, write);
            let remaining = self.live(inc.0);
            CommandOutcome::Written(WriteOutcome { at: at.position, items, remaining })
        };
        self.outcomes.insert(write.call.clone(), outcome.clone());
        outcome
    }

    fn refuse(&mut self, write: &Write) -> Option<Refusal> {
        let inc = write.incarnation.0;
        if self.ended.contains(&inc) {
            return Some(Refusal::Fenced);
        }
        let stored = self.contents.get(&inc).and_then(|contents| contents.schema);
        let carried = write.schema;
        let agreed = stored.map_or(carried, |s| Schema { dimension: s.dimension.or(carried.dimension), ..s });
        let same_kind = agreed.metric == carried.metric && agreed.kind == carried.kind;
        let same_dimension = carried.dimension.is_none() || carried.dimension == agreed.dimension;
        let fits = vectors(&write.verb).iter().all(|length| Some(*length as u32) == agreed.dimension);
        let comparable = agreed.metric == Metric::Dot || !writes_sparse(&write.verb);
        if !(same_kind && same_dimension && fits && comparable) {
            return Some(Refusal::Schema(stored.unwrap_or(carried)));
        }
        match write.verb {
            WriteVerb::Contribute(..) | WriteVerb::Retain(..) => {
                panic!("memory records have a model of their own")
            }
            WriteVerb::DeleteIds(_) | WriteVerb::DeleteIdsWhere(..) => {}
            WriteVerb::Upsert(_) | WriteVerb::Merge(_) | WriteVerb::Insert(_) | WriteVerb::Update(_) => {
                self.contents.entry(inc).or_default().schema = Some(agreed);
            }
        }
        None
    }

    fn effect(&mut self, at: At, write: &Write) -> Vec<ItemFate> {
        let inc = write.incarnation.0;
        let mut items = Vec::new();
        let mut seen = BTreeSet::new();
        let mut each =
            |model: &mut Self, position: u32, id: &RecordId, change: &dyn Fn(&mut Self, &Key) -> Fate| {
                let key = (slot_of(write.incarnation, id.as_str()), id.as_str().to_owned());
                model.touch(at, inc, &key);
                let fate = change(model, &key);
                items.push(ItemFate { slot: key.0, position, fate });
            };
        match &write.verb {
            WriteVerb::Contribute(..) | WriteVerb::Retain(..) => {
                panic!("memory records have a model of their own")
            }
            WriteVerb::Upsert(records) => {
                for new in records {
                    each(self, new.position, &new.id, &|model, key| {
                        let old = model.get(inc, key).map(|old| old.ordinal);
                        model.put(inc, key, whole(new, at, old.unwrap_or(new.ordinal)));
                        if old.is_some() { Fate::Updated } else { Fate::Inserted }
                    });
                }
            }
            WriteVerb::Insert(records) => {
                for new in records {
                    each(self, new.position, &new.id, &|model, key| {
                        if model.get(inc, key).is_some() {
                            return Fate::Kept;
                        }
                        model.put(inc, key, whole(new, at, new.ordinal));
                        Fate::Inserted
                    });
                }
            }
            WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
                let makes = matches!(write.verb, WriteVerb::Merge(_));
                for patch in patches {
                    each(self, patch.position, &patch.id, &|model, key| match model.get(inc, key) {
                        Some(old) => {
                            model.put(inc, key, patched(old, patch, at));
                            Fate::Updated
                        }
                        None if makes => {
                            model.put(inc, key, patched(empty(patch), patch, at));
                            Fate::Inserted
                        }
                        None => Fate::Absent,
                    });
                }
            }
            WriteVerb::DeleteIds(ids) => {
                for id in ids.iter().filter(|id| seen.insert(id.id.clone())) {
                    each(self, id.position, &id.id, &|model, key| model.delete(inc, key, None));
                }
            }
            WriteVerb::DeleteIdsWhere(ids, filter) => {
                for id in ids.iter().filter(|id| seen.insert(id.id.clone())) {
                    each(self, id.position, &id.id, &|model, key| model.delete(inc, key, Some(filter)));
                }
            }
        }
        items
    }

    fn get(&self, inc: u64, key: &Key) -> Option<NaiveRecord> {
        self.contents.get(&inc)?.records.get(key).cloned()
    }

    fn put(&mut self, inc: u64, key: &Key, record: NaiveRecord) {
        self.contents.entry(inc).or_default().records.insert(key.clone(), record);
    }

    fn delete(&mut self, inc: u64, key: &Key, filter: Option<&Filter>) -> Fate {
        match self.get(inc, key) {
            None => Fate::Absent,
            Some(record) if filter.is_some_and(|filter| !matches(filter, &key.1, &record)) => Fate::Unmatched,
            Some(_) => {
                self.contents.entry(inc).or_default().records.remove(key);
                Fate::Deleted
            }
        }
    }
}

fn ids(verb: &WriteVerb) -> Vec<&RecordId> {
    match verb {
        WriteVerb::Contribute(..) | WriteVerb::Retain(..) => {
            panic!("memory records have a model of their own")
        }
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => records.iter().map(|r| &r.id).collect(),
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => patches.iter().map(|p| &p.id).collect(),
        WriteVerb::DeleteIds(ids) | WriteVerb::DeleteIdsWhere(ids, _) => {
            ids.iter().map(|at| &at.id).collect()
        }
    }
}

fn vectors(verb: &WriteVerb) -> Vec<usize> {
    match verb {
        WriteVerb::Contribute(..) | WriteVerb::Retain(..) => {
            panic!("memory records have a model of their own")
        }
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
            records.iter().filter_map(|r| r.vector.as_ref().map(Vec::len)).collect()
        }
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => patches
            .iter()
            .filter_map(|p| if let Change::Set(vector) = &p.vector { Some(vector.len()) } else { None })
            .collect(),
        WriteVerb::DeleteIds(_) | WriteVerb::DeleteIdsWhere(..) => Vec::new(),
    }
}

fn writes_sparse(verb: &WriteVerb) -> bool {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => records.iter().any(|r| r.sparse.is_some()),
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
            patches.iter().any(|p| matches!(p.sparse, Change::Set(_)))
        }
        WriteVerb::Contribute(..)
        | WriteVerb::Retain(..)
        | WriteVerb::DeleteIds(_)
        | WriteVerb::DeleteIdsWhere(..) => false,
    }
}

fn whole(new: &NewRecord, at: At, ordinal: Ordinal) -> NaiveRecord {
    let (vector, document, metadata) = (new.vector.clone(), new.document.clone(), new.metadata.clone());
    let sparse = new.sparse.clone();
    NaiveRecord { written: at.written(), ordinal, vector, document, metadata, sparse }
}

fn empty(patch: &RecordPatch) -> NaiveRecord {
    NaiveRecord {
        written: Written::default(),
        ordinal: patch.ordinal,
        vector: None,
        document: None,
        metadata: Metadata::new(),
        sparse: None,
    }
}

fn patched(old: NaiveRecord, patch: &RecordPatch, at: At) -> NaiveRecord {
    let mut record = NaiveRecord { written: at.written(), ..old };
    match &patch.vector {
        Change::Keep => {}
        Change::Set(vector) => record.vector = Some(vector.clone()),
        Change::Remove => record.vector = None,
    }
    match &patch.document {
        Change::Keep => {}
        Change::Set(document) => record.document = Some(document.clone()),
        Change::Remove => record.document = None,
    }
    match &patch.sparse {
        Change::Keep => {}
        Change::Set(sparse) => record.sparse = Some(sparse.clone()),
        Change::Remove => record.sparse = None,
    }
    for (key, value) in &patch.metadata {
        record.metadata.remove(key);
        if let Some(value) = value {
            record.metadata.insert(key.clone(), value.clone());
        }
    }
    record
}
