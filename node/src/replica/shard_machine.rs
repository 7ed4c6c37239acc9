//! A shard's engine as what its group replicates.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lacuna_engine::{Engine, EntryAt};

use super::entry::{ShardReply, decode_entry, encode_reply};
use crate::clock::Clock;
use crate::raft::machine::{AppliedEntry, GroupMachine, MachineError};

/// A shard's state machine: the engine does the work.
pub(crate) struct ShardMachine {
    engine: Arc<Engine>,
    clock: Arc<Clock>,
}

impl ShardMachine {
    pub(crate) fn new(engine: Arc<Engine>, clock: Arc<Clock>) -> Self {
        clock.observe(engine.stamp());
        Self { engine, clock }
    }
}

fn io_error(error: impl std::error::Error + Send + Sync + 'static) -> MachineError {
    MachineError::Io(io::Error::other(error))
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` gives it
fn damaged(error: impl ToString) -> MachineError {
    MachineError::Damaged(error.to_string())
}

fn read_entry(entry: &AppliedEntry<'_>) -> Result<EntryAt, MachineError> {
    let body = entry.body.map(decode_entry).transpose().map_err(damaged)?;
    Ok(EntryAt { position: entry.position, entry: body })
}

impl GroupMachine for ShardMachine {
    fn sidecar(&self) -> Option<Vec<u8>> {
        self.engine.sidecar()
    }

    fn apply(&mut self, entries: &[AppliedEntry<'_>], sidecar: &[u8]) -> Result<Vec<Bytes>, MachineError> {
        tracing::trace!(entries = entries.len(), "apply");
        let decoded: Vec<EntryAt> = entries.iter().map(read_entry).collect::<Result<_, _>>()?;
        let outcomes = self.engine.apply(&decoded, sidecar).map_err(io_error)?;
        let stamp = self.engine.stamp();
        self.clock.observe(stamp);
        let replies = outcomes.into_iter().zip(entries).map(|(outcomes, entry)| match entry.body {
            Some(_) => encode_reply(&ShardReply { outcomes, stamp }).map_err(damaged),
            None => Ok(Bytes::new()),
        });
        replies.collect()
    }

    fn export(&mut self, path: &Path) -> Result<(), MachineError> {
        self.engine.export(path).map(|_| ()).map_err(io_error)
    }

    fn import(&mut self, path: &Path) -> Result<(), MachineError> {
        self.engine.import(path).map_err(io_error)?;
        self.clock.observe(self.engine.stamp());
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), MachineError> {
        self.engine.barrier().map(|_| ()).map_err(io_error)
    }
}
