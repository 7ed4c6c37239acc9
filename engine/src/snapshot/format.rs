//! The file: a magic word, then frames {kind, length, crc32c, payload}; the last one carries the number of
//! pairs and a digest of everything before it.

use std::fs::File;
use std::hash::Hasher;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use lacuna_model::{LogPosition, ShardId};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{SnapshotError, SnapshotHeader};

const MAGIC: &[u8; 8] = b"LACSNAP\x01";
const VERSION: u32 = 1;
const KEYS: (u64, u64) = (0x6c61_6375_6e61_2d73, 0x6e61_7073_686f_7431);
/// About so much goes into one frame of pairs.
const FRAME_BYTES: usize = 1 << 20;
/// No frame is larger; what says it is, is damaged.
const MAX_FRAME_BYTES: u32 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Frame {
    Header = 1,
    Pairs = 2,
    End = 3,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    pairs: u64,
    digest: u128,
}

fn whole() -> SipHasher13 {
    SipHasher13::new_with_keys(KEYS.0, KEYS.1)
}

/// Writes a snapshot file.
pub(super) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    whole: SipHasher13,
    buffer: Vec<u8>,
    pairs: u64,
    bytes: u64,
}

impl Writer {
    pub(super) fn create(path: &Path, shard: ShardId, applied: LogPosition) -> Result<Self, SnapshotError> {
        let io = |source| SnapshotError::File { path: path.to_owned(), source };
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path).map_err(io)?);
        file.write_all(MAGIC).map_err(io)?;
        let mut writer = Self {
            path: path.to_owned(),
            file,
            whole: whole(),
            buffer: Vec::with_capacity(FRAME_BYTES + (FRAME_BYTES >> 2)),
            pairs: 0,
            bytes: MAGIC.len() as u64,
        };
        let header = encode(&SnapshotHeader { version: VERSION, shard, applied })?;
        writer.frame(Frame::Header, &header)?;
        Ok(writer)
    }

    pub(super) fn pair(&mut self, key: &[u8], value: &[u8]) -> Result<(), SnapshotError> {
        for part in [key, value] {
            self.buffer.extend((part.len() as u32).to_le_bytes());
            self.buffer.extend(part);
        }
        self.pairs += 1;
        if self.buffer.len() >= FRAME_BYTES { self.pairs_frame() } else { Ok(()) }
    }

    fn pairs_frame(&mut self) -> Result<(), SnapshotError> {
        let payload = std::mem::take(&mut self.buffer);
        self.frame(Frame::Pairs, &payload)?;
        self.buffer = payload;
        self.buffer.clear();
        Ok(())
    }

    fn frame(&mut self, kind: Frame, payload: &[u8]) -> Result<(), SnapshotError> {
        let head = frame_head(kind as u8, payload);
        self.whole.write(payload);
        self.bytes += (head.len() + payload.len()) as u64;
        let io = |source| SnapshotError::File { path: self.path.clone(), source };
        self.file.write_all(&head).and_then(|()| self.file.write_all(payload)).map_err(io)
    }

    /// Writes the last frame and syncs the file; returns its size in bytes.
    pub(super) fn finish(mut self) -> Result<u64, SnapshotError> {
        if !self.buffer.is_empty() {
            self.pairs_frame()?;
        }
        let end = encode(&End { pairs: self.pairs, digest: self.whole.finish128().as_u128() })?;
        self.frame(Frame::End, &end)?;
        let io = |source| SnapshotError::File { path: self.path.clone(), source };
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(io)?;
        Ok(self.bytes)
    }
}

