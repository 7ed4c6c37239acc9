//! How fast the driver goes.

use std::time::Duration;

/// The driver's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often it looks.
    pub round: Duration,
    /// Age at which it takes an operation up: the router that recorded it usually ends it by itself.
    pub take_up: Duration,
    /// Age of an ended operation at which its rows are closed: its router has read them by then, and the rows of
    /// many operations are closed by one command.
    pub close_after: Duration,
    /// Longest wait for one answer: a stopped node costs its own shards no more than this a try.
    pub call_wait: Duration,
    /// How often it looks for something to evict.
    pub evict_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            round: Duration::from_millis(200),
            take_up: Duration::from_millis(300),
            close_after: Duration::from_secs(1),
            call_wait: Duration::from_secs(1),
            evict_every: Duration::from_secs(60),
        }
    }
}
