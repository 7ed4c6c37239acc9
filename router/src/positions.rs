//! How far each shard's log is, as its own answers said: the table behind surfaces that number their writes.
//!
//! What a shard answers is applied, and its log only grows: the sum of these numbers never runs ahead of what any
//! later read reflects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use lacuna_model::ShardId;
use lacuna_proto::peer_clock::boottime_ns;
use parking_lot::RwLock;

/// The furthest position heard of each shard.
#[derive(Default)]
pub(crate) struct Positions(RwLock<BTreeMap<ShardId, Heard>>);

#[derive(Default)]
struct Heard {
    index: AtomicU64,
    /// When it answered last, ns of our `CLOCK_BOOTTIME`.
    at_ns: AtomicU64,
}

impl Heard {
    fn note(&self, index: u64) {
        self.index.fetch_max(index, Ordering::Relaxed);
        self.at_ns.fetch_max(boottime_ns(), Ordering::Relaxed);
    }
}

impl Positions {
    /// A shard answered, with this index applied.
    pub(crate) fn heard(&self, shard: ShardId, index: u64) {
        if let Some(heard) = self.0.read().get(&shard) {
            return heard.note(index);
        }
        self.0.write().entry(shard).or_default().note(index);
    }

    /// The sum over all shards: of those in `told` what they said to this very request, of the others the
    /// furthest heard.
    pub(crate) fn sum(&self, told: &BTreeMap<ShardId, u64>) -> u64 {
        let heard = self.0.read();
        let index = |(shard, heard): (&ShardId, &Heard)| {
            told.get(shard).copied().unwrap_or(heard.index.load(Ordering::Relaxed))
        };
        heard.iter().map(index).sum()
    }

    /// Has this shard not answered for so long (or never)?
    pub(crate) fn is_old(&self, shard: ShardId, age_ns: u64) -> bool {
        let now = boottime_ns();
        let heard = self.0.read();
        heard.get(&shard).is_none_or(|heard| now.saturating_sub(heard.at_ns.load(Ordering::Relaxed)) > age_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_never_goes_back_and_what_a_request_was_told_counts_for_it() {
        let positions = Positions::default();
        positions.heard(ShardId(0), 5);
        positions.heard(ShardId(1), 7);
        positions.heard(ShardId(1), 6);
        assert_eq!(positions.sum(&BTreeMap::new()), 12);
        assert_eq!(positions.sum(&BTreeMap::from([(ShardId(1), 6)])), 11);
    }

    #[test]
    fn a_shard_that_never_answered_is_old() {
        let positions = Positions::default();
        positions.heard(ShardId(0), 5);
        assert!(!positions.is_old(ShardId(0), 60_000_000_000));
        assert!(positions.is_old(ShardId(1), 60_000_000_000));
    }
}
