//! The router's clock. It gives insertion order and times to show, never who wins.

use std::time::{SystemTime, UNIX_EPOCH};

/// µs since the Unix epoch.
pub(crate) fn now_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}
