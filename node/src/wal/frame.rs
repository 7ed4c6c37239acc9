//! The two framings on disk: a segment's header and a batch. All numbers are little-endian.
//!
//! Batches begin at multiples of 512 bytes, so that a torn write never shares a sector with an earlier, synced batch.

use super::error::WalError;

/// Batches begin at multiples of this.
pub(super) const SECTOR: u64 = 512;
/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER: u64 = SECTOR;
/// Bytes in front of a batch's records.
pub(super) const BATCH_HEADER: usize = 64;
/// The format written and read here.
pub(super) const VERSION: u32 = 1;

const SEGMENT_MAGIC: &[u8; 8] = b"LacunaWL";
const BATCH_MAGIC: [u8; 4] = *b"LcWB";

/// Sixteen random bytes of a segment. They never leave the node, so nobody can smuggle in an entry that looks like a batch.
pub(super) type Epoch = [u8; 16];

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    pub(super) size: u64,
    pub(super) epoch: Epoch,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER as usize);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        out.extend_from_slice(&self.epoch);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(SEGMENT_HEADER as usize, 0);
        out
    }

    /// Reads a header; `number` is what the file's name says.
    pub(super) fn parse(bytes: &[u8], number: u64) -> Result<Self, WalError> {
        let corrupt =
            |what: &str| WalError::Corrupt { segment: number, offset: 0, batch: 0, what: what.to_owned() };
        if bytes.len() < SEGMENT_HEADER as usize {
            return Err(corrupt("the segment's header is cut"));
        }
        if &bytes[..8] != SEGMENT_MAGIC {
            return Err(corrupt("the segment's header is damaged"));
        }
        let found = u32_at(bytes, 8);
        if found != VERSION {
            return Err(WalError::Version { segment: number, found, known: VERSION });
        }
        if u32_at(bytes, 44) != crc32c::crc32c(&bytes[..44]) {
            return Err(corrupt("the segment's header is damaged"));
        }
        let mut epoch = [0; 16];
        epoch.copy_from_slice(&bytes[28..44]);
        let header = Self { number: u64_at(bytes, 12), size: u64_at(bytes, 20), epoch };
        if header.number != number {
            return Err(corrupt("the segment bears another's name"));
        }
        Ok(header)
    }
}

/// Where a chain of batches has got to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    /// Number of the last batch; 0 before the first.
    pub(super) number: u64,
    /// Offset of its end, padding included, in its segment.
    pub(super) end: u64,
    /// Its checksum.
    pub(super) crc: u32,
}

/// The head of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) number: u64,
    /// End and checksum of the batch before.
    pub(super) before: (u64, u32),
    pub(super) epoch: Epoch,
    /// Bytes of records.
    pub(super) len: u64,
    /// Once this batch is durable, segments below this one may be gone.
    pub(super) oldest: u64,
    pub(super) crc: u32,
}

/// Writes the head into the first bytes of a frame whose records are in place, and gives the checksum.
pub(super) fn seal(frame: &mut [u8], before: Link, epoch: &Epoch, oldest: u64) -> u32 {
    let len = (frame.len() - BATCH_HEADER) as u64;
    frame[..4].copy_from_slice(&BATCH_MAGIC);
    frame[8..16].copy_from_slice(&(before.number + 1).to_le_bytes());
    frame[16..24].copy_from_slice(&before.end.to_le_bytes());
    frame[24..28].copy_from_slice(&before.crc.to_le_bytes());
    frame[28..32].fill(0);
    frame[32..48].copy_from_slice(epoch);
    frame[48..56].copy_from_slice(&len.to_le_bytes());
    frame[56..64].copy_from_slice(&oldest.to_le_bytes());
    let crc = crc32c::crc32c(&frame[8..]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The head at the beginning of `bytes`, if it bears the segment's epoch. Says nothing about the rest.
pub(super) fn head(bytes: &[u8], epoch: &Epoch) -> Option<BatchHeader> {
    if bytes.len() < BATCH_HEADER || bytes[..4] != BATCH_MAGIC || bytes[32..48] != epoch[..] {
        return None;
    }
    Some(BatchHeader {
        number: u64_at(bytes, 8),
        before: (u64_at(bytes, 16), u32_at(bytes, 24)),
        epoch: *epoch,
        len: u64_at(bytes, 48),
        oldest: u64_at(bytes, 56),
        crc: u32_at(bytes, 4),
    })
}

/// A whole batch at the beginning of `bytes`: its head and its records.
pub(super) fn whole<'a>(bytes: &'a [u8], epoch: &Epoch) -> Option<(BatchHeader, &'a [u8])> {
    let header = head(bytes, epoch)?;
    let end = usize::try_from(header.len).ok()?.checked_add(BATCH_HEADER)?;
    let records = bytes.get(BATCH_HEADER..end)?;
    (crc32c::crc32c(&bytes[8..end]) == header.crc).then_some((header, records))
}

/// Bytes that a batch with so many bytes of records takes in its segment.
pub(super) fn room(records: u64) -> u64 {
    (records + BATCH_HEADER as u64).next_multiple_of(SECTOR)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
