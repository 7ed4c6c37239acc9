//! The engine's everyday: write, read, reopen.

use lacuna_engine::{Engine, EngineConfig, EntryAt, Weight};
use lacuna_model::command::{CallRef, Command, Entry, IdAt, SetSlots, Window, Write, WriteVerb};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::{CommandOutcome, Fate};
use lacuna_model::read::{Include, ReadBody, ReadRequest};
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
use lacuna_model::value::Metadata;
use lacuna_model::{Account, Incarnation, LogPosition, MapEpoch, RecordId, SLOTS, ShardId, Slot, Stamp};

fn write(op: &str, verb: WriteVerb) -> Command {
    Command::Write(Write {
        call: CallRef {
            account: Account::default(),
            op_id: OpId::new(op).unwrap(),
            part: 0,
            born: Stamp(0),
            window: Window::Short,
        },
        incarnation: Incarnation(1),
        schema: Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector },
        verb,
    })
}

fn record(id: &str, x: f32) -> NewRecord {
    NewRecord {
        position: 0,
        id: RecordId::new(id).unwrap(),
        vector: Some(vec![x, 0.0]),
        document: None,
        metadata: Metadata::new(),
        ordinal: Ordinal::default(),
        sparse: None,
    }
}

fn entry(index: u64, commands: Vec<Command>) -> EntryAt {
    EntryAt { position: LogPosition { term: 1, index }, entry: Some(Entry { stamp: Stamp(1), commands }) }
}

#[test]
fn what_is_written_is_read_and_survives_reopening_without_a_flush() {
    let dir = crate::making::new_dir();
    let slots = Command::SetSlots(SetSlots { epoch: MapEpoch(1), slots: (0..SLOTS).map(Slot).collect() });
    let upsert = write("u1", WriteVerb::Upsert(vec![record("a", 1.0), record("b", 2.0)]));
    let delete = write(
        "d1",
        WriteVerb::DeleteIds(vec![
            IdAt { position: 0, id: RecordId::new("a").unwrap() },
            IdAt { position: 1, id: RecordId::new("a").unwrap() },
            IdAt { position: 2, id: RecordId::new("c").unwrap() },
        ]),
    );
    let digest = {
        let engine = Engine::open(dir.path(), EngineConfig::new(ShardId(3))).unwrap();
        let log = [entry(1, vec![slots]), entry(2, vec![upsert]), entry(3, vec![delete.clone(), delete])];
        let outcomes = engine.apply(&log, b"side").unwrap();
        let CommandOutcome::Written(first) = &outcomes[2][0] else { panic!("{outcomes:?}") };
        assert_eq!(
            first.items.iter().map(|item| item.fate).collect::<Vec<_>>(),
            [Fate::Deleted, Fate::Absent]
        );
        assert_eq!(first.remaining, 1);
        assert_eq!(outcomes[2][0], outcomes[2][1]);
        assert_eq!(engine.recompute_digest().unwrap(), engine.digest());
        engine.digest()
    };
    let engine = Engine::open(dir.path(), EngineConfig::new(ShardId(3))).unwrap();
    assert_eq!(engine.digest(), digest);
    assert_eq!(engine.sidecar().as_deref(), Some(b"side".as_slice()));
    assert_eq!(engine.applied().index, 3);
    let include = Include { vector: true, ..Include::default() };
    let get = ReadRequest::Scan {
        incarnation: Incarnation(1),
        prefix: String::new(),
        filter: None,
        after: None,
        limit: 10,
        include,
    };
    let ReadBody::Records { records, more: false } = engine.read(&get).unwrap().body else { panic!() };
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].vector.as_deref(), Some([2.0, 0.0].as_slice()));
}

#[test]
fn short_searches_are_light_and_long_or_many_are_heavy() {
    let dir = crate::making::new_dir();
    let engine = Engine::open(dir.path(), EngineConfig::new(ShardId(3))).unwrap();
    let search = |vectors: usize, top_k: usize, include: Include| ReadRequest::Search {
        incarnation: Incarnation(1),
        metric: Metric::L2,
        vectors: vec![vec![1.0, 0.0]; vectors],
        top_k,
        ef: None,
        exact: false,
        filter: None,
        include,
    };
    let (bare, whole) = (Include::default(), Include { document: true, ..Include::default() });
    assert_eq!(engine.weight(&search(1, 10, bare)), Weight::Light, "nothing to search");
    let slots = Command::SetSlots(SetSlots { epoch: MapEpoch(1), slots: (0..SLOTS).map(Slot).collect() });
    engine.apply(&[entry(1, vec![slots])], b"").unwrap();
    for batch in 0..10 {
        let records = (0..1_000).map(|at| record(&format!("{batch}-{at}"), at as f32)).collect();
        let upsert = write(&format!("u{batch}"), WriteVerb::Upsert(records));
        engine.apply(&[entry(2 + batch, vec![upsert])], b"").unwrap();
    }
    assert_eq!(engine.weight(&search(1, 10, bare)), Weight::Light);
    assert_eq!(engine.weight(&search(1, 10, whole)), Weight::Light);
    assert_eq!(engine.weight(&search(1, 100, whole)), Weight::Heavy, "a hundred records to read");
    assert_eq!(engine.weight(&search(100, 10, bare)), Weight::Heavy, "a million vectors to compare");
}
