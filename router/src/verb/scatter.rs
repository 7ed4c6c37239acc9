//! A read of several shards: asked at once, planned anew when the contents have ended meanwhile.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::access::Right;
use lacuna_model::catalog::{ClusterInfo, Resolved};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::ShardError;
use lacuna_model::read::{ReadBody, ReadReply, ReadRequest};
use lacuna_model::{Incarnation, ShardId};

use crate::catalog::Fresh;
use crate::core::{Core, Target};
use crate::error::{Verb, VerbError};
use crate::fanout;
use crate::verb::Call;

/// Pause before contents are asked for again that the meta group may not have replaced yet.
pub(crate) const REPLAN_PAUSE: Duration = Duration::from_millis(20);

/// A shard that didn't answer in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The shard.
    pub shard: ShardId,
    /// Why not.
    pub error: ShardError,
}

/// Shards' answers, ascending, and the shards without one.
#[derive(Debug, Default)]
pub(crate) struct Scattered {
    pub(crate) replies: Vec<(ShardId, ReadReply)>,
    pub(crate) missing: Vec<Missing>,
}

/// Asks what `requests` makes of the current contents, for a caller who has this right there; of a namespace
/// without contents nothing is asked.
pub(crate) async fn scatter(
    core: &Core,
    target: &Target,
    (call, right): (&Call, Right),
    requests: impl Fn(&Resolved, Incarnation, &ClusterInfo) -> Vec<(ShardId, ReadRequest)>,
) -> Verb<(Arc<Resolved>, Scattered)> {
    tracing::trace!(namespace = target.namespace.as_str(), "scatter");
    let mut fresh = Fresh::Leased;
    loop {
        let resolved = core.resolve(target, call, (right, fresh)).await?;
        let Some(incarnation) = resolved.incarnation else {
            return Ok((resolved, Scattered::default()));
        };
        let cluster = core.cluster(call.deadline).await?;
        call.trace.mark("resolve");
        let asked = requests(&resolved, incarnation, &cluster);
        call.trace.asked(asked.len());
        let scattered = gather(fanout::read_all(core, &cluster, &asked, call.deadline).await);
        call.trace.mark("shards");
        match scattered? {
            Some(scattered) => {
                for (shard, reply) in &scattered.replies {
                    call.trace.told(*shard, reply.at.index);
                }
                return Ok((resolved, scattered));
            }
            None if call.deadline.passed() => return Err(ended()),
            // Never "empty" from ended contents: the meta group says what the name means now (protocol PN4).
            None => {
                call.deadline.pause(REPLAN_PAUSE).await;
                fresh = Fresh::Asked;
            }
        }
    }
}

pub(crate) fn ended() -> VerbError {
    VerbError::new(
        ErrorCode::Unavailable,
        "these contents were deleted, and what the name means now can't be read in time",
    )
}

/// `None`: a shard says that the contents have ended.
pub(crate) fn gather(answers: Vec<(ShardId, Result<ReadReply, ShardError>)>) -> Verb<Option<Scattered>> {
    let mut scattered = Scattered::default();
    for (shard, answer) in answers {
        match answer {
            Ok(ReadReply { body: ReadBody::Fenced, .. }) => return Ok(None),
            Ok(ReadReply { body: ReadBody::Mismatch(why), .. }) => {
                return Err(VerbError::new(ErrorCode::InvalidVector, why));
            }
            Ok(reply) => scattered.replies.push((shard, reply)),
            Err(error) => scattered.missing.push(Missing { shard, error }),
        }
    }
    Ok(Some(scattered))
}

/// The same question for every shard of the table.
pub(crate) fn for_all(cluster: &ClusterInfo, request: &ReadRequest) -> Vec<(ShardId, ReadRequest)> {
    cluster.map.shards.iter().map(|placement| (placement.shard, request.clone())).collect()
}

/// A read that needs every shard asked: one missing is a failure (503), never a shorter answer.
pub(crate) fn complete(scattered: Scattered) -> Verb<Vec<(ShardId, ReadReply)>> {
    match scattered.missing.first() {
        None => Ok(scattered.replies),
        Some(first) => Err(unavailable(&scattered.missing, &first.error)),
    }
}

/// 503 that names the shards.
pub(crate) fn unavailable(missing: &[Missing], first: &ShardError) -> VerbError {
    let shards: Vec<u32> = missing.iter().map(|missing| missing.shard.0).collect();
    VerbError::new(
        ErrorCode::Unavailable,
        format!("shards {shards:?} didn't answer in time ({})", first.message),
    )
    .with("shards_unavailable", shards)
}

/// A shard answered another question: our fault.
pub(crate) fn odd(body: &ReadBody) -> VerbError {
    VerbError::new(ErrorCode::Internal, format!("a shard answered another question: {body:?}"))
}
