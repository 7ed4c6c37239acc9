//! Exactly once: outcomes, their window, and the order of checks (protocol PE7, PC3).

use lacuna_engine::ApplyError;
use lacuna_model::command::{CallRef, Command, SetSlots, Window, WriteVerb};
use lacuna_model::outcome::{CommandOutcome, Refusal};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::record::{Metric, Schema};
use lacuna_model::{MapEpoch, Slot, Stamp, slot_of};

use crate::making::{
    all_slots, apply, call, entry_at, fence, id, ids_at, new_dir, open, record, schema, write,
};

const WINDOW: u64 = Window::Short.micros();

fn born(command: Command, stamp: u64) -> Command {
    let Command::Write(mut write) = command else { panic!() };
    write.call.born = Stamp(stamp);
    Command::Write(write)
}

fn outcome_of(engine: &lacuna_engine::Engine, call: CallRef) -> ReadBody {
    engine.read(&ReadRequest::Outcome(call)).unwrap().body
}

#[test]
fn a_call_runs_once_within_its_window_and_is_forgotten_after_it_never_run_again() {
    let dir = new_dir();
    let engine = open(dir.path());
    apply(&engine, vec![all_slots()]);
    let delete = || born(write("d", 1, WriteVerb::DeleteIds(ids_at(&["a"]))), 10);
    let upsert = |op: &str, stamp| born(write(op, 1, WriteVerb::Upsert(vec![record("a", 1)])), stamp);
    let at =
        |index, stamp, commands| engine.apply(&[entry_at(index, stamp, commands)], b"").unwrap().remove(0);
    let first = at(2, 10, vec![upsert("u", 10), delete()]);
    at(3, 11, vec![upsert("u2", 11)]);
    assert_eq!(at(4, 10 + WINDOW, vec![delete()]), first[1..], "on its last microsecond: as it was answered");
    assert_eq!(
        outcome_of(&engine, call("d", Stamp(10))),
        ReadBody::Outcome(match &first[1] {
            CommandOutcome::Written(written) => Some(written.clone()),
            other => panic!("{other:?}"),
        })
    );
    let stamp = 11 + WINDOW;
    let forgotten = CommandOutcome::Refused(Refusal::Forgotten(Stamp(stamp)));
    assert_eq!(at(5, stamp, vec![delete()]), [forgotten]);
    assert_eq!(outcome_of(&engine, call("d", Stamp(10))), ReadBody::Outcome(None));
    let late = CommandOutcome::Refused(Refusal::Forgotten(Stamp(stamp)));
    assert_eq!(at(6, 5, vec![delete()]), [late], "a leader with a slow clock changes nothing");
    assert_eq!(engine.live_records(), 1, "the record written between lives");
}

#[test]
fn more_outcomes_expire_than_one_entry_evicts_and_none_of_them_counts() {
    let dir = new_dir();
    let engine = open(dir.path());
    apply(&engine, vec![all_slots()]);
    let many = (0..1_300).map(|number| write(&format!("d{number}"), 1, WriteVerb::DeleteIds(ids_at(&["a"]))));
    apply(&engine, many.collect());
    let stamp = WINDOW + 1;
    let again = || write("d1299", 1, WriteVerb::DeleteIds(ids_at(&["a"])));
    for index in 3..7 {
        let outcomes = engine.apply(&[entry_at(index, stamp, vec![again()])], b"").unwrap();
        assert_eq!(outcomes[0], [CommandOutcome::Refused(Refusal::Forgotten(Stamp(stamp)))]);
        assert_eq!(engine.digest(), engine.recompute_digest().unwrap());
    }
    let other = open(&new_dir().path().join("other"));
    apply(&other, vec![all_slots()]);
    let begin = engine.digest().rest;
    other.apply(&[entry_at(6, stamp, Vec::new())], b"").unwrap();
    assert_eq!(begin, other.digest().rest, "nothing of the outcomes is left in the state");
}

