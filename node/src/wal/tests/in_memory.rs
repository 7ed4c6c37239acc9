//! What the map of live entries must not do.

use bytes::Bytes;

use super::super::memory::{Location, Memory};
use super::super::op::WalOp;
use super::entry;

const PLACE: Location = Location { segment: 1, offset: 512, crc: 0 };

#[test]
fn an_entry_that_is_not_durable_stays_in_memory_whatever_the_budget() {
    let mut memory = Memory::new(0);
    memory.apply(1, &entry(1, "a"), None);
    memory.apply(1, &entry(2, "b"), None);
    memory.trim();
    memory.settle(1, (1, 0), PLACE);
    memory.trim();
    let cached: Vec<_> = memory.groups[&1].entries().map(|(_, slot)| slot.cached.clone()).collect();
    assert_eq!(cached, vec![None, Some(Bytes::from_static(b"b"))]);
}

#[test]
fn the_place_of_a_truncated_entry_is_not_given_to_its_successor() {
    let mut memory = Memory::new(0);
    memory.apply(1, &entry(1, "old"), None);
    memory.apply(1, &WalOp::TruncateAfter(None), None);
    memory.apply(1, &entry(1, "new"), None);
    memory.settle(1, (1, 0), PLACE);
    assert_eq!(memory.groups[&1].slot(1).unwrap().at, None);
    memory.settle(1, (1, 1), PLACE);
    assert_eq!(memory.groups[&1].slot(1).unwrap().at, Some(PLACE));
}

#[test]
fn a_busy_group_s_purged_entries_are_forgotten_behind_a_quiet_group_s_one() {
    let mut memory = Memory::new(1 << 20);
    memory.apply(2, &entry(1, "quiet"), None);
    memory.settle(2, (1, 0), PLACE);
    for index in 1..10_000 {
        memory.apply(1, &entry(index, "busy"), None);
        memory.settle(1, (index, index), PLACE);
        memory.apply(1, &WalOp::Purge { upto: index, last: Bytes::new() }, None);
        memory.trim();
        assert!(memory.remembered() <= 2 * 1024);
    }
    assert!(memory.groups[&2].slot(1).unwrap().cached.is_some());
}
