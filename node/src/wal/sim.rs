//! A disk in memory that can lose power and fail on demand, for tests.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::files::{FileLayer, LogFile};
use super::frame::SECTOR;

/// What of the writes and name changes since the last sync a power cut takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of them.
    All,
    /// A random number of the latest; the last one kept is torn at a multiple of 512 bytes.
    Latest,
    /// A random subset; each one kept may have lost random sectors.
    Some,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// `EIO`.
    Io,
    /// `ENOSPC`.
    Full,
}

/// A disk; clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    inodes: Vec<Inode>,
    locks: BTreeSet<PathBuf>,
    /// Handles of an earlier run are dead.
    run: u64,
    writes: u64,
    syncs: u64,
    bad_write: Option<(u64, Trouble)>,
    bad_sync: Option<(u64, Trouble)>,
    /// Operations until the disk stops answering.
    left: Option<u64>,
    /// It has refused an operation since it stopped.
    stopped: bool,
    /// The write it stopped in: a power cut may leave any part of it.
    halfway: Option<Write>,
}

#[derive(Clone, Debug)]
struct Write {
    inode: usize,
    at: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Change {
    Set(PathBuf, usize),
    Unset(PathBuf),
    Move(PathBuf, PathBuf, usize),
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
    run: u64,
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    run: u64,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another disk with the same content, without locks and faults.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.state.lock().clone();
        state.start();
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The power goes and comes back: open files and locks are dead, unsynced changes may be lost. A log that is open
    /// must be stopped (`stop_after(0)`) and dropped before, or its threads go on using names in the next run.
    pub fn cut_power(&self, loss: Loss, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut state = self.state.lock();
        if let Some(Write { inode, at, bytes }) = state.halfway.take() {
            state.inodes[inode].pending.push((at, bytes));
        }
        state.run += 1;
        state.start();
        for inode in &mut state.inodes {
            inode.lose(loss, &mut rng);
        }
        let changes = std::mem::take(&mut state.changes);
        let kept = rng.random_range(0..=changes.len());
        for (i, change) in changes.into_iter().enumerate() {
            let keep = match loss {
                Loss::All => false,
                Loss::Latest => i < kept,
                Loss::Some => rng.random(),
            };
            if keep {
                change.apply(&mut state.durable_names);
            }
        }
        state.names = state.durable_names.clone();
    }

    /// The process dies and the disk lives on: open files and locks are dead, what was written is still there, and what
    /// wasn't synced still isn't. The same rule for an open log as with `cut_power`.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        state.run += 1;
        state.start();
    }

    /// After so many more operations nothing answers any more, until `cut_power` or `kill`. If the one it stops in is a
    /// write, its caller hears an error and a power cut may still leave a part of it, or the whole.
    pub fn stop_after(&self, operations: u64) {
        self.state.lock().left = Some(operations);
    }

    /// The n-th write from now (1: the next) fails.
    pub fn fail_write(&self, nth: u64, trouble: Trouble) {
        let mut state = self.state.lock();
        state.bad_write = Some((state.writes + nth, trouble));
    }

    /// The n-th sync of a file from now (1: the next) fails; what it should have synced is lost at the next power cut,
    /// whatever is synced later (as kernels do: pages are marked clean).
    pub fn fail_sync(&self, nth: u64, trouble: Trouble) {
        let mut state = self.state.lock();
        state.bad_sync = Some((state.syncs + nth, trouble));
    }

    /// Writes so far, failed ones too.
    pub fn writes(&self) -> u64 {
        self.state.lock().writes
    }

    /// Syncs of files so far.
    pub fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// All files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state.lock().names.keys().cloned().collect()
    }

    /// A file's bytes.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.lock();
        Some(state.inodes[*state.names.get(path)?].bytes.clone())
    }

    /// Changes a file behind everybody's back, durably.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        if let Some(inode) = state.names.get(path).copied() {
            let inode = &mut state.inodes[inode];
            change(&mut inode.bytes);
            inode.durable = inode.bytes.clone();
            inode.pending.clear();
        }
    }
}

