//! Where-deletes as rows: the interleavings that broke earlier forms of the protocol, and the row's own life.

use lacuna_engine::Engine;
use lacuna_model::command::{Advance, Close, Command, RowAction, StartWhere, Upto, WriteVerb};
use lacuna_model::outcome::{CommandOutcome, Fate, Refusal, RowStatus, RowView};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::value::{MetaValue, Scalar};
use lacuna_model::{Incarnation, OpNumber};
use tempfile::TempDir;

use crate::making::{all_slots, apply, fence, ids_at, key, n_is, new_dir, open, record, start, write};

/// Ids of incarnation 1 in the order in which sweeps go.
fn in_order(count: usize) -> Vec<String> {
    let mut keys: Vec<_> = (0..count).map(|number| key(1, &format!("r{number}"))).collect();
    keys.sort();
    keys.into_iter().map(|key| key.id).collect()
}

fn upsert(op: &str, ids: &[&str], n: i64) -> Command {
    write(op, 1, WriteVerb::Upsert(ids.iter().map(|id| record(id, n)).collect()))
}

/// An engine that holds these ids with n = 1.
fn filled(ids: &[String]) -> (TempDir, Engine) {
    let dir = new_dir();
    let engine = open(dir.path());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    apply(&engine, vec![all_slots(), upsert("fill", &ids, 1)]);
    (dir, engine)
}

fn row(outcome: &CommandOutcome) -> &RowView {
    let CommandOutcome::Row(view) = outcome else { panic!("{outcome:?}") };
    view
}

fn fates(outcome: &CommandOutcome) -> Vec<Fate> {
    let CommandOutcome::Written(written) = outcome else { panic!("{outcome:?}") };
    written.items.iter().map(|item| item.fate).collect()
}

fn count(engine: &Engine) -> u64 {
    let request = ReadRequest::Count { incarnations: vec![Incarnation(1)], filter: Some(n_is(1)) };
    let ReadBody::Count(count) = engine.read(&request).unwrap().body else { panic!() };
    count
}

fn begin(number: u64, upto: Upto) -> Command {
    Command::StartWhere(start(number, n_is(1), upto))
}

fn up_to(id: &str) -> Upto {
    Upto::Key(key(1, id))
}

fn advance(number: u64, after: &str, upto: Upto) -> Command {
    Command::Advance(Advance { number: OpNumber(number), after: key(1, after), upto })
}

#[test]
fn an_upsert_merged_into_the_entry_behind_a_start_is_not_taken_by_its_later_range() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    let late = ids[3].as_str();
    let outcomes = apply(&engine, vec![begin(1, up_to(&ids[1])), upsert("behind", &[late, "new"], 1)]);
    assert_eq!(row(&outcomes[0]).deleted, 2);
    assert_eq!(fates(&outcomes[1]), [Fate::Inserted, Fate::Inserted], "the old one went to the row first");
    let last = apply(&engine, vec![advance(1, &ids[1], Upto::End)]);
    assert_eq!((row(&last[0]).deleted, row(&last[0]).status), (4, RowStatus::Done));
    assert_eq!(count(&engine), 2, "both records written behind the bound live");
}

#[test]
fn an_upsert_merged_into_the_entry_before_a_start_is_taken() {
    let (_dir, engine) = filled(&in_order(2));
    let outcomes = apply(&engine, vec![upsert("before", &["x"], 1), begin(1, Upto::End)]);
    assert_eq!((row(&outcomes[1]).deleted, row(&outcomes[1]).remaining), (3, 0));
}

#[test]
fn a_start_that_arrives_after_its_close_does_nothing() {
    let (_dir, engine) = filled(&in_order(3));
    let first = apply(&engine, vec![begin(5, Upto::End)]);
    assert_eq!(row(&first[0]).deleted, 3);
    let close = Command::Close(Close { numbers: vec![OpNumber(5)], low: OpNumber(2) });
    assert_eq!(apply(&engine, vec![close]), [CommandOutcome::Done]);
    apply(&engine, vec![upsert("after-the-200", &["r0"], 1)]);
    let late = apply(&engine, vec![begin(5, Upto::End), begin(1, Upto::End), fence(5, 1)]);
    assert_eq!(
        late,
        vec![CommandOutcome::Refused(Refusal::Closed); 3],
        "closed, below low, and a fence alike"
    );
    assert_eq!(count(&engine), 1);
}