#[test]
fn checks_come_in_the_order_outcome_forgotten_slot_fence_schema() {
    let dir = new_dir();
    let engine = open(dir.path());
    let here = slot_of(lacuna_model::Incarnation(1), "a");
    let set = |epoch, slots| Command::SetSlots(SetSlots { epoch: MapEpoch(epoch), slots });
    let upsert = |op: &str| write(op, 1, WriteVerb::Upsert(vec![record("a", 1)]));
    let other = |op: &str| {
        let Command::Write(mut write) = upsert(op) else { panic!() };
        write.schema = Schema { metric: Metric::Dot, ..schema() };
        Command::Write(write)
    };
    let refused = |refusal| CommandOutcome::Refused(refusal);
    assert_eq!(
        apply(&engine, vec![upsert("w1")]),
        [refused(Refusal::WrongSlot(MapEpoch(0)))],
        "it holds no slots"
    );
    let outcomes = apply(&engine, vec![set(1, vec![here]), upsert("w1"), other("w2")]);
    assert!(matches!(outcomes[1], CommandOutcome::Written(_)), "a wrong slot isn't kept: {outcomes:?}");
    assert_eq!(outcomes[2], refused(Refusal::Schema(schema())));
    apply(&engine, vec![set(2, vec![Slot(here.0 ^ 1)])]);
    let moved =
        apply(&engine, vec![upsert("w1"), other("w2"), other("w3"), set(1, vec![here]), upsert("w3")]);
    assert_eq!(moved[0], outcomes[1], "known outcome first");
    assert_eq!(moved[1], outcomes[2], "a kept refusal too");
    assert_eq!(moved[2], refused(Refusal::WrongSlot(MapEpoch(2))));
    assert_eq!(moved[4], refused(Refusal::WrongSlot(MapEpoch(2))), "an older table doesn't come back");
    let fenced =
        apply(&engine, vec![fence(1, 1), other("w4"), set(3, vec![here]), other("w4"), upsert("w1")]);
    assert_eq!(fenced[1], refused(Refusal::WrongSlot(MapEpoch(2))));
    assert_eq!(fenced[3], refused(Refusal::Fenced));
    assert_eq!(fenced[4], outcomes[1], "known outcome even after the fence");
}

#[test]
fn the_first_vector_fixes_the_dimension_and_every_other_length_is_refused() {
    let dir = new_dir();
    let engine = open(dir.path());
    apply(&engine, vec![all_slots()]);
    let with = |op: &str, dimension, vector: Option<Vec<f32>>| {
        let mut new = record("a", 1);
        new.vector = vector;
        let Command::Write(mut write) = write(op, 1, WriteVerb::Upsert(vec![new])) else { panic!() };
        write.schema.dimension = dimension;
        Command::Write(write)
    };
    let open_schema = Schema { dimension: None, ..schema() };
    let outcomes = apply(
        &engine,
        vec![
            with("1", None, Some(vec![1.0; 3])),
            with("2", None, None),
            with("3", Some(3), Some(vec![1.0; 2])),
            with("4", Some(3), Some(vec![1.0; 3])),
            with("5", Some(2), Some(vec![1.0; 2])),
            with("6", None, Some(vec![2.0; 3])),
        ],
    );
    let fixed = Schema { dimension: Some(3), ..schema() };
    assert_eq!(outcomes[0], CommandOutcome::Refused(Refusal::Schema(open_schema)));
    assert!(matches!(outcomes[1], CommandOutcome::Written(_)));
    assert_eq!(outcomes[2], CommandOutcome::Refused(Refusal::Schema(open_schema)));
    assert!(matches!(outcomes[3], CommandOutcome::Written(_)));
    assert_eq!(outcomes[4], CommandOutcome::Refused(Refusal::Schema(fixed)));
    assert!(matches!(outcomes[5], CommandOutcome::Written(_)));
    let get = ReadRequest::Get {
        incarnation: lacuna_model::Incarnation(1),
        ids: vec![id("a")],
        include: lacuna_model::read::Include { vector: true, ..Default::default() },
    };
    let ReadBody::Records { records, .. } = engine.read(&get).unwrap().body else { panic!() };
    assert_eq!(records[0].vector, Some(vec![2.0; 3]));
}

#[test]
fn an_entry_that_is_not_behind_what_is_applied_is_refused_and_changes_nothing() {
    let dir = new_dir();
    let engine = open(dir.path());
    apply(&engine, vec![all_slots()]);
    let before = engine.digest();
    let upsert = || write("u", 1, WriteVerb::Upsert(vec![record("a", 1)]));
    let batch = [entry_at(2, 5, vec![upsert()]), entry_at(2, 5, vec![upsert()])];
    assert!(matches!(engine.apply(&batch, b""), Err(ApplyError::OutOfOrder { .. })));
    assert_eq!((engine.digest(), engine.applied().index), (before, 1));
    assert!(matches!(apply(&engine, vec![upsert()])[0], CommandOutcome::Written(_)));
}
