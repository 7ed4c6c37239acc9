//! What can go wrong with the log.

use std::io;
use std::path::{Path, PathBuf};

/// Why the log can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process, or another part of this one, has the log open.
    #[error("{0}: the log is open elsewhere; only one process may use a data directory")]
    Locked(PathBuf),
    /// Written by a version of the software that this one doesn't know.
    #[error(
        "segment {segment}: log format {found}, but this version reads format {known}; start the version that wrote it"
    )]
    Version {
        /// The segment.
        segment: u64,
        /// Its format.
        found: u32,
        /// The format understood here.
        known: u32,
    },
    /// Bytes that had been synced are damaged or gone: this node no longer knows what it promised (R3).
    #[error(
        "log corrupt: segment {segment}, offset {offset}, batch {batch}: {what}. The node may not vote with this log. \
         Move its data directory aside and let it come back as a learner from its peers; if it is the only replica, restore a backup"
    )]
    Corrupt {
        /// The segment.
        segment: u64,
        /// Byte offset in it.
        offset: u64,
        /// Number of the batch that should be there; 0 if none is meant.
        batch: u64,
        /// What was found.
        what: String,
    },
}

impl WalError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Why a submission is not, or not known to be, in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalFailure {
    /// A write or sync failed: nothing is accepted until the node restarts and recovers (R1).
    #[error("the log failed: {0}")]
    Failed(String),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// The entry doesn't follow the group's last one. Nothing of the submission was taken.
    #[error("group {group}: entry {index} doesn't follow {last:?}")]
    OutOfOrder {
        /// The group.
        group: u32,
        /// Index of the refused entry.
        index: u64,
        /// The group's last index (or the last purged) at that point.
        last: Option<u64>,
    },
}
