//! Short ways to make commands, records and engines.

use std::path::Path;

use lacuna_engine::{Engine, EngineConfig, EntryAt};
use lacuna_model::command::{
    CallRef, Command, Entry, Fence, IdAt, RecordKey, RowAction, SetSlots, StartWhere, Upto, Window, Write,
    WriteVerb,
};
use lacuna_model::filter::{FieldTest, Filter, Look};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::CommandOutcome;
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use lacuna_model::{
    Account, Incarnation, LogPosition, MapEpoch, OpNumber, RecordId, SLOTS, ShardId, Slot, Stamp, slot_of,
};
use tempfile::TempDir;

pub(crate) const SHARD: ShardId = ShardId(3);

/// A directory in memory where the system has one: these tests are about what is read back, not about disks.
pub(crate) fn new_dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn open(dir: &Path) -> Engine {
    Engine::open(dir, EngineConfig { cache_bytes: 1 << 20, gather_bytes: 4_000, ..EngineConfig::new(SHARD) })
        .unwrap()
}

/// The schema of an incarnation of the random tests: the second is compared by the dot product, and has sparse vectors.
pub(crate) fn schema_of(incarnation: u64) -> Schema {
    if incarnation == 2 { Schema { metric: Metric::Dot, ..schema() } } else { schema() }
}

pub(crate) fn schema() -> Schema {
    Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector }
}

pub(crate) fn id(text: &str) -> RecordId {
    RecordId::new(text).unwrap()
}

pub(crate) fn key(incarnation: u64, text: &str) -> RecordKey {
    RecordKey { slot: slot_of(Incarnation(incarnation), text), id: text.to_owned() }
}

/// A record whose field `n` and first component are this number.
pub(crate) fn record(text: &str, n: i64) -> NewRecord {
    NewRecord {
        position: 0,
        id: id(text),
        vector: Some(vec![n as f32, 0.0]),
        document: Some(format!("n{n}")),
        metadata: Metadata::from([("n".to_owned(), MetaValue::Scalar(Scalar::Int(n)))]),
        ordinal: Ordinal { micros: 7, position: n as u32 },
        sparse: None,
    }
}

pub(crate) fn ids_at(texts: &[&str]) -> Vec<IdAt> {
    texts.iter().zip(0..).map(|(text, position)| IdAt { position, id: id(text) }).collect()
}

pub(crate) fn n_is(n: i64) -> Filter {
    Filter::field("n", FieldTest::OneOf { values: vec![Scalar::Int(n)], look: Look::Scalar })
}

pub(crate) fn call(op: &str, born: Stamp) -> CallRef {
    CallRef {
        account: Account::default(),
        op_id: OpId::new(op).unwrap(),
        part: 0,
        born,
        window: Window::Short,
    }
}

pub(crate) fn write(op: &str, incarnation: u64, verb: WriteVerb) -> Command {
    let call = call(op, Stamp(0));
    Command::Write(Write { call, incarnation: Incarnation(incarnation), schema: schema(), verb })
}

pub(crate) fn start(number: u64, filter: Filter, upto: Upto) -> StartWhere {
    StartWhere {
        number: OpNumber(number),
        op_id: OpId::new(format!("where-{number}")).unwrap(),
        incarnation: Incarnation(1),
        filter,
        limit: None,
        upto,
        action: RowAction::Delete,
    }
}

pub(crate) fn fence(number: u64, incarnation: u64) -> Command {
    Command::Fence(Fence {
        number: OpNumber(number),
        op_id: OpId::new(format!("fence-{number}")).unwrap(),
        incarnations: vec![Incarnation(incarnation)],
    })
}

pub(crate) fn all_slots() -> Command {
    Command::SetSlots(SetSlots { epoch: MapEpoch(1), slots: (0..SLOTS).map(Slot).collect() })
}

pub(crate) fn entry_at(index: u64, stamp: u64, commands: Vec<Command>) -> EntryAt {
    let entry = Entry { stamp: Stamp(stamp), commands };
    EntryAt { position: LogPosition { term: 1, index }, entry: Some(entry) }
}

/// Applies one entry behind what is applied.
pub(crate) fn apply(engine: &Engine, commands: Vec<Command>) -> Vec<CommandOutcome> {
    let entry = entry_at(engine.applied().index + 1, 1, commands);
    engine.apply(&[entry], b"sidecar").unwrap().remove(0)
}
