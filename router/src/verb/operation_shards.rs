//! An operation on its shards: begun on each, its rows read until they are done.

use std::time::Duration;

use futures::future::join_all;
use lacuna_model::catalog::{ClusterInfo, Operation, OperationKind, ShardProgress};
use lacuna_model::command::{Command, Fence, RowAction, StartRelease, StartWhere, Upto};
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Filter;
use lacuna_model::memory::part::Takes;
use lacuna_model::merge::{Reach, ShardError, ShardState, sum_rows};
use lacuna_model::meta::MetaCommand;
use lacuna_model::outcome::{CommandOutcome, Refusal, RowStatus, RowView};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{Incarnation, ItemNumber, OpNumber, ShardId};

use crate::core::Core;
use crate::deadline::Deadline;
use crate::fanout::{self, CommandFate, ForShard};
use crate::verb::operation::look_up;
use crate::verb::write::shard_refusal;

/// First pause between looks at a row that sweeps; it doubles up to [`MAX_LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(10);
const MAX_LOOK: Duration = Duration::from_millis(200);
/// Time for telling the meta group what the shards answered.
const REPORT_TIME: Duration = Duration::from_secs(5);

/// Each shard of an operation, ascending, with what is known of it.
pub(crate) type States = Vec<(ShardId, ShardState)>;

/// What the meta group knows of the shards.
pub(crate) fn known(operation: &Operation) -> States {
    let state = |progress: &ShardProgress| match progress {
        ShardProgress::Pending => ShardState::Pending(Reach::Reached, None),
        ShardProgress::Row(row) => ShardState::Row(row.clone()),
    };
    operation.shards.iter().map(|(shard, progress)| (*shard, state(progress))).collect()
}

/// What the meta group knows, and of shards that it hasn't heard of yet their own word.
pub(crate) async fn look(core: &Core, operation: &Operation, deadline: Deadline) -> States {
    let states = known(operation);
    if states.iter().all(|(_, state)| is_done(state)) {
        return states;
    }
    let Ok(cluster) = core.cluster(deadline).await else { return states };
    let cluster = &cluster;
    let asked = states.into_iter().map(|(shard, state)| async move {
        if is_done(&state) {
            return (shard, state);
        }
        let question = (shard, ReadRequest::Row(operation.number));
        match fanout::read(core, cluster, &question, deadline).await.map(|reply| reply.body) {
            Ok(ReadBody::Row(Some(row))) => (shard, ShardState::Row(row)),
            Ok(_) => (shard, state),
            Err(error) => {
                let error = ShardError::new(ErrorCode::Pending, error.message);
                (shard, ShardState::Pending(Reach::Unreached, Some(error)))
            }
        }
    });
    join_all(asked).await
}

/// Brings the operation to its shards and waits for their rows; at the deadline as far as they are.
pub(crate) async fn drive(core: &Core, operation: &Operation, deadline: Deadline) -> States {
    tracing::trace!(op_id = operation.op_id.as_str(), shards = operation.shards.len(), "drive");
    let states = known(operation);
    if states.iter().all(|(_, state)| is_done(state)) {
        return states;
    }
    let cluster = match core.cluster(deadline).await {
        Ok(cluster) => cluster,
        Err(error) => return unreached(states, &ShardError::new(error.code, error.message)),
    };
    match &operation.kind {
        OperationKind::DeleteWhere { filter, limit: Some(limit) } => {
            in_turn(core, &cluster, (operation, filter, *limit), deadline).await
        }
        OperationKind::DeleteWhere { filter, limit: None } => {
            let start = |_| start(operation, filter, (None, RowAction::Delete));
            all_at_once(core, &cluster, (operation, states), &start, deadline).await
        }
        OperationKind::UpdateWhere { filter, set } => {
            let start = |_| start(operation, filter, (None, RowAction::SetMetadata(set.clone())));
            all_at_once(core, &cluster, (operation, states), &start, deadline).await
        }
        OperationKind::DeleteAll | OperationKind::DropCollection => {
            let fence = |_| fence(operation);
            all_at_once(core, &cluster, (operation, states), &fence, deadline).await
        }
        OperationKind::Release { items, takes } => {
            let release = |_| release(operation, items, *takes);
            all_at_once(core, &cluster, (operation, states), &release, deadline).await
        }
    }
}

fn is_done(state: &ShardState) -> bool {
    match state {
        ShardState::Row(row) => row.status != RowStatus::Sweeping,
        ShardState::Refused(_) => true,
        ShardState::Pending(..) => false,
    }
}

fn unreached(states: States, error: &ShardError) -> States {
    let state = |state: ShardState| match state {
        ShardState::Pending(..) => ShardState::Pending(Reach::Unreached, Some(error.clone())),
        known @ (ShardState::Row(_) | ShardState::Refused(_)) => known,
    };
    states.into_iter().map(|(shard, known)| (shard, state(known))).collect()
}

fn start(operation: &Operation, filter: &Filter, (limit, action): (Option<u64>, RowAction)) -> Command {
    Command::StartWhere(StartWhere {
        number: operation.number,
        op_id: operation.op_id.clone(),
        incarnation: contents(operation),
        filter: filter.clone(),
        limit,
        upto: Upto::End,
        action,
    })
}

fn fence(operation: &Operation) -> Command {
    Command::Fence(Fence {
        number: operation.number,
        op_id: operation.op_id.clone(),
        incarnations: operation.incarnations.clone(),
    })
}

