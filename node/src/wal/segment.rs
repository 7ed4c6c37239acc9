//! A segment file: created whole, filled with zeros and synced before its first batch, so that a later sync of a batch
//! changes neither the file's size nor its extents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WalError;
use super::files::{FileLayer, LogFile};
use super::frame::{Epoch, SEGMENT_HEADER, SegmentHeader};

const ZEROS: usize = 1 << 20;

/// Extension of a segment that isn't filled and synced yet.
pub(super) const UNFINISHED: &str = "seg.new";

/// An open segment.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) size: u64,
    pub(super) epoch: Epoch,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn LogFile>,
}

/// The name of a segment's file: fixed width, so that a listing sorts.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:016}.seg")
}

/// The number in a segment's name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".seg")?.parse().ok()
}

impl Segment {
    /// Makes a segment with room for at least `room` bytes of batches. A crash leaves at most a `.new` file.
    pub(super) fn create(
        files: &dyn FileLayer,
        dir: &Path,
        number: u64,
        size: u64,
    ) -> Result<Arc<Self>, WalError> {
        let path = dir.join(file_name(number));
        let fresh = path.with_extension(UNFINISHED);
        let made = Self::fill(files, &fresh, number, size)
            .and_then(|made| files.rename(&fresh, &path).map(|()| made))
            .and_then(|made| files.sync_dir(dir).map(|()| made));
        match made {
            Ok((file, epoch)) => Ok(Arc::new(Self { number, size, epoch, path, file })),
            Err(source) => {
                // Only to give the space back: an unfinished segment means nothing.
                let _ = files.unlink(&fresh);
                Err(WalError::io(&path, source))
            }
        }
    }

    fn fill(
        files: &dyn FileLayer,
        path: &Path,
        number: u64,
        size: u64,
    ) -> std::io::Result<(Arc<dyn LogFile>, Epoch)> {
        let epoch: Epoch = rand::random();
        let file = files.create(path)?;
        file.reserve(size)?;
        write_zeros(file.as_ref(), 0, size)?;
        file.write_at(&SegmentHeader { number, size, epoch }.encode(), 0)?;
        file.sync()?;
        Ok((file, epoch))
    }

    /// Opens an existing segment and checks its header and length.
    pub(super) fn open(files: &dyn FileLayer, dir: &Path, number: u64) -> Result<Arc<Self>, WalError> {
        let path = dir.join(file_name(number));
        let io = |source| WalError::io(&path, source);
        let file = files.open(&path).map_err(io)?;
        let mut head = vec![0; SEGMENT_HEADER as usize];
        let read = file.read_at(&mut head, 0).map_err(io)?;
        let header = SegmentHeader::parse(&head[..read], number)?;
        let size = file.size().map_err(io)?;
        if size < header.size {
            // The whole length was synced before the first batch: this is never a torn write.
            let what = format!("the file has {size} bytes of {}", header.size);
            return Err(WalError::Corrupt { segment: number, offset: size, batch: 0, what });
        }
        Ok(Arc::new(Self { number, size: header.size, epoch: header.epoch, path, file }))
    }

    /// Reads the whole segment.
    pub(super) fn read(&self) -> Result<Vec<u8>, WalError> {
        let mut bytes = vec![0; self.size as usize];
        let read = self.file.read_at(&mut bytes, 0).map_err(|e| WalError::io(&self.path, e))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Overwrites everything with zeros and syncs.
    pub(super) fn zero(&self) -> std::io::Result<()> {
        self.zero_range(0, self.size)
    }

    /// Overwrites a range with zeros and syncs.
    pub(super) fn zero_range(&self, from: u64, to: u64) -> std::io::Result<()> {
        write_zeros(self.file.as_ref(), from, to)?;
        self.file.sync()
    }
}

fn write_zeros(file: &dyn LogFile, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; ZEROS.min((to - from) as usize)];
    let mut at = from;
    while at < to {
        let n = zeros.len().min((to - at) as usize);
        file.write_at(&zeros[..n], at)?;
        at += n as u64;
    }
    Ok(())
}