#[test]
fn a_start_that_arrives_after_its_close_does_nothing_after_a_restart_or_on_a_new_replica_either() {
    let (dir, engine) = filled(&in_order(3));
    apply(&engine, vec![begin(5, Upto::End), begin(7, Upto::End)]);
    let close = Command::Close(Close { numbers: vec![OpNumber(7)], low: OpNumber(6) });
    apply(&engine, vec![close, upsert("after-the-200", &["r0"], 1)]);
    let (snapshot, elsewhere) = (dir.path().join("snapshot"), new_dir());
    engine.export(&snapshot).unwrap();
    let other = open(elsewhere.path());
    other.import(&snapshot).unwrap();
    engine.barrier().unwrap();
    drop(engine);
    for replica in [open(dir.path()), other] {
        // 5 went by `low`, 7 by its number; 6 was never closed.
        let late = apply(&replica, vec![begin(5, Upto::End), begin(7, Upto::End), fence(7, 1)]);
        assert_eq!(late, vec![CommandOutcome::Refused(Refusal::Closed); 3]);
        assert_eq!(count(&replica), 1);
        assert_eq!(row(&apply(&replica, vec![begin(6, Upto::End)])[0]).deleted, 1, "an open number runs");
    }
}

#[test]
fn a_repeated_start_returns_the_row_and_takes_nothing() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    let first = apply(&engine, vec![begin(1, up_to(&ids[0]))]);
    let again = apply(&engine, vec![begin(1, Upto::End)]);
    assert_eq!(first, again);
    assert_eq!(count(&engine), 3);
}

#[test]
fn writes_amid_an_open_row_give_it_what_it_would_take_and_go_on_without_it() {
    let ids = in_order(6);
    let (_dir, engine) = filled(&ids);
    apply(&engine, vec![begin(1, up_to(&ids[0]))]);
    let delete = write("d", 1, WriteVerb::DeleteIds(ids_at(&[&ids[1]])));
    let delete_where = write("dw", 1, WriteVerb::DeleteIdsWhere(ids_at(&[&ids[2]]), n_is(1)));
    let insert = write("i", 1, WriteVerb::Insert(vec![record(&ids[3], 2)]));
    let outcomes = apply(&engine, vec![delete, delete_where, insert]);
    let seen: Vec<Vec<Fate>> = outcomes.iter().map(fates).collect();
    assert_eq!(seen, [[Fate::Absent], [Fate::Absent], [Fate::Inserted]]);
    let last = apply(&engine, vec![advance(1, &ids[0], Upto::End)]);
    assert_eq!(
        (row(&last[0]).deleted, row(&last[0]).remaining),
        (6, 1),
        "all six that were there at its bound"
    );
}

#[test]
fn the_row_with_the_lowest_bound_is_given_a_record_that_two_would_take() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    let outcomes = apply(&engine, vec![begin(9, up_to(&ids[0])), begin(2, Upto::End)]);
    assert_eq!(row(&outcomes[1]).deleted, 0, "all were decided for the earlier row, whatever its number");
    let ReadBody::Row(Some(first)) = engine.read(&ReadRequest::Row(OpNumber(9))).unwrap().body else {
        panic!()
    };
    assert_eq!((first.deleted, first.status), (4, RowStatus::Sweeping));
    let last = apply(&engine, vec![advance(9, &ids[0], Upto::End)]);
    assert_eq!((row(&last[0]).deleted, row(&last[0]).status), (4, RowStatus::Done));
}

fn set_n(number: u64, (from, to): (i64, i64), upto: Upto) -> Command {
    let action = RowAction::SetMetadata(vec![("n".to_owned(), Some(MetaValue::Scalar(Scalar::Int(to))))]);
    Command::StartWhere(StartWhere { action, ..start(number, n_is(from), upto) })
}

fn read_row(engine: &Engine, number: u64) -> RowView {
    let ReadBody::Row(Some(row)) = engine.read(&ReadRequest::Row(OpNumber(number))).unwrap().body else {
        panic!()
    };
    row
}

