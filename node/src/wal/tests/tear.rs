//! A torn end is cut; damage anywhere else is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::super::frame::{SECTOR, u64_at};
use super::super::sim::SimDisk;
use super::super::{Recovered, Wal, WalError, WalOp};
use super::{config, entry, read_all};

const DIR: &str = "/sim";

fn open(disk: &SimDisk) -> Result<(Wal, Recovered), WalError> {
    Wal::open(config(Path::new(DIR)), Arc::new(disk.clone()))
}

fn segment(number: u64) -> PathBuf {
    Path::new(DIR).join("wal").join(super::super::segment::file_name(number))
}

/// Five batches, the last one long; each of them adds an entry and a vote.
fn five_batches() -> SimDisk {
    let disk = SimDisk::new();
    let (wal, recovered) = open(&disk).unwrap();
    assert!(recovered.fresh);
    for index in 1..=5 {
        let text = format!("entry {index} {}", "y".repeat(if index == 5 { 700 } else { 40 }));
        wal.submit_and_wait(1, vec![entry(index, &text), WalOp::Vote(Bytes::from(format!("v{index}")))])
            .unwrap();
    }
    drop(wal);
    disk
}

/// Offsets of the batches in a segment.
fn starts(bytes: &[u8]) -> Vec<usize> {
    (SECTOR as usize..bytes.len())
        .step_by(SECTOR as usize)
        .filter(|at| &bytes[*at..at + 4] == b"LcWB")
        .collect()
}

fn end(bytes: &[u8], start: usize) -> usize {
    start + super::super::frame::BATCH_HEADER + u64_at(bytes, start + 48) as usize
}

/// Which entry is the last one, having checked that all before it are there with the vote that came with it.
fn last_entry(wal: &Wal) -> u64 {
    let entries = read_all(wal, 1);
    let last = entries.len() as u64;
    assert!(
        entries
            .iter()
            .zip(1..)
            .all(|((index, text), n)| *index == n && text.starts_with(&format!("entry {n} ")))
    );
    assert_eq!(wal.state(1).vote, (last > 0).then(|| Bytes::from(format!("v{last}"))));
    last
}

