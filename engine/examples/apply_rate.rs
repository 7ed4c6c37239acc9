//! How fast one engine applies: batches of upserts, single deletes. `cargo run --release --example apply_rate`.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use lacuna_engine::{Engine, EngineConfig, EntryAt};
use lacuna_model::command::{CallRef, Command, Entry, IdAt, SetSlots, Window, Write, WriteVerb};
use lacuna_model::op_id::{OpId, OpIdParts, RequestDigest};
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use lacuna_model::{Account, Incarnation, LogPosition, MapEpoch, RecordId, SLOTS, ShardId, Slot, Stamp};

const RECORDS: u64 = 40_000;
const DIMENSION: u32 = 128;

fn entry(index: u64, verbs: Vec<WriteVerb>) -> EntryAt {
    let commands = verbs.into_iter().zip(0..).map(|(verb, part)| command(index, part, verb)).collect();
    let entry = Entry { stamp: Stamp(index), commands };
    EntryAt { position: LogPosition { term: 1, index }, entry: Some(entry) }
}

fn command(index: u64, part: u32, verb: WriteVerb) -> Command {
    let parts = OpIdParts {
        random: u128::from(index),
        born: Stamp(1),
        incarnation: Incarnation(1),
        epoch: MapEpoch(1),
        digest: RequestDigest(u128::from(index)),
    };
    let call = CallRef {
        account: Account::default(),
        op_id: OpId::from_parts(&parts),
        part,
        born: Stamp(1),
        window: Window::Short,
    };
    let schema = Schema { dimension: Some(DIMENSION), metric: Metric::L2, kind: Kind::Vector };
    Command::Write(Write { call, incarnation: Incarnation(1), schema, verb })
}

fn record(number: u64) -> NewRecord {
    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let vector = (0..DIMENSION).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as f32
    });
    NewRecord {
        position: (number % 100) as u32,
        id: RecordId::new(format!("row-{number}")).unwrap(),
        vector: Some(vector.collect()),
        document: None,
        metadata: Metadata::from([(
            "bucket".to_owned(),
            MetaValue::Scalar(Scalar::Int((number % 500).cast_signed())),
        )]),
        ordinal: Ordinal::default(),
        sparse: None,
    }
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path(), EngineConfig::new(ShardId(0))).unwrap();
    let slots = Command::SetSlots(SetSlots { epoch: MapEpoch(1), slots: (0..SLOTS).map(Slot).collect() });
    let first = Entry { stamp: Stamp(1), commands: vec![slots] };
    engine
        .apply(&[EntryAt { position: LogPosition { term: 1, index: 1 }, entry: Some(first) }], b"")
        .unwrap();
    let mut index = 1;
    for round in ["insert", "replace"] {
        let entries: Vec<EntryAt> = (0..RECORDS / 100)
            .map(|batch| {
                index += 1;
                entry(index, vec![WriteVerb::Upsert((batch * 100..batch * 100 + 100).map(record).collect())])
            })
            .collect();
        let began = Instant::now();
        for entry in &entries {
            engine.apply(std::slice::from_ref(entry), b"").unwrap();
        }
        println!("{round} by 100: {:.0} records/s", RECORDS as f64 / began.elapsed().as_secs_f64());
    }
    for (size, count) in [(1, 10_000), (16, 10_000)] {
        let from = if size == 1 { 0 } else { 10_000 };
        let ids: Vec<u64> = (from..from + count).collect();
        let delete = |number: &u64| {
            let id = RecordId::new(format!("row-{number}")).unwrap();
            WriteVerb::DeleteIds(vec![IdAt { position: 0, id }])
        };
        let mut entries = Vec::new();
        for chunk in ids.chunks(size) {
            index += 1;
            entries.push(entry(index, chunk.iter().map(delete).collect()));
        }
        let began = Instant::now();
        for entry in &entries {
            engine.apply(std::slice::from_ref(entry), b"").unwrap();
        }
        println!(
            "delete one, {size} commands an entry: {:.0}/s",
            count as f64 / began.elapsed().as_secs_f64()
        );
    }
    let began = Instant::now();
    drop(engine);
    let engine = Engine::open(dir.path(), EngineConfig::new(ShardId(0))).unwrap();
    println!("reopen with {} records: {:.2} s", engine.live_records(), began.elapsed().as_secs_f64());
}
