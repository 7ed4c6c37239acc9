//! When a request's answer is due, on this machine's `CLOCK_BOOTTIME` (protocol PC1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lacuna_proto::peer_clock::boottime_ns;

/// Shortest deadline a client may ask for, ms.
pub const MIN_MS: u64 = 100;
/// Longest deadline a client may ask for, ms.
pub const MAX_MS: u64 = 60_000;

/// A moment on our `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(u64);

impl Deadline {
    /// So long from now.
    pub fn within(span: Duration) -> Self {
        Self(boottime_ns().saturating_add(span.as_nanos() as u64))
    }

    /// ns of our `CLOCK_BOOTTIME`.
    pub fn at_ns(self) -> u64 {
        self.0
    }

    /// What is left of it; zero once it has passed.
    pub fn left(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(boottime_ns()))
    }

    /// Has it passed?
    pub fn passed(self) -> bool {
        boottime_ns() >= self.0
    }

    /// The earlier one of this and so long from now.
    #[must_use]
    pub fn at_most(self, span: Duration) -> Self {
        self.min(Self::within(span))
    }

    /// The same moment in ms since the Unix epoch, for `settles_by`.
    pub fn unix_ms(self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let ahead = self.0.saturating_sub(boottime_ns()) / 1_000_000;
        let behind = boottime_ns().saturating_sub(self.0) / 1_000_000;
        now.saturating_add(ahead).saturating_sub(behind)
    }

    /// Sleeps so long, but not past it.
    pub async fn pause(self, span: Duration) {
        tokio::time::sleep(span.min(self.left())).await;
    }
}
