//! What went wrong elsewhere when people deleted (the landscape's F-numbers), as tests.

use lacuna_engine::{Engine, EntryAt};
use lacuna_model::Incarnation;
use lacuna_model::command::{Command, Upto, WriteVerb};
use lacuna_model::outcome::{CommandOutcome, Fate};
use lacuna_model::read::{Include, ReadBody, ReadRequest};
use lacuna_model::record::Metric;

use crate::making::{all_slots, apply, entry_at, fence, ids_at, n_is, new_dir, open, record, start, write};

fn count(engine: &Engine, filter: Option<lacuna_model::filter::Filter>) -> u64 {
    let request = ReadRequest::Count { incarnations: vec![Incarnation(1)], filter };
    let ReadBody::Count(count) = engine.read(&request).unwrap().body else { panic!() };
    count
}

fn found(engine: &Engine, top_k: usize) -> usize {
    let request = ReadRequest::Search {
        incarnation: Incarnation(1),
        metric: Metric::L2,
        vectors: vec![vec![0.0, 0.0]],
        top_k,
        ef: None,
        exact: false,
        filter: None,
        include: Include::default(),
    };
    let ReadBody::Hits(hits) = engine.read(&request).unwrap().body else { panic!() };
    hits[0].len()
}

#[test]
fn f3_a_where_delete_is_decided_alike_at_every_crash_point_and_snapshot_point() {
    let commands: Vec<Command> = vec![
        all_slots(),
        write("1", 1, WriteVerb::Upsert(vec![record("p", 5)])),
        write("2", 1, WriteVerb::Insert(vec![record("p", 9)])),
        Command::StartWhere(start(1, n_is(5), Upto::End)),
        write("3", 1, WriteVerb::Insert(vec![record("p", 9)])),
        Command::StartWhere(start(2, n_is(5), Upto::End)),
    ];
    let log: Vec<EntryAt> =
        commands.into_iter().zip(1..).map(|(c, index)| entry_at(index, 1, vec![c])).collect();
    let dir = new_dir();
    let straight = open(&dir.path().join("straight"));
    let mut digests = vec![straight.digest()];
    for entry in &log {
        straight.apply(std::slice::from_ref(entry), b"").unwrap();
        digests.push(straight.digest());
    }
    for cut in 0..=log.len() {
        let path = dir.path().join(format!("crash-{cut}"));
        let engine = open(&path);
        engine.apply(&log[..cut], b"").unwrap();
        let file = dir.path().join(format!("snapshot-{cut}"));
        engine.export(&file).unwrap();
        engine.abandon();
        let recovered = open(&path);
        let installed = open(&dir.path().join(format!("installed-{cut}")));
        installed.import(&file).unwrap();
        assert_eq!(installed.digest(), digests[cut], "installed at {cut}");
        for engine in [recovered, installed] {
            let from = engine.applied().index as usize;
            for entry in &log[from..] {
                engine.apply(std::slice::from_ref(entry), b"").unwrap();
                assert_eq!(engine.digest(), digests[entry.position.index as usize], "cut {cut}, {entry:?}");
            }
            assert_eq!(count(&engine, Some(n_is(9))), 1);
            assert_eq!(count(&engine, None), 1);
        }
    }
}

#[test]
fn f7_an_ended_incarnations_records_are_never_seen_or_written_again_nor_found_under_a_new_one() {
    let dir = new_dir();
    let engine = open(dir.path());
    let upsert = |op: &str, inc| write(op, inc, WriteVerb::Upsert(vec![record("a", 1), record("b", 1)]));
    apply(&engine, vec![all_slots(), upsert("1", 1), fence(1, 1), upsert("2", 2)]);
    let engine = {
        engine.abandon();
        let engine = open(dir.path());
        if engine.applied().index == 0 {
            apply(&engine, vec![all_slots(), upsert("1", 1), fence(1, 1), upsert("2", 2)]);
        }
        engine
    };
    let late = apply(&engine, vec![upsert("3", 1), write("4", 1, WriteVerb::DeleteIds(ids_at(&["a"])))]);
    assert!(late.iter().all(|outcome| matches!(outcome, CommandOutcome::Refused(_))));
    let before = engine.digest();
    while engine.sweep_garbage(1).unwrap() {}
    assert_eq!(engine.digest(), before, "garbage is no state");
    assert_eq!(engine.recompute_digest().unwrap(), before);
    let request = ReadRequest::Count { incarnations: vec![Incarnation(2)], filter: None };
    assert_eq!(engine.read(&request).unwrap().body, ReadBody::Count(2));
    assert_eq!(engine.live_records(), 2);
}

