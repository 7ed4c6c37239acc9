//! What submitters and the writer share: the groups as submitted, the queue, and the failure that ends both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::config::WalConfig;
use super::error::WalFailure;
use super::memory::Memory;
use super::op::WalOp;
use super::record::op_len;
use super::segment::Segment;

/// Runs on the writer's thread once a submission is durable, or at once when it is refused.
pub(super) type Done = Box<dyn FnOnce(Result<(), WalFailure>) + Send>;

/// Something for the writer.
pub(super) enum Job {
    /// Steps of a group. Their entries have sequence numbers from `first_seq` on.
    Ops { group: u32, ops: Vec<WalOp>, first_seq: u64, done: Done },
    /// Only to be told when all before it is durable.
    Barrier(Done),
    /// Copy this group's live entries forward.
    Checkpoint(u32, Done),
    /// Begin a new segment, copy every live entry into it, unlink all older ones, then call back.
    Rewrite(Done),
}

impl Job {
    pub(super) fn done(self) -> Done {
        match self {
            Self::Ops { done, .. }
            | Self::Barrier(done)
            | Self::Checkpoint(_, done)
            | Self::Rewrite(done) => done,
        }
    }
}

/// Under the lock.
pub(super) struct Inner {
    pub(super) memory: Memory,
    pub(super) queue: Vec<Job>,
    /// Bytes of the queued steps as records.
    pub(super) queued_bytes: usize,
    /// Something queued doesn't want to wait for the next batch.
    pub(super) urgent: bool,
    pub(super) closing: bool,
    pub(super) failed: Option<String>,
    /// Segments that hold batches, the active one last.
    pub(super) segments: BTreeMap<u64, Arc<Segment>>,
    /// Number of the last durable batch.
    pub(super) batches: u64,
}

/// The log, as all its handles and threads see it.
pub(super) struct Shared {
    pub(super) config: WalConfig,
    pub(super) inner: Mutex<Inner>,
    pub(super) wake: Condvar,
}

impl Shared {
    pub(super) fn new(
        config: WalConfig,
        memory: Memory,
        segments: BTreeMap<u64, Arc<Segment>>,
        batches: u64,
    ) -> Self {
        let inner = Inner {
            memory,
            queue: Vec::new(),
            queued_bytes: 0,
            urgent: false,
            closing: false,
            failed: None,
            segments,
            batches,
        };
        Self { config, inner: Mutex::new(inner), wake: Condvar::new() }
    }

    /// Takes a group's steps, all or none.
    pub(super) fn submit(&self, group: u32, ops: Vec<WalOp>, done: Done) {
        let mut inner = self.inner.lock();
        let fits = inner.open().and_then(|()| inner.memory.check(group, &ops));
        if let Err(refused) = fits {
            drop(inner);
            done(Err(refused));
            return;
        }
        let first_seq = inner.memory.next_seq();
        let mut urgent = ops.is_empty();
        for op in &ops {
            inner.memory.apply(group, op, None);
            inner.queued_bytes += op_len(op);
            urgent |= !matches!(op, WalOp::Committed(_));
        }
        inner.queue.push(Job::Ops { group, ops, first_seq, done });
        self.rouse(&mut inner, urgent);
    }

    /// Queues anything but steps.
    pub(super) fn ask(&self, job: Job) {
        let mut inner = self.inner.lock();
        if let Err(refused) = inner.open() {
            drop(inner);
            job.done()(Err(refused));
            return;
        }
        inner.queue.push(job);
        self.rouse(&mut inner, true);
    }

    fn rouse(&self, inner: &mut Inner, urgent: bool) {
        if urgent && !inner.urgent {
            inner.urgent = true;
            self.wake.notify_one();
        }
    }

    /// R1: the first failure is the last thing this log does.
    pub(super) fn fail(&self, reason: &str, in_flight: Vec<Done>) {
        let (first, waiting) = {
            let mut inner = self.inner.lock();
            let first = inner.failed.is_none();
            if first {
                inner.failed = Some(reason.to_owned());
            }
            (first, std::mem::take(&mut inner.queue))
        };
        if first {
            (self.config.on_failure)(reason);
        }
        self.wake.notify_all();
        for done in in_flight.into_iter().chain(waiting.into_iter().map(Job::done)) {
            done(Err(WalFailure::Failed(reason.to_owned())));
        }
    }

    /// Waits until there is something to write, the idle moment has come, or the end.
    pub(super) fn wait(&self, idle_at: Option<Instant>, company: bool) -> parking_lot::MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock();
        while !inner.urgent && !inner.closing && inner.failed.is_none() {
            match idle_at {
                Some(at) => {
                    if self.wake.wait_until(&mut inner, at).timed_out() {
                        return inner;
                    }
                }
                None => self.wake.wait(&mut inner),
            }
        }
        if company && !self.config.linger.is_zero() && !inner.closing && inner.failed.is_none() {
            let until = Instant::now() + self.config.linger;
            while !self.wake.wait_until(&mut inner, until).timed_out() {}
        }
        inner
    }
}

impl Inner {
    fn open(&self) -> Result<(), WalFailure> {
        match &self.failed {
            Some(reason) => Err(WalFailure::Failed(reason.clone())),
            None if self.closing => Err(WalFailure::Closed),
            None => Ok(()),
        }
    }

    /// Number of the active segment.
    pub(super) fn active(&self) -> u64 {
        self.segments.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Number of the oldest segment.
    pub(super) fn oldest(&self) -> u64 {
        self.segments.first_key_value().map_or(0, |(number, _)| *number)
    }

    /// Bytes of all segments in use.
    pub(super) fn total_bytes(&self) -> u64 {
        self.segments.values().map(|s| s.size).sum()
    }
}
