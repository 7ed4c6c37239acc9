//! The only place that names sled: one tree with prefixed keys, so that one batch is one atom (INV-1).

mod barrier;
mod generations;
pub(crate) mod keys;
pub(crate) mod records;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use barrier::sync_dir;
pub(crate) use generations::Generations;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read, written or synced.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The storage engine refused.
    #[error("store: {0}")]
    Engine(String),
    /// What was read makes no sense.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

impl StoreError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Corruption { .. } => Self::Corrupt(error.to_string()),
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Io(_) => Self::Engine(error.to_string()),
        }
    }
}

/// Bytes of a key or a value, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(sled::IVec);

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// What a batch does: key → new value, or `None` to remove it.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Bytes>>;

/// How often, and how far apart, a store whose lock is held is tried again.
const LOCK_TRIES: u32 = 150;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Opens, waiting for the lock: sled's own threads may hold a store for moments after it was dropped.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, StoreError> {
    for _ in 1..LOCK_TRIES {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(LOCK_PAUSE);
            }
            other => return Ok(other?),
        }
    }
    Ok(config.open()?)
}

/// One generation of a replica's store.
pub(crate) struct Store {
    db: sled::Db,
    dir: PathBuf,
}

impl Store {
    /// Opens or creates the store in a directory.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::io(dir, error))?;
        // The timer is off: it would sync at random times beside the log's own syncs.
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None);
        Ok(Self { db: open_unlocked(&config)?, dir: dir.to_owned() })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.db.get(key)?.map(Bytes))
    }

    /// Keys in `from..to` with their values, ascending.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), StoreError>> + use<> {
        self.db.range(from.to_vec()..to.to_vec()).map(|pair| {
            let (key, value) = pair?;
            Ok((Bytes(key), Bytes(value)))
        })
    }

    /// Everything, ascending.
    pub(crate) fn all(&self) -> impl Iterator<Item = Result<(Bytes, Bytes), StoreError>> + use<> {
        self.db.iter().map(|pair| {
            let (key, value) = pair?;
            Ok((Bytes(key), Bytes(value)))
        })
    }

    /// Applies all of it as one atom (INV-1); returns about how many bytes that were.
    pub(crate) fn commit(&self, writes: Writes) -> Result<usize, StoreError> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in writes {
            bytes += key.len();
            match value {
                Some(value) => {
                    bytes += value.len();
                    batch.insert(key, value.0);
                }
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch)?;
        Ok(bytes)
    }

    /// Hands everything applied to the system; no promise beyond this process's death.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(())
    }

    /// Makes everything applied so far durable (rule R2 of the reliability programme).
    pub(crate) fn barrier(&self) -> Result<(), StoreError> {
        self.flush()?;
        barrier::sync_files(&self.dir)
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}