fn release(operation: &Operation, items: &[ItemNumber], takes: Takes) -> Command {
    Command::StartRelease(StartRelease {
        number: operation.number,
        op_id: operation.op_id.clone(),
        items: items.to_vec(),
        budget: 0,
        takes,
        ends: operation.incarnations.clone(),
    })
}

fn contents(operation: &Operation) -> Incarnation {
    operation.incarnations.first().copied().unwrap_or_default()
}

async fn all_at_once(
    core: &Core,
    cluster: &ClusterInfo,
    (operation, states): (&Operation, States),
    command: &(dyn Fn(Incarnation) -> Command + Sync),
    deadline: Deadline,
) -> States {
    let each = states.into_iter().map(|(shard, state)| async move {
        if is_done(&state) {
            return (shard, state);
        }
        let batch = ForShard { shard, commands: vec![command(contents(operation))] };
        (shard, on_shard(core, cluster, (operation, batch), deadline).await)
    });
    join_all(each).await
}

/// With a limit the shards are asked one after another, each for what is left (protocol PW5).
async fn in_turn(
    core: &Core,
    cluster: &ClusterInfo,
    (operation, filter, limit): (&Operation, &Filter, u64),
    deadline: Deadline,
) -> States {
    let mut states = known(operation);
    for turn in 0..states.len() {
        let (shard, state) = &states[turn];
        if !is_done(state) {
            let left = limit.saturating_sub(sum_rows(rows(&states[..turn])));
            let batch = ForShard {
                shard: *shard,
                commands: vec![start(operation, filter, (Some(left), RowAction::Delete))],
            };
            states[turn].1 = on_shard(core, cluster, (operation, batch), deadline).await;
        }
        if !is_done(&states[turn].1) {
            break;
        }
    }
    states
}

fn rows(states: &[(ShardId, ShardState)]) -> impl Iterator<Item = &RowView> {
    states.iter().filter_map(|(_, state)| match state {
        ShardState::Row(row) => Some(row),
        ShardState::Pending(..) | ShardState::Refused(_) => None,
    })
}

/// Begins it on one shard, then looks at its row until that is done.
async fn on_shard(
    core: &Core,
    cluster: &ClusterInfo,
    (operation, batch): (&Operation, ForShard),
    deadline: Deadline,
) -> ShardState {
    let shard = batch.shard;
    let fate = fanout::write(core, cluster, &batch, deadline).await.pop();
    match fate {
        Some(CommandFate::Outcome(CommandOutcome::Row(row))) if row.status == RowStatus::Sweeping => {
            follow(core, cluster, (operation, shard, row), deadline).await
        }
        Some(CommandFate::Outcome(CommandOutcome::Row(row))) => ShardState::Row(row),
        Some(CommandFate::Outcome(CommandOutcome::Refused(Refusal::Closed))) => {
            ended(core, operation, shard, deadline).await
        }
        Some(CommandFate::Outcome(CommandOutcome::Refused(Refusal::Fenced))) => {
            ShardState::Refused(shard_refusal(&Refusal::Fenced))
        }
        Some(CommandFate::Outcome(other)) => ShardState::Pending(
            Reach::Reached,
            Some(ShardError::new(ErrorCode::Pending, format!("{other:?}"))),
        ),
        // Recorded is recorded: whether this attempt arrived or not, the meta leader brings it there.
        Some(CommandFate::Nothing(error) | CommandFate::Unknown(error)) => {
            ShardState::Pending(Reach::Unreached, Some(ShardError::new(ErrorCode::Pending, error.message)))
        }
        None => ShardState::Pending(Reach::Unreached, None),
    }
}

/// Looks at a sweeping row until it is done.
async fn follow(
    core: &Core,
    cluster: &ClusterInfo,
    (operation, shard, mut row): (&Operation, ShardId, RowView),
    deadline: Deadline,
) -> ShardState {
    let mut pause = FIRST_LOOK;
    let question = (shard, ReadRequest::Row(operation.number));
    while row.status == RowStatus::Sweeping && !deadline.passed() {
        deadline.pause(pause).await;
        pause = (pause * 2).min(MAX_LOOK);
        match fanout::read(core, cluster, &question, deadline).await.map(|reply| reply.body) {
            Ok(ReadBody::Row(Some(now))) => row = now,
            // Closed: its result is with the meta group.
            Ok(ReadBody::Row(None)) => return ended(core, operation, shard, deadline).await,
            Ok(_) | Err(_) => {}
        }
    }
    ShardState::Row(row)
}

/// What the meta group has stored for a shard whose row is closed.
async fn ended(core: &Core, operation: &Operation, shard: ShardId, deadline: Deadline) -> ShardState {
    let now = look_up(core, &operation.account, &operation.op_id, deadline).await.ok().flatten();
    let states = now.as_ref().map(known).unwrap_or_default();
    let state = states.into_iter().find(|(other, _)| *other == shard).map(|(_, state)| state);
    state.unwrap_or(ShardState::Pending(Reach::Reached, None))
}

/// Tells the meta group what the shards answered; its driver would find out by itself, later.
pub(crate) async fn report(core: &Core, number: OpNumber, states: &States) {
    let shards: Vec<_> = states
        .iter()
        .filter_map(|(shard, state)| match state {
            ShardState::Row(row) => Some((*shard, ShardProgress::Row(row.clone()))),
            ShardState::Pending(..) | ShardState::Refused(_) => None,
        })
        .collect();
    if shards.is_empty() {
        return;
    }
    let command = MetaCommand::Report { number, shards };
    if let Err(error) = core.catalog.write(&command, Deadline::within(REPORT_TIME)).await {
        tracing::debug!(%number, error = error.message, "the operation's driver will report instead");
    }
}
