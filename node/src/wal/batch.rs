//! A plan becomes the bytes of a batch, with the place of every entry in it.

use bytes::Bytes;

use super::error::WalError;
use super::frame::BATCH_HEADER;
use super::memory::Location;
use super::op::WalOp;
use super::plan::{Checkpoint, Plan, Source};
use super::record::{begin_checkpoint, put_entry, put_op, put_standing};
use super::segment::Segment;
use super::shared::{Done, Job};

/// Where an entry will be once the batch is durable.
pub(super) struct Place {
    pub(super) group: u32,
    pub(super) entry: (u64, u64),
    pub(super) at: Location,
}

/// The bytes of a batch; its head is still to be sealed.
pub(super) struct Batch {
    pub(super) frame: Vec<u8>,
    pub(super) places: Vec<Place>,
    pub(super) done: Vec<Done>,
    /// Groups that had steps in it.
    pub(super) groups: usize,
}

/// Encodes a plan for a segment and an offset in it. On an error the callbacks come back with it.
pub(super) fn encode(plan: Plan, segment: u64, offset: u64) -> Result<Batch, (WalError, Vec<Done>)> {
    let mut frame = Vec::with_capacity(BATCH_HEADER + plan.bytes);
    frame.resize(BATCH_HEADER, 0);
    let mut batch = Batch { frame, places: Vec::new(), done: Vec::new(), groups: 0 };
    let mut last = None;
    for job in plan.jobs {
        if let Job::Ops { group, ops, first_seq, .. } = &job {
            batch.groups += usize::from(last.replace(*group) != Some(*group));
            put_ops(&mut batch, *group, ops, (*first_seq, segment, offset));
        }
        batch.done.push(job.done());
    }
    for (group, standing) in plan.rotate.iter().flatten() {
        put_standing(&mut batch.frame, *group, standing);
    }
    for checkpoint in &plan.checkpoints {
        if let Err(error) = put_checkpoint(&mut batch, checkpoint, segment, offset) {
            batch.done.extend(plan.after_retirement);
            return Err((error, batch.done));
        }
    }
    debug_assert_eq!(
        batch.frame.len(),
        BATCH_HEADER + plan.bytes,
        "the plan's size is what rotation relied on"
    );
    Ok(batch)
}

fn put_ops(batch: &mut Batch, group: u32, ops: &[WalOp], (first_seq, segment, offset): (u64, u64, u64)) {
    let mut seq = first_seq;
    for op in ops {
        let at = put_op(&mut batch.frame, group, op);
        if let (Some(at), WalOp::Append { index, body }) = (at, op) {
            let at = Location { segment, offset: offset + at as u64, crc: crc32c::crc32c(body) };
            batch.places.push(Place { group, entry: (*index, seq), at });
            seq += 1;
        }
    }
}

fn put_checkpoint(batch: &mut Batch, copy: &Checkpoint, segment: u64, offset: u64) -> Result<(), WalError> {
    begin_checkpoint(&mut batch.frame, copy.group, &copy.standing, (copy.entries.len(), copy.bytes));
    for entry in &copy.entries {
        let body = match &entry.source {
            Source::Memory(bytes) => bytes.clone(),
            Source::Disk(from, at) => read_entry(from, *at, entry.len)?,
        };
        let at = put_entry(&mut batch.frame, entry.index, &body);
        let at = Location { segment, offset: offset + at as u64, crc: crc32c::crc32c(&body) };
        batch.places.push(Place { group: copy.group, entry: (entry.index, entry.seq), at });
    }
    Ok(())
}

/// Reads an entry back and checks it.
pub(super) fn read_entry(segment: &Segment, at: Location, len: usize) -> Result<Bytes, WalError> {
    let mut body = vec![0; len];
    let read = segment.file.read_at(&mut body, at.offset).map_err(|e| WalError::io(&segment.path, e))?;
    if read < len || crc32c::crc32c(&body) != at.crc {
        return Err(WalError::Corrupt {
            segment: at.segment,
            offset: at.offset,
            batch: 0,
            what: format!("an entry of {len} bytes doesn't match its checksum"),
        });
    }
    Ok(body.into())
}
