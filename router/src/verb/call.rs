//! What accompanies every request: deadline, name, digest, and where its time went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use lacuna_model::ShardId;
use lacuna_model::op_id::{OpId, RequestDigest};
use parking_lot::Mutex;

use crate::deadline::Deadline;
use crate::verb::caller::Caller;

/// May the answer go out before the work is done?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Respond {
    /// When the shards have answered, or at the deadline.
    Wait,
    /// Once a durable operation is recorded (`Prefer: respond-async`).
    Async,
}

/// Are shards asked for their counter that took no part in a delete (protocol PR1)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// No: `remaining` is known only where every shard took part.
    AsKnown,
    /// Yes.
    Asked,
}

/// A request's own context.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// When its answer is due.
    pub deadline: Deadline,
    /// The client's `Idempotency-Key`.
    pub key: Option<OpId>,
    /// Digest of verb, names and body.
    pub digest: RequestDigest,
    /// Where its time went.
    pub trace: Trace,
}

/// Phases of a request, with ms from its beginning.
#[derive(Clone, Debug)]
pub struct Trace {
    started: Instant,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    op_id: Option<OpId>,
    shards: usize,
    phases: Vec<(&'static str, u64)>,
    told: BTreeMap<ShardId, u64>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { started: Instant::now(), notes: Arc::default() }
    }
}

impl Trace {
    /// Notes that a phase has ended.
    pub fn mark(&self, phase: &'static str) {
        let elapsed = self.started.elapsed().as_millis() as u64;
        self.notes.lock().phases.push((phase, elapsed));
    }

    /// Notes the operation's name.
    pub fn name(&self, op_id: &OpId) {
        self.notes.lock().op_id = Some(op_id.clone());
    }

    /// Notes how many shards were asked.
    pub fn asked(&self, shards: usize) {
        self.notes.lock().shards = shards;
    }

    /// Notes at which index a shard answered a read; of several answers the lowest.
    pub fn told(&self, shard: ShardId, index: u64) {
        let mut notes = self.notes.lock();
        let lowest = notes.told.entry(shard).or_insert(index);
        *lowest = index.min(*lowest);
    }

    /// At which index each shard answered that was read.
    pub fn told_by_shards(&self) -> BTreeMap<ShardId, u64> {
        self.notes.lock().told.clone()
    }

    /// ms since the request began.
    pub fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The operation's name, if it has one.
    pub fn op_id(&self) -> Option<OpId> {
        self.notes.lock().op_id.clone()
    }

    /// Shards asked, and the phases as `name=ms` from the beginning.
    pub fn summary(&self) -> (usize, String) {
        let notes = self.notes.lock();
        let phases: Vec<_> = notes.phases.iter().map(|(name, ms)| format!("{name}={ms}")).collect();
        (notes.shards, phases.join(" "))
    }
}
