//! All of a replica's state in one file: what a follower far behind is sent, and what lets a single voter
//! purge its log (protocol PL5).

mod export;
mod format;
mod import;

use std::path::PathBuf;

use lacuna_model::{LogPosition, ShardId};

pub use export::Exported;

use crate::engine::OpenError;
use crate::store::StoreError;

/// Why a snapshot was not written or not taken. A refused one changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file isn't what was written: get it again.
    #[error("the snapshot is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// It is another shard's.
    #[error("the snapshot is of shard {of}, this is shard {here}")]
    OtherShard {
        /// Whose it is.
        of: ShardId,
        /// Who was asked to take it.
        here: ShardId,
    },
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An earlier write failed: the engine takes nothing more until it is opened anew.
    #[error("an earlier write failed")]
    Failed,
}

impl SnapshotError {
    fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

impl From<OpenError> for SnapshotError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Corrupt { what } => Self::Damaged { what },
            OpenError::Store(error) => Self::Store(error),
        }
    }
}

/// What a snapshot's first frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SnapshotHeader {
    /// Version of the format.
    pub version: u32,
    /// Whose state it is.
    pub shard: ShardId,
    /// Last entry in it.
    pub applied: LogPosition,
}
