//! Keeps logs short: a group whose log has grown makes its state durable without the log, and purges (INV-5, PL5).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::StorageSettings;
use crate::raft::group::Group;
use crate::wal::Wal;

/// How often a group looks at its log.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of log after which a group purges: about the setting, each group at a phase of its own, so that they don't
/// all write snapshots at once.
fn threshold(group: u32, settings: StorageSettings) -> u64 {
    let phase = u64::from(group.wrapping_mul(2_654_435_761) >> 24);
    settings.snapshot_log_bytes * (192 + phase / 2) / 256
}

/// Watches one group until told to stop.
pub(crate) async fn keep_log_short(
    group: Group,
    wal: Wal,
    settings: StorageSettings,
    stop: CancellationToken,
) {
    let threshold = threshold(group.number, settings);
    let mut last_size = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let over = wal.total_bytes() > settings.log_limit_bytes;
        let pins = over && wal.pinned_by().is_some_and(|pinned| pinned.group == group.number);
        // A large state is written out less often: it costs no more than the log itself did.
        let due = group.log_grown() > threshold.max(last_size) || (pins && group.log_grown() > 0);
        if !due {
            continue;
        }
        let before = group.log_grown();
        if group.snapshot().await.is_err() {
            return;
        }
        wait_for_purge(&group, before, &stop).await;
        last_size = group.snapshots.current().ok().flatten().map_or(0, |stored| stored.bytes);
        metrics::counter!("lacuna_log_purges_total").increment(1);
    }
}

/// A snapshot is built in the background, and openraft purges behind it.
async fn wait_for_purge(group: &Group, before: u64, stop: &CancellationToken) {
    for _ in 0..600 {
        if group.log_grown() < before || stop.is_cancelled() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tracing::warn!(group = group.number, "the log could not be purged within a minute");
}
