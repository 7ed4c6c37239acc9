//! Every group's state as the submitted steps leave it: the same code runs for submissions and for recovery.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::error::WalFailure;
use super::op::{GroupState, WalOp};
use super::record::Standing;

/// Where an entry's bytes are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) crc: u32,
}

/// A live entry.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Tells this entry from another that had its index before a truncation.
    pub(super) seq: u64,
    pub(super) len: usize,
    /// `None` until it is durable.
    pub(super) at: Option<Location>,
    pub(super) cached: Option<Bytes>,
}

/// A group: its standing and its live entries, without holes.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) standing: Standing,
    first: u64,
    slots: VecDeque<Slot>,
    pub(super) bytes: u64,
}

impl Group {
    pub(super) fn first(&self) -> Option<u64> {
        (!self.slots.is_empty()).then_some(self.first)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.first().map(|first| first + self.slots.len() as u64 - 1)
    }

    pub(super) fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = (u64, &Slot)> {
        self.slots.iter().enumerate().map(|(i, slot)| (self.first + i as u64, slot))
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The segment of the oldest durable entry; entries lie in segments in the order of their indexes.
    pub(super) fn floor(&self) -> Option<u64> {
        Some(self.slots.front()?.at?.segment)
    }

    fn state(&self) -> GroupState {
        let Standing { vote, committed, purged } = self.standing.clone();
        GroupState { vote, committed, purged, first: self.first(), last: self.last() }
    }

    fn push(&mut self, index: u64, slot: Slot) {
        if self.slots.is_empty() {
            self.first = index;
        }
        self.bytes += slot.len as u64;
        self.slots.push_back(slot);
    }
}

/// All groups, and which entries are kept in memory.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) groups: BTreeMap<u32, Group>,
    next_seq: u64,
    budget: u64,
    cached: u64,
    /// Cached entries, oldest first; some may be gone already.
    order: VecDeque<(u32, u64, u64)>,
}

impl Memory {
    pub(super) fn new(budget: u64) -> Self {
        Self { groups: BTreeMap::new(), next_seq: 0, budget, cached: 0, order: VecDeque::new() }
    }