#[test]
fn a_row_takes_what_an_earlier_update_makes_match_and_that_one_counts_it_once() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    // The update stands before its second key; the delete's ranges hold keys that match it only afterwards.
    apply(&engine, vec![set_n(1, (1, 2), up_to(&ids[0]))]);
    let begun = apply(&engine, vec![Command::StartWhere(start(2, n_is(2), Upto::End))]);
    assert_eq!((row(&begun[0]).deleted, row(&begun[0]).status), (1, RowStatus::Sweeping));
    let delete = apply(&engine, vec![advance(2, &ids[0], Upto::End)]);
    assert_eq!((row(&delete[0]).deleted, row(&delete[0]).status), (4, RowStatus::Done));
    assert_eq!(engine.live_records(), 0);
    let last = apply(&engine, vec![advance(1, &ids[0], Upto::End)]);
    let last = row(&last[0]);
    assert_eq!((last.matched, last.updated, last.deleted, last.status), (4, 4, 0, RowStatus::Done));
}

#[test]
fn a_record_that_an_earlier_update_takes_out_of_a_delete_s_way_lives() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    apply(&engine, vec![set_n(1, (1, 2), up_to(&ids[0])), begin(2, up_to(&ids[1]))]);
    assert_eq!(read_row(&engine, 1).updated, 1, "a first range goes no further than the update has come");
    apply(&engine, vec![advance(2, &ids[0], up_to(&ids[1]))]);
    assert_eq!(read_row(&engine, 1).updated, 2, "the delete's range had the update done first");
    let last = apply(&engine, vec![advance(2, &ids[1], Upto::End)]);
    assert_eq!((row(&last[0]).deleted, row(&last[0]).status), (0, RowStatus::Done));
    assert_eq!((count(&engine), engine.live_records()), (0, 4), "no reader meets n = 1 after the delete");
    let row = read_row(&engine, 1);
    assert_eq!((row.updated, row.status), (4, RowStatus::Sweeping));
}

#[test]
fn a_write_amid_updates_meets_the_record_that_all_of_them_made() {
    let ids = in_order(3);
    let (_dir, engine) = filled(&ids);
    let (first, last) = (ids[0].as_str(), ids[2].as_str());
    apply(
        &engine,
        vec![set_n(1, (1, 2), up_to(first)), set_n(2, (2, 3), up_to(first)), set_n(3, (1, 9), up_to(first))],
    );
    let three = write("w", 1, WriteVerb::DeleteIdsWhere(ids_at(&[last]), n_is(3)));
    assert_eq!(fates(&apply(&engine, vec![three])[0]), [Fate::Deleted]);
    let updated = |number| read_row(&engine, number).updated;
    assert_eq!((updated(1), updated(2), updated(3)), (2, 2, 0), "the first key and the last, each once");
    apply(&engine, vec![upsert("new", &[last], 1)]);
    let ends = apply(&engine, (1..4).map(|number| advance(number, first, Upto::End)).collect());
    let counts: Vec<u64> = ends.iter().map(|end| row(end).updated).collect();
    assert_eq!(counts, [3, 3, 0], "what was written behind their bounds isn't theirs");
    assert_eq!(count(&engine), 1);
}

#[test]
fn an_update_s_range_and_a_later_row_s_are_bounded_by_what_the_update_has_to_do() {
    let ids: Vec<String> = (0..300).map(|number| format!("r{number}")).collect();
    let (_dir, engine) = filled(&ids);
    let narrowed = |command: Command| {
        let Command::StartWhere(mut start) = command else { panic!() };
        engine.narrow_start(&mut start, 40);
        Command::StartWhere(start)
    };
    apply(&engine, vec![narrowed(set_n(1, (1, 2), Upto::End))]);
    assert!(read_row(&engine, 1).updated <= 40);
    // It matches nothing yet: what it will match is still to be made.
    apply(&engine, vec![narrowed(Command::StartWhere(start(2, n_is(2), Upto::End)))]);
    assert!(read_row(&engine, 2).deleted <= 40, "{:?}", read_row(&engine, 2));
    while let ranges @ [_, ..] = engine.next_ranges(50).as_slice() {
        let next = |range: &lacuna_model::outcome::NextRange| {
            let (number, after, upto) = (range.number, range.after.clone(), range.upto.clone());
            Command::Advance(Advance { number, after, upto })
        };
        let before = engine.live_records();
        apply(&engine, ranges.iter().map(next).collect());
        assert!(before - engine.live_records() <= 100);
    }
    assert_eq!((read_row(&engine, 1).updated, read_row(&engine, 2).deleted), (300, 300));
}

