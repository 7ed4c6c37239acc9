//! What a shard's leader does of its own accord: tells the shard its slots, advances rows that still sweep (protocol
//! PW1), and whoever has a replica removes records of ended incarnations in the background (protocol PE2).

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::command::{Advance, Command, SetSlots};
use lacuna_model::outcome::NextRange;
use tokio_util::sync::CancellationToken;

use super::shard::ShardReplica;
use crate::meta::machine::MetaView;
use crate::raft::group::Leadership;

/// Candidates that one entry's ranges hold together: about 50 ms of apply.
pub(crate) const RANGE_BUDGET: usize = lacuna_engine::DEFAULT_RANGE_BUDGET;
/// A row is looked after at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest wait for an entry of its own.
const WITHIN: Duration = Duration::from_secs(5);
/// Records of ended incarnations removed in one go; applying waits for it.
const GARBAGE_SLICE: usize = 512;
/// Pause between two slices while there is more.
const GARBAGE_PAUSE: Duration = Duration::from_millis(20);
/// Pause when nothing is left.
const GARBAGE_IDLE: Duration = Duration::from_secs(1);

/// Runs the leader's duties until told to stop.
pub(crate) async fn lead(replica: Arc<ShardReplica>, meta: MetaView, stop: CancellationToken) {
    let mut watcher = replica.group.watch();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = replica.sweep.notified() => {}
            () = watcher.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Leadership::Here { .. } = replica.group.leadership() {
            set_slots(&replica, &meta).await;
            while !stop.is_cancelled() && advance(&replica).await {}
        }
    }
}

/// A shard's first command: which slots are its own (protocol PE4).
async fn set_slots(replica: &ShardReplica, meta: &MetaView) {
    if replica.engine.has_slots() {
        return;
    }
    let slots = meta.look(|state| {
        let map = &state.cluster()?.map;
        Some(SetSlots { epoch: map.epoch, slots: map.slots_of(replica.shard) })
    });
    if let Some(slots) = slots
        && let Err(error) = replica.propose_own(&[Command::SetSlots(slots)], WITHIN).await
    {
        tracing::debug!(shard = %replica.shard, %error, "the slots will be proposed again");
    }
}

/// Proposes the next range of each sweeping row; `false` when there is nothing to go on with.
async fn advance(replica: &Arc<ShardReplica>) -> bool {
    let engine = Arc::clone(&replica.engine);
    let Ok(ranges) = tokio::task::spawn_blocking(move || engine.next_ranges(RANGE_BUDGET)).await else {
        return false;
    };
    if ranges.is_empty() {
        return false;
    }
    let step = |NextRange { number, after, upto }| Command::Advance(Advance { number, after, upto });
    let commands: Vec<Command> = ranges.into_iter().map(step).collect();
    match replica.propose_own(&commands, WITHIN).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(shard = %replica.shard, %error, "rows will be advanced again");
            false
        }
    }
}

/// Removes records of ended incarnations, a slice at a time, until told to stop.
pub(crate) async fn collect_garbage(replica: Arc<ShardReplica>, stop: CancellationToken) {
    let mut pause = GARBAGE_IDLE;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let engine = Arc::clone(&replica.engine);
        pause = match tokio::task::spawn_blocking(move || engine.sweep_garbage(GARBAGE_SLICE)).await {
            Ok(Ok(true)) => GARBAGE_PAUSE,
            Ok(Ok(false)) => GARBAGE_IDLE,
            Ok(Err(error)) => {
                tracing::error!(shard = %replica.shard, %error, "garbage can't be removed");
                return;
            }
            Err(_) => return,
        };
    }
}
