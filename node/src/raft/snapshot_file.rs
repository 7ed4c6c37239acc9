//! Snapshot files of a group: data first, then the small file that names it; each synced before the next step.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::types::SnapshotMeta;

const META: &str = "snapshot.meta";
const VERSION: u8 = 1;

/// What the naming file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSnapshot {
    /// Applied id and membership of the state in it.
    pub(crate) meta: SnapshotMeta,
    /// Name of the data file.
    pub(crate) file: String,
    /// Its length, bytes.
    pub(crate) bytes: u64,
}

/// The snapshot files of one group.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotDir(PathBuf);

impl SnapshotDir {
    /// Opens it, and clears away what an earlier run left half done.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let this = Self(dir);
        let kept = this.current()?.map(|stored| stored.file);
        this.clear_except(kept.as_deref())?;
        Ok(this)
    }

    /// A path for a file in the making.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.0.join(format!("{:016x}.part", rand::random::<u64>()))
    }

    /// Path of a stored snapshot's data.
    pub(crate) fn path(&self, stored: &StoredSnapshot) -> PathBuf {
        self.0.join(&stored.file)
    }

    /// The stored snapshot, if there is one.
    pub(crate) fn current(&self) -> io::Result<Option<StoredSnapshot>> {
        let bytes = match fs::read(self.0.join(META)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = || {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", self.0.join(META).display()))
        };
        let (sum, body) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*sum) || body.first() != Some(&VERSION) {
            return Err(damaged());
        }
        postcard::from_bytes(&body[1..]).map(Some).map_err(|_| damaged())
    }

    /// Makes the synced file at `part` the current snapshot, in place of any other.
    pub(crate) fn adopt(&self, part: &Path, meta: SnapshotMeta) -> io::Result<StoredSnapshot> {
        let bytes = fs::metadata(part)?.len();
        let stored = StoredSnapshot { meta, file: format!("{:016x}.snap", rand::random::<u64>()), bytes };
        fs::rename(part, self.path(&stored))?;
        sync_dir(&self.0)?;
        let mut body = vec![VERSION];
        body.extend(postcard::to_stdvec(&stored).map_err(io::Error::other)?);
        let naming = self.new_path();
        let mut file = File::create(&naming)?;
        file.write_all(&crc32c::crc32c(&body).to_le_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&naming, self.0.join(META))?;
        sync_dir(&self.0)?;
        self.clear_except(Some(&stored.file))?;
        Ok(stored)
    }

    /// Removes the stored snapshot.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(self.0.join(META)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        sync_dir(&self.0)?;
        self.clear_except(None)
    }

    fn clear_except(&self, kept: Option<&str>) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let ours = name.ends_with(".snap") || name.ends_with(".part") || name.ends_with(".tmp");
            if ours && Some(name.as_ref()) != kept {
                fs::remove_file(self.0.join(name.as_ref()))?;
            }
        }
        Ok(())
    }
}

/// A snapshot as [`look`] finds it.
pub(crate) struct Looked {
    /// Its data.
    pub(crate) path: PathBuf,
    /// The index it holds.
    pub(crate) index: u64,
    /// Bytes that the data must have.
    pub(crate) bytes: u64,
}

/// The snapshot stored in a directory, which is left as it is.
pub(crate) fn look(dir: &Path) -> io::Result<Option<Looked>> {
    let dir = SnapshotDir(dir.to_owned());
    let stored = dir.current()?;
    Ok(stored.map(|stored| Looked {
        path: dir.path(&stored),
        index: stored.meta.last_log_id.map_or(0, |id| id.index),
        bytes: stored.bytes,
    }))
}

/// Makes renames and removals in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
