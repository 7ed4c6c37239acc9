//! Old segments go, live entries stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;

use bytes::Bytes;

use super::super::sim::{Loss, SimDisk};
use super::super::{Pinned, RealFiles, Retire, Upkeep, Wal, WalConfig, WalOp};
use super::{config, entry, expected, read_all};

fn open(disk: &SimDisk, limit_bytes: u64) -> Wal {
    let settings = WalConfig { limit_bytes, ..config(Path::new("/sim")) };
    Wal::open(settings, Arc::new(disk.clone())).unwrap().0
}

fn segment_files(disk: &SimDisk) -> Vec<PathBuf> {
    disk.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
}

fn purge(upto: u64) -> WalOp {
    WalOp::Purge { upto, last: Bytes::from(format!("id{upto}")) }
}

/// Appends entries of 8 KiB.
fn fill(wal: &Wal, group: u32, indexes: std::ops::RangeInclusive<u64>) {
    for index in indexes {
        wal.submit_and_wait(group, vec![entry(index, &format!("{index:08}").repeat(1024))]).unwrap();
    }
}

#[test]
fn a_segment_goes_when_every_group_has_purged_past_it_and_votes_stay() {
    let disk = SimDisk::new();
    let wal = open(&disk, u64::MAX);
    wal.submit_and_wait(1, vec![WalOp::Vote(Bytes::from_static(b"v1"))]).unwrap();
    wal.submit_and_wait(2, vec![WalOp::Vote(Bytes::from_static(b"v2")), entry(1, "pin")]).unwrap();
    fill(&wal, 1, 1..=40);
    let active = wal.segments().1;
    assert!(active >= 5);
    wal.submit_and_wait(1, vec![purge(39)]).unwrap();
    assert_eq!(wal.segments(), (1, active), "group 2 needs segment 1");
    assert_eq!(wal.pinned_by(), Some(Pinned { group: 2, segment: 1, bytes: 3 }));
    wal.submit_and_wait(2, vec![purge(1)]).unwrap();
    assert_eq!((wal.segments(), wal.pinned_by()), ((active, active), None));
    // Files go after the callback; the writer has done it when it answers again.
    wal.flush().unwrap();
    assert_eq!(segment_files(&disk).len(), 1);
    drop(wal);
    let wal = open(&disk, u64::MAX);
    assert_eq!(wal.state(1).vote, Some(Bytes::from_static(b"v1")));
    assert_eq!(wal.state(1).purged, Some((39, Bytes::from_static(b"id39"))));
    assert_eq!((wal.state(1).first, wal.state(1).last), (Some(40), Some(40)));
    assert_eq!(wal.state(2).vote, Some(Bytes::from_static(b"v2")));
    assert_eq!(wal.state(2).purged, Some((1, Bytes::from_static(b"id1"))));
}

#[test]
fn a_lagging_group_is_copied_forward_once_the_log_is_too_long() {
    let disk = SimDisk::new();
    let wal = open(&disk, 256 << 10);
    wal.submit_and_wait(7, vec![WalOp::Vote(Bytes::from_static(b"v")), entry(1, "a"), entry(2, "b")])
        .unwrap();
    for index in 1..=100 {
        fill(&wal, 1, index..=index);
        wal.submit_and_wait(1, vec![purge(index - 1)]).unwrap();
        assert!(wal.total_bytes() <= (256 + 64) << 10, "{} bytes", wal.total_bytes());
    }
    assert!(wal.segments().0 > 1);
    assert_eq!(read_all(&wal, 7), expected(&[(1, "a"), (2, "b")]));
    wal.submit_and_wait(7, vec![WalOp::TruncateAfter(Some(1))]).unwrap();
    drop(wal);
    let wal = open(&disk, 256 << 10);
    assert_eq!(read_all(&wal, 7), expected(&[(1, "a")]), "a copied entry doesn't outlive a later truncation");
    assert_eq!(wal.state(7).vote, Some(Bytes::from_static(b"v")));
}

#[test]
fn a_log_full_of_live_entries_is_not_copied_round_and_round() {
    let disk = SimDisk::new();
    let wal = open(&disk, 100 << 10);
    fill(&wal, 1, 1..=60);
    assert_eq!(wal.segments().0, 1);
    assert!(wal.total_bytes() < 2 * wal.bytes(1));
    assert_eq!(wal.pinned_by().map(|pin| pin.group), Some(1));
}

#[test]
fn a_batch_larger_than_a_segment_gets_a_segment_of_its_size() {
    let disk = SimDisk::new();
    let wal = open(&disk, u64::MAX);
    let large = "L".repeat(300_000);
    wal.submit_and_wait(1, vec![entry(1, "a"), entry(2, &large), entry(3, "b")]).unwrap();
    fill(&wal, 1, 4..=12);
    drop(wal);
    let entries = read_all(&open(&disk, u64::MAX), 1);
    assert_eq!((entries.len(), &entries[1].1), (12, &large));
}

