//! The counters that shards last told this router, for contracts that demand a number where one is not known
//! now (INV-6: it is sent flagged as inexact).

use std::collections::HashMap;

use lacuna_model::{Incarnation, LogPosition, ShardId};
use parking_lot::Mutex;

/// Most counters kept; beyond it the table starts anew.
const MAX: usize = 65_536;

/// A number of records: exact, or with the last known counter of each shard that didn't answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// Did every shard tell its counter now?
    pub exact: bool,
}

impl Tally {
    /// Contents that don't exist hold nothing.
    pub const NONE: Self = Self { records: 0, exact: true };
}

/// Counters by contents and shard.
#[derive(Default)]
pub(crate) struct LastCounts(Mutex<HashMap<(Incarnation, ShardId), (LogPosition, u64)>>);

impl LastCounts {
    /// A shard told its counter as of this entry; one that is older than the known one is passed over.
    pub(crate) fn note(&self, key: (Incarnation, ShardId), at: LogPosition, records: u64) {
        let mut known = self.0.lock();
        if known.len() >= MAX && !known.contains_key(&key) {
            known.clear();
        }
        let entry = known.entry(key).or_insert((at, records));
        if entry.0 <= at {
            *entry = (at, records);
        }
    }

    /// What the shard told last; 0 if it never told this router anything.
    pub(crate) fn last(&self, key: (Incarnation, ShardId)) -> u64 {
        self.0.lock().get(&key).map_or(0, |(_, records)| *records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_of_the_latest_entry_counts() {
        let (counts, key) = (LastCounts::default(), (Incarnation(1), ShardId(2)));
        let at = |term, index| LogPosition { term, index };
        assert_eq!(counts.last(key), 0);
        counts.note(key, at(1, 9), 5);
        counts.note(key, at(1, 3), 7);
        assert_eq!(counts.last(key), 5);
        counts.note(key, at(2, 10), 4);
        assert_eq!(counts.last(key), 4);
        assert_eq!(counts.last((Incarnation(2), ShardId(2))), 0);
    }
}
