//! A power cut for real processes (reliability programme, fault D3).
//!
//! Preloaded into a node (`LD_PRELOAD`), it notes, before each write below `LACUNA_POWERCUT_ROOT`, what the write
//! will overwrite, and each sync that makes earlier writes last. After the process is killed the harness rolls
//! back what no sync covered (`chaos-tests/src/powercut.rs` reads the journal). Only functions of libc that the
//! product reaches are stood in for; the journal is written with raw system calls, so that it isn't seen itself.
//!
//! `LACUNA_POWERCUT_JOURNAL` names the journal; `LACUNA_POWERCUT_NOSYNC=text` makes syncs of files whose path
//! holds the text count for nothing: the planted bug that the test must catch.

mod journal;
mod next;

use std::ffi::CStr;

use libc::{c_char, c_int, c_void, iovec, mode_t, off_t, size_t, ssize_t};

use journal::Journal;

/// The path behind a C string, if it is text.
unsafe fn text<'a>(path: *const c_char) -> Option<&'a str> {
    if path.is_null() { None } else { unsafe { CStr::from_ptr(path) }.to_str().ok() }
}

unsafe fn opened(path: *const c_char, flags: c_int, call: impl FnOnce() -> c_int) -> c_int {
    let path = unsafe { text(path) };
    let Some(path) = path.filter(|path| Journal::watches(path)) else { return call() };
    let _held = Journal::lock();
    let fresh = flags & libc::O_CREAT != 0 && !Journal::exists(path);
    if flags & libc::O_TRUNC != 0 && !fresh {
        Journal::truncating_path(path, 0);
    }
    let fd = call();
    if fd >= 0 && fresh {
        Journal::created(path);
    }
    fd
}

/// See open(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { opened(path, flags, || next::open(path, flags, mode)) }
}

/// See open(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { opened(path, flags, || next::open(path, flags, mode)) }
}

/// See openat(2); paths relative to a descriptor are not used by the product and are not watched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { opened(path, flags, || next::openat(dir, path, flags, mode)) }
}

/// See openat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { opened(path, flags, || next::openat(dir, path, flags, mode)) }
}

/// See write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
    let _held = unsafe { Journal::before_write(fd, None, length) };
    unsafe { next::write(fd, data, length) }
}

/// See writev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    let length = (0..count as usize).map(|at| unsafe { (*parts.add(at)).iov_len }).sum();
    let _held = unsafe { Journal::before_write(fd, None, length) };
    unsafe { next::writev(fd, parts, count) }
}

/// See pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, data: *const c_void, length: size_t, at: off_t) -> ssize_t {
    let _held = unsafe { Journal::before_write(fd, Some(at), length) };
    unsafe { next::pwrite(fd, data, length, at) }
}

/// See pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, data: *const c_void, length: size_t, at: off_t) -> ssize_t {
    let _held = unsafe { Journal::before_write(fd, Some(at), length) };
    unsafe { next::pwrite(fd, data, length, at) }
}

/// See ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    let _held = unsafe { Journal::before_truncate(fd, length) };
    unsafe { next::ftruncate(fd, length) }
}

/// See ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    let _held = unsafe { Journal::before_truncate(fd, length) };
    unsafe { next::ftruncate(fd, length) }
}

/// See fallocate(2): without content; only the size is noted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate64(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    let _held = unsafe { Journal::before_write(fd, Some(at), length as size_t) };
    unsafe { next::fallocate(fd, mode, at, length) }
}

/// See fallocate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    let _held = unsafe { Journal::before_write(fd, Some(at), length as size_t) };
    unsafe { next::fallocate(fd, mode, at, length) }
}

/// See fsync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    unsafe { Journal::around_sync(fd, || next::fsync(fd)) }
}

/// See fdatasync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    unsafe { Journal::around_sync(fd, || next::fdatasync(fd)) }
}

/// See rename(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let _held = match unsafe { (text(from), text(to)) } {
        (Some(from), Some(to)) if Journal::watches(to) => Some(Journal::before_rename(from, to)),
        _ => None,
    };
    unsafe { next::rename(from, to) }
}

/// See unlink(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let _held = unsafe { text(path) }.filter(|path| Journal::watches(path)).map(Journal::before_unlink);
    unsafe { next::unlink(path) }
}

/// See unlinkat(2): a file below a watched directory, as a recursive removal unlinks it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
    let _held = if flags & libc::AT_REMOVEDIR == 0 {
        unsafe { text(path) }
            .and_then(|name| Journal::path_at(dir, name))
            .filter(|path| Journal::watches(path))
            .map(|path| Journal::before_unlink(&path))
    } else {
        None
    };
    unsafe { next::unlinkat(dir, path, flags) }
}
