//! R1: the first failed write or sync is the last thing the log does.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::sim::{Loss, SimDisk, Trouble};
use super::super::{Retire, Upkeep, Wal, WalConfig, WalFailure, WalOp};
use super::{config, entry, read_all};

const DIR: &str = "/sim";

fn open(disk: &SimDisk) -> (Wal, Arc<Mutex<Vec<String>>>) {
    open_with(disk, Retire::Unlink)
}

fn open_with(disk: &SimDisk, retire: Retire) -> (Wal, Arc<Mutex<Vec<String>>>) {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let told = reasons.clone();
    let on_failure = Arc::new(move |reason: &str| told.lock().push(reason.to_owned()));
    let settings = WalConfig { retire, on_failure, ..config(Path::new(DIR)) };
    (Wal::open(settings, Arc::new(disk.clone())).unwrap().0, reasons)
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_the_node_is_told_once() {
    for trouble in [Trouble::Io, Trouble::Full] {
        let disk = SimDisk::new();
        let (wal, reasons) = open(&disk);
        wal.submit_and_wait(1, vec![entry(1, "kept")]).unwrap();
        disk.fail_sync(1, trouble);
        assert!(matches!(wal.submit_and_wait(1, vec![entry(2, "lost")]), Err(WalFailure::Failed(_))));
        // The disk is well again, as after a real one; the log isn't.
        for _ in 0..3 {
            assert!(matches!(
                wal.submit_and_wait(1, vec![WalOp::Vote(Bytes::new())]),
                Err(WalFailure::Failed(_))
            ));
        }
        assert!(wal.flush().is_err() && wal.close().is_err());
        assert_eq!(reasons.lock().len(), 1);
        drop(wal);
        disk.cut_power(Loss::Some, 1);
        assert_eq!(read_all(&open(&disk).0, 1)[..], super::expected(&[(1, "kept")]));
    }
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_and_what_was_before_survives() {
    let disk = SimDisk::new();
    let (wal, reasons) = open(&disk);
    wal.submit_and_wait(1, vec![entry(1, "kept")]).unwrap();
    disk.fail_write(1, Trouble::Full);
    let (tell, told) = std::sync::mpsc::channel();
    for index in 2..=6 {
        let tell = tell.clone();
        wal.submit(1, vec![entry(index, "lost")], move |done| tell.send(done).unwrap());
    }
    drop(tell);
    let answers: Vec<_> = told.iter().collect();
    assert_eq!(answers.len(), 5, "every callback runs");
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(reasons.lock().len(), 1);
    drop(wal);
    assert_eq!(read_all(&open(&disk).0, 1), super::expected(&[(1, "kept")]));
}

#[test]
fn a_full_disk_while_preparing_a_segment_ahead_is_no_failure_yet() {
    let disk = SimDisk::new();
    let settings = WalConfig { upkeep: Upkeep::Background, ..config(Path::new(DIR)) };
    // Of a new log's writes the first two make segment 1, the third begins segment 2, ahead.
    disk.fail_write(3, Trouble::Full);
    let (wal, _) = Wal::open(settings, Arc::new(disk.clone())).unwrap();
    while disk.writes() < 3 {
        std::thread::yield_now();
    }
    for index in 1..=10 {
        wal.submit_and_wait(1, vec![entry(index, &"x".repeat(20_000))]).unwrap();
    }
    assert!(wal.segments().1 >= 3);
}

#[test]
fn a_segment_that_cannot_be_zeroed_ends_the_log() {
    let disk = SimDisk::new();
    let (wal, reasons) = open_with(&disk, Retire::ZeroThenUnlink);
    for index in 1..=10 {
        wal.submit_and_wait(1, vec![entry(index, &"x".repeat(20_000))]).unwrap();
    }
    // The next write is the purge's batch, the one after it the first zeros.
    disk.fail_write(2, Trouble::Io);
    wal.submit_and_wait(1, vec![WalOp::Purge { upto: 10, last: Bytes::new() }]).unwrap();
    assert!(matches!(wal.flush(), Err(WalFailure::Failed(_))));
    assert_eq!(reasons.lock().len(), 1);
    drop(wal);
    let (wal, _) = open_with(&disk, Retire::ZeroThenUnlink);
    assert_eq!(wal.state(1).purged, Some((10, Bytes::new())));
    assert_eq!(wal.segments().0, wal.segments().1);
}

#[test]
fn a_failing_new_segment_ends_the_log() {
    let disk = SimDisk::new();
    let (wal, reasons) = open(&disk);
    wal.submit_and_wait(1, vec![entry(1, "kept")]).unwrap();
    disk.fail_write(1, Trouble::Full);
    assert!(wal.submit_and_wait(1, vec![entry(2, &"x".repeat(100_000))]).is_err());
    assert_eq!(reasons.lock().len(), 1);
    assert!(reasons.lock()[0].contains("new segment"));
    drop(wal);
    assert_eq!(read_all(&open(&disk).0, 1), super::expected(&[(1, "kept")]));
}
