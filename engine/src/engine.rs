//! The engine: store, state and indexes under one lock, so that a reader sees the state before a batch or
//! after it, never between.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use lacuna_model::outcome::CommandOutcome;
use lacuna_model::read::DigestView;
use lacuna_model::{LogPosition, Stamp};
use parking_lot::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard};

use crate::apply::{self, ApplyError, Committed, EntryAt, IndexChange, Transaction};
use crate::config::EngineConfig;
use crate::digest;
use crate::index::{KeyedRecord, ShardIndex};
use crate::state::{self, Head, State};
use crate::store::records::{Vector, decode};
use crate::store::{Generations, Store, StoreError, keys};

/// Why a replica's directory could not be opened. Nothing in it was thrown away.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What the store holds contradicts itself: move it aside and rebuild the replica (protocol PL5).
    #[error("the replica's data is damaged: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Corrupt { what },
            StoreError::Io { .. } | StoreError::Engine(_) => Self::Store(error),
        }
    }
}

/// Everything that a generation is.
pub(crate) struct Live {
    pub(crate) generation: u64,
    pub(crate) store: Store,
    pub(crate) state: State,
    pub(crate) index: ShardIndex,
}

/// One replica's data. One applier at a time, any number of readers.
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) generations: Generations,
    /// Appliers hold it upgradable while they compute and write while they commit; readers share it.
    pub(crate) live: RwLock<Live>,
    /// A write to the store failed: nothing more is taken (rule R1).
    failed: AtomicBool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("shard", &self.config.shard).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens or creates a replica. What it reports as applied is durable (protocol PL4), and every digest and
    /// counter was computed anew and found right.
    pub fn open(dir: &Path, config: EngineConfig) -> Result<Self, OpenError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::io(dir, error))?;
        let generations = Generations::new(dir);
        let generation = match generations.current()? {
            Some(generation) => generation,
            None => create_first(&generations, &config)?,
        };
        generations.remove_others(generation)?;
        let mut store = Store::open(&generations.path(generation), config.cache_bytes, config.gather_bytes)?;
        store.begin_barrier()?.finish()?;
        let live = load(store, generation, &generations, &config)?;
        Ok(Self { config, generations, live: RwLock::new(live), failed: AtomicBool::new(false) })
    }

    /// Last entry applied.
    pub fn applied(&self) -> LogPosition {
        self.live.read().state.head.applied
    }

    /// The raft layer's bytes of the last batch applied; `None` before the first.
    pub fn sidecar(&self) -> Option<Vec<u8>> {
        self.live.read().state.sidecar.as_ref().map(|bytes| bytes.to_vec())
    }

    /// The state's stamp.
    pub fn stamp(&self) -> Stamp {
        self.live.read().state.head.stamp
    }

    /// Has the shard been told its slots?
    pub fn has_slots(&self) -> bool {
        !self.live.read().state.slots.is_empty()
    }

    /// Live records of all incarnations.
    pub fn live_records(&self) -> u64 {
        self.live.read().state.head.live
    }

    /// Digests and counters at the applied index.
    pub fn digest(&self) -> DigestView {
        view(&self.live.read().state.head)
    }

    /// Digests and counters computed anew from the store; equal to [`Self::digest`] unless something is wrong.
    pub fn recompute_digest(&self) -> Result<DigestView, StoreError> {
        let live = self.live.read();
        recompute(&live)
    }

    /// Applies a batch of entries as one atom (INV-1) and returns each command's outcome. `sidecar` is stored
    /// with it. After an error nothing of the batch took effect, and the engine takes nothing more if it was
    /// the store that failed.
    pub fn apply(&self, entries: &[EntryAt], sidecar: &[u8]) -> Result<Vec<Vec<CommandOutcome>>, ApplyError> {
        let live = self.live.upgradable_read();
        if self.has_failed() {
            return Err(ApplyError::Failed);
        }
        let (outcomes, committed) = {
            let mut transaction = Transaction::new(self.config.shard, &live.store, &live.state, &live.index);
            let outcomes: Result<Vec<_>, _> =
                entries.iter().map(|entry| apply::entry(&mut transaction, entry)).collect();
            (outcomes?, transaction.finish(sidecar)?)
        };
        self.commit(live, committed)?;
        Ok(outcomes)
    }

    fn commit(
        &self,
        live: RwLockUpgradableReadGuard<'_, Live>,
        committed: Committed,
    ) -> Result<(), ApplyError> {
        let Committed { writes, delta, index } = committed;
        let removed = index.iter().filter(|change| matches!(change, IndexChange::Remove { .. })).count();
        self.note_failure(live.store.make_room())?;
        let mut live = RwLockUpgradableReadGuard::upgrade(live);
        self.note_failure(live.store.commit(writes))?;
        live.state.merge(delta);
        for change in index {
            tell(&live.index, change);
        }
        drop(live);
        metrics::counter!("lacuna_delete_applied_records").increment(removed as u64);
        Ok(())
    }

    /// Makes everything applied so far durable (rule R2) and returns up to where: the log may be purged to it.
    /// Applies and reads go on meanwhile.
    pub fn barrier(&self) -> Result<LogPosition, StoreError> {
        loop {
            let (applied, generation, barrier) = {
                let live = self.live.upgradable_read();
                self.note_failure(live.store.settle())?;
                let mut live = RwLockUpgradableReadGuard::upgrade(live);
                let barrier = self.note_failure(live.store.begin_barrier())?;
                (live.state.head.applied, live.generation, barrier)
            };
            let finished = barrier.finish();
            // A snapshot may have taken this generation's place, and its files away.
            if finished.is_ok() || self.live.read().generation == generation {
                self.note_failure(finished)?;
                return Ok(applied);
            }
        }
    }

    /// After a failed write nothing more is taken (rule R1).
    pub(crate) fn note_failure<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// Closes without writing what is only gathered in memory, as a killed process would; the log has it.
    pub fn abandon(self) {
        self.live.into_inner().store.discard();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The generation, unless an applier is about to change it this moment.
    pub(crate) fn try_read_lock(&self) -> Option<RwLockReadGuard<'_, Live>> {
        self.live.try_read()
    }

    pub(crate) fn read_lock(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read()
    }
}

