//! Deadlines on another machine's clock (protocol PC1).

use std::collections::HashMap;

use lacuna_model::NodeId;
use parking_lot::RwLock;

use crate::call::{BootId, NodeDeadline, Pong};

/// Oldest ping answer that a deadline may be computed from, ns.
pub const MAX_AGE_NS: u64 = 5_000_000_000;

/// Taken off each deadline, ns: a node stops proposing before the caller answers.
pub const MARGIN_NS: u64 = 100_000_000;

/// `CLOCK_BOOTTIME` of this machine, ns. It runs while the machine sleeps, which `Instant` doesn't.
pub fn boottime_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What a node's clock showed when its last ping answer arrived here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerClock {
    /// The run of the node.
    pub boot: BootId,
    /// Its clock in the answer, ns.
    pub node_ns: u64,
    /// Our clock when the answer arrived, ns.
    pub arrived_ns: u64,
}

impl PeerClock {
    /// Takes a ping's answer that arrived at `arrived_ns` of our clock.
    pub fn from_pong(pong: &Pong, arrived_ns: u64) -> Self {
        Self { boot: pong.boot, node_ns: pong.now_ns, arrived_ns }
    }

    /// The deadline on the node's clock: N + (deadline − r) − 100 ms. Never later than ours, since the answer
    /// was on its way when N was already past. `None`: the answer is too old, ping again.
    pub fn deadline(&self, deadline_ns: u64, now_ns: u64) -> Option<NodeDeadline> {
        if now_ns.saturating_sub(self.arrived_ns) > MAX_AGE_NS {
            return None;
        }
        let span = deadline_ns.saturating_sub(self.arrived_ns);
        let at_ns = self.node_ns.saturating_add(span).saturating_sub(MARGIN_NS);
        Some(NodeDeadline { boot: self.boot, at_ns })
    }
}

/// The clocks of all nodes that have answered.
#[derive(Debug, Default)]
pub struct PeerClocks {
    clocks: RwLock<HashMap<NodeId, PeerClock>>,
}

impl PeerClocks {
    /// Takes a ping's answer that arrived at `arrived_ns` of our clock.
    pub fn heard(&self, node: NodeId, pong: &Pong, arrived_ns: u64) {
        let clock = PeerClock::from_pong(pong, arrived_ns);
        let mut clocks = self.clocks.write();
        let known = clocks.entry(node).or_insert(clock);
        if known.arrived_ns <= arrived_ns {
            *known = clock;
        }
    }

    /// A deadline on the node's clock; `None`: ping it first.
    pub fn deadline(&self, node: NodeId, deadline_ns: u64) -> Option<NodeDeadline> {
        let clock = self.clocks.read().get(&node).copied()?;
        clock.deadline(deadline_ns, boottime_ns())
    }

    /// Time since the node's last ping answer arrived, ns; `None`: there was none.
    pub fn age_ns(&self, node: NodeId) -> Option<u64> {
        let arrived = self.clocks.read().get(&node)?.arrived_ns;
        Some(boottime_ns().saturating_sub(arrived))
    }

    /// Forgets a node's clock, after it said that it was restarted.
    pub fn forget(&self, node: NodeId) {
        self.clocks.write().remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_model::Stamp;

    fn clock() -> PeerClock {
        PeerClock { boot: BootId(7), node_ns: 1_000_000_000_000, arrived_ns: 50_000_000_000 }
    }

    #[test]
    fn a_deadline_is_the_nodes_clock_plus_what_is_left_minus_the_margin() {
        let deadline = clock().deadline(52_000_000_000, 51_000_000_000).expect("fresh");
        assert_eq!(deadline, NodeDeadline { boot: BootId(7), at_ns: 1_001_900_000_000 });
    }

    #[test]
    fn a_ping_answer_older_than_five_seconds_is_not_used() {
        assert!(clock().deadline(60_000_000_000, 55_000_000_000).is_some());
        assert!(clock().deadline(60_000_000_000, 55_000_000_001).is_none());
    }

    #[test]
    fn an_older_answer_that_arrives_late_does_not_replace_a_newer_one() {
        let clocks = PeerClocks::default();
        let pong = |now_ns| Pong { node: NodeId(1), boot: BootId(1), now_ns, stamp: Stamp(0) };
        let now = boottime_ns();
        clocks.heard(NodeId(1), &pong(2_000_000_000), now);
        clocks.heard(NodeId(1), &pong(1_000_000_000), now - 1);
        let deadline = clocks.deadline(NodeId(1), now + 1_000_000_000).expect("fresh");
        assert_eq!(deadline.at_ns, 2_900_000_000);
    }

    #[test]
    fn the_clock_moves() {
        let first = boottime_ns();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(boottime_ns() >= first + 2_000_000);
    }
}
