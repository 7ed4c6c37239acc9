//! What goes in comes out, before and after a restart.

use bytes::Bytes;

use super::super::{GroupState, RealFiles, Upkeep, Wal, WalConfig, WalError, WalFailure, WalOp};
use super::{config, entry, expected, open_real, read_all};

#[test]
fn every_kind_of_step_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    let bytes = Bytes::from_static;
    wal.submit_and_wait(1, vec![WalOp::Vote(bytes(b"v1")), entry(0, "a"), entry(1, "b"), entry(2, "c")])
        .unwrap();
    wal.submit_and_wait(1, vec![WalOp::TruncateAfter(Some(1)), entry(2, "C"), entry(3, "D"), entry(4, "E")])
        .unwrap();
    wal.submit_and_wait(1, vec![WalOp::Purge { upto: 1, last: bytes(b"id1") }, WalOp::Vote(bytes(b"v2"))])
        .unwrap();
    wal.submit_and_wait(1, vec![WalOp::Committed(bytes(b"c3"))]).unwrap();
    wal.submit_and_wait(2, vec![entry(7, "x"), WalOp::TruncateAfter(None)]).unwrap();
    wal.submit_and_wait(3, vec![entry(1, "gone"), WalOp::Vote(bytes(b"gone"))]).unwrap();
    wal.submit_and_wait(3, vec![WalOp::Drop]).unwrap();
    let state = GroupState {
        vote: Some(bytes(b"v2")),
        committed: Some(bytes(b"c3")),
        purged: Some((1, bytes(b"id1"))),
        first: Some(2),
        last: Some(4),
    };
    let check = |wal: &Wal| {
        assert_eq!(wal.state(1), state);
        assert_eq!(read_all(wal, 1), expected(&[(2, "C"), (3, "D"), (4, "E")]));
        assert_eq!(wal.read(1, 3..4).unwrap(), vec![(3, bytes(b"D"))]);
        assert_eq!((wal.bytes(1), wal.bytes(2), wal.bytes(3)), (3, 0, 0));
        assert_eq!(wal.groups(), vec![1, 2]);
        assert_eq!((wal.state(2), wal.state(3)), (GroupState::default(), GroupState::default()));
    };
    check(&wal);
    drop(wal);
    check(&open_real(dir.path()));
}

#[test]
fn an_entry_out_of_order_is_refused_and_nothing_of_its_submission_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    wal.submit_and_wait(1, vec![entry(5, "a")]).unwrap();
    for index in [0, 4, 5, 7] {
        let refused = wal.submit_and_wait(1, vec![WalOp::Vote(Bytes::from_static(b"v")), entry(index, "x")]);
        assert_eq!(refused, Err(WalFailure::OutOfOrder { group: 1, index, last: Some(5) }));
    }
    let purge = WalOp::Purge { upto: 9, last: Bytes::new() };
    assert!(wal.submit_and_wait(1, vec![purge.clone(), entry(9, "x")]).is_err());
    assert_eq!(wal.state(1).vote, None);
    assert_eq!(read_all(&wal, 1), expected(&[(5, "a")]));
    wal.submit_and_wait(1, vec![purge, entry(10, "b")]).unwrap();
    assert_eq!(read_all(&wal, 1), expected(&[(10, "b")]));
}

#[test]
fn a_second_opening_of_a_directory_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    let second = Wal::open(config(dir.path()), std::sync::Arc::new(RealFiles));
    assert!(matches!(second, Err(WalError::Locked(_))));
    drop(wal);
    open_real(dir.path());
}

#[test]
fn a_closed_log_refuses_and_reopens() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    wal.submit(1, vec![entry(1, "a")], |_| {});
    wal.close().unwrap();
    assert_eq!(wal.submit_and_wait(1, vec![entry(2, "b")]), Err(WalFailure::Closed));
    assert_eq!(wal.flush(), Err(WalFailure::Closed));
    assert_eq!(read_all(&open_real(dir.path()), 1), expected(&[(1, "a")]));
}

#[test]
fn entries_beyond_the_cache_are_read_back_from_their_segments() {
    let dir = tempfile::tempdir().unwrap();
    let settings = WalConfig { cache_bytes: 100, upkeep: Upkeep::Background, ..config(dir.path()) };
    let (wal, _) = Wal::open(settings, std::sync::Arc::new(RealFiles)).unwrap();
    let text = |index: u64| format!("{index}-{}", "x".repeat(2000));
    for index in 1..=200 {
        wal.submit(1, vec![entry(index, &text(index))], |done| assert_eq!(done, Ok(())));
        if index % 10 == 0 {
            wal.flush().unwrap();
        }
    }
    assert!(wal.segments().1 > 3, "the entries fill several segments");
    let all: Vec<_> = (1..=200).map(|index| (index, text(index))).collect();
    assert_eq!(read_all(&wal, 1), all);
    drop(wal);
    assert_eq!(read_all(&open_real(dir.path()), 1), all);
}

#[test]
fn many_submitters_share_syncs_and_keep_their_orders() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    std::thread::scope(|scope| {
        for group in 0..16 {
            let wal = wal.clone();
            scope.spawn(move || {
                for index in 1..=50 {
                    wal.submit_and_wait(group, vec![entry(index, &format!("{group}.{index}"))]).unwrap();
                }
            });
        }
    });
    assert!(wal.batches() < 16 * 50 / 2, "{} syncs for 800 submissions", wal.batches());
    drop(wal);
    let wal = open_real(dir.path());
    for group in 0..16 {
        let all: Vec<_> = (1..=50).map(|index| (index, format!("{group}.{index}"))).collect();
        assert_eq!(read_all(&wal, group), all);
    }
}

#[test]
fn callbacks_run_in_the_order_of_submission() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    let (tell, told) = std::sync::mpsc::channel();
    for index in 1..=300 {
        let tell = tell.clone();
        wal.submit(u32::try_from(index % 3).unwrap(), vec![WalOp::Vote(Bytes::new())], move |done| {
            done.unwrap();
            tell.send(index).unwrap();
        });
    }
    drop(tell);
    wal.flush().unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>());
}

#[test]
fn a_committed_hint_rides_along_and_wakes_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open_real(dir.path());
    wal.submit(1, vec![WalOp::Committed(Bytes::from_static(b"c"))], |_| {});
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert_eq!(wal.batches(), 0);
    wal.submit_and_wait(2, vec![entry(1, "a")]).unwrap();
    assert_eq!(wal.batches(), 1);
    drop(wal);
    assert_eq!(open_real(dir.path()).state(1).committed, Some(Bytes::from_static(b"c")));
}

#[test]
fn an_idle_log_adds_one_empty_batch() {
    let dir = tempfile::tempdir().unwrap();
    let after = std::time::Duration::from_millis(5);
    let settings = WalConfig { idle_batch: Some(after), ..config(dir.path()) };
    let (wal, _) = Wal::open(settings, std::sync::Arc::new(RealFiles)).unwrap();
    wal.submit_and_wait(1, vec![entry(1, "a")]).unwrap();
    let begun = std::time::Instant::now();
    while wal.batches() < 2 && begun.elapsed().as_secs() < 10 {
        std::thread::sleep(after);
    }
    std::thread::sleep(after * 10);
    assert_eq!(wal.batches(), 2);
}
