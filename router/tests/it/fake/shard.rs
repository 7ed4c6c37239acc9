//! One shard in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use lacuna_model::command::{CallRef, Command, IdAt, RowAction, StartWhere, Write, WriteVerb};
use lacuna_model::filter::Filter;
use lacuna_model::outcome::{CommandOutcome, Fate, ItemFate, Refusal, RowStatus, RowView, WriteOutcome};
use lacuna_model::read::{AgePlace, DigestView, Hit, Include, ReadBody, ReadReply, ReadRequest, RecordView};
use lacuna_model::record::{Change, Metric, NewRecord, RecordPatch, SparseVector, Written};
use lacuna_model::{Incarnation, LogPosition, OpNumber, ShardId, Stamp, slot_of};

use super::position;

type Key = (Incarnation, String);

pub(crate) struct Shard {
    id: u32,
    index: u64,
    records: BTreeMap<Key, NewRecord>,
    outcomes: HashMap<(String, u32), WriteOutcome>,
    fenced: HashSet<Incarnation>,
    rows: HashMap<OpNumber, RowView>,
    closed: HashSet<OpNumber>,
    /// Looks that a row needs before it is done.
    pub(crate) looks: usize,
    /// Refusals of the next Starts.
    pub(crate) busy: usize,
}

impl Shard {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            index: 0,
            records: BTreeMap::new(),
            outcomes: HashMap::new(),
            fenced: HashSet::new(),
            rows: HashMap::new(),
            closed: HashSet::new(),
            looks: 0,
            busy: 0,
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.records.keys().filter(|(incarnation, _)| !self.fenced.contains(incarnation)).count()
    }

    pub(crate) fn at(&self) -> LogPosition {
        position(self.index)
    }

    pub(crate) fn close(&mut self, number: OpNumber) {
        self.rows.remove(&number);
        self.closed.insert(number);
    }

    fn count(&self, incarnation: Incarnation) -> u64 {
        self.records.keys().filter(|(other, _)| *other == incarnation).count() as u64
    }

    pub(crate) fn apply(&mut self, command: &Command, stamp: Stamp) -> CommandOutcome {
        self.index += 1;
        match command {
            Command::Write(write) => self.write(write, stamp),
            Command::StartWhere(start) => self.start(start),
            Command::Fence(fence) => {
                if let Some(row) = self.rows.get(&fence.number) {
                    return CommandOutcome::Row(row.clone());
                }
                let ended = fence.incarnations.iter().map(|one| self.count(*one)).sum();
                self.fenced.extend(&fence.incarnations);
                self.records.retain(|(one, _), _| !fence.incarnations.contains(one));
                let row = self.row(fence.number, (RowStatus::Done, ended), Incarnation(0));
                self.rows.insert(fence.number, row.clone());
                CommandOutcome::Row(row)
            }
            Command::Advance(_) | Command::Close(_) | Command::SetSlots(_) => CommandOutcome::Done,
            Command::StartRelease(_) | Command::AdvanceRelease(_) => panic!("no memory collections here"),
        }
    }

    fn row(&self, number: OpNumber, (status, taken): (RowStatus, u64), left: Incarnation) -> RowView {
        RowView {
            matched: taken,
            deleted: taken,
            remaining: self.count(left),
            ..RowView::begun(number, status, self.at())
        }
    }

    fn start(&mut self, start: &StartWhere) -> CommandOutcome {
        if self.closed.contains(&start.number) {
            return CommandOutcome::Refused(Refusal::Closed);
        }
        if let Some(row) = self.rows.get(&start.number) {
            return CommandOutcome::Row(row.clone());
        }
        if self.fenced.contains(&start.incarnation) {
            return CommandOutcome::Refused(Refusal::Fenced);
        }
        if self.busy > 0 {
            self.busy -= 1;
            return CommandOutcome::Refused(Refusal::Busy);
        }
        let going: Vec<Key> = self.matching(start.incarnation, Some(&start.filter));
        let limit = start.limit.unwrap_or(u64::MAX) as usize;
        let going: Vec<Key> = going.into_iter().take(limit).collect();
        let (mut deleted, mut updated) = (0, 0);
        for key in &going {
            match &start.action {
                RowAction::Delete => {
                    self.records.remove(key);
                    deleted += 1;
                }
                RowAction::SetMetadata(changes) => {
                    let record = self.records.get_mut(key).expect("it matched");
                    let set = changes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
                    record.metadata.extend(set);
                    updated += 1;
                }
            }
        }
        let status = if self.looks > 0 { RowStatus::Sweeping } else { RowStatus::Done };
        let row = self.row(start.number, (status, going.len() as u64), start.incarnation);
        let row = RowView { deleted, updated, ..row };
        self.rows.insert(start.number, row.clone());
        CommandOutcome::Row(row)
    }

    fn matching(&self, incarnation: Incarnation, filter: Option<&Filter>) -> Vec<Key> {
        let filter = filter.map(|filter| filter.compile().expect("a filter"));
        let wanted = self.records.iter().filter(|((one, id), record)| {
            let matches = |filter: &lacuna_model::filter::CompiledFilter| {
                filter.matches(id, &record.metadata, record.document.as_deref())
            };
            *one == incarnation && filter.as_ref().is_none_or(matches)
        });
        wanted.map(|(key, _)| key.clone()).collect()
    }

    fn write(&mut self, write: &Write, stamp: Stamp) -> CommandOutcome {
        let CallRef { op_id, part, .. } = &write.call;
        let name = (op_id.as_str().to_owned(), *part);
        if let Some(known) = self.outcomes.get(&name) {
            return CommandOutcome::Written(known.clone());
        }
        if write.call.expires() < stamp {
            return CommandOutcome::Refused(Refusal::Forgotten(stamp));
        }
        if self.fenced.contains(&write.incarnation) {
            return CommandOutcome::Refused(Refusal::Fenced);
        }
        let items = self.effect(write.incarnation, &write.verb);
        let outcome = WriteOutcome { at: self.at(), items, remaining: self.count(write.incarnation) };
        self.outcomes.insert(name, outcome.clone());
        CommandOutcome::Written(outcome)
    }

    fn effect(&mut self, incarnation: Incarnation, verb: &WriteVerb) -> Vec<ItemFate> {
        match verb {
            WriteVerb::Contribute(..) | WriteVerb::Retain(..) => panic!("no memory collections here"),
            WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
                records.iter().map(|record| self.upsert(incarnation, record)).collect()
            }
            WriteVerb::Update(patches) | WriteVerb::Merge(patches) => {
                patches.iter().map(|patch| self.update(incarnation, patch)).collect()
            }
            WriteVerb::DeleteIds(ids) => ids.iter().map(|id| self.delete(incarnation, id, None)).collect(),
            WriteVerb::DeleteIdsWhere(ids, filter) => {
                let matching = self.matching(incarnation, Some(filter));
                ids.iter().map(|id| self.delete(incarnation, id, Some(&matching))).collect()
            }
        }
    }

    fn upsert(&mut self, incarnation: Incarnation, record: &NewRecord) -> ItemFate {
        let id = record.id.as_str();
        let old = self.records.insert((incarnation, id.to_owned()), record.clone());
        let fate = if old.is_some() { Fate::Updated } else { Fate::Inserted };
        ItemFate { slot: slot_of(incarnation, id), position: record.position, fate }
    }

    fn update(&mut self, incarnation: Incarnation, patch: &RecordPatch) -> ItemFate {
        let id = patch.id.as_str();
        let fate = match self.records.get_mut(&(incarnation, id.to_owned())) {
            None => Fate::Absent,
            Some(record) => {
                match &patch.document {
                    Change::Keep => {}
                    Change::Remove => record.document = None,
                    Change::Set(text) => record.document = Some(text.clone()),
                }
                for (key, value) in &patch.metadata {
                    match value {
                        Some(value) => record.metadata.insert(key.clone(), value.clone()),
                        None => record.metadata.remove(key),
                    };
                }
                Fate::Updated
            }
        };
        ItemFate { slot: slot_of(incarnation, id), position: patch.position, fate }
    }

    fn delete(&mut self, incarnation: Incarnation, id: &IdAt, matching: Option<&Vec<Key>>) -> ItemFate {
        let key = (incarnation, id.id.as_str().to_owned());
        let fate = match (self.records.contains_key(&key), matching) {
            (false, _) => Fate::Absent,
            (true, Some(matching)) if !matching.contains(&key) => Fate::Unmatched,
            (true, _) => {
                self.records.remove(&key);
                Fate::Deleted
            }
        };
        ItemFate { slot: slot_of(incarnation, id.id.as_str()), position: id.position, fate }
    }

    pub(crate) fn read(&mut self, request: &ReadRequest, stamp: Stamp) -> ReadReply {
        let body = self.body(request);
        ReadReply { at: self.at(), stamp, body }
    }

    fn body(&mut self, request: &ReadRequest) -> ReadBody {
        match request {
            ReadRequest::MemoryGet { .. }
            | ReadRequest::MemoryHeld { .. }
            | ReadRequest::MemorySearch { .. }
            | ReadRequest::MemoryStats(_)
            | ReadRequest::ReleasePreview(_) => panic!("no memory collections here"),
            ReadRequest::Get { incarnation, .. }
            | ReadRequest::Scan { incarnation, .. }
            | ReadRequest::Search { incarnation, .. }
            | ReadRequest::Preview { incarnation, .. }
            | ReadRequest::Oldest { incarnation, .. }
            | ReadRequest::Ordinals { incarnation, .. }
            | ReadRequest::Hybrid { incarnation, .. }
                if self.fenced.contains(incarnation) =>
            {
                ReadBody::Fenced
            }
            ReadRequest::Get { incarnation, ids, include } => {
                let found = ids.iter().filter_map(|id| {
                    self.records
                        .get(&(*incarnation, id.as_str().to_owned()))
                        .map(|record| self.view(record, *include))
                });
                ReadBody::Records { records: found.collect(), more: false }
            }
            ReadRequest::Search { incarnation, metric, vectors, top_k, filter, include, .. } => {
                let keys = self.matching(*incarnation, filter.as_ref());
                ReadBody::Hits(
                    vectors
                        .iter()
                        .map(|vector| self.hits(&keys, (*metric, vector), (*top_k, *include)))
                        .collect(),
                )
            }
            ReadRequest::Count { incarnations, filter } => {
                if incarnations.iter().any(|one| self.fenced.contains(one)) {
                    return ReadBody::Fenced;
                }
                let counts = incarnations.iter().map(|one| self.matching(*one, filter.as_ref()).len() as u64);
                ReadBody::Count(counts.sum())
            }
            ReadRequest::Preview { incarnation, filter, sample } => {
                let keys = self.matching(*incarnation, Some(filter));
                let first = keys.iter().take(*sample).map(|key| self.records[key].id.clone());
                ReadBody::Preview { matched: keys.len() as u64, sample: first.collect() }
            }
            ReadRequest::Outcome(call) => {
                let name = (call.op_id.as_str().to_owned(), call.part);
                ReadBody::Outcome(self.outcomes.get(&name).cloned())
            }
            ReadRequest::Digest => {
                ReadBody::Digest(DigestView { records: 1, rest: 2, live: self.records.len() as u64 })
            }
            ReadRequest::Oldest { .. }
            | ReadRequest::Hybrid { .. }
            | ReadRequest::Ordinals { .. }
            | ReadRequest::Scan { .. }
            | ReadRequest::Row(_) => self.rarer(request),
        }
    }

    fn rarer(&mut self, request: &ReadRequest) -> ReadBody {
        match request {
            ReadRequest::Oldest { incarnation, filter, after, limit, include } => {
                let place = |key: &Key| {
                    let record = &self.records[key];
                    AgePlace { ordinal: record.ordinal, id: record.id.to_string() }
                };
                let mut keys = self.matching(*incarnation, filter.as_ref());
                keys.sort_by_key(place);
                keys.retain(|key| after.as_ref().is_none_or(|after| place(key) > *after));
                // Small pages, as if the records were large.
                let page = keys.iter().take((*limit).min(7));
                let records: Vec<_> = page.map(|key| self.view(&self.records[key], *include)).collect();
                ReadBody::Records { more: records.len() < keys.len(), records }
            }
            ReadRequest::Hybrid { incarnation, dense, sparse, top_k, filter, include } => {
                let keys = self.matching(*incarnation, filter.as_ref()).into_iter();
                let dot = |record: &NewRecord| -> f32 {
                    let shared = |(at, value)| {
                        record
                            .sparse
                            .iter()
                            .flat_map(SparseVector::entries)
                            .find(|(i, _)| *i == at)
                            .map(|(_, v)| v * value)
                    };
                    let pairs = dense.iter().flatten().zip(record.vector.iter().flatten());
                    sparse.entries().filter_map(shared).sum::<f32>() + pairs.map(|(a, b)| a * b).sum::<f32>()
                };
                let found = keys.map(|key| {
                    let record = &self.records[&key];
                    Hit { score: dot(record), record: self.view(record, *include) }
                });
                let mut hits: Vec<Hit> = found.collect();
                hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.record.id.cmp(&b.record.id)));
                hits.truncate(*top_k);
                ReadBody::Hits(vec![hits])
            }
            ReadRequest::Ordinals { incarnation, limit } => {
                let mut ordinals: Vec<_> =
                    self.matching(*incarnation, None).iter().map(|key| self.records[key].ordinal).collect();
                ordinals.sort_unstable();
                ordinals.truncate(*limit);
                ReadBody::Ordinals(ordinals)
            }
            ReadRequest::Scan { incarnation, prefix, filter, after, limit, include } => {
                let keys = self.matching(*incarnation, filter.as_ref()).into_iter();
                let keys: Vec<Key> = keys
                    .filter(|(_, id)| id.starts_with(prefix) && after.as_ref().is_none_or(|after| id > after))
                    .collect();
                let records =
                    keys.iter().take(*limit).map(|key| self.view(&self.records[key], *include)).collect();
                ReadBody::Records { records, more: keys.len() > *limit }
            }
            ReadRequest::Row(number) => {
                self.looks = self.looks.saturating_sub(1);
                let looks = self.looks;
                let row = self.rows.get_mut(number);
                ReadBody::Row(row.map(|row| {
                    if looks == 0 {
                        row.status = RowStatus::Done;
                    }
                    row.clone()
                }))
            }
            other => panic!("{other:?} is answered elsewhere"),
        }
    }

    fn hits(
        &self,
        keys: &[Key],
        (metric, query): (Metric, &[f32]),
        (top_k, include): (usize, Include),
    ) -> Vec<Hit> {
        let scored = keys.iter().filter_map(|key| {
            let record = &self.records[key];
            let vector = record.vector.as_ref()?;
            let pairs = vector.iter().zip(query);
            let score = match metric {
                Metric::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
                Metric::Dot | Metric::Cosine => pairs.map(|(a, b)| a * b).sum(),
            };
            Some(Hit { score, record: self.view(record, include) })
        });
        let mut hits: Vec<Hit> = scored.collect();
        hits.sort_by(|a, b| {
            let best = match metric {
                Metric::L2 => a.score.total_cmp(&b.score),
                Metric::Dot | Metric::Cosine => b.score.total_cmp(&a.score),
            };
            best.then_with(|| a.record.id.cmp(&b.record.id))
        });
        hits.truncate(top_k);
        hits
    }

    fn view(&self, record: &NewRecord, include: Include) -> RecordView {
        RecordView {
            id: record.id.clone(),
            vector: record.vector.clone().filter(|_| include.vector),
            document: record.document.clone().filter(|_| include.document),
            metadata: include.metadata.then(|| record.metadata.clone()),
            ordinal: record.ordinal,
            written: Written { index: self.index, place: 0, shard: ShardId(self.id) },
            sparse: record.sparse.clone().filter(|_| include.vector),
        }
    }
}
