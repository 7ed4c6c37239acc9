//! The adapter: replies, sidecar, snapshot files that verify.

use super::*;
use crate::meta::machine::{MetaMachine, decode_reply};
use crate::raft::machine::{AppliedEntry, GroupMachine, MachineError};

fn filled() -> MetaMachine {
    let mut machine = MetaMachine::new();
    let commands = [MetaCommand::Init(cluster(4)), create("a"), create("b"), MetaCommand::Tick];
    for (at, command) in commands.into_iter().enumerate() {
        let body = encode_entry(&MetaEntry { stamp: Stamp(7 + at as u64), command }).unwrap();
        let position = LogPosition { term: 1, index: at as u64 + 1 };
        let replies = machine.apply(&[AppliedEntry { position, body: Some(&body) }], &[at as u8]).unwrap();
        assert_eq!(decode_reply(&replies[0]).unwrap().stamp, Stamp(7 + at as u64));
    }
    machine
}

#[test]
fn a_blank_entry_only_moves_the_sidecar() {
    let mut machine = filled();
    let before = machine.view().look(Clone::clone);
    let position = LogPosition { term: 2, index: 9 };
    let replies = machine.apply(&[AppliedEntry { position, body: None }], b"side").unwrap();
    assert_eq!((replies.len(), replies[0].len()), (1, 0));
    assert_eq!(machine.sidecar().as_deref(), Some(&b"side"[..]));
    assert_eq!(machine.view().look(Clone::clone), before);
}

#[test]
fn an_exported_state_is_imported_whole_and_the_view_follows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot");
    let mut machine = filled();
    machine.export(&path).unwrap();
    let mut other = MetaMachine::new();
    let view = other.view();
    other.import(&path).unwrap();
    assert_eq!(view.look(Clone::clone), machine.view().look(Clone::clone));
    assert_eq!(view.query(&MetaQuery::Cluster).version, 3);
    assert_eq!(other.sidecar(), machine.sidecar());
}

#[test]
fn a_damaged_file_is_refused_at_every_byte_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot");
    filled().export(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let mut machine = MetaMachine::new();
    let step = good.len() / 97 + 1;
    for at in (0..24.min(good.len())).chain((24..good.len()).step_by(step)) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(machine.import(&path), Err(MachineError::Damaged(_))), "byte {at} flipped");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(machine.import(&path), Err(MachineError::Damaged(_))), "cut at {at}");
    }
    assert_eq!(machine.view().look(Clone::clone), MetaState::default());
}

#[test]
fn an_entry_of_another_version_is_refused() {
    let mut machine = MetaMachine::new();
    let entry = AppliedEntry { position: LogPosition { term: 1, index: 1 }, body: Some(&[2, 0, 0]) };
    assert!(matches!(machine.apply(&[entry], b""), Err(MachineError::Damaged(_))));
}
