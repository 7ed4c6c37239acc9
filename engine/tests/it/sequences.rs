//! Issue test: random sequences of commands, the engine against the naive model: answers, counts, reads,
//! digests; with reopening, snapshots and writes amid open rows among the steps.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use lacuna_engine::{Engine, EntryAt};
use lacuna_model::command::Entry;
use lacuna_model::outcome::CommandOutcome;
use lacuna_model::read::{AgePlace, Include, ReadBody, ReadRequest, RecordView};
use lacuna_model::record::{Metric, SparseVector};
use lacuna_model::{Incarnation, LogPosition, OpNumber};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tempfile::TempDir;

use crate::making::{all_slots, apply, id, new_dir, open};
use crate::naive::{At, Naive, NaiveRecord, matches};
use crate::steps::{FILTERS, INCARNATIONS, Maker, Step, filter_of, steps};

const EVERYTHING: Include = Include { vector: true, document: true, metadata: true };

/// Sequences in the normal run, times `LACUNA_TEST_ROUNDS`; the seed is printed, and taken from `LACUNA_TEST_SEED`.
fn rounds(usual: u32) -> ProptestConfig {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("LACUNA_TEST_SEED").unwrap_or_else(|| RandomState::new().hash_one(usual));
    eprintln!("LACUNA_TEST_SEED={seed} repeats this run");
    let cases = usual * number("LACUNA_TEST_ROUNDS").unwrap_or(1) as u32;
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

struct Bench {
    dir: TempDir,
    generation: u32,
    engine: Option<Engine>,
    model: Naive,
    maker: Maker,
    clock: i64,
    /// What a log would hold, with what was answered.
    log: Vec<(EntryAt, Vec<CommandOutcome>)>,
}

impl Bench {
    fn new() -> Self {
        let dir = new_dir();
        let engine = open(&dir.path().join("0"));
        let mut bench = Self {
            dir,
            generation: 0,
            engine: Some(engine),
            model: Naive::default(),
            maker: Maker::default(),
            clock: 500,
            log: Vec::new(),
        };
        let outcome = apply(bench.engine(), vec![all_slots()]);
        let at = At { position: bench.engine().applied(), place: 0 };
        bench.model.begin(lacuna_model::Stamp(1));
        assert_eq!(outcome, [bench.model.apply(at, &all_slots())]);
        bench.log.push((crate::making::entry_at(1, 1, vec![all_slots()]), outcome));
        bench
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(self.generation.to_string())
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Entry(draws, moved) => {
                self.clock = (self.clock + i64::from(*moved)).max(0);
                let stamp = lacuna_model::Stamp(self.clock as u64 * 1_000_000);
                let position = self.next_position();
                self.model.begin(stamp);
                let (mut commands, mut expected) = (Vec::new(), Vec::new());
                for draw in draws {
                    let Some(command) = self.maker.command(draw, &self.model) else { continue };
                    let at = At { position, place: commands.len() as u32 };
                    expected.push(self.model.apply(at, &command));
                    commands.push(command);
                }
                let entry = EntryAt { position, entry: Some(Entry { stamp, commands }) };
                let outcomes = self.engine().apply(std::slice::from_ref(&entry), b"s").unwrap().remove(0);
                assert_eq!(outcomes, expected, "in {entry:#?}");
                self.log.push((entry, expected));
            }
            Step::Blank => {
                let blank = EntryAt { position: self.next_position(), entry: None };
                assert_eq!(
                    self.engine().apply(std::slice::from_ref(&blank), b"blank").unwrap(),
                    [Vec::new()]
                );
                self.log.push((blank, Vec::new()));
            }
            Step::Reopen => {
                self.engine = None;
                self.engine = Some(open(&self.path()));
            }
            Step::Kill => self.kill(),
            Step::ExportImport => self.export_import(),
            Step::Garbage(budget) => {
                self.engine().sweep_garbage(usize::from(*budget)).unwrap();
            }
            Step::Barrier => assert_eq!(self.engine().barrier().unwrap(), self.engine().applied()),
        }
    }

    /// The store comes back at an earlier entry, and the log replays the rest with the same answers.
    fn kill(&mut self) {
        let before = self.engine().digest();
        self.engine.take().unwrap().abandon();
        let engine = open(&self.path());
        let applied = engine.applied().index;
        assert_eq!(engine.digest(), engine.recompute_digest().unwrap());
        let lost: Vec<_> =
            self.log.iter().filter(|(entry, _)| entry.position.index > applied).cloned().collect();
        let (entries, answers): (Vec<EntryAt>, Vec<Vec<CommandOutcome>>) = lost.into_iter().unzip();
        assert_eq!(engine.apply(&entries, b"s").unwrap(), answers);
        assert_eq!(engine.digest(), before);
        self.engine = Some(engine);
    }

    fn next_position(&self) -> LogPosition {
        LogPosition { term: 1, index: self.engine().applied().index + 1 }
    }

    /// Goes on in another replica, which had other contents before.
    fn export_import(&mut self) {
        let file = self.dir.path().join("snapshot");
        let exported = self.engine().export(&file).unwrap();
        let before = self.engine().digest();
        self.generation += 1;
        let other = open(&self.path());
        apply(&other, vec![all_slots(), crate::making::fence(3, 5)]);
        assert_eq!(other.import(&file).unwrap().applied, exported.applied);
        assert_eq!(other.digest(), before);
        assert_eq!(other.sidecar(), exported.sidecar);
        self.engine = Some(other);
    }

    /// Everything that a reader can ask.
    fn compare(&self) {
        let engine = self.engine();
        assert_eq!(engine.digest(), engine.recompute_digest().unwrap(), "digests kept and digests computed");
        for number in 0..32 {
            let ReadBody::Row(row) = self.ask(&ReadRequest::Row(OpNumber(number))) else { panic!() };
            assert_eq!(row, self.model.rows.get(&number).map(|row| row.view.clone()), "row {number}");
        }
        let mut live = 0;
        for incarnation in 1..=INCARNATIONS {
            live += self.model.live(incarnation);
            self.compare_incarnation(incarnation);
        }
        assert_eq!(engine.digest().live, live);
    }

    fn ask(&self, request: &ReadRequest) -> ReadBody {
        let reply = self.engine().read(request).unwrap();
        assert_eq!((reply.at, reply.stamp), (self.engine().applied(), self.model.stamp));
        reply.body
    }

    fn compare_incarnation(&self, number: u64) {
        let incarnation = Incarnation(number);
        let visible = self.model.visible(number);
        let scan = |filter: Option<u8>, after: Option<String>, limit: usize| ReadRequest::Scan {
            incarnation,
            prefix: "k".to_owned(),
            filter: filter.map(filter_of),
            after,
            limit,
            include: EVERYTHING,
        };
        if self.model.ended.contains(&number) {
            assert_eq!(self.ask(&scan(None, None, 5)), ReadBody::Fenced);
            assert_eq!(self.ask(&ReadRequest::Ordinals { incarnation, limit: 1 }), ReadBody::Fenced);
            assert_eq!(
                self.ask(&ReadRequest::Count { incarnations: vec![incarnation], filter: None }),
                ReadBody::Fenced
            );
            return;
        }
        let all: Vec<RecordView> = visible.iter().map(|(id, record)| view(id, record)).collect();
        let records = |records: Vec<RecordView>, more| ReadBody::Records { records, more };
        assert_eq!(self.ask(&scan(None, None, 100)), records(all.clone(), false));
        let page: Vec<RecordView> = all.iter().filter(|r| r.id.as_str() > "k11").cloned().collect();
        let first: Vec<RecordView> = page.iter().take(3).cloned().collect();
        assert_eq!(self.ask(&scan(None, Some("k11".to_owned()), 3)), records(first, page.len() > 3));
        let ids = ["k5", "nobody", "k1"];
        let get = ReadRequest::Get { incarnation, ids: ids.map(id).to_vec(), include: EVERYTHING };
        let got = ids.iter().filter_map(|id| Some(view(id, visible.get(*id)?))).collect();
        assert_eq!(self.ask(&get), records(got, false));
        let count = |filter| ReadRequest::Count { incarnations: vec![incarnation], filter };
        assert_eq!(self.ask(&count(None)), ReadBody::Count(all.len() as u64));
        // Every other filter at a step, the others at the next: a sequence has many steps.
        let turn = (self.engine().applied().index % 2) as u8;
        for number in (0..FILTERS).filter(|number| number % 2 == turn) {
            let filter = filter_of(number);
            let matching: Vec<RecordView> = visible
                .iter()
                .filter(|(id, record)| matches(&filter, id, record))
                .map(|(id, record)| view(id, record))
                .collect();
            assert_eq!(self.ask(&count(Some(filter.clone()))), ReadBody::Count(matching.len() as u64));
            let sample = matching.iter().take(2).map(|record| record.id.clone()).collect();
            let preview = ReadRequest::Preview { incarnation, filter, sample: 2 };
            assert_eq!(self.ask(&preview), ReadBody::Preview { matched: matching.len() as u64, sample });
            let first = matching.iter().take(2).cloned().collect();
            assert_eq!(self.ask(&scan(Some(number), None, 2)), records(first, matching.len() > 2));
        }
        self.compare_ages(incarnation, &visible);
        self.compare_search(incarnation, None);
        self.compare_search(incarnation, Some(4));
        self.compare_search(incarnation, Some(8));
        self.compare_hybrid(incarnation, &visible);
    }

    /// Insertion order, behind a place, with and without a filter.
    fn compare_ages(&self, incarnation: Incarnation, visible: &BTreeMap<String, NaiveRecord>) {
        let mut all: Vec<RecordView> = visible.iter().map(|(id, record)| view(id, record)).collect();
        all.sort_by_key(|record| (record.ordinal, record.id.clone()));
        let ordinals = all.iter().take(5).map(|record| record.ordinal).collect();
        let first = ReadRequest::Ordinals { incarnation, limit: 5 };
        assert_eq!(self.ask(&first), ReadBody::Ordinals(ordinals));
        let turn = self.engine().applied().index as usize;
        let filter = (!turn.is_multiple_of(3)).then(|| filter_of((turn % usize::from(FILTERS)) as u8));
        let after = all.get(turn % 7).map(|record| AgePlace {
            ordinal: record.ordinal,
            id: if turn.is_multiple_of(2) { record.id.to_string() } else { String::new() },
        });
        let behind = |record: &&RecordView| {
            let naive = &visible[record.id.as_str()];
            after
                .as_ref()
                .is_none_or(|after| (record.ordinal, record.id.as_str()) > (after.ordinal, &after.id))
                && filter.as_ref().is_none_or(|filter| matches(filter, record.id.as_str(), naive))
        };
        let expected: Vec<RecordView> = all.iter().filter(behind).cloned().collect();
        for limit in [2, 100] {
            let (after, filter) = (after.clone(), filter.clone());
            let ask = ReadRequest::Oldest { incarnation, filter, after, limit, include: EVERYTHING };
            let ReadBody::Records { records, more } = self.ask(&ask) else { panic!() };
            assert_eq!(records, expected.iter().take(limit).cloned().collect::<Vec<_>>());
            assert!(more || expected.len() <= limit, "it says when there is more");
            assert!(!more || limit < 100, "and when there can't be");
        }
    }

    fn compare_search(&self, incarnation: Incarnation, filter: Option<u8>) {
        let query = [1.0, 1.5];
        let schema = self.model.contents.get(&incarnation.0).and_then(|contents| contents.schema);
        if schema.is_some_and(|schema| schema.metric != Metric::L2 || schema.dimension != Some(2)) {
            return;
        }
        let mut near: Vec<(f32, String)> = self
            .model
            .visible(incarnation.0)
            .into_iter()
            .filter(|(id, record)| filter.is_none_or(|filter| matches(&filter_of(filter), id, record)))
            .filter_map(|(id, record)| {
                let vector = record.vector?;
                Some((vector.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum(), id))
            })
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        near.truncate(4);
        let search = ReadRequest::Search {
            incarnation,
            metric: Metric::L2,
            vectors: vec![query.to_vec()],
            top_k: 4,
            ef: None,
            exact: true,
            filter: filter.map(filter_of),
            include: Include::default(),
        };
        let ReadBody::Hits(hits) = self.ask(&search) else { panic!() };
        let found: Vec<(f32, String)> =
            hits[0].iter().map(|hit| (hit.score, hit.record.id.to_string())).collect();
        assert_eq!(found, near);
    }

    /// Sparse alone and with a dense part, all records and those that match.
    fn compare_hybrid(&self, incarnation: Incarnation, visible: &BTreeMap<String, NaiveRecord>) {
        let schema = self.model.contents.get(&incarnation.0).and_then(|contents| contents.schema);
        if schema.is_none_or(|schema| schema.metric != Metric::Dot || schema.dimension != Some(2)) {
            return;
        }
        let sparse = SparseVector::new(vec![2, 9, 77], vec![2.0, 1.0, 5.0]).unwrap();
        let turn = self.engine().applied().index;
        let filter = turn.is_multiple_of(2).then(|| filter_of((turn % u64::from(FILTERS)) as u8));
        for dense in [None, Some(vec![1.0, 1.5])] {
            let score = |record: &NaiveRecord| {
                let with_dense = dense.as_ref().zip(record.vector.as_ref());
                let dense = with_dense.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>());
                let entries = |theirs: &SparseVector| {
                    let ours = sparse.entries().collect::<BTreeMap<_, _>>();
                    let shared = theirs.entries().filter_map(|(at, value)| Some(ours.get(&at)? * value));
                    shared.reduce(|a, b| a + b)
                };
                let sparse = record.sparse.as_ref().and_then(entries);
                (dense.is_some() || sparse.is_some()).then(|| dense.unwrap_or(0.0) + sparse.unwrap_or(0.0))
            };
            let wanted =
                |id: &str, record: &NaiveRecord| filter.as_ref().is_none_or(|f| matches(f, id, record));
            let mut best: Vec<(f32, String)> = visible
                .iter()
                .filter(|(id, record)| wanted(id, record))
                .filter_map(|(id, record)| Some((score(record)?, id.clone())))
                .collect();
            best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            best.truncate(4);
            let ask = ReadRequest::Hybrid {
                incarnation,
                dense: dense.clone(),
                sparse: sparse.clone(),
                top_k: 4,
                filter: filter.clone(),
                include: Include::default(),
            };
            let ReadBody::Hits(hits) = self.ask(&ask) else { panic!() };
            let found: Vec<_> = hits[0].iter().map(|hit| (hit.score, hit.record.id.to_string())).collect();
            assert_eq!(found, best, "{dense:?} {filter:?}");
        }
    }
}