#[test]
fn a_rewrite_leaves_no_byte_of_what_was_purged_truncated_or_dropped() {
    for retire in [Retire::Unlink, Retire::ZeroThenUnlink] {
        let dir = tempfile::tempdir().unwrap();
        let settings = WalConfig { upkeep: Upkeep::Background, retire, ..config(dir.path()) };
        let (wal, _) = Wal::open(settings.clone(), Arc::new(RealFiles)).unwrap();
        wal.submit_and_wait(
            1,
            vec![entry(1, "canary-purged"), entry(2, "keep"), entry(3, "canary-truncated")],
        )
        .unwrap();
        wal.submit_and_wait(
            2,
            vec![entry(1, "canary-dropped"), WalOp::Vote(Bytes::from_static(b"canary-vote"))],
        )
        .unwrap();
        let found = |word: &str| {
            let names = std::fs::read_dir(dir.path().join("wal")).unwrap();
            let contents = names.map(|name| std::fs::read(name.unwrap().path()).unwrap());
            contents.filter(|bytes| bytes.windows(word.len()).any(|w| w == word.as_bytes())).count()
        };
        assert!(found("canary") > 0);
        wal.submit(1, vec![purge(1), WalOp::TruncateAfter(Some(2))], |_| {});
        wal.submit(2, vec![WalOp::Drop], |_| {});
        let (tell, told) = channel();
        wal.rewrite(move |done| tell.send(done).unwrap());
        told.recv().unwrap().unwrap();
        assert_eq!((found("canary"), found("keep")), (0, 1));
        assert_eq!(wal.segments(), (2, 2));
        drop(wal);
        let (wal, _) = Wal::open(settings, Arc::new(RealFiles)).unwrap();
        assert_eq!(read_all(&wal, 1), expected(&[(2, "keep")]));
        assert_eq!(wal.groups(), vec![1]);
    }
}

#[test]
fn a_checkpoint_frees_a_group_of_its_old_segment() {
    let disk = SimDisk::new();
    let wal = open(&disk, u64::MAX);
    wal.submit_and_wait(9, vec![entry(1, "a"), entry(2, "b")]).unwrap();
    fill(&wal, 1, 1..=20);
    wal.submit_and_wait(1, vec![purge(19)]).unwrap();
    let (tell, told) = channel();
    wal.checkpoint(9, move |done| tell.send(done).unwrap());
    told.recv().unwrap().unwrap();
    wal.flush().unwrap();
    assert_eq!(wal.segments().0, wal.segments().1);
    wal.submit_and_wait(9, vec![entry(3, "c")]).unwrap();
    drop(wal);
    assert_eq!(read_all(&open(&disk, u64::MAX), 9), expected(&[(1, "a"), (2, "b"), (3, "c")]));
}

/// Entries 1 to 3 in an old segment, copied forward by a checkpoint; 2 and 3 are truncated right after it, and 2 is
/// replaced. Gives whether the replacement was acknowledged.
fn copy_then_truncate(wal: &Wal, waits: bool) -> bool {
    let (tell, told) = channel();
    wal.checkpoint(9, move |done| drop(tell.send(done)));
    if waits {
        drop(told.recv());
    }
    wal.submit_and_wait(9, vec![WalOp::TruncateAfter(Some(1)), entry(2, "B")]).is_ok()
}

#[test]
fn a_copied_entry_does_not_outlive_a_later_truncation_wherever_power_goes() {
    let (before, after) = (expected(&[(1, "a"), (2, "b"), (3, "c")]), expected(&[(1, "a"), (2, "B")]));
    let settings = || WalConfig { on_failure: Arc::new(|_| {}), ..config(Path::new("/sim")) };
    let mut seen = [0, 0];
    for (waits, loss) in [(true, Loss::All), (false, Loss::All), (true, Loss::Some), (false, Loss::Some)] {
        for operations in 0..16 {
            let disk = SimDisk::new();
            let (wal, _) = Wal::open(settings(), Arc::new(disk.clone())).unwrap();
            wal.submit_and_wait(9, vec![entry(1, "a"), entry(2, "b"), entry(3, "c")]).unwrap();
            fill(&wal, 1, 1..=20);
            wal.submit_and_wait(1, vec![purge(19)]).unwrap();
            assert_eq!(wal.segments().0, 1, "only the old entries hold the first segment");
            disk.stop_after(operations);
            let acknowledged = copy_then_truncate(&wal, waits);
            disk.stop_after(0);
            drop(wal);
            disk.cut_power(loss, operations);
            let now = read_all(&Wal::open(settings(), Arc::new(disk.clone())).unwrap().0, 9);
            let what = format!("waits {waits}, {loss:?}, cut after {operations}: {now:?}");
            assert!(now == after || (!acknowledged && now == before), "{what}");
            seen[usize::from(acknowledged)] += 1;
            // And once more: what was found is what stays.
            assert_eq!(read_all(&Wal::open(settings(), Arc::new(disk.clone())).unwrap().0, 9), now, "{what}");
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "cuts before and after the answer: {seen:?}");
}

#[test]
fn segments_whose_unlinking_was_interrupted_go_at_the_next_opening() {
    let disk = SimDisk::new();
    let wal = open(&disk, u64::MAX);
    fill(&wal, 1, 1..=20);
    drop(wal);
    let before = disk.copy();
    let wal = open(&disk, u64::MAX);
    let active = wal.segments().1;
    wal.submit_and_wait(1, vec![purge(20)]).unwrap();
    drop(wal);
    // The old segments come back, as if the process had died between the purge's sync and the unlinking.
    let files: &dyn super::super::FileLayer = &disk;
    for path in segment_files(&before).into_iter().filter(|path| disk.bytes(path).is_none()) {
        files.create(&path).unwrap().write_at(&before.bytes(&path).unwrap(), 0).unwrap();
    }
    assert!(segment_files(&disk).len() > 1);
    let wal = open(&disk, u64::MAX);
    assert_eq!((wal.segments(), read_all(&wal, 1).len()), ((active, active), 0));
    assert_eq!(segment_files(&disk).len(), 1);
}