impl Inode {
    fn lose(&mut self, loss: Loss, rng: &mut StdRng) {
        let pending = std::mem::take(&mut self.pending);
        let kept = rng.random_range(0..=pending.len());
        for (i, (at, bytes)) in pending.iter().enumerate() {
            match loss {
                Loss::Latest if i + 1 < kept => put(&mut self.durable, *at, bytes),
                Loss::Latest if i + 1 == kept => {
                    let sectors = rng.random_range(0..=bytes.len().div_ceil(SECTOR as usize));
                    put(&mut self.durable, *at, &bytes[..bytes.len().min(sectors * SECTOR as usize)]);
                }
                Loss::All | Loss::Latest => {}
                Loss::Some => {
                    let share = *[0.0, 0.5, 0.9, 1.0].get(rng.random_range(0..4_usize)).unwrap_or(&1.0);
                    for (n, sector) in bytes.chunks(SECTOR as usize).enumerate() {
                        if rng.random_bool(share) {
                            put(&mut self.durable, at + n * SECTOR as usize, sector);
                        }
                    }
                }
            }
        }
        self.bytes.clone_from(&self.durable);
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Change {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => {
                names.insert(path, inode);
            }
            Self::Unset(path) => {
                names.remove(&path);
            }
            Self::Move(from, to, inode) => {
                names.remove(&from);
                names.insert(to, inode);
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        match self {
            Self::Set(path, _) | Self::Unset(path) | Self::Move(_, path, _) => path.parent() == Some(dir),
        }
    }
}

impl Trouble {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Io => 5,
            Self::Full => 28,
        })
    }
}

impl State {
    /// A disk without locks and faults.
    fn start(&mut self) {
        self.locks.clear();
        (self.bad_write, self.bad_sync) = (None, None);
        (self.left, self.stopped, self.halfway) = (None, false, None);
    }

    fn alive(&mut self, run: u64) -> io::Result<()> {
        if run != self.run {
            return Err(Trouble::Io.error());
        }
        if self.left == Some(0) {
            self.stopped = true;
            return Err(Trouble::Io.error());
        }
        self.left = self.left.map(|left| left - 1);
        Ok(())
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.names);
        self.changes.push(change);
    }
}

impl LogFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let stops_here = !state.stopped;
        if let Err(error) = state.alive(self.run) {
            if state.run == self.run && stops_here {
                state.halfway = Some(Write { inode: self.inode, at: offset as usize, bytes: bytes.to_vec() });
            }
            return Err(error);
        }
        state.writes += 1;
        if let Some((nth, trouble)) = state.bad_write
            && nth == state.writes
        {
            return Err(trouble.error());
        }
        let inode = &mut state.inodes[self.inode];
        put(&mut inode.bytes, offset as usize, bytes);
        inode.pending.push((offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        state.alive(self.run)?;
        let bytes = &state.inodes[self.inode].bytes;
        let from = bytes.len().min(offset as usize);
        let n = buffer.len().min(bytes.len() - from);
        buffer[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.alive(self.run)?;
        state.syncs += 1;
        let syncs = state.syncs;
        let bad = state.bad_sync.filter(|(nth, _)| *nth == syncs);
        let inode = &mut state.inodes[self.inode];
        let pending = std::mem::take(&mut inode.pending);
        if let Some((_, trouble)) = bad {
            return Err(trouble.error());
        }
        for (at, bytes) in pending {
            put(&mut inode.durable, at, &bytes);
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let mut state = self.disk.state.lock();
        state.alive(self.run)?;
        Ok(state.inodes[self.inode].bytes.len() as u64)
    }

    fn reserve(&self, _bytes: u64) -> io::Result<()> {
        self.disk.state.lock().alive(self.run)
    }
}

impl FileLayer for SimDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let mut state = self.state.lock();
        let run = state.run;
        state.alive(run)?;
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change(Change::Set(path.to_owned(), inode));
        Ok(Arc::new(SimFile { disk: self.clone(), inode, run }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let state = self.state.lock();
        Ok(Arc::new(SimFile { disk: self.clone(), inode: state.find(path)?, run: state.run }))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let run = state.run;
        state.alive(run)?;
        state.find(path)?;
        state.change(Change::Unset(path.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let run = state.run;
        state.alive(run)?;
        let inode = state.find(from)?;
        state.change(Change::Move(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let run = state.run;
        state.alive(run)?;
        let (here, elsewhere) = std::mem::take(&mut state.changes).into_iter().partition(|c| c.is_in(dir));
        state.changes = elsewhere;
        let here: Vec<Change> = here;
        for change in here {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.state.lock();
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_owned(), run: state.run }))
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.run == self.run {
            state.locks.remove(&self.path);
        }
    }
}
