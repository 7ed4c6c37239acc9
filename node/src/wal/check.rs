//! Reading a stopped node's log without changing a byte of it.

use std::any::Any;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::config::WalConfig;
use super::error::WalError;
use super::files::{FileLayer, LogFile};
use super::op::GroupState;
use super::recover::{Cut, recover};

/// What a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalReport {
    /// Segments in use.
    pub segments: usize,
    /// Number of the last whole batch.
    pub batches: u64,
    /// A torn end, which the next start will cut.
    pub torn: Option<Cut>,
    /// The groups with their states, ascending.
    pub groups: Vec<(u32, GroupState)>,
}

/// Follows the log of a data directory from end to end, checking every checksum; `None` if there is no log.
/// Refused while a node has it open.
pub fn check(dir: &Path) -> Result<Option<WalReport>, WalError> {
    let config = WalConfig::new(dir);
    let wal = config.wal_dir();
    if !wal.is_dir() {
        return Ok(None);
    }
    let files = ReadOnly;
    let lock = wal.join("lock");
    let _held = match files.lock(&lock) {
        Ok(held) => held,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(WalError::Locked(wal)),
        Err(error) => return Err(WalError::io(&lock, error)),
    };
    let Some(found) = recover(&files, &config)? else { return Ok(None) };
    let mut groups: Vec<u32> = found.memory.groups.keys().copied().collect();
    groups.sort_unstable();
    Ok(Some(WalReport {
        segments: found.segments.len(),
        batches: found.last.number,
        torn: found.cut,
        groups: groups.into_iter().map(|group| (group, found.memory.state(group))).collect(),
    }))
}

/// Files as they are: what recovery would mend is left alone.
struct ReadOnly;

struct ReadOnlyFile(File);

impl LogFile for ReadOnlyFile {
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match self.0.read_at(&mut buffer[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl FileLayer for ReadOnly {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Err(io::Error::new(
            io::ErrorKind::ReadOnlyFilesystem,
            format!("{} is not made by a check", path.display()),
        ))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(ReadOnlyFile(File::open(path)?)))
    }

    fn unlink(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let file = File::open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(file))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wal::{RealFiles, Wal, WalOp};

    fn config(dir: &Path) -> WalConfig {
        WalConfig { segment_bytes: 1 << 20, idle_batch: None, ..WalConfig::new(dir) }
    }

    fn log_with_entries(dir: &Path) {
        let (wal, _) = Wal::open(config(dir), Arc::new(RealFiles)).unwrap();
        for index in 1..=5 {
            let body = Bytes::from(vec![index as u8; 600]);
            wal.submit_and_wait(3, vec![WalOp::Append { index, body }]).unwrap();
        }
        assert!(matches!(check(dir), Err(WalError::Locked(_))), "a check of an open log is refused");
        wal.close().unwrap();
    }

    fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(dir.join("wal"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_sound_log_is_described_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(check(dir.path()).unwrap(), None);
        log_with_entries(dir.path());
        let before = bytes_of(dir.path());
        let report = check(dir.path()).unwrap().unwrap();
        assert_eq!(report.groups.len(), 1);
        assert_eq!((report.groups[0].0, report.groups[0].1.last), (3, Some(5)));
        assert_eq!(report.torn, None);
        assert_eq!(bytes_of(dir.path()), before);
    }

    #[test]
    fn damage_in_the_middle_is_reported_and_not_mended() {
        let dir = tempfile::tempdir().unwrap();
        log_with_entries(dir.path());
        let name = bytes_of(dir.path()).into_iter().find(|(name, _)| name.contains(".seg")).unwrap().0;
        let path = dir.path().join("wal").join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.iter().position(|byte| *byte == 2).unwrap_or(0);
        let entry = bytes.windows(100).position(|window| window.iter().all(|byte| *byte == 2)).unwrap_or(at);
        bytes[entry + 50] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let before = bytes_of(dir.path());
        assert!(matches!(check(dir.path()), Err(WalError::Corrupt { .. })));
        assert_eq!(bytes_of(dir.path()), before);
    }
}
