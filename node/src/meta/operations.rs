//! Durable operations and claims' numbers: what shards reported, when an operation ends, what is left to close.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::catalog::{Operation, ShardProgress};
use lacuna_model::command::Window;
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::RowStatus;
use lacuna_model::{Account, OpNumber, ShardId, Stamp};
use serde::{Deserialize, Serialize};

use super::claims::Key;

/// The operations that are kept: all that are not finished, and the finished of the last 24 h.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Operations {
    kept: BTreeMap<OpNumber, Kept>,
    /// Not finished.
    open: BTreeSet<OpNumber>,
    /// Not finished, and waiting for earlier ones.
    waiting: BTreeSet<OpNumber>,
    /// Finished, with rows left to close.
    closing: BTreeSet<OpNumber>,
    /// Finished and closed, by the stamp past which they are evicted.
    expiring: BTreeSet<(Stamp, OpNumber)>,
    /// Numbers given so far, to operations and claims.
    given: u64,
}

/// An operation with the keys that lead to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    operation: Operation,
    keys: Vec<Key>,
}

impl Operations {
    /// Gives the next number.
    pub(super) fn number(&mut self) -> OpNumber {
        self.given += 1;
        OpNumber(self.given)
    }

    /// The number that the next operation gets.
    pub(super) fn next_number(&self) -> OpNumber {
        OpNumber(self.given + 1)
    }

    /// Keeps a new operation under its key.
    pub(super) fn keep(&mut self, operation: Operation) {
        let number = operation.number;
        self.open.insert(number);
        if !operation.after.is_empty() {
            self.waiting.insert(number);
        }
        let keys = vec![(operation.account.clone(), operation.op_id.clone())];
        self.kept.insert(number, Kept { operation, keys });
    }

    /// Remembers one more key that leads to an operation.
    pub(super) fn join(&mut self, number: OpNumber, key: Key) {
        if let Some(kept) = self.kept.get_mut(&number) {
            kept.keys.push(key);
        }
    }

    /// By number.
    pub(super) fn get(&self, number: OpNumber) -> Option<&Operation> {
        self.kept.get(&number).map(|kept| &kept.operation)
    }

    /// Newest first.
    pub(super) fn newest<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Operation> {
        self.kept
            .values()
            .rev()
            .map(|kept| &kept.operation)
            .filter(move |operation| operation.account == *account)
    }

