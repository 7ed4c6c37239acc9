//! openraft's log storage over the node's write-ahead log, with the newest entries kept decoded.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::{EntryPayload, LogState, OptionalSend};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::types::{LogEntry, LogId, TypeConfig, Vote};
use crate::wal::{Wal, WalOp};

/// Version of every record this group writes into the log.
const VERSION: u8 = 1;
/// Bytes of decoded entries kept in memory.
const CACHE_BYTES: usize = 8 << 20;
/// Bytes of entries in one replication message.
const MESSAGE_BYTES: usize = 4 << 20;

/// One group's log.
#[derive(Clone)]
pub(crate) struct LogStore(Arc<Shared>);

struct Shared {
    group: u32,
    wal: Wal,
    state: Mutex<State>,
    /// Bytes appended since the log was last purged.
    grown: AtomicU64,
}

#[derive(Default)]
struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    last: Option<LogId>,
    recent: Recent,
}

/// The newest entries, without holes, up to the last one.
#[derive(Default)]
struct Recent {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Recent {
    fn first(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.log_id.index)
    }

    fn push(&mut self, entry: LogEntry) {
        self.bytes += weight(&entry);
        self.entries.push_back(entry);
        while self.bytes > CACHE_BYTES && self.entries.len() > 1 {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= weight(&oldest);
        }
    }

    fn keep_up_to(&mut self, last: Option<u64>) {
        while self.entries.back().is_some_and(|entry| Some(entry.log_id.index) > last) {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= weight(&entry);
            }
        }
    }

    fn drop_up_to(&mut self, upto: u64) {
        while self.entries.front().is_some_and(|entry| entry.log_id.index <= upto) {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= weight(&entry);
            }
        }
    }

    /// Entries of `[start, end)` from `start` on; `start` must not lie before the first one.
    fn range(&self, start: u64, end: u64) -> Vec<LogEntry> {
        let Some(first) = self.first() else { return Vec::new() };
        let skip = start.saturating_sub(first) as usize;
        self.entries.iter().skip(skip).take_while(|entry| entry.log_id.index < end).cloned().collect()
    }
}

fn weight(entry: &LogEntry) -> usize {
    64 + match &entry.payload {
        EntryPayload::Normal(bytes) => bytes.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 64,
    }
}

fn encode<T: Serialize>(value: &T) -> io::Result<Bytes> {
    postcard::to_extend(value, vec![VERSION]).map(Bytes::from).map_err(io::Error::other)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    match bytes.split_first() {
        Some((&VERSION, body)) => postcard::from_bytes(body).map_err(|error| damaged(error.to_string())),
        Some((version, _)) => {
            Err(damaged(format!("a log record of version {version}, this one knows {VERSION}")))
        }
        None => Err(damaged("an empty log record".to_owned())),
    }
}

impl LogStore {
    /// Opens a group's part of the log.
    pub(crate) async fn open(wal: Wal, group: u32) -> io::Result<Self> {
        let known = wal.state(group);
        let mut state = State {
            vote: known.vote.as_deref().map(decode).transpose()?,
            committed: known.committed.as_deref().map(decode).transpose()?,
            purged: known.purged.as_ref().map(|(_, id)| decode(id)).transpose()?,
            ..State::default()
        };
        state.last = state.purged;
        let this = Self(Arc::new(Shared { group, wal, state: Mutex::new(state), grown: AtomicU64::new(0) }));
        if let Some(last) = known.last {
            let entries = this.read_wal(last, last + 1).await?;
            let entry = entries
                .into_iter()
                .next()
                .ok_or_else(|| io::Error::other("the log's last entry is missing"))?;
            this.0.state.lock().last = Some(entry.log_id);
        }
        Ok(this)
    }

    /// Index of the last entry, or of the last that was purged.
    pub(crate) fn last_index(&self) -> u64 {
        self.0.state.lock().last.map_or(0, |last| last.index)
    }

