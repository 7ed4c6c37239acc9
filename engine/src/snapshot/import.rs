//! Taking a snapshot: verified whole before anything is touched, filled into a new generation, made durable,
//! and only then switched to.

use std::path::Path;

use parking_lot::RwLockUpgradableReadGuard;

use super::format::Reader;
use super::{SnapshotError, SnapshotHeader};
use crate::engine::{Engine, Live, load};
use crate::store::{Store, Writes};

/// Reads a snapshot file to its end and says what it is.
pub(super) fn verify(path: &Path) -> Result<SnapshotHeader, SnapshotError> {
    let mut reader = Reader::open(path)?;
    while reader.next_pairs()?.is_some() {}
    Ok(reader.header)
}

impl Engine {
    /// Verifies a snapshot file without taking it.
    pub fn verify_snapshot(path: &Path) -> Result<SnapshotHeader, SnapshotError> {
        verify(path)
    }

    /// Replaces all state by a snapshot's. Reads are answered from the old state until the switch. A damaged
    /// snapshot, or another shard's, changes nothing.
    pub fn import(&self, path: &Path) -> Result<SnapshotHeader, SnapshotError> {
        let header = verify(path)?;
        if header.shard != self.config.shard {
            return Err(SnapshotError::OtherShard { of: header.shard, here: self.config.shard });
        }
        let live = self.live.upgradable_read();
        if self.has_failed() {
            return Err(SnapshotError::Failed);
        }
        let next = self.generations.existing()?.into_iter().max().unwrap_or(live.generation) + 1;
        let filled = self.fill(path, next, header);
        let new = match filled {
            Ok(new) => new,
            Err(error) => {
                self.generations.remove(next)?;
                return Err(error);
            }
        };
        self.generations.switch(next)?;
        let mut live = RwLockUpgradableReadGuard::upgrade(live);
        let old = std::mem::replace(&mut *live, new);
        drop(live);
        old.store.discard();
        self.generations.remove_others(next)?;
        Ok(header)
    }

    fn fill(&self, path: &Path, generation: u64, header: SnapshotHeader) -> Result<Live, SnapshotError> {
        let path_of = self.generations.path(generation);
        let mut store = Store::open(&path_of, self.config.cache_bytes, self.config.gather_bytes)?;
        let mut reader = Reader::open(path)?;
        while let Some(pairs) = reader.next_pairs()? {
            let writes: Writes = pairs.into_iter().map(|(key, value)| (key, Some(value.into()))).collect();
            store.make_room()?;
            store.commit(writes)?;
        }
        store.begin_barrier()?.finish()?;
        let live = load(store, generation, &self.generations, &self.config)?;
        if live.state.head.applied != header.applied {
            return Err(SnapshotError::damaged("its header names another position than its state"));
        }
        Ok(live)
    }
}
