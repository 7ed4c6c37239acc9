mod failure;
mod in_memory;
mod power;
mod retirement;
mod round_trip;
mod tear;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{RealFiles, Upkeep, Wal, WalConfig, WalOp};

/// Small segments, one order of file operations, no idle batches, failures only recorded.
fn config(dir: &Path) -> WalConfig {
    WalConfig {
        segment_bytes: 64 << 10,
        limit_bytes: 1 << 40,
        idle_batch: None,
        upkeep: Upkeep::Inline,
        on_failure: Arc::new(|reason| panic!("the log failed: {reason}")),
        ..WalConfig::new(dir)
    }
}

fn open_real(dir: &Path) -> Wal {
    Wal::open(config(dir), Arc::new(RealFiles)).unwrap().0
}

fn entry(index: u64, text: &str) -> WalOp {
    WalOp::Append { index, body: Bytes::from(text.to_owned()) }
}

fn read_all(wal: &Wal, group: u32) -> Vec<(u64, String)> {
    let text = |(index, body): (u64, Bytes)| (index, String::from_utf8(body.to_vec()).unwrap());
    wal.read(group, 0..u64::MAX).unwrap().into_iter().map(text).collect()
}

fn expected(entries: &[(u64, &str)]) -> Vec<(u64, String)> {
    entries.iter().map(|(index, text)| (*index, (*text).to_owned())).collect()
}
