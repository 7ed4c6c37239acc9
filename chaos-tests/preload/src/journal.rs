//! The undo journal: one record before each change that a power cut could take back.
//!
//! A record is one line of text, then (for a write) the bytes overwritten:
//! `W ino offset old_size kept` + `kept` bytes · `T ino old_size kept` + bytes cut off · `C path` created ·
//! `R from to backup|-` renamed · `U path backup` unlinked · `S ino` file synced · `D path` directory synced.

use std::ffi::CString;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libc::{c_int, off_t, size_t};

use crate::next;

pub(crate) struct Journal;

struct Settings {
    root: String,
    journal: String,
    nosync: Option<String>,
}

static LOCK: Mutex<()> = Mutex::new(());
static FD: AtomicI32 = AtomicI32::new(-1);
static BACKUPS: AtomicU64 = AtomicU64::new(0);

fn settings() -> Option<&'static Settings> {
    static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();
    SETTINGS
        .get_or_init(|| {
            Some(Settings {
                root: std::env::var("LACUNA_POWERCUT_ROOT").ok()?,
                journal: std::env::var("LACUNA_POWERCUT_JOURNAL").ok()?,
                nosync: std::env::var("LACUNA_POWERCUT_NOSYNC").ok(),
            })
        })
        .as_ref()
}

struct FileState {
    inode: u64,
    size: u64,
    directory: bool,
}

fn state_of(fd: c_int) -> Option<FileState> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    let stat = unsafe {
        if libc::fstat(fd, stat.as_mut_ptr()) != 0 {
            return None;
        }
        stat.assume_init()
    };
    let kind = stat.st_mode & libc::S_IFMT;
    (kind == libc::S_IFREG || kind == libc::S_IFDIR).then_some(FileState {
        inode: stat.st_ino,
        size: stat.st_size as u64,
        directory: kind == libc::S_IFDIR,
    })
}

/// The path of a descriptor, if it lies below the watched root.
fn watched_path(fd: c_int) -> Option<String> {
    let settings = settings()?;
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?.to_string_lossy().into_owned();
    path.starts_with(&settings.root).then_some(path)
}

fn append(record: &[u8]) {
    let Some(settings) = settings() else { return };
    let mut fd = FD.load(Ordering::Acquire);
    if fd < 0 {
        let Ok(path) = CString::new(settings.journal.as_str()) else { return };
        fd = unsafe { next::open(path.as_ptr(), libc::O_CREAT | libc::O_APPEND | libc::O_WRONLY, 0o600) };
        FD.store(fd, Ordering::Release);
    }
    let mut rest = record;
    while !rest.is_empty() {
        let written = unsafe { next::write(fd, rest.as_ptr().cast(), rest.len()) };
        if written <= 0 {
            // A journal that can't be written would make the test lie: end the process instead.
            std::process::abort();
        }
        rest = &rest[written as usize..];
    }
}

/// The bytes of a file in a range, as far as they exist; read through a descriptor of our own, since the
/// caller's may be open for writing only.
fn bytes_of(fd: c_int, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let Ok(path) = CString::new(format!("/proc/self/fd/{fd}")) else { return Vec::new() };
    let reader = unsafe { next::open(path.as_ptr(), libc::O_RDONLY, 0) };
    let mut got = 0;
    while got < length {
        let read = unsafe {
            next::pread(reader, bytes[got..].as_mut_ptr().cast(), length - got, (at + got as u64) as off_t)
        };
        if read <= 0 {
            break;
        }
        got += read as usize;
    }
    unsafe { next::close(reader) };
    bytes.truncate(got);
    bytes
}

fn backup_of(path: &str) -> String {
    let Some(settings) = settings() else { return "-".to_owned() };
    let number = BACKUPS.fetch_add(1, Ordering::Relaxed);
    let backup = format!("{}.{}.{number}", settings.journal, std::process::id());
    let (Ok(from), Ok(to)) = (CString::new(path), CString::new(backup.as_str())) else {
        return "-".to_owned();
    };
    if unsafe { next::link(from.as_ptr(), to.as_ptr()) } == 0 { backup } else { "-".to_owned() }
}

