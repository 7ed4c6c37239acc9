//! What a group replicates: a state machine that knows neither network nor consensus.

use std::io;
use std::path::Path;

use bytes::Bytes;
use lacuna_model::LogPosition;

/// One committed log entry.
#[derive(Clone, Copy, Debug)]
pub struct AppliedEntry<'a> {
    /// Its place in the group's log.
    pub position: LogPosition,
    /// The encoded entry; `None` for a blank or a membership, which only advance the applied position.
    pub body: Option<&'a [u8]>,
}

/// Why a state machine failed. Each ends the replica: nothing it answered later could be trusted.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A file or the store failed (R1: the first failure ends the node).
    #[error("the state's files failed: {0}")]
    Io(#[from] io::Error),
    /// The state or a snapshot file doesn't verify, or an entry can't be read.
    #[error("damaged state: {0}")]
    Damaged(String),
}

/// The replicated state of one group. Calls come one at a time, from a thread that may block.
pub trait GroupMachine: Send + 'static {
    /// What the consensus layer stored with the last batch (its applied id and membership); `None` in a new state.
    fn sidecar(&self) -> Option<Vec<u8>>;

    /// Applies entries in order. Effects, applied position and `sidecar` become one atom (INV-1).
    /// Returns one encoded reply per entry, empty for those without a body.
    fn apply(&mut self, entries: &[AppliedEntry<'_>], sidecar: &[u8]) -> Result<Vec<Bytes>, MachineError>;

    /// Writes the whole state, sidecar included, into a new file at `path`: checksummed and fsynced.
    /// (The caller renames it into place and syncs the directory.)
    fn export(&mut self, path: &Path) -> Result<(), MachineError>;

    /// Replaces the whole state by an exported file: verifies it first, so that a damaged file changes
    /// nothing. Durable when it returns.
    fn import(&mut self, path: &Path) -> Result<(), MachineError>;

    /// When it returns, all that was applied survives a power cut without the log (INV-5). A state that lives in
    /// memory only, whose durable form are its exported files, has nothing to do here.
    fn barrier(&mut self) -> Result<(), MachineError>;
}
