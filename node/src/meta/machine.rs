//! The meta group's state as what its group replicates: in memory, with snapshots as its durable form.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lacuna_model::Stamp;
use lacuna_model::meta::{MetaEntry, MetaOutcome, MetaQuery, MetaReply};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::state::MetaState;
use crate::raft::machine::{AppliedEntry, GroupMachine, MachineError};

/// First byte of every entry; an older process refuses what it doesn't know.
const ENTRY_VERSION: u8 = 1;

/// How a snapshot file begins; its last byte is the format's version.
const MAGIC: [u8; 8] = *b"lacmeta\x01";
/// Magic, length of the body (u64), crc32c of the body (u32).
const HEADER_BYTES: usize = 8 + 8 + 4;

/// What applying one entry answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaApplied {
    /// The outcome.
    pub outcome: MetaOutcome,
    /// The state's stamp after it.
    pub stamp: Stamp,
}

/// Why an entry or a reply can't be encoded or read.
#[derive(Debug, thiserror::Error)]
pub enum MetaCodecError {
    /// Another version wrote it.
    #[error("a meta entry of version {0:?}, this process knows {ENTRY_VERSION}")]
    Version(Option<u8>),
    /// Damaged, or of another type.
    #[error("unreadable meta entry: {0}")]
    Body(#[from] postcard::Error),
}

/// Encodes an entry for the log.
pub fn encode_entry(entry: &MetaEntry) -> Result<Bytes, MetaCodecError> {
    Ok(Bytes::from(postcard::to_extend(entry, vec![ENTRY_VERSION])?))
}

/// Reads an entry of the log.
pub fn decode_entry(body: &[u8]) -> Result<MetaEntry, MetaCodecError> {
    match body.split_first() {
        Some((&ENTRY_VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
        other => Err(MetaCodecError::Version(other.map(|(version, _)| *version))),
    }
}

/// Reads the reply that [`GroupMachine::apply`] gave for an entry.
pub fn decode_reply(reply: &[u8]) -> Result<MetaApplied, MetaCodecError> {
    Ok(postcard::from_bytes(reply)?)
}

/// Reading access to the state as applied on this node.
#[derive(Clone, Default)]
pub struct MetaView(Arc<RwLock<MetaState>>);

impl MetaView {
    /// Answers a question from the state as applied here; the caller sees to the read index.
    pub fn query(&self, query: &MetaQuery) -> MetaReply {
        self.0.read().query(query)
    }

    /// Looks at the state. Applying waits meanwhile: be short.
    pub fn look<T>(&self, look: impl FnOnce(&MetaState) -> T) -> T {
        look(&self.0.read())
    }
}

/// The meta group's replicated state on one node.
#[derive(Default)]
pub struct MetaMachine {
    view: MetaView,
    sidecar: Option<Vec<u8>>,
}

/// Body of a snapshot file.
#[derive(Deserialize)]
struct Snapshot {
    sidecar: Option<Vec<u8>>,
    state: MetaState,
}

impl MetaMachine {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reading access, for reads and for the driver.
    pub fn view(&self) -> MetaView {
        self.view.clone()
    }

    fn apply_one(state: &mut MetaState, entry: &AppliedEntry<'_>) -> Result<Bytes, MachineError> {
        tracing::trace!(index = entry.position.index, "apply");
        let Some(body) = entry.body else { return Ok(Bytes::new()) };
        let decoded = decode_entry(body).map_err(damaged)?;
        let outcome = state.apply(entry.position.index, decoded);
        let reply = MetaApplied { outcome, stamp: state.stamp() };
        Ok(Bytes::from(postcard::to_stdvec(&reply).map_err(damaged)?))
    }
}

impl GroupMachine for MetaMachine {
    fn sidecar(&self) -> Option<Vec<u8>> {
        self.sidecar.clone()
    }

    fn apply(&mut self, entries: &[AppliedEntry<'_>], sidecar: &[u8]) -> Result<Vec<Bytes>, MachineError> {
        let mut state = self.view.0.write();
        let replies = entries.iter().map(|entry| Self::apply_one(&mut state, entry)).collect();
        self.sidecar = Some(sidecar.to_vec());
        replies
    }

    fn export(&mut self, path: &Path) -> Result<(), MachineError> {
        let body = self.view.look(|state| postcard::to_stdvec(&(&self.sidecar, state))).map_err(damaged)?;
        let mut file = File::create(path)?;
        file.write_all(&MAGIC)?;
        file.write_all(&(body.len() as u64).to_be_bytes())?;
        file.write_all(&crc32c::crc32c(&body).to_be_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        Ok(())
    }

    fn import(&mut self, path: &Path) -> Result<(), MachineError> {
        let mut raw = Vec::new();
        File::open(path)?.read_to_end(&mut raw)?;
        let snapshot = verify(&raw)?;
        *self.view.0.write() = snapshot.state;
        self.sidecar = snapshot.sidecar;
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), MachineError> {
        Ok(())
    }
}

/// Reads a snapshot file's bytes; anything unexpected is damage.
fn verify(raw: &[u8]) -> Result<Snapshot, MachineError> {
    let damage = |what: &str| MachineError::Damaged(format!("meta snapshot: {what}"));
    let (header, body) =
        raw.split_at_checked(HEADER_BYTES).ok_or_else(|| damage("shorter than its header"))?;
    if header[..8] != MAGIC {
        return Err(damage("no meta snapshot, or of an unknown version"));
    }
    if header[8..16] != (body.len() as u64).to_be_bytes() {
        return Err(damage("its length is not what its header says"));
    }
    if header[16..] != crc32c::crc32c(body).to_be_bytes() {
        return Err(damage("checksum mismatch"));
    }
    postcard::from_bytes(body).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> MachineError {
    MachineError::Damaged(error.to_string())
}