#[test]
fn a_log_cut_at_every_byte_of_its_last_batch_recovers_to_the_batch_before() {
    let disk = five_batches();
    let bytes = disk.bytes(&segment(1)).unwrap();
    let start = *starts(&bytes).last().unwrap();
    let stop = end(&bytes, start);
    for cut in start..=stop {
        let torn = disk.copy();
        torn.damage(&segment(1), |bytes| bytes[cut..].fill(0));
        let (wal, recovered) = open(&torn).unwrap();
        // The last byte of the last batch isn't zero, so only the uncut log is whole.
        let whole = cut == stop;
        assert_eq!(last_entry(&wal), if whole { 5 } else { 4 }, "cut at {cut}");
        assert_eq!(recovered.cut.is_some(), !whole && cut > start);
        if let Some(cut) = recovered.cut {
            assert_eq!((cut.segment, cut.offset as usize, cut.batch), (1, start, 5));
            assert!(
                torn.bytes(&segment(1)).unwrap()[start..].iter().all(|byte| *byte == 0),
                "the tail is zeroed"
            );
        }
        let next = last_entry(&wal) + 1;
        let more =
            vec![entry(next, &format!("entry {next} new")), WalOp::Vote(Bytes::from(format!("v{next}")))];
        wal.submit_and_wait(1, more).unwrap();
        drop(wal);
        assert_eq!(last_entry(&open(&torn).unwrap().0), next);
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_batch_is_corruption_and_in_the_last_one_a_tear() {
    let disk = five_batches();
    let bytes = disk.bytes(&segment(1)).unwrap();
    let starts = starts(&bytes);
    for (n, start) in starts.iter().copied().enumerate() {
        for bit in (start * 8..end(&bytes, start) * 8).step_by(5) {
            let hurt = disk.copy();
            hurt.damage(&segment(1), |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            match open(&hurt) {
                Ok((wal, recovered)) => {
                    assert_eq!(n, 4, "bit {bit} of batch {} went unnoticed", n + 1);
                    assert_eq!((last_entry(&wal), recovered.cut.unwrap().batch), (4, 5));
                }
                Err(error @ WalError::Corrupt { segment: 1, offset, batch, .. }) => {
                    assert!(n < 4, "bit {bit} of the last batch: {error}");
                    assert_eq!((offset as usize, batch), (start, n as u64 + 1));
                    assert!(error.to_string().contains("come back as a learner"));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_zeroed_page_over_an_earlier_batch_is_corruption() {
    let disk = five_batches();
    let starts = starts(&disk.bytes(&segment(1)).unwrap());
    disk.damage(&segment(1), |bytes| bytes[starts[1]..starts[3]].fill(0));
    assert!(matches!(open(&disk), Err(WalError::Corrupt { segment: 1, batch: 2, .. })));
}

#[test]
fn damage_that_spares_only_the_head_of_a_later_batch_is_still_corruption() {
    let disk = five_batches();
    let starts = starts(&disk.bytes(&segment(1)).unwrap());
    disk.damage(&segment(1), |bytes| {
        bytes[starts[3] + 70] ^= 1;
        bytes[starts[4] + 100..].fill(0);
    });
    assert!(matches!(open(&disk), Err(WalError::Corrupt { segment: 1, batch: 4, .. })));
}

/// A log of several segments.
fn several_segments() -> SimDisk {
    let disk = SimDisk::new();
    let (wal, _) = open(&disk).unwrap();
    for index in 1..=20 {
        wal.submit_and_wait(1, vec![entry(index, &"z".repeat(10_000))]).unwrap();
    }
    assert!(wal.segments().1 >= 4);
    drop(wal);
    disk
}

#[test]
fn the_last_batch_of_an_earlier_segment_is_not_the_last_batch() {
    let disk = several_segments();
    let last = *starts(&disk.bytes(&segment(1)).unwrap()).last().unwrap();
    disk.damage(&segment(1), |bytes| bytes[last + 200] ^= 4);
    assert!(
        matches!(open(&disk), Err(WalError::Corrupt { segment: 1, offset, .. }) if offset as usize == last)
    );
}

/// A log whose last batch is the first one of segment 2.
fn just_rotated() -> SimDisk {
    let disk = SimDisk::new();
    let (wal, _) = open(&disk).unwrap();
    for index in 1..=7 {
        wal.submit_and_wait(1, vec![entry(index, &"z".repeat(10_000))]).unwrap();
    }
    assert_eq!(wal.segments().1, 2);
    drop(wal);
    assert_eq!(starts(&disk.bytes(&segment(2)).unwrap()).len(), 1);
    disk
}

#[test]
fn a_tear_across_a_rotation_is_cut_and_leaves_no_byte() {
    let disk = just_rotated();
    disk.damage(&segment(2), |bytes| bytes[3000] ^= 1);
    let (wal, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.cut.map(|cut| (cut.segment, cut.offset, cut.batch)), Some((2, SECTOR, 7)));
    assert_eq!(read_all(&wal, 1).len(), 6);
    assert!(disk.bytes(&segment(2)).unwrap()[SECTOR as usize..].iter().all(|byte| *byte == 0));
    // A short batch goes where segment 1 has room, the next long one into segment 2 again.
    wal.submit_and_wait(1, vec![entry(7, "short")]).unwrap();
    wal.submit_and_wait(1, vec![entry(8, &"z".repeat(10_000))]).unwrap();
    assert_eq!(wal.segments(), (1, 2));
    drop(wal);
    assert_eq!(read_all(&open(&disk).unwrap().0, 1).len(), 8);
}

#[test]
fn the_head_of_a_new_segment_s_batch_shows_that_the_one_before_was_synced() {
    let disk = just_rotated();
    let last = *starts(&disk.bytes(&segment(1)).unwrap()).last().unwrap();
    disk.damage(&segment(1), |bytes| bytes[last + 200] ^= 4);
    disk.damage(&segment(2), |bytes| bytes[3000] ^= 1);
    assert!(matches!(open(&disk), Err(WalError::Corrupt { segment: 1, batch: 6, .. })));
}

#[test]
fn a_missing_segment_is_corruption() {
    for gone in [1, 2] {
        let disk = several_segments();
        super::super::FileLayer::unlink(&disk, &segment(gone)).unwrap();
        assert!(matches!(open(&disk), Err(WalError::Corrupt { segment, .. }) if segment == gone));
    }
}

#[test]
fn a_shortened_or_stale_segment_is_corruption() {
    let disk = several_segments();
    disk.damage(&segment(2), |bytes| bytes.truncate(30_000));
    assert!(matches!(open(&disk), Err(WalError::Corrupt { segment: 2, .. })));

    let disk = several_segments();
    let first = starts(&disk.bytes(&segment(2)).unwrap())[1];
    disk.damage(&segment(2), |bytes| bytes[first..].fill(0));
    assert!(
        matches!(open(&disk), Err(WalError::Corrupt { segment: 2, offset, .. }) if offset as usize == first)
    );
}

#[test]
fn another_log_s_segment_in_place_of_one_s_own_is_corruption() {
    let (disk, other) = (several_segments(), several_segments());
    let foreign = other.bytes(&segment(2)).unwrap();
    disk.damage(&segment(2), |bytes| bytes.clone_from(&foreign));
    assert!(matches!(open(&disk), Err(WalError::Corrupt { .. })));
}

#[test]
fn an_entry_that_looks_like_a_batch_is_no_batch() {
    let disk = five_batches();
    let bytes = disk.bytes(&segment(1)).unwrap();
    let start = starts(&bytes)[0];
    // What a client could know: everything but the epoch.
    let mut forged = bytes[start..start + SECTOR as usize].to_vec();
    forged[8..16].copy_from_slice(&99_u64.to_le_bytes());
    forged[32..48].fill(7);
    let (wal, _) = open(&disk).unwrap();
    let body = Bytes::from(forged.repeat(6));
    wal.submit_and_wait(1, vec![WalOp::Append { index: 6, body }]).unwrap();
    drop(wal);
    let last = starts(&disk.bytes(&segment(1)).unwrap())[5];
    disk.damage(&segment(1), |bytes| bytes[last + 66] ^= 1);
    let (wal, recovered) = open(&disk).unwrap();
    assert_eq!((last_entry(&wal), recovered.cut.unwrap().batch), (5, 6));
}

#[test]
fn an_unknown_version_is_refused_with_both_numbers() {
    let disk = five_batches();
    disk.damage(&segment(1), |bytes| bytes[8] = 9);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, WalError::Version { segment: 1, found: 9, known: 1 }));
    assert!(error.to_string().contains("format 9") && error.to_string().contains("format 1"));
}

#[test]
fn an_entry_damaged_after_opening_is_not_served() {
    let disk = five_batches();
    let (wal, _) = open(&disk).unwrap();
    let start = starts(&disk.bytes(&segment(1)).unwrap())[2];
    disk.damage(&segment(1), |bytes| bytes[start + 100] ^= 1);
    assert!(matches!(wal.read(1, 0..9), Err(WalError::Corrupt { segment: 1, .. })));
    assert_eq!(wal.read(1, 1..3).unwrap().len(), 2);
}
