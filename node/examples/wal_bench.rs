//! Syncs and appends a second of the write-ahead log, with 1, 16 and 256 writers of 1 KiB entries over four groups.
//!
//! `cargo run --release -p lacuna-node --example wal_bench -- [directory] [seconds]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lacuna_node::wal::{RealFiles, Wal, WalConfig, WalOp};
use parking_lot::Mutex;

const GROUPS: u32 = 4;
const ENTRY_BYTES: usize = 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().map_or_else(|| std::env::temp_dir().join("lacuna-wal-bench"), PathBuf::from);
    let time = Duration::from_secs(args.next().map_or(Ok(3), |s| s.parse())?);
    println!("{:>8} {:>12} {:>12} {:>10} {:>10}", "writers", "appends/s", "syncs/s", "p50 ms", "p99 ms");
    for writers in [1, 16, 256] {
        let place = dir.join(writers.to_string());
        run(&place, writers, time)?;
        std::fs::remove_dir_all(&place)?;
    }
    Ok(())
}

fn run(dir: &std::path::Path, writers: u32, time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let (wal, _) = Wal::open(WalConfig::new(dir), Arc::new(RealFiles))?;
    let next = Arc::new((0..GROUPS).map(|_| Mutex::new(1_u64)).collect::<Vec<_>>());
    let body = Bytes::from(vec![0x5a; ENTRY_BYTES]);
    let begun = Instant::now();
    let first_batch = wal.batches();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (wal, next, body) = (wal.clone(), next.clone(), body.clone());
            std::thread::spawn(move || {
                let mut took = Vec::new();
                while begun.elapsed() < time {
                    let from = Instant::now();
                    append(&wal, &next, writer % GROUPS, &body);
                    took.push(from.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for thread in threads {
        took.extend(thread.join().map_err(|_| "a writer panicked")?);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let syncs = wal.batches() - first_batch;
    took.sort_unstable();
    let ms = |share: usize| took.get(took.len() * share / 100).map_or(0.0, |t| t.as_secs_f64() * 1e3);
    let (appends, syncs) = (took.len() as f64 / elapsed, syncs as f64 / elapsed);
    println!("{writers:>8} {appends:>12.0} {syncs:>12.0} {:>10.2} {:>10.2}", ms(50), ms(99));
    Ok(())
}

/// Appends the group's next entry and waits until it is durable.
fn append(wal: &Wal, next: &[Mutex<u64>], group: u32, body: &Bytes) {
    let (tell, told) = std::sync::mpsc::channel();
    {
        // The index is taken and submitted in one step: a group's entries have no holes.
        let mut index = next[group as usize].lock();
        wal.submit(group, vec![WalOp::Append { index: *index, body: body.clone() }], move |done| {
            let _ = tell.send(done);
        });
        *index += 1;
    }
    assert!(matches!(told.recv(), Ok(Ok(()))), "the log failed");
}