#[test]
fn f8_records_overwritten_many_times_are_gone_after_one_delete_of_each_kind() {
    let ids: Vec<String> = (0..200).map(|number| format!("r{number}")).collect();
    let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
    for kind in 0..3 {
        let dir = new_dir();
        let mut engine = open(dir.path());
        apply(&engine, vec![all_slots()]);
        for (round, n) in [0, 1, 0, 1, 0].into_iter().enumerate() {
            let records = refs.iter().skip(round * 20).map(|id| record(id, n)).collect();
            apply(&engine, vec![write(&format!("u{round}"), 1, WriteVerb::Upsert(records))]);
            let file = dir.path().join("snapshot");
            engine.export(&file).unwrap();
            engine.import(&file).unwrap();
            drop(engine);
            engine = open(dir.path());
        }
        assert_eq!(count(&engine, None), 200);
        match kind {
            0 => {
                let outcome = apply(&engine, vec![write("d", 1, WriteVerb::DeleteIds(ids_at(&refs)))]);
                let CommandOutcome::Written(written) = &outcome[0] else { panic!() };
                assert_eq!((written.count(Fate::Deleted), written.remaining), (200, 0));
            }
            1 => {
                let both = [(7, 0), (8, 1)].map(|(op, n)| Command::StartWhere(start(op, n_is(n), Upto::End)));
                apply(&engine, both.to_vec());
            }
            _ => {
                apply(&engine, vec![fence(9, 1)]);
                let request = ReadRequest::Count { incarnations: vec![Incarnation(1)], filter: None };
                assert_eq!(engine.read(&request).unwrap().body, ReadBody::Fenced);
                assert_eq!(engine.live_records(), 0);
                continue;
            }
        }
        assert_eq!((count(&engine, None), count(&engine, Some(n_is(0))), found(&engine, 10)), (0, 0, 0));
    }
}

#[test]
fn f15_deleted_is_what_was_deleted_not_what_was_asked() {
    let dir = new_dir();
    let engine = open(dir.path());
    let upsert = write("u", 1, WriteVerb::Upsert(vec![record("live", 1), record("before", 1)]));
    apply(&engine, vec![all_slots(), upsert, write("d0", 1, WriteVerb::DeleteIds(ids_at(&["before"])))]);
    let ids = ids_at(&["live", "before", "never", "live", "never"]);
    let outcome = apply(&engine, vec![write("d", 1, WriteVerb::DeleteIds(ids))]);
    let CommandOutcome::Written(written) = &outcome[0] else { panic!() };
    assert_eq!((written.count(Fate::Deleted), written.count(Fate::Absent), written.items.len()), (1, 2, 3));
}

#[test]
fn f16_counts_agree_at_every_index_through_restarts_and_snapshots() {
    let dir = new_dir();
    let mut engine = open(dir.path());
    apply(&engine, vec![all_slots()]);
    for round in 0..12_i64 {
        let records =
            (0..50).map(|n| record(&format!("r{}", (n * 7 + round) % 120), (n + round) % 4)).collect();
        let delete = ids_at(&["r3", "r50", "r119"]);
        let commands = vec![
            write(&format!("u{round}"), 1, WriteVerb::Upsert(records)),
            write(&format!("d{round}"), 1, WriteVerb::DeleteIds(delete)),
            Command::StartWhere(start(round as u64, n_is(round % 4), Upto::End)),
        ];
        let outcomes = apply(&engine, commands);
        let CommandOutcome::Row(row) = &outcomes[2] else { panic!() };
        let facets: u64 = (0..4).map(|n| count(&engine, Some(n_is(n)))).sum();
        let total = count(&engine, None);
        assert_eq!((row.remaining, facets, engine.live_records()), (total, total, total));
        assert_eq!(found(&engine, 200) as u64, total);
        match round % 3 {
            0 => {
                drop(engine);
                engine = open(dir.path());
            }
            1 => {
                let file = dir.path().join("snapshot");
                engine.export(&file).unwrap();
                engine.import(&file).unwrap();
            }
            _ => {}
        }
        assert_eq!(count(&engine, None), total);
    }
}