    /// Bytes appended since the last purge.
    pub(crate) fn grown(&self) -> u64 {
        self.0.grown.load(Ordering::Relaxed)
    }

    async fn read_wal(&self, start: u64, end: u64) -> io::Result<Vec<LogEntry>> {
        let shared = Arc::clone(&self.0);
        let read = move || {
            let bodies = shared.wal.read(shared.group, start..end).map_err(io::Error::other)?;
            bodies.iter().map(|(_, body)| decode(body)).collect()
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }

    /// Entries of `[start, end)` that the log holds.
    async fn read(&self, start: u64, end: u64) -> io::Result<Vec<LogEntry>> {
        let (wal_end, mut newest) = {
            let state = self.0.state.lock();
            let start = start.max(state.purged.map_or(0, |purged| purged.index + 1));
            let end = end.min(state.last.map_or(0, |last| last.index + 1));
            if start >= end {
                return Ok(Vec::new());
            }
            let first = state.recent.first().unwrap_or(u64::MAX).max(start);
            (first.min(end), state.recent.range(first, end))
        };
        if start >= wal_end {
            return Ok(newest);
        }
        let mut entries = self.read_wal(start, wal_end).await?;
        entries.append(&mut newest);
        Ok(entries)
    }

    /// Not waited for: what follows is behind it in the one queue (protocol PL2), and a failure ends the node (R1).
    fn submit(&self, op: WalOp) {
        self.0.wal.submit(self.0.group, vec![op], |_| ());
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<LogEntry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (start, end) = bounds(&range);
        self.read(start, end).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.0.state.lock().vote)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<LogEntry>> {
        // The disk is read in steps, so that a follower far behind doesn't pull 300 large entries at once.
        let recent = self.0.state.lock().recent.first().is_some_and(|first| first <= start);
        let end = if recent { end } else { end.min(start + 16) };
        let mut entries = self.read(start, end).await?;
        let mut bytes = 0;
        let fit = entries.iter().take_while(|entry| {
            bytes += weight(entry);
            bytes <= MESSAGE_BYTES
        });
        let fit = fit.count().max(1);
        entries.truncate(fit);
        Ok(entries)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let state = self.0.state.lock();
        Ok(LogState { last_purged_log_id: state.purged, last_log_id: state.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, saved) = oneshot::channel();
        let op = WalOp::Vote(encode(vote)?);
        self.0.wal.submit(self.0.group, vec![op], move |result| {
            let _ = done.send(result);
        });
        saved.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
        self.0.state.lock().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        if let Some(committed) = committed {
            self.submit(WalOp::Committed(encode(&committed)?));
            self.0.state.lock().committed = Some(committed);
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.0.state.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        tracing::trace!("append");
        let entries: Vec<LogEntry> = entries.into_iter().collect();
        let mut ops = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for entry in &entries {
            let body = encode(entry)?;
            bytes += body.len() as u64;
            ops.push(WalOp::Append { index: entry.log_id.index, body });
        }
        self.0.grown.fetch_add(bytes, Ordering::Relaxed);
        self.0
            .wal
            .submit(self.0.group, ops, move |result| flushed.io_completed(result.map_err(io::Error::other)));
        // Readable before it is durable, as openraft wants it.
        let mut state = self.0.state.lock();
        for entry in entries {
            state.last = Some(entry.log_id);
            state.recent.push(entry);
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.submit(WalOp::TruncateAfter(last.map(|last| last.index)));
        let mut state = self.0.state.lock();
        state.recent.keep_up_to(last.map(|last| last.index));
        state.last = state.last.min(last).max(state.purged);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.submit(WalOp::Purge { upto: upto.index, last: encode(&upto)? });
        let mut state = self.0.state.lock();
        state.recent.drop_up_to(upto.index);
        state.purged = state.purged.max(Some(upto));
        state.last = state.last.max(Some(upto));
        self.0.grown.store(0, Ordering::Relaxed);
        Ok(())
    }
}