#[test]
fn a_late_advance_takes_nothing() {
    let ids = in_order(4);
    let (_dir, engine) = filled(&ids);
    apply(&engine, vec![begin(1, up_to(&ids[0])), advance(1, &ids[0], up_to(&ids[1]))]);
    let late = apply(&engine, vec![advance(1, &ids[0], Upto::End), advance(2, &ids[0], Upto::End)]);
    assert_eq!(late, vec![CommandOutcome::Refused(Refusal::Elsewhere); 2]);
    assert_eq!(count(&engine), 2);
}

#[test]
fn a_limit_takes_so_many_and_no_more() {
    let ids = in_order(5);
    let (_dir, engine) = filled(&ids);
    let mut limited = start(1, n_is(1), Upto::End);
    limited.limit = Some(2);
    let outcome = apply(&engine, vec![Command::StartWhere(limited)]);
    assert_eq!((row(&outcome[0]).deleted, row(&outcome[0]).status), (2, RowStatus::Done));
    assert_eq!(count(&engine), 3);
}

#[test]
fn the_seventeenth_open_row_waits_and_may_be_repeated() {
    let ids = in_order(3);
    let (_dir, engine) = filled(&ids);
    let open_rows = (1..=16).map(|number| begin(number, up_to(&ids[0]))).collect();
    apply(&engine, open_rows);
    assert_eq!(apply(&engine, vec![begin(17, Upto::End)]), [CommandOutcome::Refused(Refusal::Busy)]);
    apply(&engine, vec![advance(1, &ids[0], Upto::End)]);
    assert_eq!(row(&apply(&engine, vec![begin(17, Upto::End)])[0]).status, RowStatus::Done);
}

#[test]
fn a_fence_ends_open_rows_and_counts_what_they_had_not_taken() {
    let ids = in_order(5);
    let (_dir, engine) = filled(&ids);
    apply(&engine, vec![begin(1, up_to(&ids[1]))]);
    let outcomes =
        apply(&engine, vec![fence(2, 1), upsert("late", &["r0"], 1), begin(3, Upto::End), fence(4, 1)]);
    assert_eq!((row(&outcomes[0]).deleted, row(&outcomes[0]).remaining), (3, 0));
    assert_eq!(outcomes[1], CommandOutcome::Refused(Refusal::Fenced));
    assert_eq!(outcomes[2], CommandOutcome::Refused(Refusal::Fenced));
    assert_eq!(row(&outcomes[3]).deleted, 0, "it had ended already");
    let ReadBody::Row(Some(first)) = engine.read(&ReadRequest::Row(OpNumber(1))).unwrap().body else {
        panic!()
    };
    assert_eq!((first.deleted, first.status, first.remaining), (2, RowStatus::Fenced, 0));
    assert_eq!(row(&apply(&engine, vec![fence(2, 1)])[0]), row(&outcomes[0]), "repeated, it says the same");
}

#[test]
fn a_leader_narrows_and_goes_on_until_every_row_is_done() {
    let ids: Vec<String> = (0..300).map(|number| format!("r{number}")).collect();
    let (_dir, engine) = filled(&ids);
    let mut first = start(1, n_is(1), Upto::End);
    engine.narrow_start(&mut first, 40);
    assert_ne!(first.upto, Upto::End);
    let mut second = start(2, n_is(1), Upto::End);
    second.limit = Some(250);
    engine.narrow_start(&mut second, 40);
    let outcomes = apply(&engine, vec![Command::StartWhere(first), Command::StartWhere(second)]);
    assert!(row(&outcomes[0]).deleted <= 40);
    let mut entries = 0;
    while let ranges @ [_, ..] = engine.next_ranges(50).as_slice() {
        let next = |range: &lacuna_model::outcome::NextRange| {
            let (number, after, upto) = (range.number, range.after.clone(), range.upto.clone());
            Command::Advance(Advance { number, after, upto })
        };
        apply(&engine, ranges.iter().map(next).collect());
        entries += 1;
    }
    assert!(entries >= 5, "{entries} entries");
    let ReadBody::Row(Some(first)) = engine.read(&ReadRequest::Row(OpNumber(1))).unwrap().body else {
        panic!()
    };
    assert_eq!((first.deleted, first.remaining), (300, 0));
}
