//! What the next batch holds, decided under the lock while memory and queue agree.
//!
//! A batch takes everything queued, so after it the disk says what memory said at this moment. That makes three things
//! safe to decide here: which groups' state a new segment repeats, which entries are copied forward (a truncation is
//! either in the batch before the copy, or in a later one and acts on the copy: PL3), and which segments the batch frees.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::{SEGMENT_HEADER, room};
use super::memory::{Group, Location};
use super::record::{Standing, checkpoint_len, standing_len};
use super::segment::Segment;
use super::shared::{Done, Inner, Job};

/// Where a copied entry's bytes come from.
pub(super) enum Source {
    Memory(Bytes),
    Disk(Arc<Segment>, Location),
}

/// An entry to copy forward.
pub(super) struct Copied {
    pub(super) index: u64,
    pub(super) seq: u64,
    pub(super) len: usize,
    pub(super) source: Source,
}

/// A group to copy forward.
pub(super) struct Checkpoint {
    pub(super) group: u32,
    pub(super) standing: Standing,
    pub(super) entries: Vec<Copied>,
    pub(super) bytes: usize,
}

/// The next batch.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    /// Bytes of all records.
    pub(super) bytes: usize,
    /// `Some`: it opens a new segment, which begins with these groups' state.
    pub(super) rotate: Option<Vec<(u32, Standing)>>,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Segments below this one are free once the batch is durable.
    pub(super) oldest: u64,
    /// To be called when the freed segments are unlinked.
    pub(super) after_retirement: Vec<Done>,
}

/// Empties the queue into a plan. `used` is the end of the last batch in the active segment.
pub(super) fn draw(inner: &mut Inner, used: u64, limit: u64) -> Plan {
    let mut plan = Plan {
        jobs: Vec::new(),
        bytes: std::mem::take(&mut inner.queued_bytes),
        rotate: None,
        checkpoints: Vec::new(),
        oldest: 0,
        after_retirement: Vec::new(),
    };
    inner.urgent = false;
    let mut wanted = Vec::new();
    let mut rewrite = false;
    for job in std::mem::take(&mut inner.queue) {
        match job {
            Job::Ops { .. } | Job::Barrier(_) => plan.jobs.push(job),
            Job::Checkpoint(group, done) => {
                wanted.push(group);
                plan.jobs.push(Job::Barrier(done));
            }
            Job::Rewrite(done) => {
                rewrite = true;
                plan.after_retirement.push(done);
            }
        }
    }
    if rewrite {
        wanted.extend(inner.memory.groups.keys());
    }
    wanted.extend(lagging(inner, limit));
    wanted.sort_unstable();
    wanted.dedup();
    for group in wanted {
        if let Some(known) = inner.memory.groups.get(&group).filter(|g| g.floor().is_some()) {
            let copy = checkpoint(inner, group, known);
            plan.bytes += checkpoint_len(&copy.standing, copy.entries.len(), copy.bytes);
            plan.checkpoints.push(copy);
        }
    }
    let active = inner.active();
    let full = inner.segments.get(&active).is_none_or(|s| used + room(plan.bytes as u64) > s.size);
    if full || rewrite {
        let standings: Vec<_> = inner.memory.groups.iter().map(|(id, g)| (*id, g.standing.clone())).collect();
        plan.bytes += standings.iter().map(|(_, s)| standing_len(s)).sum::<usize>();
        plan.rotate = Some(standings);
    }
    plan.oldest = floor(inner, &plan, active);
    plan
}

/// The oldest segment still needed once the planned batch is durable.
fn floor(inner: &Inner, plan: &Plan, active: u64) -> u64 {
    let target = active + u64::from(plan.rotate.is_some());
    let copied = |id: u32| plan.checkpoints.iter().any(|c| c.group == id);
    let floors = inner.memory.groups.iter().filter(|(id, _)| !copied(**id)).filter_map(|(_, g)| g.floor());
    floors.min().unwrap_or(target).min(target)
}

/// The groups to copy forward because the log is too long: the fewest oldest ones whose live entries are at most half
/// of what leaving their segments frees. None, if the log is long because its live entries are many.
fn lagging(inner: &Inner, limit: u64) -> Vec<u32> {
    if inner.total_bytes() <= limit {
        return Vec::new();
    }
    let mut floors: Vec<_> =
        inner.memory.groups.iter().filter_map(|(id, g)| Some((g.floor()?, *id, g.bytes))).collect();
    floors.sort_unstable();
    let mut cost = 0;
    for (i, &(_, _, bytes)) in floors.iter().enumerate() {
        cost += bytes;
        let next = floors.get(i + 1).map_or(inner.active(), |f| f.0);
        let freed: u64 = inner.segments.range(..next).map(|(_, s)| s.size).sum();
        if freed > 0 && cost * 2 <= freed {
            return floors[..=i].iter().map(|f| f.1).collect();
        }
    }
    Vec::new()
}

fn checkpoint(inner: &Inner, group: u32, known: &Group) -> Checkpoint {
    let entries = known.entries().map(|(index, slot)| {
        let source = match (&slot.cached, slot.at) {
            (Some(bytes), _) => Source::Memory(bytes.clone()),
            (None, Some(at)) => match inner.segments.get(&at.segment) {
                Some(segment) => Source::Disk(segment.clone(), at),
                None => unreachable!("a live entry's segment is never retired: see `floor`"),
            },
            (None, None) => unreachable!("an entry stays in memory until it is durable: see `Memory::trim`"),
        };
        Copied { index, seq: slot.seq, len: slot.len, source }
    });
    Checkpoint {
        group,
        standing: known.standing.clone(),
        entries: entries.collect(),
        bytes: known.bytes as usize,
    }
}

/// Bytes that a new segment needs for a batch.
pub(super) fn segment_room(records: usize) -> u64 {
    SEGMENT_HEADER + room(records as u64)
}
