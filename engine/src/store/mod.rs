//! The only place that names sled: one tree with prefixed keys, so that one batch is one atom (INV-1).

mod barrier;
mod drain;
mod generations;
pub(crate) mod keys;
mod layers;
pub(crate) mod records;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Bound, Deref};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use barrier::sync_dir;
use drain::Drain;
pub(crate) use generations::Generations;
pub(crate) use layers::over;

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

/// What a key costs in memory beside its bytes.
const OVERHEAD: usize = 96;

/// How many times the usual may be gathered while earlier writes are on their way.
const MOST_GATHERED: usize = 4;

/// One generation of a replica's store: sled, under the writes that are on their way to it.
pub(crate) struct Store {
    db: sled::Db,
    dir: PathBuf,
    /// Applied, not yet on the way.
    pending: Writes,
    pending_bytes: usize,
    /// On the way.
    draining: Option<Arc<Drain>>,
    /// Bytes that are gathered before they are sent.
    gather_bytes: usize,
}

/// Makes a moment's contents durable, without any lock held.
pub(crate) struct Barrier {
    db: sled::Db,
    dir: PathBuf,
    draining: Option<Arc<Drain>>,
}

impl Store {
    /// Opens or creates the store in a directory.
    pub(crate) fn open(dir: &Path, cache_bytes: u64, gather_bytes: usize) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::io(dir, error))?;
        // The timer is off: it would sync at random times beside the log's own syncs.
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None);
        let db = open_unlocked(&config)?;
        let (pending, dir) = (Writes::new(), dir.to_owned());
        Ok(Self { db, dir, pending, pending_bytes: 0, draining: None, gather_bytes })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(found) = self.pending.get(key) {
            return Ok(found.clone());
        }
        if let Some(found) = self.draining.as_ref().and_then(|drain| drain.writes.get(key)) {
            return Ok(found.clone());
        }
        Ok(self.db.get(key)?.map(Bytes))
    }

    /// Keys in `from..to` with their values, ascending.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> Box<dyn Iterator<Item = Result<(Bytes, Bytes), StoreError>> + '_> {
        let bounds = || (Bound::Included(from), Bound::Excluded(to));
        let stored = self.db.range::<&[u8], _>(bounds()).map(|pair| {
            let (key, value) = pair?;
            Ok((Bytes(key), Bytes(value)))
        });
        let draining = self.draining.as_ref().map(|drain| drain.writes.range::<[u8], _>(bounds()));
        let below = match draining {
            Some(draining) => over(draining, Box::new(stored)),
            None => Box::new(stored),
        };
        over(self.pending.range::<[u8], _>(bounds()), below)
    }

    /// Everything, ascending.
    pub(crate) fn all(&self) -> impl Iterator<Item = Result<(Bytes, Bytes), StoreError>> + '_ {
        self.range(&[0], &[u8::MAX])
    }

    /// Waits, if too much is gathered while earlier writes are on their way. To be called before [`Self::commit`],
    /// where readers needn't wait too.
    pub(crate) fn make_room(&self) -> Result<(), StoreError> {
        let most = self.gather_bytes.saturating_mul(MOST_GATHERED);
        if self.pending_bytes >= most { self.settle() } else { Ok(()) }
    }

    /// Waits until nothing is on its way.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        self.draining.as_ref().map_or(Ok(()), |drain| drain.wait())
    }

    /// Takes a batch that ends at a whole entry; sends what was gathered once there is enough of it.
    pub(crate) fn commit(&mut self, writes: Writes) -> Result<(), StoreError> {
        let on_its_way = self.draining.as_ref().is_some_and(|drain| !drain.is_over());
        if !on_its_way {
            self.settle()?;
            self.draining = None;
        }
        self.pending_bytes += writes
            .iter()
            .map(|(key, value)| OVERHEAD + key.len() + value.as_ref().map_or(0, |value| value.len()))
            .sum::<usize>();
        self.pending.extend(writes);
        if self.pending_bytes >= self.gather_bytes && !on_its_way { self.send() } else { Ok(()) }
    }

    /// Never overtakes: what failed on its way stays there, and nothing comes behind it.
    fn send(&mut self) -> Result<(), StoreError> {
        self.settle()?;
        if !self.pending.is_empty() {
            self.pending_bytes = 0;
            let writes = std::mem::take(&mut self.pending);
            self.draining = Some(Drain::begin(self.db.clone(), writes));
        }
        Ok(())
    }

    /// Sends everything taken so far, and gives what can wait for it and make it durable.
    pub(crate) fn begin_barrier(&mut self) -> Result<Barrier, StoreError> {
        self.send()?;
        Ok(Barrier { db: self.db.clone(), dir: self.dir.clone(), draining: self.draining.clone() })
    }

    /// Forgets what hasn't been sent: the store was replaced by another.
    pub(crate) fn discard(mut self) {
        self.pending.clear();
    }
}

impl Barrier {
    /// Waits until it is durable (rule R2 of the reliability programme).
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        if let Some(drain) = &self.draining {
            drain.wait()?;
        }
        self.db.flush()?;
        barrier::sync_files(&self.dir)
    }
}

impl Drop for Store {
    /// A clean stop leaves nothing for the log to replay; a failed one leaves it to the log.
    fn drop(&mut self) {
        let sent = self.draining.take().map_or(Ok(()), |drain| drain.wait());
        let put =
            sent.and_then(
                |()| if self.pending.is_empty() { Ok(()) } else { drain::put(&self.db, &self.pending) },
            );
        if let Err(error) = put {
            tracing::error!(%error, dir = %self.dir.display(), "the store's last writes failed; the log has them");
        }
    }
}
