//! Reading the log back: the chain of batches is followed from the oldest segment on, and what breaks it is judged (PL1).
//!
//! Batch n+1 is written only after batch n is synced. So if anything of a batch with a higher number is on disk, batch n
//! had been synced, and its damage is corruption. If nothing is, batch n was the last one, and its damage is taken for a
//! torn write: it is cut, and nothing that was acknowledged and followed by another batch is lost.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::config::{Retire, WalConfig};
use super::error::WalError;
use super::files::FileLayer;
use super::frame::{BATCH_HEADER, BatchHeader, Epoch, Link, SECTOR, head, room, whole};
use super::memory::{Location, Memory};
use super::op::WalOp;
use super::record::{Record, Records};
use super::segment::{Segment, UNFINISHED, number_of};
use super::upkeep::RETIRED;

/// What was taken off the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub segment: u64,
    /// Where the cut begins in it.
    pub offset: u64,
    /// Bytes from there to the last one that wasn't zero.
    pub bytes: u64,
    /// Number of the batch that was torn.
    pub batch: u64,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// There was no log: this one is new.
    pub fresh: bool,
    /// Number of the last whole batch.
    pub batches: u64,
    /// The torn end, if there was one.
    pub cut: Option<Cut>,
    /// Groups with a state or entries.
    pub groups: Vec<u32>,
}

/// The log as found.
pub(super) struct Found {
    pub(super) memory: Memory,
    /// Segments in use, oldest first; the last one is active.
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) spares: VecDeque<Arc<Segment>>,
    /// End of the last batch in the active segment.
    pub(super) offset: u64,
    pub(super) last: Link,
    pub(super) cut: Option<Cut>,
}

/// Reads the log; `None` if there is none.
pub(super) fn recover(files: &dyn FileLayer, config: &WalConfig) -> Result<Option<Found>, WalError> {
    let dir = config.wal_dir();
    let mut segments = tidy(files, config, &dir)?
        .into_iter()
        .map(|number| Segment::open(files, &dir, number))
        .collect::<Result<Vec<_>, _>>()?;
    if segments.is_empty() {
        return Ok(None);
    }
    if let Some(pair) = segments.windows(2).find(|pair| pair[1].number != pair[0].number + 1) {
        return Err(missing(pair[0].number + 1));
    }
    let mut scan = Scan::new(segments[0].number, config.cache_bytes);
    for segment in &segments {
        scan.segment(segment)?;
    }
    let (Some(last), Some(oldest)) = (scan.link, scan.oldest.or(scan.link.map(|_| 1))) else {
        return Err(missing(segments[0].number - 1));
    };
    if segments[0].number > oldest {
        return Err(missing(oldest));
    }
    let spares = segments.split_off((scan.tail.0 - segments[0].number + 1) as usize);
    let active = segments[segments.len() - 1].clone();
    let cut = cut(&active, scan.tail.1, &spares, last.number + 1)?;
    // Also what a killed process wrote and never synced is in the log now: nothing may come after it before it is durable.
    active.file.sync().map_err(|e| WalError::io(&active.path, e))?;
    for gone in segments.extract_if(.., |s| s.number < oldest) {
        files
            .unlink(&gone.path)
            .and_then(|()| files.sync_dir(&dir))
            .map_err(|e| WalError::io(&gone.path, e))?;
    }
    files.sync_dir(&dir).map_err(|e| WalError::io(&dir, e))?;
    Ok(Some(Found { memory: scan.memory, segments, spares: spares.into(), offset: scan.tail.1, last, cut }))
}