type Held = MutexGuard<'static, ()>;

impl Journal {
    pub(crate) fn lock() -> Held {
        LOCK.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watches(path: &str) -> bool {
        settings().is_some_and(|settings| path.starts_with(&settings.root))
    }

    pub(crate) fn exists(path: &str) -> bool {
        CString::new(path).is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::F_OK) } == 0)
    }

    pub(crate) fn path_at(dir: c_int, name: &str) -> Option<String> {
        if name.starts_with('/') {
            Some(name.to_owned())
        } else {
            watched_path(dir).map(|dir| format!("{dir}/{name}"))
        }
    }

    pub(crate) fn created(path: &str) {
        append(format!("C {path}\n").as_bytes());
    }

    /// A file about to be cut to `length` by its path (`O_TRUNC`).
    pub(crate) fn truncating_path(path: &str, length: u64) {
        let Ok(name) = CString::new(path) else { return };
        let fd = unsafe { next::open(name.as_ptr(), libc::O_RDONLY, 0) };
        if fd >= 0 {
            note_truncate(fd, length);
            unsafe { next::close(fd) };
        }
    }

    /// Notes what a write will overwrite; `None` = at the descriptor's position.
    pub(crate) unsafe fn before_write(fd: c_int, at: Option<off_t>, length: size_t) -> Option<Held> {
        watched_path(fd)?;
        let held = Self::lock();
        let state = state_of(fd)?;
        let appends = unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_APPEND != 0;
        let at = match at {
            Some(at) => at as u64,
            None if appends => state.size,
            None => (unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) }) as u64,
        };
        let kept = state.size.saturating_sub(at).min(length as u64) as usize;
        let old = bytes_of(fd, at, kept);
        let mut record = String::new();
        let _ = writeln!(record, "W {} {at} {} {}", state.inode, state.size, old.len());
        let mut record = record.into_bytes();
        record.extend(old);
        append(&record);
        Some(held)
    }

    pub(crate) unsafe fn before_truncate(fd: c_int, length: off_t) -> Option<Held> {
        watched_path(fd)?;
        let held = Self::lock();
        note_truncate(fd, length as u64);
        Some(held)
    }

    pub(crate) fn before_rename(from: &str, to: &str) -> Held {
        let held = Self::lock();
        let backup = if Self::exists(to) { backup_of(to) } else { "-".to_owned() };
        append(format!("R {from} {to} {backup}\n").as_bytes());
        held
    }

    pub(crate) fn before_unlink(path: &str) -> Held {
        let held = Self::lock();
        append(format!("U {path} {}\n", backup_of(path)).as_bytes());
        held
    }

    /// Syncs, then notes it: only a sync that answered covers anything.
    pub(crate) unsafe fn around_sync(fd: c_int, sync: impl FnOnce() -> c_int) -> c_int {
        let Some(path) = watched_path(fd) else { return sync() };
        let off = settings().and_then(|settings| settings.nosync.as_deref());
        if off.is_some_and(|text| path.contains(text)) {
            return 0;
        }
        // Held throughout: a write that begins during the sync isn't covered by it, and must stand behind it.
        let _held = Self::lock();
        let answer = sync();
        if answer == 0
            && let Some(state) = state_of(fd)
        {
            let record = if state.directory { format!("D {path}\n") } else { format!("S {}\n", state.inode) };
            append(record.as_bytes());
        }
        answer
    }
}

fn note_truncate(fd: c_int, length: u64) {
    let Some(state) = state_of(fd) else { return };
    let old = bytes_of(fd, length, state.size.saturating_sub(length) as usize);
    let mut record = format!("T {} {} {}\n", state.inode, state.size, old.len()).into_bytes();
    record.extend(old);
    append(&record);
}
