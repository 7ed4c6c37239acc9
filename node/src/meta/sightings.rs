//! Since when the driver has seen each operation: the router that recorded one usually ends it by itself.

use std::collections::BTreeMap;

use lacuna_model::OpNumber;
use lacuna_model::catalog::Operation;
use tokio::time::Instant;

use super::pace::Pace;
use super::state::MetaState;

/// First sightings, by operation.
#[derive(Debug)]
pub(super) struct Sightings {
    unfinished: BTreeMap<OpNumber, Instant>,
    ended: BTreeMap<OpNumber, Instant>,
    pace: Pace,
}

impl Sightings {
    /// Nothing seen yet.
    pub(super) fn new(pace: Pace) -> Self {
        Self { unfinished: BTreeMap::new(), ended: BTreeMap::new(), pace }
    }

    /// Notes what is new and forgets what is gone.
    pub(super) fn look(&mut self, state: &MetaState, now: Instant) {
        renew(&mut self.unfinished, state.unfinished(), now);
        renew(&mut self.ended, state.to_close(), now);
    }

    /// Is it time to work on it, or to close it?
    pub(super) fn is_due(&self, operation: &Operation, now: Instant) -> bool {
        let (seen, age) = match operation.finished {
            None => (&self.unfinished, self.pace.take_up),
            Some(_) => (&self.ended, self.pace.close_after),
        };
        seen.get(&operation.number).is_some_and(|first| now.duration_since(*first) >= age)
    }

    /// How many operations had not ended at the last look.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished.len()
    }
}

fn renew<'a>(
    seen: &mut BTreeMap<OpNumber, Instant>,
    operations: impl Iterator<Item = &'a Operation>,
    now: Instant,
) {
    let there = operations.map(|operation| operation.number);
    *seen = there.map(|number| (number, seen.get(&number).copied().unwrap_or(now))).collect();
}