fn frame_head(kind: u8, payload: &[u8]) -> [u8; 9] {
    let mut head = [0; 9];
    head[0] = kind;
    head[1..5].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..5]), payload);
    head[5..].copy_from_slice(&crc.to_le_bytes());
    head
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, SnapshotError> {
    postcard::to_stdvec(value).map_err(|error| SnapshotError::damaged(error.to_string()))
}

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// Reads a snapshot file; the end is only reached if all of it was sound.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    whole: SipHasher13,
    pairs: u64,
    /// What the first frame says.
    pub(super) header: SnapshotHeader,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, SnapshotError> {
        let io = |source| SnapshotError::File { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(io)?);
        let mut magic = [0; 8];
        file.read_exact(&mut magic).map_err(|_| SnapshotError::damaged("it is cut short"))?;
        if &magic != MAGIC {
            return Err(SnapshotError::damaged("it isn't a snapshot of this version"));
        }
        let header = SnapshotHeader { version: VERSION, shard: ShardId(0), applied: LogPosition::default() };
        let mut reader = Self { path: path.to_owned(), file, whole: whole(), pairs: 0, header };
        let (kind, payload) = reader.frame()?;
        if kind != Frame::Header {
            return Err(SnapshotError::damaged("its header is missing"));
        }
        reader.whole.write(&payload);
        reader.header = decode(&payload)?;
        if reader.header.version != VERSION {
            return Err(SnapshotError::damaged(format!("its version is {}", reader.header.version)));
        }
        Ok(reader)
    }

    /// The next pairs; `None` at the end.
    pub(super) fn next_pairs(&mut self) -> Result<Option<Vec<Pair>>, SnapshotError> {
        let (kind, payload) = self.frame()?;
        match kind {
            Frame::Header => Err(SnapshotError::damaged("a second header")),
            Frame::Pairs => {
                self.whole.write(&payload);
                let pairs = split(&payload)?;
                self.pairs += pairs.len() as u64;
                Ok(Some(pairs))
            }
            Frame::End => {
                let end: End = decode(&payload)?;
                let found = End { pairs: self.pairs, digest: self.whole.finish128().as_u128() };
                let mut behind = [0];
                let io = |source| SnapshotError::File { path: self.path.clone(), source };
                if end != found {
                    return Err(SnapshotError::damaged("its checksum over all is wrong"));
                }
                if self.file.read(&mut behind).map_err(io)? != 0 {
                    return Err(SnapshotError::damaged("something follows its end"));
                }
                Ok(None)
            }
        }
    }

    fn frame(&mut self) -> Result<(Frame, Vec<u8>), SnapshotError> {
        let mut head = [0; 9];
        self.fill(&mut head)?;
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        if length > MAX_FRAME_BYTES {
            return Err(SnapshotError::damaged("a frame's length makes no sense"));
        }
        let mut payload = vec![0; length as usize];
        self.fill(&mut payload)?;
        if frame_head(head[0], &payload) != head {
            return Err(SnapshotError::damaged("a frame's checksum is wrong"));
        }
        let kind = [Frame::Header, Frame::Pairs, Frame::End].into_iter().find(|kind| *kind as u8 == head[0]);
        Ok((kind.ok_or_else(|| SnapshotError::damaged("a frame of unknown kind"))?, payload))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), SnapshotError> {
        self.file.read_exact(buffer).map_err(|source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => SnapshotError::damaged("it is cut short"),
            _ => SnapshotError::File { path: self.path.clone(), source },
        })
    }
}

fn split(mut payload: &[u8]) -> Result<Vec<Pair>, SnapshotError> {
    let mut pairs = Vec::new();
    while !payload.is_empty() {
        let key = part(&mut payload)?;
        pairs.push((key, part(&mut payload)?));
    }
    Ok(pairs)
}

fn part(payload: &mut &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let cut = || SnapshotError::damaged("a pair is cut short");
    let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(cut)?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
    *payload = rest;
    Ok(part.to_vec())
}

fn decode<T: for<'a> Deserialize<'a>>(payload: &[u8]) -> Result<T, SnapshotError> {
    postcard::from_bytes(payload).map_err(|error| SnapshotError::damaged(error.to_string()))
}