    pub(super) fn state(&self, group: u32) -> GroupState {
        self.groups.get(&group).map(Group::state).unwrap_or_default()
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether the steps fit the group, before any is taken.
    pub(super) fn check(&self, group: u32, ops: &[WalOp]) -> Result<(), WalFailure> {
        let known = self.groups.get(&group);
        let mut first = known.and_then(Group::first);
        let mut last = known.and_then(Group::last);
        let mut purged = known.and_then(|g| g.standing.purged.as_ref().map(|(index, _)| *index));
        for op in ops {
            match op {
                WalOp::Vote(_) | WalOp::Committed(_) => {}
                WalOp::Append { index, .. } => {
                    let fits = match last {
                        Some(last) => Some(*index) == last.checked_add(1),
                        None => purged.is_none_or(|p| *index > p),
                    };
                    if !fits {
                        return Err(WalFailure::OutOfOrder { group, index: *index, last: last.or(purged) });
                    }
                    first = first.or(Some(*index));
                    last = Some(*index);
                }
                WalOp::TruncateAfter(after) => {
                    last = last.and_then(|last| after.map(|after| last.min(after)));
                    if last < first {
                        (first, last) = (None, None);
                    }
                }
                WalOp::Purge { upto, .. } => {
                    purged = purged.max(Some(*upto));
                    first = first.map(|first| first.max(upto.saturating_add(1)));
                    if last < first {
                        (first, last) = (None, None);
                    }
                }
                WalOp::Drop => (first, last, purged) = (None, None, None),
            }
        }
        Ok(())
    }

    /// Takes a step. `at` is known in recovery only; a submitted entry stays in memory until it is durable.
    pub(super) fn apply(&mut self, group: u32, op: &WalOp, at: Option<Location>) {
        match op {
            WalOp::Vote(b) => self.group(group).standing.vote = Some(b.clone()),
            WalOp::Committed(b) => self.group(group).standing.committed = Some(b.clone()),
            WalOp::Append { index, body } => {
                let cached = at.is_none().then(|| body.clone());
                self.push(group, *index, Slot { seq: 0, len: body.len(), at, cached });
            }
            WalOp::TruncateAfter(after) => self.truncate(group, *after),
            WalOp::Purge { upto, last } => self.purge(group, *upto, last),
            WalOp::Drop => {
                self.truncate(group, None);
                self.groups.remove(&group);
            }
        }
    }

    /// Recovery: everything of a group but its entries.
    pub(super) fn stand(&mut self, group: u32, standing: Standing) {
        self.group(group).standing = standing;
    }

    /// Recovery: forgets a group's entries, before a checkpoint's take their place.
    pub(super) fn clear(&mut self, group: u32) {
        self.truncate(group, None);
    }

    /// Recovery: an entry.
    pub(super) fn push_durable(&mut self, group: u32, index: u64, len: usize, at: Location) {
        self.push(group, index, Slot { seq: 0, len, at: Some(at), cached: None });
    }

    /// A written entry became durable at a place.
    pub(super) fn settle(&mut self, group: u32, (index, seq): (u64, u64), at: Location) {
        if let Some(slot) = self.groups.get_mut(&group).and_then(|g| g.slot_mut(index))
            && slot.seq == seq
        {
            slot.at = Some(at);
        }
    }

    /// Lets go of the oldest durable entries until the rest fits the budget.
    pub(super) fn trim(&mut self) {
        while let Some(&(group, index, seq)) = self.order.front() {
            let slot = self.groups.get_mut(&group).and_then(|g| g.slot_mut(index)).filter(|s| s.seq == seq);
            match slot {
                Some(_) if self.cached <= self.budget => break,
                Some(slot) if slot.at.is_none() => break,
                Some(slot) => {
                    slot.cached = None;
                    self.cached -= slot.len as u64;
                }
                None => {}
            }
            self.order.pop_front();
        }
        // A quiet group's old entry at the front must not keep the names of a busy group's purged ones.
        let live: usize = self.groups.values().map(Group::len).sum();
        if self.order.len() > 2 * live + 1024 {
            let groups = &self.groups;
            self.order.retain(|(group, index, seq)| {
                groups
                    .get(group)
                    .and_then(|g| g.slot(*index))
                    .is_some_and(|s| s.seq == *seq && s.cached.is_some())
            });
        }
    }

    /// How many names of cached entries are kept, gone ones included.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.order.len()
    }

    fn group(&mut self, group: u32) -> &mut Group {
        self.groups.entry(group).or_default()
    }

    fn push(&mut self, group: u32, index: u64, mut slot: Slot) {
        slot.seq = self.next_seq;
        self.next_seq += 1;
        if slot.cached.is_some() {
            self.cached += slot.len as u64;
            self.order.push_back((group, index, slot.seq));
        }
        self.group(group).push(index, slot);
    }

    fn truncate(&mut self, group: u32, after: Option<u64>) {
        let Some(g) = self.groups.get_mut(&group) else { return };
        while g.last().is_some_and(|last| after.is_none_or(|after| last > after)) {
            let gone = g.slots.pop_back();
            Self::forget(&mut self.cached, g, gone);
        }
    }

    fn purge(&mut self, group: u32, upto: u64, last: &Bytes) {
        let g = self.groups.entry(group).or_default();
        if g.standing.purged.as_ref().is_some_and(|(before, _)| *before > upto) {
            return;
        }
        g.standing.purged = Some((upto, last.clone()));
        while g.first().is_some_and(|first| first <= upto) {
            let gone = g.slots.pop_front();
            g.first += 1;
            Self::forget(&mut self.cached, g, gone);
        }
    }

    fn forget(cached: &mut u64, group: &mut Group, slot: Option<Slot>) {
        if let Some(slot) = slot {
            group.bytes -= slot.len as u64;
            if slot.cached.is_some() {
                *cached -= slot.len as u64;
            }
        }
    }
}
