//! The real calls, made directly to the kernel so that none of them is seen twice.

use libc::{c_char, c_int, c_void, iovec, mode_t, off_t, size_t, ssize_t};

macro_rules! kernel {
    ($name:ident, $number:ident, $answer:ty, $($argument:ident: $kind:ty),*) => {
        pub(crate) unsafe fn $name($($argument: $kind),*) -> $answer {
            unsafe { libc::syscall(libc::$number, $($argument),*) as $answer }
        }
    };
}

pub(crate) unsafe fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

kernel!(openat, SYS_openat, c_int, dir: c_int, path: *const c_char, flags: c_int, mode: mode_t);
kernel!(close, SYS_close, c_int, fd: c_int);
kernel!(write, SYS_write, ssize_t, fd: c_int, data: *const c_void, length: size_t);
kernel!(writev, SYS_writev, ssize_t, fd: c_int, parts: *const iovec, count: c_int);
kernel!(pwrite, SYS_pwrite64, ssize_t, fd: c_int, data: *const c_void, length: size_t, at: off_t);
kernel!(pread, SYS_pread64, ssize_t, fd: c_int, data: *mut c_void, length: size_t, at: off_t);
kernel!(ftruncate, SYS_ftruncate, c_int, fd: c_int, length: off_t);
kernel!(fallocate, SYS_fallocate, c_int, fd: c_int, mode: c_int, at: off_t, length: off_t);
kernel!(fsync, SYS_fsync, c_int, fd: c_int);
kernel!(fdatasync, SYS_fdatasync, c_int, fd: c_int);
kernel!(rename, SYS_rename, c_int, from: *const c_char, to: *const c_char);
kernel!(unlink, SYS_unlink, c_int, path: *const c_char);
kernel!(unlinkat, SYS_unlinkat, c_int, dir: c_int, path: *const c_char, flags: c_int);
kernel!(link, SYS_link, c_int, from: *const c_char, to: *const c_char);
