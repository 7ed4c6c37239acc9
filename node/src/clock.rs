//! The node's clocks: `CLOCK_BOOTTIME` for deadlines (it runs while the machine sleeps), wall time for stamps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lacuna_model::Stamp;
use lacuna_proto::call::{BootId, CallError, NodeDeadline};
use lacuna_proto::peer_clock::boottime_ns;

/// The clocks of one run of a node.
#[derive(Debug)]
pub struct Clock {
    boot: BootId,
    known: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { boot: BootId(rand::random()), known: AtomicU64::new(0) }
    }
}

impl Clock {
    /// Identity of this run.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// The stamp for an entry proposed now: no smaller than any that was given or heard of (protocol PE6).
    pub fn stamp(&self) -> Stamp {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = wall.as_micros() as u64;
        Stamp(self.known.fetch_max(now, Ordering::AcqRel).max(now))
    }

    /// A group holds this stamp.
    pub fn observe(&self, stamp: Stamp) {
        self.known.fetch_max(stamp.0, Ordering::AcqRel);
    }

    /// Time left until a deadline on this clock; refused if it is over, or on the clock of another run.
    pub fn left(&self, deadline: NodeDeadline) -> Result<Duration, CallError> {
        if deadline.boot != self.boot {
            return Err(CallError::OtherBoot);
        }
        match deadline.at_ns.checked_sub(boottime_ns()) {
            None | Some(0) => Err(CallError::Expired),
            Some(left) => Ok(Duration::from_nanos(left)),
        }
    }

    /// A deadline so far from now.
    pub fn deadline_in(&self, time: Duration) -> NodeDeadline {
        NodeDeadline { boot: self.boot, at_ns: boottime_ns().saturating_add(time.as_nanos() as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_hold_only_on_their_own_run() {
        let clock = Clock::default();
        assert!(clock.left(clock.deadline_in(Duration::from_secs(1))).is_ok());
        assert_eq!(clock.left(clock.deadline_in(Duration::ZERO)), Err(CallError::Expired));
        assert_eq!(
            clock.left(Clock::default().deadline_in(Duration::from_secs(1))),
            Err(CallError::OtherBoot)
        );
    }

    #[test]
    fn stamps_never_fall_behind_one_that_was_heard() {
        let clock = Clock::default();
        let ahead = clock.stamp().after(3_600_000_000);
        clock.observe(ahead);
        assert!(clock.stamp() >= ahead);
    }
}