/// Removes what a crash left half done; gives the segments' numbers, ascending.
fn tidy(files: &dyn FileLayer, config: &WalConfig, dir: &Path) -> Result<Vec<u64>, WalError> {
    let mut numbers = Vec::new();
    for name in files.list(dir).map_err(|e| WalError::io(dir, e))? {
        let path = dir.join(&name);
        let io = |e| WalError::io(&path, e);
        if name.ends_with(UNFINISHED) {
            files.unlink(&path).map_err(io)?;
        } else if name.ends_with(RETIRED) {
            if config.retire == Retire::ZeroThenUnlink {
                let file = files.open(&path).map_err(io)?;
                let size = file.size().map_err(io)?;
                file.write_at(&vec![0; size as usize], 0).and_then(|()| file.sync()).map_err(io)?;
            }
            files.unlink(&path).map_err(io)?;
        } else {
            numbers.extend(number_of(&name));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn missing(segment: u64) -> WalError {
    WalError::Corrupt { segment, offset: 0, batch: 0, what: "the whole segment is missing".to_owned() }
}

struct Scan {
    memory: Memory,
    /// The last batch; `None` before the first one, if that isn't batch 1.
    link: Option<Link>,
    oldest: Option<u64>,
    /// Segment and offset where the next batch should be.
    tail: (u64, u64),
}

impl Scan {
    fn new(first: u64, cache_bytes: u64) -> Self {
        let link = (first == 1).then(Link::default);
        Self { memory: Memory::new(cache_bytes), link, oldest: None, tail: (first, SECTOR) }
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), WalError> {
        let bytes = Bytes::from(segment.read()?);
        let mut at = SECTOR;
        if let (Some(link), Some(header)) =
            (self.link, bytes.get(at as usize..).and_then(|b| head(b, &segment.epoch)))
            && header.number > link.number + 1
            && header.before != (link.end, link.crc)
        {
            return Err(self.broken(&format!("damaged, though batch {} was begun after it", header.number)));
        }
        while let Some((header, records)) =
            bytes.get(at as usize..).and_then(|rest| whole(rest, &segment.epoch))
        {
            self.follow(&header)?;
            let from = at as usize + BATCH_HEADER;
            let records = bytes.slice(from..from + records.len());
            self.replay(segment.number, (at + BATCH_HEADER as u64, header.number), records)?;
            at += room(header.len);
            self.link = Some(Link { number: header.number, end: at, crc: header.crc });
            self.oldest = Some(header.oldest);
            self.tail = (segment.number, at);
        }
        match later(&bytes, at + SECTOR, &segment.epoch) {
            Some(found) => Err(self.broken(&format!("damaged, though batch {found} was begun after it"))),
            None => Ok(()),
        }
    }

    fn follow(&self, header: &BatchHeader) -> Result<(), WalError> {
        match self.link {
            Some(Link { number, end, crc }) if header.number != number + 1 || header.before != (end, crc) => {
                Err(self.broken(&format!("batch {} was found in its place or after it", header.number)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What should be at the tail is damaged or gone, and it had been synced.
    fn broken(&self, what: &str) -> WalError {
        let (segment, offset) = self.tail;
        let batch = self.link.map_or(0, |link| link.number + 1);
        WalError::Corrupt { segment, offset, batch, what: what.to_owned() }
    }

    fn replay(&mut self, segment: u64, (base, batch): (u64, u64), records: Bytes) -> Result<(), WalError> {
        let senseless =
            |what: &str| WalError::Corrupt { segment, offset: base, batch, what: what.to_owned() };
        let place = |at: usize, body: &[u8]| Location {
            segment,
            offset: base + at as u64,
            crc: crc32c::crc32c(body),
        };
        for record in Records::new(records) {
            let (group, record) =
                record.map_err(|_| senseless("a record makes no sense, though the checksum holds"))?;
            match record {
                Record::Op(op, at) => {
                    let fits = self.memory.check(group, std::slice::from_ref(&op));
                    fits.map_err(|refused| senseless(&refused.to_string()))?;
                    let at = match &op {
                        WalOp::Append { body, .. } => Some(place(at, body)),
                        WalOp::Vote(_)
                        | WalOp::TruncateAfter(_)
                        | WalOp::Purge { .. }
                        | WalOp::Committed(_)
                        | WalOp::Drop => None,
                    };
                    self.memory.apply(group, &op, at);
                }
                Record::Standing(standing) => self.memory.stand(group, standing),
                Record::Checkpoint(standing, entries) => {
                    self.memory.clear(group);
                    self.memory.stand(group, standing);
                    for (index, at, body) in entries {
                        self.memory.push_durable(group, index, body.len(), place(at, &body));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Number of a batch begun at or after an offset.
fn later(bytes: &[u8], from: u64, epoch: &Epoch) -> Option<u64> {
    let starts = (from as usize..bytes.len()).step_by(SECTOR as usize);
    starts.filter_map(|at| head(&bytes[at..], epoch)).map(|header| header.number).next()
}

/// Zeroes what lies behind the last batch, so that no later batch is ever followed by old bytes.
fn cut(active: &Segment, offset: u64, spares: &[Arc<Segment>], batch: u64) -> Result<Option<Cut>, WalError> {
    let mut cut = None;
    let mut clean = |segment: &Segment, from: u64| -> Result<(), WalError> {
        let bytes = segment.read()?;
        let behind = bytes.get(from as usize..).unwrap_or_default();
        if let Some(last) = behind.iter().rposition(|byte| *byte != 0) {
            let bytes = last as u64 + 1;
            let end = (from + bytes).next_multiple_of(SECTOR).min(segment.size);
            segment.zero_range(from, end).map_err(|e| WalError::io(&segment.path, e))?;
            cut = cut.or(Some(Cut { segment: segment.number, offset: from, bytes, batch }));
        }
        Ok(())
    };
    clean(active, offset)?;
    for spare in spares {
        clean(spare, SECTOR)?;
    }
    Ok(cut)
}
