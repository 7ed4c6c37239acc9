use super::*;
use lacuna_model::catalog::ShardPlacement;
use lacuna_model::record::Ordinal;
use lacuna_model::{MapEpoch, NodeId, SLOTS};

fn map() -> ShardMap {
    let placement = |shard| ShardPlacement { shard: ShardId(shard), replicas: vec![NodeId(1)] };
    let slots = (0..SLOTS).map(|slot| ShardId(u32::from(slot) % 3)).collect();
    ShardMap { epoch: MapEpoch(1), slots, shards: (0..3).map(placement).collect() }
}

fn record(position: u32, document: usize) -> NewRecord {
    NewRecord {
        position,
        id: RecordId::new(format!("r{position}")).unwrap(),
        vector: Some(vec![0.0; 4]),
        document: Some("x".repeat(document)),
        metadata: Metadata::new(),
        ordinal: Ordinal::default(),
        sparse: None,
    }
}

fn records(parcel: &Parcel) -> &[NewRecord] {
    match &parcel.verb {
        WriteVerb::Upsert(records) => records,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_record_goes_once_to_the_shard_of_its_slot() {
    let verb = WriteVerb::Upsert((0..500).map(|n| record(n, 10)).collect());
    let parcels = plan(&map(), Incarnation(5), &verb);
    assert_eq!(parcels.len(), 3);
    let mut seen = Vec::new();
    for parcel in &parcels {
        for record in records(parcel) {
            assert_eq!(parcel.shard, map().shard_of(slot_of(Incarnation(5), record.id.as_str())));
            seen.push(record.position);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

#[test]
fn pieces_stay_within_an_entry_and_a_larger_record_is_one_by_itself() {
    let sizes = (0..60).map(|n| if n == 30 { 3 << 20 } else { 100 << 10 });
    let verb = WriteVerb::Upsert(sizes.enumerate().map(|(n, bytes)| record(n as u32, bytes)).collect());
    let parcels = plan(&map(), Incarnation(5), &verb);
    assert!(parcels.len() > 6);
    for parcel in &parcels {
        let bytes = lacuna_proto::codec::encode(&parcel.verb).unwrap().len();
        assert!(bytes <= MAX_ENTRY_BYTES || records(parcel).len() == 1, "{bytes} bytes in one piece");
    }
}

#[test]
fn a_repeat_is_cut_and_numbered_alike_and_numbers_are_never_shared() {
    let verb = WriteVerb::Upsert((0..60).map(|n| record(n, 100 << 10)).collect());
    let parcels = plan(&map(), Incarnation(5), &verb);
    assert_eq!(plan(&map(), Incarnation(5), &verb), parcels);
    let mut parts: Vec<u32> = parcels.iter().map(|parcel| parcel.part).collect();
    parts.dedup();
    assert_eq!(parts.len(), parcels.len());
    assert!(parcels.iter().any(|parcel| parcel.part == part_number(parcel.shard, 1)));
}

#[test]
fn estimates_are_never_below_the_encoded_size() {
    let patch = RecordPatch {
        position: u32::MAX,
        id: RecordId::new("i".repeat(300)).unwrap(),
        vector: Change::Set(vec![1.5; 300]),
        document: Change::Set("d".repeat(300)),
        metadata: vec![
            ("k".repeat(200), Some(MetaValue::List(vec![Scalar::Str("s".repeat(200)); 3]))),
            ("n".to_owned(), Some(MetaValue::Scalar(Scalar::Int(i64::MIN)))),
            ("gone".to_owned(), None),
        ],
        ordinal: Ordinal { micros: u64::MAX, position: u32::MAX },
        sparse: Change::Keep,
    };
    let encoded = lacuna_proto::codec::encode(&patch).unwrap().len();
    assert!(patch.bytes() >= encoded, "{} < {encoded}", patch.bytes());
    let id = IdAt { position: u32::MAX, id: RecordId::new("i".repeat(4096)).unwrap() };
    assert!(id.bytes() >= lacuna_proto::codec::encode(&id).unwrap().len());
}
