//! Asks several shards at once, each until it answers or the deadline passes.

use std::time::Duration;

use futures::future::join_all;
use lacuna_model::ShardId;
use lacuna_model::catalog::ClusterInfo;
use lacuna_model::command::Command;
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::ShardError;
use lacuna_model::outcome::{CommandOutcome, Refusal};
use lacuna_model::read::{ReadReply, ReadRequest};
use lacuna_proto::call::NodeReply;

use crate::client::{Ask, Doubt, Unanswered, ask};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::peers::Group;

/// Pause before a command is repeated that a shard refused for the moment.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// What became of one command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CommandFate {
    /// The shard's outcome, refusals that a repeat can't mend included.
    Outcome(CommandOutcome),
    /// It wasn't done and won't be.
    Nothing(ShardError),
    /// Sent, and its fate isn't known.
    Unknown(ShardError),
}

/// Commands for one shard.
pub(crate) struct ForShard {
    pub(crate) shard: ShardId,
    pub(crate) commands: Vec<Command>,
}

/// Sends each shard its commands, all at once. Answers in the same order.
pub(crate) async fn write_all(
    core: &Core,
    cluster: &ClusterInfo,
    batches: &[ForShard],
    deadline: Deadline,
) -> Vec<Vec<CommandFate>> {
    match batches {
        [one] => vec![write(core, cluster, one, deadline).await],
        many => join_all(many.iter().map(|batch| write(core, cluster, batch, deadline))).await,
    }
}

fn replicas(cluster: &ClusterInfo, shard: ShardId) -> &[lacuna_model::NodeId] {
    cluster.map.placement(shard).map_or(&[], |placement| placement.replicas.as_slice())
}

/// Sends one shard its commands, again those that it refused only for the moment.
pub(crate) async fn write(
    core: &Core,
    cluster: &ClusterInfo,
    batch: &ForShard,
    deadline: Deadline,
) -> Vec<CommandFate> {
    tracing::trace!(shard = batch.shard.0, commands = batch.commands.len(), "write");
    let group = (Group::Shard(batch.shard), replicas(cluster, batch.shard));
    let mut fates = vec![None; batch.commands.len()];
    let mut again: Option<Vec<Command>> = None;
    loop {
        let open: Vec<usize> = (0..fates.len()).filter(|place| fates[*place].is_none()).collect();
        let commands = again.as_deref().unwrap_or(&batch.commands);
        let reply = ask(&core.peers, group, Ask::Write(commands), deadline).await;
        settle(&mut fates, &open, reply, deadline);
        if fates.iter().all(Option::is_some) {
            return fates.into_iter().flatten().collect();
        }
        deadline.pause(RETRY_PAUSE).await;
        let left = (0..fates.len()).filter(|place| fates[*place].is_none());
        again = Some(left.map(|place| batch.commands[place].clone()).collect());
    }
}

fn settle(
    fates: &mut [Option<CommandFate>],
    open: &[usize],
    reply: Result<NodeReply, Unanswered>,
    deadline: Deadline,
) {
    let outcomes = match reply {
        Ok(NodeReply::Written { outcomes, .. }) if outcomes.len() == open.len() => outcomes,
        Ok(other) => {
            let error = ShardError::new(ErrorCode::OutcomeUnknown, format!("odd answer: {other:?}"));
            for place in open {
                fates[*place] = Some(CommandFate::Unknown(error.clone()));
            }
            return;
        }
        Err(unanswered) => {
            let error = unanswered.shard_error();
            let fate = match unanswered.doubt {
                Doubt::Nothing => CommandFate::Nothing(error),
                Doubt::Unknown => CommandFate::Unknown(error),
            };
            for place in open {
                fates[*place] = Some(fate.clone());
            }
            return;
        }
    };
    for (place, outcome) in open.iter().zip(outcomes) {
        fates[*place] = match passing(&outcome) {
            Some(_) if !deadline.passed() => None,
            Some(error) => Some(CommandFate::Nothing(error)),
            None => Some(CommandFate::Outcome(outcome)),
        };
    }
}

/// A refusal that may be over in a moment.
fn passing(outcome: &CommandOutcome) -> Option<ShardError> {
    match outcome {
        CommandOutcome::Refused(refusal @ Refusal::Busy) => {
            Some(ShardError::new(ErrorCode::TooMany, refusal.to_string()))
        }
        CommandOutcome::Refused(refusal @ Refusal::WrongSlot(_)) => {
            Some(ShardError::new(ErrorCode::WrongSlot, refusal.to_string()))
        }
        CommandOutcome::Refused(
            Refusal::Fenced
            | Refusal::Forgotten(_)
            | Refusal::Schema(_)
            | Refusal::Closed
            | Refusal::Elsewhere
            | Refusal::Released,
        )
        | CommandOutcome::Written(_)
        | CommandOutcome::Row(_)
        | CommandOutcome::Done => None,
    }
}

/// Asks each shard its question, all at once. Answers in the same order.
pub(crate) async fn read_all(
    core: &Core,
    cluster: &ClusterInfo,
    requests: &[(ShardId, ReadRequest)],
    deadline: Deadline,
) -> Vec<(ShardId, Result<ReadReply, ShardError>)> {
    match requests {
        [one] => vec![(one.0, read(core, cluster, one, deadline).await)],
        many => {
            let asked = many.iter().map(|one| async { (one.0, read(core, cluster, one, deadline).await) });
            join_all(asked).await
        }
    }
}

/// Asks one shard.
pub(crate) async fn read(
    core: &Core,
    cluster: &ClusterInfo,
    (shard, request): &(ShardId, ReadRequest),
    deadline: Deadline,
) -> Result<ReadReply, ShardError> {
    tracing::trace!(shard = shard.0, "read");
    let group = (Group::Shard(*shard), replicas(cluster, *shard));
    match ask(&core.peers, group, Ask::Read(request), deadline).await {
        Ok(NodeReply::Read(reply)) => Ok(reply),
        Ok(other) => Err(ShardError::new(ErrorCode::Internal, format!("odd answer: {other:?}"))),
        Err(unanswered) => Err(unanswered.shard_error()),
    }
}