fn tell(index: &ShardIndex, change: IndexChange) {
    match change {
        IndexChange::Upsert { incarnation, schema, key, record } => {
            index.upsert(incarnation, schema, KeyedRecord { slot: key.slot, id: &key.id, record: &record });
        }
        IndexChange::Remove { incarnation, id } => index.remove(incarnation, &id),
        IndexChange::Drop(incarnation) => index.drop_incarnation(incarnation),
    }
}

fn create_first(generations: &Generations, config: &EngineConfig) -> Result<u64, StoreError> {
    // A first generation without a pointer was never finished: whatever is there is cut short.
    for number in generations.existing()? {
        generations.remove(number)?;
    }
    let mut store = Store::open(&generations.path(1), config.cache_bytes, config.gather_bytes)?;
    store.begin_barrier()?.finish()?;
    generations.switch(1)?;
    Ok(1)
}

/// Reads a generation's state and indexes, and refuses one that contradicts itself.
pub(crate) fn load(
    store: Store,
    generation: u64,
    generations: &Generations,
    config: &EngineConfig,
) -> Result<Live, OpenError> {
    let index = ShardIndex::new(config.index, Some(generations.graphs(generation)));
    index.begin_load();
    let loaded = state::load(&store, |incarnation, state, key, value| {
        let record = decode(value, Vector::Read)?;
        index.load(incarnation, state.schema, KeyedRecord { slot: key.slot, id: &key.id, record: &record });
        Ok(())
    })?;
    if !loaded.damage.is_empty() {
        return Err(OpenError::Corrupt { what: loaded.damage.join("; ") });
    }
    index.finish_load();
    Ok(Live { generation, store, state: loaded.state, index })
}

pub(crate) fn view(head: &Head) -> DigestView {
    DigestView { records: head.records, rest: head.rest_digest(), live: head.live }
}

fn recompute(live: &Live) -> Result<DigestView, StoreError> {
    let (mut records, mut rest, mut count) = (digest::Digest::default(), digest::Digest::default(), 0);
    for pair in live.store.all() {
        let (key, value) = pair?;
        match keys::Kind::of(&key) {
            Some(keys::Kind::Record) => {
                let ended = keys::number_of(&key).is_none_or(|number| live.state.ended.contains(number));
                if !ended {
                    records.add(digest::of_record(&key, &value));
                    count += 1;
                }
            }
            Some(kind) if kind.in_rest_digest() => rest.add(digest::of_rest(&key, &value)),
            Some(_) | None => {}
        }
    }
    rest.add(digest::of_stamp(live.state.head.stamp));
    Ok(DigestView { records: records.0, rest: rest.0, live: count })
}