    /// Unfinished ones, ascending.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &Operation> {
        self.open.iter().filter_map(|number| self.get(*number))
    }

    /// Finished ones with rows left to close, ascending.
    pub(super) fn to_close(&self) -> impl Iterator<Item = &Operation> {
        self.closing.iter().filter_map(|number| self.get(*number))
    }

    /// Takes what shards answered; a shard never goes back.
    pub(super) fn report(&mut self, number: OpNumber, rows: Vec<(ShardId, ShardProgress)>) {
        let Some(kept) = self.kept.get_mut(&number).filter(|kept| kept.operation.finished.is_none()) else {
            return;
        };
        for (shard, news) in rows {
            let known = kept.operation.shards.iter_mut().find(|(other, _)| *other == shard);
            if let Some((_, known)) = known.filter(|(_, known)| supersedes(known, &news, number)) {
                *known = news;
            }
        }
    }

    /// Ends the operation if every shard is done, and then those that waited for it. Returns what ended.
    pub(super) fn settle(&mut self, number: OpNumber, stamp: Stamp) -> Vec<OpNumber> {
        let mut ended = Vec::new();
        if self.end_if_done(number, stamp) {
            ended.push(number);
            // Ascending, and each waits only for earlier ones: one pass reaches all that are free now.
            for waiting in self.waiting.clone() {
                if self.end_if_done(waiting, stamp) {
                    ended.push(waiting);
                }
            }
        }
        ended
    }

    fn end_if_done(&mut self, number: OpNumber, stamp: Stamp) -> bool {
        let free = |operation: &Operation| {
            let ended =
                |earlier: &OpNumber| self.get(*earlier).is_none_or(|earlier| earlier.finished.is_some());
            operation.after.iter().all(ended)
        };
        let done =
            |operation: &Operation| operation.finished.is_none() && all_done(operation) && free(operation);
        if self.get(number).is_none_or(|operation| !done(operation)) {
            return false;
        }
        let Some(kept) = self.kept.get_mut(&number) else { return false };
        kept.operation.finished = Some(stamp);
        kept.operation.unclosed = kept.operation.shards.iter().map(|(shard, _)| *shard).collect();
        self.open.remove(&number);
        self.waiting.remove(&number);
        self.closing.insert(number);
        self.expire_if_closed(number);
        true
    }

    /// A shard has closed the rows of these operations.
    pub(super) fn closed(&mut self, shard: ShardId, numbers: &[OpNumber]) {
        for number in numbers {
            if let Some(kept) = self.kept.get_mut(number) {
                kept.operation.unclosed.retain(|other| *other != shard);
                self.expire_if_closed(*number);
            }
        }
    }

    fn expire_if_closed(&mut self, number: OpNumber) {
        let Some(kept) = self.kept.get(&number).filter(|kept| kept.operation.unclosed.is_empty()) else {
            return;
        };
        let Some(finished) = kept.operation.finished else { return };
        // A router-made key is refused as forgotten once its window has passed: it stays at least so long.
        let born = kept.keys.iter().filter_map(|(_, op_id)| born(op_id)).max();
        let expires = finished.max(born.unwrap_or_default()).after(Window::Claim.micros());
        if self.closing.remove(&number) {
            self.expiring.insert((expires, number));
        }
    }

    /// The lowest number that is open on a shard, or not closed there and not among `closing`; else the next one.
    pub(super) fn low(&self, shard: ShardId, closing: &[OpNumber]) -> OpNumber {
        let there = |operation: &&Operation| operation.shards.iter().any(|(other, _)| *other == shard);
        let open = self.unfinished().find(there).map(|operation| operation.number);
        let left = |operation: &&Operation| {
            operation.unclosed.contains(&shard) && !closing.contains(&operation.number)
        };
        let unclosed = self.to_close().find(left).map(|operation| operation.number);
        let next = OpNumber(self.given + 1);
        open.into_iter().chain(unclosed).min().unwrap_or(next)
    }

    /// Evicts at most `most` operations whose time has passed; returns the keys that led to them.
    pub(super) fn evict(&mut self, stamp: Stamp, most: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        for _ in 0..most {
            let Some(oldest) = self.expiring.first().copied().filter(|(expires, _)| *expires < stamp) else {
                break;
            };
            self.expiring.remove(&oldest);
            keys.extend(self.kept.remove(&oldest.1).into_iter().flat_map(|kept| kept.keys));
        }
        keys
    }

    /// Is there an operation to evict at this stamp?
    pub(super) fn evictable(&self, stamp: Stamp) -> bool {
        self.expiring.first().is_some_and(|(expires, _)| *expires < stamp)
    }
}

/// The stamp that a router-made `op_id` carries.
pub(super) fn born(op_id: &OpId) -> Option<Stamp> {
    op_id.parts().map(|parts| parts.born)
}

/// Is nothing left to do on any shard?
fn all_done(operation: &Operation) -> bool {
    operation.shards.iter().all(|(_, progress)| match progress {
        ShardProgress::Pending => false,
        ShardProgress::Row(row) => row.status != RowStatus::Sweeping,
    })
}

/// Does news of a shard replace what is known? What is done stays as it is; else the later entry's word counts.
fn supersedes(known: &ShardProgress, news: &ShardProgress, number: OpNumber) -> bool {
    match (known, news) {
        (_, ShardProgress::Pending) => false,
        (ShardProgress::Pending, ShardProgress::Row(new)) => new.number == number,
        (ShardProgress::Row(old), ShardProgress::Row(new)) => {
            // One entry may hold a row's last range behind an earlier one: at the same index only the end is news.
            let later = match new.status {
                RowStatus::Sweeping => new.at.index > old.at.index,
                RowStatus::Done | RowStatus::Fenced => new.at.index >= old.at.index,
            };
            new.number == number && old.status == RowStatus::Sweeping && later
        }
    }
}
