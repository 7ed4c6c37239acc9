//! The one thread that writes: everything queued becomes one batch, one write, one sync, then the callbacks (PL1, PL2).

use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, encode};
use super::frame::{Link, SECTOR, seal};
use super::plan::{Plan, draw, segment_room};
use super::segment::Segment;
use super::shared::{Done, Shared};
use super::upkeep::Keeper;

/// The end of the log.
pub(super) struct Tail {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: u64,
    pub(super) last: Link,
}

/// The writer's own state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    keeper: Keeper,
    tail: Tail,
    /// When an empty batch is due, so that the last real one is no longer the last.
    idle_at: Option<Instant>,
    /// The last batch held steps of several groups: waiting a moment may save syncs.
    company: bool,
}

/// What a failed batch leaves behind.
struct Broken {
    reason: String,
    done: Vec<Done>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, keeper: Keeper, tail: Tail) -> Self {
        // What recovery found last was the last batch too: it gets its successor soon.
        let idle_at =
            shared.config.idle_batch.filter(|_| tail.last.number > 0).map(|after| Instant::now() + after);
        Self { shared, keeper, tail, idle_at, company: false }
    }

    /// Writes until the log is closed or fails.
    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let work = std::panic::AssertUnwindSafe(|| {
            while let Some(plan) = self.next() {
                if let Err(broken) = self.write(plan) {
                    self.shared.fail(&broken.reason, broken.done);
                    return;
                }
            }
        });
        if std::panic::catch_unwind(work).is_err() {
            shared.fail("the log's writer panicked", Vec::new());
        }
        self.keeper.stop();
    }

    fn next(&self) -> Option<Plan> {
        let mut inner = self.shared.wait(self.idle_at, self.company);
        if inner.failed.is_some() || (inner.closing && inner.queue.is_empty() && self.idle_at.is_none()) {
            return None;
        }
        Some(draw(&mut inner, self.tail.offset, self.shared.config.limit_bytes))
    }

    fn write(&mut self, mut plan: Plan) -> Result<(), Broken> {
        let broken = |reason: String, done| Broken { reason, done };
        let rotated = plan.rotate.is_some();
        if rotated {
            match self.keeper.take(self.tail.segment.number + 1, segment_room(plan.bytes)) {
                Ok(next) => (self.tail.segment, self.tail.offset) = (next, SECTOR),
                Err(error) => {
                    let done =
                        plan.jobs.into_iter().map(super::shared::Job::done).chain(plan.after_retirement);
                    return Err(broken(format!("new segment: {error}"), done.collect()));
                }
            }
        }
        let (oldest, empty) = (plan.oldest, plan.bytes == 0);
        let after_retirement = std::mem::take(&mut plan.after_retirement);
        let mut batch = match encode(plan, self.tail.segment.number, self.tail.offset) {
            Ok(batch) => batch,
            Err((error, done)) => {
                return Err(broken(error.to_string(), done.into_iter().chain(after_retirement).collect()));
            }
        };
        if let Err(error) = self.put(&mut batch, oldest) {
            let reason = format!("{}: {error}", self.tail.segment.path.display());
            return Err(broken(reason, batch.done.into_iter().chain(after_retirement).collect()));
        }
        self.idle_at = self.shared.config.idle_batch.filter(|_| !empty).map(|after| Instant::now() + after);
        self.company = batch.groups > 1;
        let freed = match self.settle(&batch, oldest) {
            Ok(freed) => freed,
            Err(reason) => {
                return Err(broken(reason, batch.done.into_iter().chain(after_retirement).collect()));
            }
        };
        for done in batch.done {
            done(Ok(()));
        }
        self.keeper.retire(freed, after_retirement).map_err(|reason| broken(reason, Vec::new()))
    }

    /// One write, one sync.
    fn put(&mut self, batch: &mut Batch, oldest: u64) -> std::io::Result<()> {
        let Tail { segment, offset, last } = &mut self.tail;
        let crc = seal(&mut batch.frame, *last, &segment.epoch, oldest);
        batch.frame.resize(batch.frame.len().next_multiple_of(SECTOR as usize), 0);
        segment.file.write_at(&batch.frame, *offset)?;
        let begun = Instant::now();
        segment.file.sync()?;
        metrics::histogram!("lacuna_wal_sync_seconds").record(begun.elapsed().as_secs_f64());
        metrics::counter!("lacuna_wal_syncs_total").increment(1);
        metrics::histogram!("lacuna_wal_batch_bytes").record(batch.frame.len() as f64);
        *offset += batch.frame.len() as u64;
        *last = Link { number: last.number + 1, end: *offset, crc };
        Ok(())
    }

    /// The batch is durable: entries get their places, and segments that nobody needs leave the map.
    fn settle(&self, batch: &Batch, oldest: u64) -> Result<Vec<Arc<Segment>>, String> {
        let mut inner = self.shared.inner.lock();
        if let Some(reason) = &inner.failed {
            // Upkeep failed meanwhile: nothing is acknowledged after that (R1).
            return Err(reason.clone());
        }
        inner.batches = self.tail.last.number;
        inner.segments.entry(self.tail.segment.number).or_insert_with(|| self.tail.segment.clone());
        for place in &batch.places {
            inner.memory.settle(place.group, place.entry, place.at);
        }
        inner.memory.trim();
        let kept = inner.segments.split_off(&oldest);
        Ok(std::mem::replace(&mut inner.segments, kept).into_values().collect())
    }
}
