//! Records inside a batch: `{group u32, kind u8, length u64, body}`.

use bytes::Bytes;

use super::op::WalOp;

const VOTE: u8 = 1;
const APPEND: u8 = 2;
const TRUNCATE: u8 = 3;
const PURGE: u8 = 4;
const COMMITTED: u8 = 5;
const DROP: u8 = 6;
const STATE: u8 = 7;
const CHECKPOINT: u8 = 8;

/// Bytes in front of a record's body.
pub(super) const RECORD_HEADER: usize = 13;

/// Vote, committed and purged of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
    pub(super) purged: Option<(u64, Bytes)>,
}

/// A record as read back. Entry bodies come with their place in the records' bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A step; an `Append`'s body lies at this offset.
    Op(WalOp, usize),
    /// Everything of the group but its entries: each segment begins with one for every group.
    Standing(Standing),
    /// Everything of the group: what came before is void (PL3).
    Checkpoint(Standing, Vec<(u64, usize, Bytes)>),
}

/// Bytes that a step takes as a record.
pub(super) fn op_len(op: &WalOp) -> usize {
    RECORD_HEADER
        + match op {
            WalOp::Vote(b) | WalOp::Committed(b) => b.len(),
            WalOp::Append { body, .. } => 8 + body.len(),
            WalOp::TruncateAfter(_) => 9,
            WalOp::Purge { last, .. } => 8 + last.len(),
            WalOp::Drop => 0,
        }
}

/// Bytes that a standing takes as a record.
pub(super) fn standing_len(s: &Standing) -> usize {
    RECORD_HEADER + standing_body(s)
}

/// Bytes that a checkpoint takes as a record.
pub(super) fn checkpoint_len(s: &Standing, entries: usize, bytes: usize) -> usize {
    RECORD_HEADER + standing_body(s) + 8 + entries * 16 + bytes
}

fn standing_body(s: &Standing) -> usize {
    let opt = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len) + 8;
    opt(&s.vote) + opt(&s.committed) + 8 + s.purged.as_ref().map_or(0, |(_, b)| 8 + b.len())
}

/// Writes a step; for an `Append`, gives the offset of its body in `out`.
pub(super) fn put_op(out: &mut Vec<u8>, group: u32, op: &WalOp) -> Option<usize> {
    let body = op_len(op) - RECORD_HEADER;
    match op {
        WalOp::Vote(b) => {
            head(out, group, VOTE, body);
            out.extend_from_slice(b);
        }
        WalOp::Append { index, body: entry } => {
            head(out, group, APPEND, body);
            out.extend_from_slice(&index.to_le_bytes());
            out.extend_from_slice(entry);
            return Some(out.len() - entry.len());
        }
        WalOp::TruncateAfter(after) => {
            head(out, group, TRUNCATE, body);
            out.push(u8::from(after.is_some()));
            out.extend_from_slice(&after.unwrap_or(0).to_le_bytes());
        }
        WalOp::Purge { upto, last } => {
            head(out, group, PURGE, body);
            out.extend_from_slice(&upto.to_le_bytes());
            out.extend_from_slice(last);
        }
        WalOp::Committed(b) => {
            head(out, group, COMMITTED, body);
            out.extend_from_slice(b);
        }
        WalOp::Drop => head(out, group, DROP, body),
    }
    None
}

/// Writes a standing.
pub(super) fn put_standing(out: &mut Vec<u8>, group: u32, s: &Standing) {
    head(out, group, STATE, standing_body(s));
    standing(out, s);
}

/// Begins a checkpoint of so many entries and bytes; `put_entry` adds each.
pub(super) fn begin_checkpoint(
    out: &mut Vec<u8>,
    group: u32,
    s: &Standing,
    (entries, bytes): (usize, usize),
) {
    head(out, group, CHECKPOINT, checkpoint_len(s, entries, bytes) - RECORD_HEADER);
    standing(out, s);
    out.extend_from_slice(&(entries as u64).to_le_bytes());
}

