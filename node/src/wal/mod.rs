//! The node's one write-ahead log, shared by all its groups.
//!
//! It knows no raft: entries are an index and bytes; votes, committed hints and purge marks are bytes. One thread drains a
//! queue; everything queued becomes one batch, one write and one `fdatasync`, whatever groups it came from. Rules: PL1
//! (framing, tear or corruption), PL2 (one order), PL3 (checkpoints), R1 (first failure ends the node), R3, R6.

mod batch;
mod check;
mod config;
mod error;
mod files;
mod frame;
mod memory;
mod op;
mod plan;
mod record;
mod recover;
mod segment;
mod shared;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
#[cfg(test)]
mod tests;
mod upkeep;
mod writer;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;

pub use check::{WalReport, check};
pub use config::{OnFailure, Retire, Upkeep, WalConfig};
pub use error::{WalError, WalFailure};
pub use files::{FileLayer, LogFile, RealFiles};
pub use op::{GroupState, Pinned, WalOp};
pub use recover::{Cut, Recovered};

use frame::{Link, SECTOR};
use memory::{Location, Memory};
use recover::{Found, recover};
use segment::Segment;
use shared::{Done, Job, Shared};
use upkeep::{Keeper, Site};
use writer::{Tail, Writer};

/// A handle on the log; clones share it. The last one dropped closes it.
#[derive(Clone)]
pub struct Wal {
    core: Arc<Core>,
}

