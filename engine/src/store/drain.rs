//! Writing applied batches to sled behind the appliers' backs, many as one.
//!
//! sled rolls and syncs its buffer twice for each of its batches, so batches that were applied are gathered in
//! memory and handed over together, as one atom that ends at a whole entry (INV-1). A process that dies before
//! loses nothing: the log replays what the store hasn't (it is purged only up to a barrier, INV-5).

use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::{StoreError, Writes};

/// Writes on their way to sled; readers look here until they have arrived.
pub(crate) struct Drain {
    pub(super) writes: Writes,
    /// `None` while they are on their way.
    arrived: Mutex<Option<Result<(), String>>>,
    changed: Condvar,
}

impl Drain {
    /// Begins to write, in a thread of its own.
    pub(super) fn begin(db: sled::Db, writes: Writes) -> Arc<Self> {
        let drain = Arc::new(Self { writes, arrived: Mutex::new(None), changed: Condvar::new() });
        let worker = Arc::clone(&drain);
        let began = thread::Builder::new().name("lacuna-drain".to_owned()).spawn(move || {
            let result = put(&db, &worker.writes);
            // Given up before anyone is told, so that a store that is closed has let go of its lock.
            drop(db);
            worker.arrive(result.map_err(|error| error.to_string()));
        });
        if let Err(error) = began {
            drain.arrive(Err(format!("no thread to write with: {error}")));
        }
        drain
    }

    fn arrive(&self, result: Result<(), String>) {
        *self.arrived.lock() = Some(result);
        self.changed.notify_all();
    }

    /// Waits until they have arrived.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        let mut arrived = self.arrived.lock();
        while arrived.is_none() {
            self.changed.wait(&mut arrived);
        }
        match &*arrived {
            Some(Err(error)) => Err(StoreError::Engine(error.clone())),
            Some(Ok(())) | None => Ok(()),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.arrived.lock().is_some()
    }
}

/// One sled batch, handed to the system.
pub(super) fn put(db: &sled::Db, writes: &Writes) -> Result<(), StoreError> {
    let mut batch = sled::Batch::default();
    for (key, value) in writes {
        match value {
            Some(value) => batch.insert(key.as_slice(), value.0.clone()),
            None => batch.remove(key.as_slice()),
        }
    }
    db.apply_batch(batch)?;
    db.flush()?;
    Ok(())
}
