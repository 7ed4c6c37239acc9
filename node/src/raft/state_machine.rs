//! openraft's view of a group's state machine.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;

use super::machine::{GroupMachine, MachineError};
use super::machine_thread::{ApplyItems, MachineHandle, OnFailure};
use super::snapshot_file::{SnapshotDir, StoredSnapshot};
use super::types::{LogEntry, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// Largest number of entries in one apply batch.
const APPLY_ENTRIES: usize = 256;
/// An apply batch is closed at this many bytes.
const APPLY_BYTES: usize = 4 << 20;

/// What allows a group's log to be purged (INV-5, protocol PL5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The state's own barrier; files are only made to be sent.
    Barrier,
    /// A snapshot file of our own: one voter, or a state that lives in memory.
    File,
}

/// A snapshot's data; `None` when openraft only needs to know how far the state is durable.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile(pub(crate) Option<OpenSnapshot>);

/// An open snapshot file: it can be read even after a newer one has taken its place.
#[derive(Clone, Debug)]
pub(crate) struct OpenSnapshot {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<File>,
}

#[derive(Debug, Default)]
struct Current {
    /// How far the state is known durable without the log.
    durable: Option<SnapshotMeta>,
    /// The file, if there is one.
    stored: Option<StoredSnapshot>,
}

/// The state machine of every group.
pub(crate) struct GroupStateMachine {
    machine: MachineHandle,
    durability: Durability,
    dir: SnapshotDir,
    current: Arc<Mutex<Current>>,
    last_applied: Option<LogId>,
    membership: StoredMembership,
}

impl GroupStateMachine {
    /// Opens it with its snapshot directory.
    pub(crate) fn open(
        name: String,
        machine: Box<dyn GroupMachine>,
        (durability, snapshots): (Durability, PathBuf),
        on_failure: OnFailure,
    ) -> Result<Self, MachineError> {
        let dir = SnapshotDir::open(snapshots)?;
        let current = match durability {
            // Made to be sent by an earlier run; the store itself is newer.
            Durability::Barrier => {
                dir.clear()?;
                Current::default()
            }
            Durability::File => {
                let stored = dir.current()?;
                Current { durable: stored.as_ref().map(|stored| stored.meta.clone()), stored }
            }
        };
        let (machine, meta) = MachineHandle::start(name, machine, on_failure)?;
        Ok(Self {
            machine,
            durability,
            dir,
            current: Arc::new(Mutex::new(current)),
            last_applied: meta.last_log_id,
            membership: meta.last_membership,
        })
    }

    /// The way to its thread.
    pub(crate) fn machine(&self) -> MachineHandle {
        self.machine.clone()
    }

    /// A path for a snapshot that is being received.
    pub(crate) fn snapshot_dir(&self) -> SnapshotDir {
        self.dir.clone()
    }

    async fn export(&self) -> io::Result<StoredSnapshot> {
        let part = self.dir.new_path();
        let meta = self.machine.export(part.clone()).await?;
        let dir = self.dir.clone();
        blocking(move || dir.adopt(&part, meta)).await
    }

    /// Makes the state durable without the log, and says how far it is.
    async fn make_durable(&self) -> io::Result<SnapshotMeta> {
        let (meta, stored) = match self.durability {
            Durability::Barrier => (self.machine.barrier().await?, None),
            Durability::File => {
                let stored = self.export().await?;
                (stored.meta.clone(), Some(stored))
            }
        };
        let mut current = self.current.lock();
        current.durable = Some(meta.clone());
        if stored.is_some() {
            current.stored = stored;
        }
        Ok(meta)
    }

    fn open_stored(&self, stored: &StoredSnapshot) -> io::Result<Snapshot> {
        let path = self.dir.path(stored);
        let file = Arc::new(File::open(&path)?);
        Ok(Snapshot { meta: stored.meta.clone(), snapshot: SnapshotFile(Some(OpenSnapshot { path, file })) })
    }

    async fn apply_chunk(&mut self, items: ApplyItems) -> io::Result<()> {
        tracing::trace!("apply");
        let Some((last, _)) = items.last() else { return Ok(()) };
        let last_applied = last.log_id;
        for (entry, _) in &items {
            if let EntryPayload::Membership(membership) = &entry.payload {
                self.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
            }
        }
        self.machine.apply(items).await?;
        self.last_applied = Some(last_applied);
        Ok(())
    }
}

fn entry_bytes(entry: &LogEntry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(bytes) => bytes.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl RaftStateMachine<TypeConfig> for GroupStateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = DurableState;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.last_applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while let Some(item) = entries.next().await {
            let item = item?;
            bytes += entry_bytes(&item.0);
            chunk.push(item);
            if chunk.len() >= APPLY_ENTRIES || bytes >= APPLY_BYTES {
                self.apply_chunk(std::mem::take(&mut chunk)).await?;
                bytes = 0;
            }
        }
        self.apply_chunk(chunk).await
    }

    async fn get_snapshot_builder(&mut self) -> DurableState {
        // Done here and not in the builder's own task, so that no later entry is applied meanwhile: openraft
        // must never hear of a snapshot beyond what it knows to be applied.
        DurableState(Some(self.make_durable().await))
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> io::Result<()> {
        let Some(OpenSnapshot { path, .. }) = snapshot.0 else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a snapshot without data"));
        };
        let imported = self.machine.import(path.clone()).await?;
        if imported != *meta {
            let text = format!("the snapshot holds {imported}, {meta} was announced");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.last_applied = imported.last_log_id;
        self.membership = imported.last_membership;
        let known = self.current.lock().stored.clone();
        let stored = match (self.durability, known) {
            (Durability::File, Some(known)) if self.dir.path(&known) == path => Some(known),
            (Durability::File, _) => {
                let (dir, meta) = (self.dir.clone(), meta.clone());
                Some(blocking(move || dir.adopt(&path, meta)).await?)
            }
            (Durability::Barrier, _) => {
                let dir = self.dir.clone();
                blocking(move || {
                    let _ = std::fs::remove_file(&path);
                    dir.clear()
                })
                .await?;
                None
            }
        };
        *self.current.lock() = Current { durable: Some(meta.clone()), stored };
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let (durable, stored) = {
            let current = self.current.lock();
            (current.durable.clone(), current.stored.clone())
        };
        let Some(durable) = durable else { return Ok(None) };
        // A file older than the barrier may lack entries that are purged already.
        let stored = match stored {
            Some(stored) if stored.meta.last_log_id >= durable.last_log_id => stored,
            Some(_) | None => {
                let stored = self.export().await?;
                self.current.lock().stored = Some(stored.clone());
                stored
            }
        };
        self.open_stored(&stored).map(Some)
    }
}

/// How far the state is durable, as found when the builder was made.
pub(crate) struct DurableState(Option<io::Result<SnapshotMeta>>);

impl RaftSnapshotBuilder<TypeConfig> for DurableState {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let meta = self.0.take().unwrap_or_else(|| Err(io::Error::other("a snapshot is built once")))?;
        Ok(Snapshot { meta, snapshot: SnapshotFile(None) })
    }
}
