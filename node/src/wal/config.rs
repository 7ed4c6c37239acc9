//! Settings of the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Called once, with the reason, when a write or sync of the log failed. The product ends the process here.
pub type OnFailure = Arc<dyn Fn(&str) + Send + Sync>;

/// Who prepares the next segment and unlinks retired ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// A thread of its own, so that a rotation doesn't wait for 64 MiB of zeros.
    Background,
    /// The writer itself: every file operation in one order, for simulations.
    Inline,
}

/// What happens to a segment that holds nothing live any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retire {
    /// It is unlinked.
    Unlink,
    /// It is overwritten with zeros, synced, then unlinked.
    ZeroThenUnlink,
}

/// Settings of a node's log.
#[derive(Clone)]
pub struct WalConfig {
    /// The node's data directory; the log lives in its `wal/`.
    pub dir: PathBuf,
    /// Bytes of a segment. A batch that needs more gets a segment of its own size.
    pub segment_bytes: u64,
    /// Above this many bytes of segments, live entries that pin old segments are copied forward.
    pub limit_bytes: u64,
    /// Bytes of recent entries kept in memory.
    pub cache_bytes: u64,
    /// Longest wait for company before a batch is written; only while several groups are active.
    pub linger: Duration,
    /// How long after the last batch an idle log adds an empty one; `None`: never.
    pub idle_batch: Option<Duration>,
    /// Who prepares and unlinks segments.
    pub upkeep: Upkeep,
    /// How segments go.
    pub retire: Retire,
    /// What to do when a write or sync fails.
    pub on_failure: OnFailure,
}

impl WalConfig {
    /// The product's settings for a data directory: a failure aborts the process.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            limit_bytes: 1 << 30,
            cache_bytes: 64 << 20,
            linger: Duration::ZERO,
            idle_batch: Some(Duration::from_millis(50)),
            upkeep: Upkeep::Background,
            retire: Retire::Unlink,
            on_failure: Arc::new(|reason| {
                tracing::error!(reason, "the write-ahead log failed: the node ends");
                std::process::abort();
            }),
        }
    }

    /// Where the segments are.
    pub fn wal_dir(&self) -> PathBuf {
        self.dir.join("wal")
    }
}

impl std::fmt::Debug for WalConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalConfig")
            .field("dir", &self.dir)
            .field("segment_bytes", &self.segment_bytes)
            .field("limit_bytes", &self.limit_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}
