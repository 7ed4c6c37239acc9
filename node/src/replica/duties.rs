//! What a shard's leader does of its own accord: tells the shard its slots, advances rows that still sweep (protocol
//! PW1), and whoever has a replica removes records of ended incarnations in the background (protocol PE2).

use std::sync::Arc;
use std::time::Duration;

use lacuna_engine::Engine;
use lacuna_model::command::{Advance, AdvanceRelease, Command, SetSlots};
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
    let Ok(commands) = tokio::task::spawn_blocking(move || next_steps(&engine)).await else {
        return false;
    };
    if commands.is_empty() {
        return false;
    }
    match replica.propose_own(&commands, WITHIN).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(shard = %replica.shard, %error, "rows will be advanced again");
            false
        }
    }
}

/// The next range of each row that sweeps, and the next references of each release.
fn next_steps(engine: &Engine) -> Vec<Command> {
    let step = |NextRange { number, after, upto }| Command::Advance(Advance { number, after, upto });
    let mut commands: Vec<Command> = engine.next_ranges(RANGE_BUDGET).into_iter().map(step).collect();
    let releases = engine.open_releases();
    let share = (RANGE_BUDGET / releases.len().max(1)).max(1) as u32;
    commands.extend(
        releases
            .into_iter()
            .map(|(number, after)| Command::AdvanceRelease(AdvanceRelease { number, after, budget: share })),
    );
    commands
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
