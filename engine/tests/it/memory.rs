//! Memory collections: random adds, holds and releases against a naive model that keeps every contribution by
//! itself, with restarts and snapshots among the steps.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_engine::Engine;
use lacuna_model::command::{AdvanceRelease, Command, IdAt, Retain, StartRelease, Write, WriteVerb};
use lacuna_model::memory::contribution::{Content, Facts, NewContribution};
use lacuna_model::memory::counts::{MemoryKind, ReleaseCounts};
use lacuna_model::memory::part::NewOwner;
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::{CommandOutcome, Fate, Refusal, RowStatus, RowView};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::record::{Kind, Metric, Ordinal, Schema};
use lacuna_model::{DatasetNumber, Incarnation, ItemNumber, OpNumber, Stamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::making::{all_slots, apply, call, id, new_dir, open};

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const ITEMS: u64 = 9;
const DATASETS: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// An item says these of records of a collection.
    Contribute {
        item: u64,
        incarnation: u64,
        says: Vec<(usize, u8)>,
    },
    /// An edge of an item holds these.
    Retain {
        item: u64,
        incarnation: u64,
        ids: Vec<usize>,
    },
    /// Items go, so many references an entry.
    Release {
        items: BTreeSet<u64>,
        budget: u32,
    },
    Reopen,
    Snapshot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let item = 1..=ITEMS;
    let says = prop::collection::vec((0..IDS.len(), 0_u8..3), 1..5);
    let step = prop_oneof![
        8 => (item.clone(), 1_u64..3, says)
            .prop_map(|(item, incarnation, says)| Step::Contribute { item, incarnation, says }),
        3 => (item.clone(), 1_u64..3, prop::collection::vec(0..IDS.len(), 1..4))
            .prop_map(|(item, incarnation, ids)| Step::Retain { item, incarnation, ids }),
        3 => (prop::collection::btree_set(item, 1..4), 1_u32..5)
            .prop_map(|(items, budget)| Step::Release { items, budget }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Snapshot),
    ];
    prop::collection::vec(step, 1..40)
}

/// An item belongs to one dataset.
fn dataset(item: u64) -> DatasetNumber {
    DatasetNumber(item % DATASETS)
}

fn owner(item: u64) -> NewOwner {
    NewOwner { item: ItemNumber(item), dataset: dataset(item) }
}

fn content(what: u8) -> Content {
    let kind = [MemoryKind::Vector, MemoryKind::Node, MemoryKind::Edge][usize::from(what % 3)];
    let mut facts = Facts::bare(kind, Some(format!("type {what}")));
    facts.node_sets = vec![format!("set {what}")];
    Content { vector: Some(vec![f32::from(what), 1.0]), text: Some(format!("text {what}")), facts }
}

type Place = (u64, &'static str);

/// The naive model: who says what of which record, nothing else.
#[derive(Default)]
struct Naive {
    said: BTreeMap<Place, BTreeMap<u64, Option<u8>>>,
    released: BTreeSet<u64>,
    /// Type and kind of what a record was last, for one that nothing is said of any more.
    was: BTreeMap<Place, u8>,
}

impl Naive {
    fn newest(&self, place: Place) -> Option<u8> {
        self.said.get(&place)?.values().rev().find_map(|said| *said)
    }

    fn remember(&mut self, place: Place) {
        if let Some(what) = self.newest(place) {
            self.was.insert(place, what);
        }
    }

    fn contribute(&mut self, item: u64, place: Place, what: u8) -> Fate {
        let there = self.said.contains_key(&place);
        self.said.entry(place).or_default().insert(item, Some(what));
        self.remember(place);
        if there { Fate::Updated } else { Fate::Inserted }
    }

    fn retain(&mut self, item: u64, place: Place) -> Fate {
        match self.said.get_mut(&place) {
            Some(said) => {
                said.entry(item).or_insert(None);
                Fate::Retained
            }
            None => Fate::Absent,
        }
    }

    fn release(&mut self, items: &BTreeSet<u64>) -> ReleaseCounts {
        let mut counts = ReleaseCounts::default();
        let places: Vec<Place> = self.said.keys().copied().collect();
        for place in places {
            self.remember(place);
            let said = self.said.get_mut(&place).unwrap();
            let before = said.len();
            said.retain(|item, _| !items.contains(item));
            let gone = (before - said.len()) as u64;
            if gone == 0 {
                continue;
            }
            counts.references += gone;
            let of_kind = match self.was[&place] % 3 {
                0 => &mut counts.vectors,
                1 => &mut counts.nodes,
                _ => &mut counts.edges,
            };
            if said.is_empty() {
                of_kind.deleted += 1;
                self.said.remove(&place);
            } else {
                of_kind.released += 1;
            }
        }
        self.released.extend(items);
        counts
    }

    /// What a reader sees.
    fn show(&self, place: Place, sight: &Sight) -> Option<MemoryRecord> {
        let seen: Vec<(u64, Option<u8>)> = self
            .said
            .get(&place)?
            .iter()
            .filter(|(item, _)| **item < sight.next.0 && !sight.hidden.contains(&ItemNumber(**item)))
            .map(|(item, said)| (*item, *said))
            .collect();
        if !seen.iter().any(|(item, _)| sight.chosen.contains(&dataset(*item))) {
            return None;
        }
        let readable: Vec<_> =
            seen.iter().filter(|(item, _)| sight.readable.contains(&dataset(*item))).collect();
        let was = self.newest(place).unwrap_or(self.was[&place]);
        let mut shown = if let Some(what) = readable.iter().rev().find_map(|(_, said)| *said) {
            content(what)
        } else {
            let Facts { kind, type_name, .. } = content(was).facts;
            Content { vector: None, text: None, facts: Facts::bare(kind, type_name) }
        };
        let sets: BTreeSet<String> =
            readable.iter().filter_map(|(_, said)| said.map(|what| format!("set {what}"))).collect();
        shown.facts.node_sets = sets.into_iter().collect();
        Some(MemoryRecord {
            id: id(place.1),
            content: shown,
            references: seen.len() as u64,
            owners: readable.iter().map(|(item, _)| (dataset(*item), ItemNumber(*item))).collect(),
        })
    }
}

fn command(op: usize, incarnation: u64, verb: WriteVerb) -> Command {
    let schema = Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector };
    let call = call(&format!("op{op}"), Stamp(0));
    Command::Write(Write { call, incarnation: Incarnation(incarnation), schema, verb })
}

