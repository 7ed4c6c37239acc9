//! Memory collections: random adds, holds and releases against a naive model that keeps every contribution by
//! itself, with restarts and snapshots among the steps.

use std::collections::BTreeSet;

use lacuna_engine::Engine;
use lacuna_model::command::{AdvanceRelease, Command, IdAt, Retain, StartRelease, Write, WriteVerb};
use lacuna_model::memory::contribution::NewContribution;
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::memory::part::Takes;
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::{CommandOutcome, Fate, Refusal, RowStatus, RowView};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::record::{Kind, Metric, Ordinal, Schema};
use lacuna_model::{DatasetNumber, Incarnation, ItemNumber, OpNumber, Stamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::making::{all_slots, apply, call, id, new_dir, open};
use crate::naive_memory::{DATASETS, Naive, content, owner};

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const ITEMS: u64 = 9;

#[derive(Clone, Debug)]
enum Step {
    /// An item says these of records of a collection.
    Contribute {
        item: u64,
        incarnation: u64,
        says: Vec<(usize, u8)>,
        /// Edges of its own end there.
        holds: bool,
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
    /// A part of what items say goes.
    Prune {
        items: BTreeSet<u64>,
        budget: u32,
        takes: Takes,
    },
    Reopen,
    Snapshot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let item = 1..=ITEMS;
    let says = prop::collection::vec((0..IDS.len(), 0_u8..3), 1..5);
    let step = prop_oneof![
        8 => (item.clone(), 1_u64..3, says, any::<bool>())
            .prop_map(|(item, incarnation, says, holds)| Step::Contribute { item, incarnation, says, holds }),
        3 => (item.clone(), 1_u64..3, prop::collection::vec(0..IDS.len(), 1..4))
            .prop_map(|(item, incarnation, ids)| Step::Retain { item, incarnation, ids }),
        3 => (prop::collection::btree_set(item, 1..4), 1_u32..5)
            .prop_map(|(items, budget)| Step::Release { items, budget }),
        2 => (prop::collection::btree_set(1..=ITEMS, 1..9), 1_u32..5, prop_oneof![Just(Takes::Graph), Just(Takes::Vectors)])
            .prop_map(|(items, budget, takes)| Step::Prune { items, budget, takes }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Snapshot),
    ];
    prop::collection::vec(step, 1..40)
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

/// A release of items, a few references an entry.
fn starts(number: u64, items: &BTreeSet<u64>, (budget, takes): (u32, Takes)) -> StartRelease {
    StartRelease {
        number: OpNumber(number),
        op_id: OpId::new(format!("release-{number}")).unwrap(),
        items: items.iter().map(|item| ItemNumber(*item)).collect(),
        budget,
        takes,
        ends: Vec::new(),
    }
}

/// Runs a release to its end.
fn release(engine: &Engine, start: StartRelease) -> RowView {
    let budget = start.budget;
    let mut view = row(&apply(engine, vec![Command::StartRelease(start.clone())])[0]);
    while view.status == RowStatus::Sweeping {
        let open = engine.open_releases();
        let [(open, after)] = open.as_slice() else { panic!("one release is open") };
        let advance = AdvanceRelease { number: *open, after: after.clone(), budget };
        view = row(&apply(engine, vec![Command::AdvanceRelease(advance)])[0]);
    }
    assert_eq!(row(&apply(engine, vec![Command::StartRelease(start)])[0]), view, "a repeat tells the same");
    view
}

fn sights() -> Vec<Sight> {
    let all: Vec<DatasetNumber> = (0..DATASETS).map(DatasetNumber).collect();
    let of = |chosen: &[u64], readable: &[u64], hidden: &[u64], next| Sight {
        chosen: chosen.iter().copied().map(DatasetNumber).collect(),
        readable: readable.iter().copied().map(DatasetNumber).collect(),
        hidden: hidden.iter().copied().map(ItemNumber).collect(),
        next: ItemNumber(next),
        graph_from: ItemNumber(0),
    };
    vec![
        Sight {
            chosen: all.clone(),
            readable: all,
            hidden: Vec::new(),
            next: ItemNumber(100),
            graph_from: ItemNumber(0),
        },
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

fn contributions(says: &[(usize, u8)], holds: bool) -> Vec<NewContribution> {
    let new = |((place, what), position): (&(usize, u8), u32)| NewContribution {
        position,
        id: id(IDS[*place]),
        content: content(*what),
        ordinal: Ordinal::default(),
        holds,
    };
    says.iter().zip(0..).map(new).collect()
}

fn run(steps: &[Step]) {
    let dir = new_dir();
    let mut path = dir.path().join("0");
    let mut engine = open(&path);
    apply(&engine, vec![all_slots()]);
    let mut naive = Naive::default();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Contribute { item, incarnation, says, holds } => {
                let verb = WriteVerb::Contribute(owner(*item), contributions(says, *holds));
                let outcome = apply(&engine, vec![command(at, *incarnation, verb)]).remove(0);
                if naive.released.contains(item) {
                    assert_eq!(outcome, CommandOutcome::Refused(Refusal::Released));
                    continue;
                }
                let expected: Vec<Fate> = says
                    .iter()
                    .map(|(place, what)| {
                        naive.contribute(*item, (*incarnation, IDS[*place]), (*what, *holds))
                    })
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
                let view = release(&engine, starts(at as u64 + 1, items, (*budget, Takes::All)));
                assert_eq!((view.released, view.lost), (expected, Vec::new()));
            }
            Step::Prune { items, budget, takes } => {
                let (expected, lost) = naive.prune(items, *takes);
                let view = release(&engine, starts(at as u64 + 1, items, (*budget, *takes)));
                assert_eq!((view.released, view.lost), (expected, lost));
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
        let new = NewContribution {
            position: 0,
            id: id("a"),
            content: content(1),
            ordinal: Ordinal::default(),
            holds: false,
        };
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

#[test]
fn contents_that_end_with_a_release_are_gone_at_once_and_take_nothing_more() {
    let dir = new_dir();
    let path = dir.path().join("0");
    let engine = open(&path);
    let every: Vec<(usize, u8)> = (0..IDS.len()).map(|place| (place, 1)).collect();
    let says = |item: u64| WriteVerb::Contribute(owner(item), contributions(&every, false));
    apply(&engine, vec![all_slots(), command(1, 1, says(1)), command(2, 2, says(1)), command(3, 2, says(3))]);
    let ends = vec![Incarnation(1)];
    let start = StartRelease { ends, ..starts(7, &BTreeSet::from([1]), (2, Takes::All)) };
    let begun = row(&apply(&engine, vec![Command::StartRelease(start.clone())])[0]);
    assert_eq!(begun.status, RowStatus::Sweeping);
    assert_eq!(engine.live_records(), IDS.len() as u64, "those of the other contents");
    let late = apply(&engine, vec![command(4, 1, says(5))]).remove(0);
    assert_eq!(late, CommandOutcome::Refused(Refusal::Fenced));
    drop(engine);
    let engine = open(&path);
    let view = release(&engine, start);
    // What ended whole isn't counted; the others' records live on by item 3.
    assert_eq!((view.released.nodes.released, view.released.references), (6, 6));
    let ReadBody::MemoryStats(held) =
        engine.read(&ReadRequest::MemoryStats(vec![Incarnation(1), Incarnation(2)])).unwrap().body
    else {
        panic!("stats")
    };
    assert_eq!((held.records, held.references), (6, 6));
    let preview = engine.read(&ReadRequest::ReleasePreview(vec![ItemNumber(1)])).unwrap().body;
    assert_eq!(preview, ReadBody::Release(ReleaseCounts::default()), "no note of item 1 is left");
    assert_eq!(engine.digest(), engine.recompute_digest().unwrap());
}

#[test]
fn what_a_prune_of_the_graph_is_taking_is_hidden_where_it_still_is() {
    let dir = new_dir();
    let engine = open(dir.path());
    let says = |item: u64, place: usize, what: u8| {
        WriteVerb::Contribute(owner(item), contributions(&[(place, what)], false))
    };
    let writes = [says(1, 0, 1), says(1, 1, 0), says(4, 2, 1)];
    let writes = writes.into_iter().zip(1..).map(|(verb, op)| command(op, 1, verb));
    apply(&engine, std::iter::once(all_slots()).chain(writes).collect());
    let seen = |graph_from: u64| {
        let sight = Sight { graph_from: ItemNumber(graph_from), ..sights().remove(0) };
        let request = ReadRequest::MemoryGet {
            incarnation: Incarnation(1),
            ids: IDS.iter().map(|text| id(text)).collect(),
            sight,
        };
        let ReadBody::Memory(records) = engine.read(&request).unwrap().body else { panic!("records") };
        records.iter().map(|record| record.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen(0), ["a", "b", "c"]);
    assert_eq!(seen(4), ["b", "c"]);
    assert_eq!(seen(5), ["b"]);
}