struct Core {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Opens the log of a data directory, or begins one. Blocks while it reads what is there.
    pub fn open(config: WalConfig, files: Arc<dyn FileLayer>) -> Result<(Self, Recovered), WalError> {
        let dir = config.wal_dir();
        files
            .create_dir(&dir)
            .and_then(|()| files.sync_dir(&config.dir))
            .map_err(|e| WalError::io(&dir, e))?;
        let lock = files.lock(&dir.join("lock")).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => WalError::Locked(dir.clone()),
            _ => WalError::io(&dir, e),
        })?;
        let (found, fresh) = match recover(&*files, &config)? {
            Some(found) => (found, false),
            None => (Self::begin(&*files, &config)?, true),
        };
        let recovered = Recovered {
            fresh,
            batches: found.last.number,
            cut: found.cut,
            groups: found.memory.groups.keys().copied().collect(),
        };
        if let Some(cut) = recovered.cut {
            tracing::warn!(?cut, "the log's last batch was torn and is cut");
        }
        let active = found.segments[found.segments.len() - 1].clone();
        let tail = Tail { segment: active.clone(), offset: found.offset, last: found.last };
        let segments = found.segments.into_iter().map(|s| (s.number, s)).collect();
        let site =
            Site { files, dir: dir.clone(), segment_bytes: config.segment_bytes, retire: config.retire };
        let upkeep = config.upkeep;
        let shared = Arc::new(Shared::new(config, found.memory, segments, found.last.number));
        let reporter = shared.clone();
        let report = Box::new(move |reason: String| reporter.fail(&reason, Vec::new()));
        let keeper = Keeper::start(site, upkeep, found.spares, active.number, report)
            .map_err(|e| WalError::io(&dir, e))?;
        let writer = Writer::new(shared.clone(), keeper, tail);
        let run = move || {
            // Held until the last byte is written: another opening must not find a log that still grows.
            let _lock = lock;
            writer.run();
        };
        let thread = std::thread::Builder::new().name("wal-writer".to_owned()).spawn(run);
        let thread = thread.map_err(|e| WalError::io(&dir, e))?;
        Ok((Self { core: Arc::new(Core { shared, writer: Mutex::new(Some(thread)) }) }, recovered))
    }

    fn begin(files: &dyn FileLayer, config: &WalConfig) -> Result<Found, WalError> {
        let first = Segment::create(files, &config.wal_dir(), 1, config.segment_bytes)?;
        Ok(Found {
            memory: Memory::new(config.cache_bytes),
            segments: vec![first],
            spares: std::collections::VecDeque::new(),
            offset: SECTOR,
            last: Link::default(),
            cut: None,
        })
    }

    /// Takes steps of a group, all or none, after every earlier one. They are readable at once; `done` runs when they
    /// are durable, on the log's own thread (so it must be quick and must not wait for the log), or here if refused.
    /// Steps that are all [`WalOp::Committed`] wait for the next batch, whenever that is.
    pub fn submit(
        &self,
        group: u32,
        ops: Vec<WalOp>,
        done: impl FnOnce(Result<(), WalFailure>) + Send + 'static,
    ) {
        tracing::trace!(group, ops = ops.len(), "submit");
        self.core.shared.submit(group, ops, Box::new(done));
    }

    /// Like `submit`, but waits until the steps are durable.
    pub fn submit_and_wait(&self, group: u32, ops: Vec<WalOp>) -> Result<(), WalFailure> {
        let urgent = ops.iter().any(|op| !matches!(op, WalOp::Committed(_)));
        wait_for(|done| {
            self.core.shared.submit(group, ops, done);
            if !urgent {
                self.core.shared.ask(Job::Barrier(Box::new(|_| {})));
            }
        })
    }

    /// The live entries of a group in a range of indexes, ascending. Checked against their checksums.
    pub fn read(&self, group: u32, range: Range<u64>) -> Result<Vec<(u64, Bytes)>, WalError> {
        match self.read_once(group, range.clone()) {
            // A segment may be zeroed while it is read: then the entries were purged or copied, and another look tells.
            Err(WalError::Corrupt { .. }) => self.read_once(group, range),
            other => other,
        }
    }

    fn read_once(&self, group: u32, range: Range<u64>) -> Result<Vec<(u64, Bytes)>, WalError> {
        enum Found {
            Here(Bytes),
            There(Arc<Segment>, Location, usize),
        }
        let mut found = Vec::new();
        {
            let inner = self.core.shared.inner.lock();
            let Some(known) = inner.memory.groups.get(&group) else { return Ok(Vec::new()) };
            let (Some(first), Some(last)) = (known.first(), known.last()) else { return Ok(Vec::new()) };
            for index in range.start.max(first)..range.end.min(last.saturating_add(1)) {
                let Some(slot) = known.slot(index) else { continue };
                match (&slot.cached, slot.at) {
                    (Some(bytes), _) => found.push((index, Found::Here(bytes.clone()))),
                    (None, Some(at)) => match inner.segments.get(&at.segment) {
                        Some(segment) => found.push((index, Found::There(segment.clone(), at, slot.len))),
                        None => unreachable!("a live entry's segment is never retired: see `plan::floor`"),
                    },
                    (None, None) => {
                        unreachable!("an entry stays in memory until it is durable: see `Memory::trim`")
                    }
                }
            }
        }
        let fetch = |(index, found)| match found {
            Found::Here(bytes) => Ok((index, bytes)),
            Found::There(segment, at, len) => Ok((index, batch::read_entry(&segment, at, len)?)),
        };
        found.into_iter().map(fetch).collect()
    }

    /// What the submitted steps say of a group; of an unknown one: nothing.
    pub fn state(&self, group: u32) -> GroupState {
        self.core.shared.inner.lock().memory.state(group)
    }

    /// Every group with a state or entries.
    pub fn groups(&self) -> Vec<u32> {
        self.core.shared.inner.lock().memory.groups.keys().copied().collect()
    }

    /// Bytes of a group's live entries.
    pub fn bytes(&self, group: u32) -> u64 {
        self.core.shared.inner.lock().memory.groups.get(&group).map_or(0, |g| g.bytes)
    }

    /// Bytes of all segments in use.
    pub fn total_bytes(&self) -> u64 {
        self.core.shared.inner.lock().total_bytes()
    }

    /// The group whose live entries hold the oldest segment, if that isn't the active one: it should snapshot and purge.
    pub fn pinned_by(&self) -> Option<Pinned> {
        let inner = self.core.shared.inner.lock();
        let groups = inner.memory.groups.iter();
        let pins = groups
            .filter_map(|(group, g)| Some(Pinned { group: *group, segment: g.floor()?, bytes: g.bytes }));
        pins.filter(|pin| pin.segment < inner.active()).min_by_key(|pin| pin.segment)
    }

    /// Numbers of the oldest and the active segment.
    pub fn segments(&self) -> (u64, u64) {
        let inner = self.core.shared.inner.lock();
        (inner.oldest(), inner.active())
    }

    /// Number of the last durable batch, which is also the number of syncs since the log began.
    pub fn batches(&self) -> u64 {
        self.core.shared.inner.lock().batches
    }

    /// Copies a group's live entries into the active segment, so that it holds no older one.
    pub fn checkpoint(&self, group: u32, done: impl FnOnce(Result<(), WalFailure>) + Send + 'static) {
        self.core.shared.ask(Job::Checkpoint(group, Box::new(done)));
    }

    /// For erasure: begins a new segment, copies all live entries into it and unlinks every older one. When `done` runs,
    /// whatever was purged, truncated or replaced before this call is in no file of the log.
    pub fn rewrite(&self, done: impl FnOnce(Result<(), WalFailure>) + Send + 'static) {
        self.core.shared.ask(Job::Rewrite(Box::new(done)));
    }

    /// Waits until everything submitted so far is durable.
    pub fn flush(&self) -> Result<(), WalFailure> {
        wait_for(|done| self.core.shared.ask(Job::Barrier(done)))
    }

    /// Makes everything submitted durable and ends the writer. Later submissions are refused with `Closed`.
    pub fn close(&self) -> Result<(), WalFailure> {
        let flushed = self.flush();
        self.core.stop();
        flushed
    }
}

impl std::fmt::Debug for Wal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wal").field("dir", &self.core.shared.config.dir).finish_non_exhaustive()
    }
}

impl Core {
    fn stop(&self) {
        self.shared.inner.lock().closing = true;
        self.shared.wake.notify_all();
        let Some(thread) = self.writer.lock().take() else { return };
        // The last handle may go in a callback, on the writer's own thread: then it ends by itself.
        if thread.thread().id() != std::thread::current().id() {
            // A panic of the writer was reported as a failure.
            let _ = thread.join();
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stop();
    }
}

fn wait_for(ask: impl FnOnce(Done)) -> Result<(), WalFailure> {
    let (tell, told) = channel();
    ask(Box::new(move |result| {
        // The waiter is below, so somebody listens.
        let _ = tell.send(result);
    }));
    // A dropped sender means that the writer panicked in between.
    told.recv().unwrap_or_else(|_| Err(WalFailure::Failed("the log's writer is gone".to_owned())))
}
