//! Snapshot files: complete, and refused when damaged, with nothing changed.

use std::fs;

use lacuna_engine::{Engine, EngineConfig, SnapshotError};
use lacuna_model::command::{Upto, WriteVerb};
use lacuna_model::{ShardId, read::ReadRequest};

use crate::making::{all_slots, apply, fence, key, n_is, new_dir, open, record, start, write};

fn filled(dir: &std::path::Path) -> Engine {
    let engine = open(dir);
    let upsert = |op: &str, inc| {
        write(op, inc, WriteVerb::Upsert((0..30).map(|n| record(&format!("r{n}"), n % 3)).collect()))
    };
    let mut first = start(4, n_is(1), Upto::Key(key(1, "r7")));
    first.limit = Some(20);
    apply(&engine, vec![all_slots(), upsert("a", 1), upsert("b", 2), fence(3, 2)]);
    apply(&engine, vec![lacuna_model::command::Command::StartWhere(first)]);
    engine
}

#[test]
fn a_snapshot_damaged_anywhere_is_refused_and_nothing_changes() {
    let dir = new_dir();
    let engine = filled(&dir.path().join("from"));
    let file = dir.path().join("snapshot");
    engine.export(&file).unwrap();
    let sound = fs::read(&file).unwrap();
    let other = open(&dir.path().join("to"));
    apply(&other, vec![all_slots()]);
    let before = (other.digest(), other.applied());
    let broken = dir.path().join("broken");
    let refused = |bytes: &[u8], what: String| {
        fs::write(&broken, bytes).unwrap();
        assert!(matches!(other.import(&broken), Err(SnapshotError::Damaged { .. })), "{what}");
        assert_eq!((other.digest(), other.applied()), before, "{what}");
    };
    for at in (0..sound.len()).step_by(37) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        refused(&flipped, format!("bit flipped in byte {at}"));
        refused(&sound[..at], format!("cut at {at}"));
    }
    refused(&[sound.as_slice(), b"x"].concat(), "something behind its end".to_owned());
    other.import(&file).unwrap();
    assert_eq!(other.digest(), engine.digest());
    let generations = fs::read_dir(dir.path().join("to")).unwrap();
    let left =
        generations.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("gen-"));
    assert_eq!(left.count(), 1, "the replaced generation, and every one half filled, is gone");
}

#[test]
fn a_snapshot_holds_rows_fences_and_outcomes_and_no_ended_records() {
    let dir = new_dir();
    let engine = filled(&dir.path().join("from"));
    let file = dir.path().join("snapshot");
    engine.export(&file).unwrap();
    let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).matches("r29").count();
    assert_eq!(text, 1, "the id lives in one incarnation of two");
    let other = open(&dir.path().join("to"));
    other.import(&file).unwrap();
    assert_eq!(other.next_ranges(100), engine.next_ranges(100));
    assert_eq!(other.sidecar(), engine.sidecar());
    for request in [ReadRequest::Row(lacuna_model::OpNumber(3)), ReadRequest::Row(lacuna_model::OpNumber(4))]
    {
        assert_eq!(other.read(&request).unwrap(), engine.read(&request).unwrap());
    }
    drop(other);
    let other = open(&dir.path().join("to"));
    assert_eq!(other.digest(), engine.digest(), "and after reopening");
    assert!(!other.sweep_garbage(100).unwrap());
}

#[test]
fn another_shards_snapshot_is_refused() {
    let dir = new_dir();
    let engine = filled(&dir.path().join("from"));
    let file = dir.path().join("snapshot");
    engine.export(&file).unwrap();
    let other = Engine::open(&dir.path().join("to"), EngineConfig::new(ShardId(9))).unwrap();
    assert!(matches!(other.import(&file), Err(SnapshotError::OtherShard { .. })));
    assert_eq!(other.applied().index, 0);
}