fn view(id: &str, record: &NaiveRecord) -> RecordView {
    RecordView {
        id: crate::making::id(id),
        vector: record.vector.clone(),
        document: record.document.clone(),
        metadata: Some(record.metadata.clone()),
        ordinal: record.ordinal,
        written: record.written,
        sparse: record.sparse.clone(),
    }
}

proptest! {
    #![proptest_config(rounds(10_000))]

    #[test]
    fn the_engine_answers_as_the_naive_model(steps in steps(40)) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.step(step);
            bench.compare();
        }
    }

}

proptest! {
    #![proptest_config(rounds(150))]

    #[test]
    fn replicas_fed_the_same_log_in_batches_of_any_size_agree(steps in steps(40), sizes in prop::collection::vec(1..7usize, 3)) {
        let mut model = Naive::default();
        let mut maker = Maker::default();
        let mut clock = 500i64;
        let mut log = vec![crate::making::entry_at(1, 1, vec![all_slots()])];
        model.apply(At { position: log[0].position, place: 0 }, &all_slots());
        for step in &steps {
            let position = LogPosition { term: 1, index: log.len() as u64 + 1 };
            let Step::Entry(draws, moved) = step else {
                log.push(EntryAt { position, entry: None });
                continue;
            };
            clock = (clock + i64::from(*moved)).max(0);
            let stamp = lacuna_model::Stamp(clock as u64 * 1_000_000);
            model.begin(stamp);
            let mut commands = Vec::new();
            for draw in draws {
                let Some(command) = maker.command(draw, &model) else { continue };
                model.apply(At { position, place: commands.len() as u32 }, &command);
                commands.push(command);
            }
            log.push(EntryAt { position, entry: Some(Entry { stamp, commands }) });
        }
        let mut seen = Vec::new();
        for size in sizes.into_iter().chain([1, log.len()]) {
            let dir = new_dir();
            let mut engine = open(dir.path());
            let mut outcomes = Vec::new();
            for (number, batch) in log.chunks(size).enumerate() {
                outcomes.extend(engine.apply(batch, b"s").unwrap());
                if number == size {
                    // One of them restarts without a flush in the middle.
                    drop(engine);
                    engine = open(dir.path());
                }
            }
            prop_assert_eq!(engine.digest(), engine.recompute_digest().unwrap());
            seen.push((engine.digest(), outcomes));
        }
        for other in &seen[1..] {
            prop_assert_eq!(other, &seen[0]);
        }
    }
}