/// Adds an entry to a begun checkpoint and gives the offset of its body.
pub(super) fn put_entry(out: &mut Vec<u8>, index: u64, body: &[u8]) -> usize {
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&(body.len() as u64).to_le_bytes());
    out.extend_from_slice(body);
    out.len() - body.len()
}

fn head(out: &mut Vec<u8>, group: u32, kind: u8, len: usize) {
    out.extend_from_slice(&group.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&(len as u64).to_le_bytes());
}

/// Lengths are stored plus one, zero meaning "none".
fn standing(out: &mut Vec<u8>, s: &Standing) {
    for part in [&s.vote, &s.committed] {
        out.extend_from_slice(&part.as_ref().map_or(0, |b| b.len() as u64 + 1).to_le_bytes());
        out.extend_from_slice(part.as_deref().unwrap_or_default());
    }
    out.extend_from_slice(&s.purged.as_ref().map_or(0, |(_, b)| b.len() as u64 + 1).to_le_bytes());
    if let Some((index, last)) = &s.purged {
        out.extend_from_slice(&index.to_le_bytes());
        out.extend_from_slice(last);
    }
}

/// Reads the records of a batch one by one; an `Err` item means that they make no sense.
pub(super) struct Records {
    bytes: Bytes,
    at: usize,
}

/// The records of a checked batch can't be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Senseless;

impl Records {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    fn take(&mut self, len: u64) -> Result<Bytes, Senseless> {
        let len = usize::try_from(len).map_err(|_| Senseless)?;
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len()).ok_or(Senseless)?;
        let part = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(part)
    }

    fn number(&mut self) -> Result<u64, Senseless> {
        Ok(super::frame::u64_at(&self.take(8)?, 0))
    }

    fn optional(&mut self) -> Result<Option<Bytes>, Senseless> {
        match self.number()? {
            0 => Ok(None),
            n => self.take(n - 1).map(Some),
        }
    }

    fn standing(&mut self) -> Result<Standing, Senseless> {
        let (vote, committed) = (self.optional()?, self.optional()?);
        let purged = match self.number()? {
            0 => None,
            n => Some((self.number()?, self.take(n - 1)?)),
        };
        Ok(Standing { vote, committed, purged })
    }

    fn checkpoint(&mut self) -> Result<Record, Senseless> {
        let standing = self.standing()?;
        let mut entries = Vec::new();
        for _ in 0..self.number()? {
            let (index, len) = (self.number()?, self.number()?);
            let at = self.at;
            entries.push((index, at, self.take(len)?));
        }
        Ok(Record::Checkpoint(standing, entries))
    }

    fn record(&mut self) -> Result<(u32, Record), Senseless> {
        let group = super::frame::u32_at(&self.take(4)?, 0);
        let kind = self.take(1)?[0];
        let len = self.number()?;
        let end = (self.at as u64).checked_add(len).ok_or(Senseless)?;
        let op = |op| Record::Op(op, 0);
        let record = match kind {
            VOTE => op(WalOp::Vote(self.take(len)?)),
            APPEND => {
                let index = self.number()?;
                let at = self.at;
                Record::Op(
                    WalOp::Append { index, body: self.take(len.checked_sub(8).ok_or(Senseless)?)? },
                    at,
                )
            }
            TRUNCATE => {
                let some = self.take(1)?[0] != 0;
                let index = self.number()?;
                op(WalOp::TruncateAfter(some.then_some(index)))
            }
            PURGE => {
                let upto = self.number()?;
                op(WalOp::Purge { upto, last: self.take(len.checked_sub(8).ok_or(Senseless)?)? })
            }
            COMMITTED => op(WalOp::Committed(self.take(len)?)),
            DROP => op(WalOp::Drop),
            STATE => Record::Standing(self.standing()?),
            CHECKPOINT => self.checkpoint()?,
            _ => return Err(Senseless),
        };
        if self.at as u64 == end { Ok((group, record)) } else { Err(Senseless) }
    }
}

impl Iterator for Records {
    type Item = Result<(u32, Record), Senseless>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.at = self.bytes.len();
        }
        Some(record)
    }
}