fn fates(outcome: &CommandOutcome) -> Vec<Fate> {
    match outcome {
        CommandOutcome::Written(written) => written.items.iter().map(|item| item.fate).collect(),
        other => panic!("{other:?}"),
    }
}

fn row(outcome: &CommandOutcome) -> RowView {
    match outcome {
        CommandOutcome::Row(view) => view.clone(),
        other => panic!("{other:?}"),
    }
}

/// Runs a release to its end, a few references an entry.
fn release(engine: &Engine, number: u64, items: &BTreeSet<u64>, budget: u32) -> ReleaseCounts {
    let start = StartRelease {
        number: OpNumber(number),
        op_id: OpId::new(format!("release-{number}")).unwrap(),
        items: items.iter().map(|item| ItemNumber(*item)).collect(),
        budget,
    };
    let mut view = row(&apply(engine, vec![Command::StartRelease(start.clone())])[0]);
    while view.status == RowStatus::Sweeping {
        let open = engine.open_releases();
        let [(open, after)] = open.as_slice() else { panic!("one release is open") };
        let advance = AdvanceRelease { number: *open, after: after.clone(), budget };
        view = row(&apply(engine, vec![Command::AdvanceRelease(advance)])[0]);
    }
    assert_eq!(row(&apply(engine, vec![Command::StartRelease(start)])[0]), view, "a repeat tells the same");
    view.released
}

fn sights() -> Vec<Sight> {
    let all: Vec<DatasetNumber> = (0..DATASETS).map(DatasetNumber).collect();
    let of = |chosen: &[u64], readable: &[u64], hidden: &[u64], next| Sight {
        chosen: chosen.iter().copied().map(DatasetNumber).collect(),
        readable: readable.iter().copied().map(DatasetNumber).collect(),
        hidden: hidden.iter().copied().map(ItemNumber).collect(),
        next: ItemNumber(next),
    };
    vec![
        Sight { chosen: all.clone(), readable: all, hidden: Vec::new(), next: ItemNumber(100) },
        of(&[1], &[1], &[], 100),
        of(&[0], &[0, 2], &[2, 5], 100),
        of(&[1, 2], &[1, 2], &[1], 7),
    ]
}

fn compare(engine: &Engine, naive: &Naive) {
    assert_eq!(engine.digest(), engine.recompute_digest().unwrap());
    assert_eq!(engine.live_records(), naive.said.len() as u64);
    for sight in sights() {
        for incarnation in [1, 2] {
            let expected: Vec<MemoryRecord> =
                IDS.iter().filter_map(|text| naive.show((incarnation, text), &sight)).collect();
            let ids = IDS.iter().map(|text| id(text)).collect();
            let request =
                ReadRequest::MemoryGet { incarnation: Incarnation(incarnation), ids, sight: sight.clone() };
            assert_eq!(engine.read(&request).unwrap().body, ReadBody::Memory(expected.clone()), "{sight:?}");
            search(engine, incarnation, &sight, &expected);
        }
    }
    for item in 1..=ITEMS {
        held(engine, naive, item);
    }
}

fn search(engine: &Engine, incarnation: u64, sight: &Sight, shown: &[MemoryRecord]) {
    let request = ReadRequest::MemorySearch {
        incarnation: Incarnation(incarnation),
        vector: vec![1.2, 1.0],
        top_k: 4,
        sight: sight.clone(),
    };
    let distance =
        |record: &MemoryRecord| record.content.vector.as_ref().map(|vector| (vector[0] - 1.2).powi(2));
    let mut expected: Vec<(f32, String)> = shown
        .iter()
        .filter_map(|record| distance(record).map(|distance| (distance, record.id.as_str().to_owned())))
        .collect();
    expected.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    expected.truncate(4);
    let ReadBody::MemoryHits(hits) = engine.read(&request).unwrap().body else { panic!("hits") };
    let found: Vec<&str> = hits.iter().map(|(_, record)| record.id.as_str()).collect();
    assert_eq!(found, expected.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>(), "{sight:?}");
}

fn held(engine: &Engine, naive: &Naive, item: u64) {
    let sight = &sights()[0];
    let expected = naive.said.values().filter(|said| said.contains_key(&item)).count();
    let (mut after, mut found) = (None, 0);
    loop {
        let items = vec![ItemNumber(item)];
        let request = ReadRequest::MemoryHeld { items, after, limit: 2, sight: sight.clone() };
        let ReadBody::Held { records, next } = engine.read(&request).unwrap().body else { panic!("held") };
        found += records.len();
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected, "item {item}");
}

fn run(steps: &[Step]) {
    let dir = new_dir();
    let mut path = dir.path().join("0");
    let mut engine = open(&path);
    apply(&engine, vec![all_slots()]);
    let mut naive = Naive::default();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Contribute { item, incarnation, says } => {
                let new = |(position, (place, what)): (usize, &(usize, u8))| NewContribution {
                    position: position as u32,
                    id: id(IDS[*place]),
                    content: content(*what),
                    ordinal: Ordinal::default(),
                };
                let contributions = says.iter().enumerate().map(new).collect();
                let verb = WriteVerb::Contribute(owner(*item), contributions);
                let outcome = apply(&engine, vec![command(at, *incarnation, verb)]).remove(0);
                if naive.released.contains(item) {
                    assert_eq!(outcome, CommandOutcome::Refused(Refusal::Released));
                    continue;
                }
                let expected: Vec<Fate> = says
                    .iter()
                    .map(|(place, what)| naive.contribute(*item, (*incarnation, IDS[*place]), *what))
                    .collect();
                assert_eq!(fates(&outcome), expected);
            }
            Step::Retain { item, incarnation, ids } => {
                let ends: Vec<IdAt> =
                    ids.iter().zip(0..).map(|(end, position)| IdAt { position, id: id(IDS[*end]) }).collect();
                let retain = Retain { owner: owner(*item), hidden: Vec::new(), next: ItemNumber(100) };
                let verb = WriteVerb::Retain(retain, ends);
                let outcome = apply(&engine, vec![command(at, *incarnation, verb)]).remove(0);
                if naive.released.contains(item) {
                    assert_eq!(outcome, CommandOutcome::Refused(Refusal::Released));
                    continue;
                }
                let expected: Vec<Fate> =
                    ids.iter().map(|end| naive.retain(*item, (*incarnation, IDS[*end]))).collect();
                assert_eq!(fates(&outcome), expected);
            }
            Step::Release { items, budget } => {
                let preview =
                    ReadRequest::ReleasePreview(items.iter().map(|item| ItemNumber(*item)).collect());
                let preview = engine.read(&preview).unwrap().body;
                let expected = naive.release(items);
                assert_eq!(preview, ReadBody::Release(expected), "what a dry run tells is what goes");
                assert_eq!(release(&engine, at as u64 + 1, items, *budget), expected);
            }
            Step::Reopen => {
                drop(engine);
                engine = open(&path);
            }
            Step::Snapshot => {
                let file = dir.path().join("snapshot");
                engine.export(&file).unwrap();
                path = dir.path().join(format!("{}", at + 1));
                let other = open(&path);
                other.import(&file).unwrap();
                assert_eq!(other.digest(), engine.digest());
                engine = other;
            }
        }
        compare(&engine, &naive);
    }
}

#[test]
fn references_come_and_go_as_in_a_naive_model() {
    let rounds = std::env::var("LACUNA_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let config = Config { cases: 256 * rounds, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            run(&steps);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_end_that_only_a_hidden_item_holds_is_not_there_for_another() {
    let dir = new_dir();
    let engine = open(dir.path());
    let says = |item: u64| {
        let new =
            NewContribution { position: 0, id: id("a"), content: content(1), ordinal: Ordinal::default() };
        WriteVerb::Contribute(owner(item), vec![new])
    };
    apply(&engine, vec![all_slots(), command(1, 1, says(1))]);
    let retain = |op: usize, hidden: &[u64], next: u64| {
        let retain = Retain {
            owner: owner(2),
            hidden: hidden.iter().copied().map(ItemNumber).collect(),
            next: ItemNumber(next),
        };
        let ends = vec![IdAt { position: 0, id: id("a") }];
        fates(&apply(&engine, vec![command(op, 1, WriteVerb::Retain(retain, ends))])[0])
    };
    assert_eq!(retain(2, &[1], 100), [Fate::Absent]);
    assert_eq!(retain(3, &[], 1), [Fate::Absent]);
    assert_eq!(retain(4, &[], 2), [Fate::Retained]);
}
