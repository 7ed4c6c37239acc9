//! Asking a shard's leader: hints followed, replicas tried in turn, each call with a short end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::{NodeId, ShardId};
use lacuna_proto::call::{CallError, NodeCall, NodeDeadline, NodeReply};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::peer_clock::{PeerClocks, boottime_ns};
use parking_lot::Mutex;

/// Tries of one question; then the next round begins where this one ended.
const MAX_TRIES: usize = 4;

/// The nodes that can be asked, this one among them.
pub trait Nodes: Send + Sync {
    /// A node's handle; `None` if it isn't known.
    fn handle(&self, node: NodeId) -> Option<Arc<dyn NodeHandle>>;
}

/// Asks shards, and remembers who led them.
pub(super) struct ShardCaller {
    nodes: Arc<dyn Nodes>,
    clocks: Arc<PeerClocks>,
    leaders: Mutex<HashMap<ShardId, NodeId>>,
}

/// One shard to ask.
#[derive(Clone, Copy)]
pub(super) struct AtShard<'a> {
    caller: &'a ShardCaller,
    pub(super) shard: ShardId,
    replicas: &'a [NodeId],
    wait: Duration,
}

/// A question to a shard.
pub(super) enum Question {
    /// Commands, sent as a write; repeats must be harmless.
    Write(Vec<lacuna_model::command::Command>),
    /// A read.
    Read(lacuna_model::read::ReadRequest),
}

impl ShardCaller {
    pub(super) fn new(nodes: Arc<dyn Nodes>, clocks: Arc<PeerClocks>) -> Self {
        Self { nodes, clocks, leaders: Mutex::default() }
    }

    /// A shard to ask, each call waiting at most so long.
    pub(super) fn at<'a>(&'a self, shard: ShardId, replicas: &'a [NodeId], wait: Duration) -> AtShard<'a> {
        AtShard { caller: self, shard, replicas, wait }
    }
}

impl AtShard<'_> {
    /// Asks the shard's leader, wherever it is found among the replicas.
    pub(super) async fn ask(&self, question: &Question) -> Result<NodeReply, CallError> {
        let (shard, replicas, leaders) = (self.shard, self.replicas, &self.caller.leaders);
        let mut last = CallError::Unavailable("the shard has no replicas".to_owned());
        let Some(mut node) = leaders.lock().get(&shard).copied().or_else(|| replicas.first().copied()) else {
            return Err(last);
        };
        for _ in 0..MAX_TRIES {
            match self.ask_node(node, question).await {
                Ok(reply) => {
                    leaders.lock().insert(shard, node);
                    return Ok(reply);
                }
                Err(error) => {
                    node = match &error {
                        CallError::NotLeader { leader: Some(leader) } if *leader != node => *leader,
                        CallError::OtherBoot => node,
                        CallError::NotLeader { .. }
                        | CallError::NotHere
                        | CallError::Expired
                        | CallError::Busy
                        | CallError::NoRoom
                        | CallError::Unavailable(_)
                        | CallError::Unknown(_)
                        | CallError::BadCall(_)
                        | CallError::Unreachable(_)
                        | CallError::Lost(_) => after(replicas, node),
                    };
                    last = error;
                }
            }
        }
        leaders.lock().insert(shard, node);
        Err(last)
    }

    async fn ask_node(&self, node: NodeId, question: &Question) -> Result<NodeReply, CallError> {
        let unknown = || CallError::Unreachable(format!("node {node} isn't known here"));
        let handle = self.caller.nodes.handle(node).ok_or_else(unknown)?;
        let shard = self.shard;
        let call = match question {
            Question::Write(commands) => {
                let deadline = self.deadline(node, handle.as_ref()).await?;
                NodeCall::Write { shard, deadline, commands: commands.clone() }
            }
            Question::Read(request) => {
                let budget_ms = self.wait.as_millis() as u64;
                NodeCall::Read { shard, budget_ms, request: request.clone() }
            }
        };
        let answer = within(self.wait, handle.call(call, self.wait)).await;
        if answer == Err(CallError::OtherBoot) {
            self.caller.clocks.forget(node);
        }
        answer
    }

    /// The end of a write on the node's own clock (protocol PC1).
    async fn deadline(&self, node: NodeId, handle: &dyn NodeHandle) -> Result<NodeDeadline, CallError> {
        let ours = |now: u64| now + self.wait.as_nanos() as u64;
        if let Some(deadline) = self.caller.clocks.deadline(node, ours(boottime_ns())) {
            return Ok(deadline);
        }
        match within(self.wait, handle.call(NodeCall::Ping, self.wait)).await {
            Ok(NodeReply::Pong(pong)) => self.caller.clocks.heard(node, &pong, boottime_ns()),
            Ok(_) => return Err(CallError::BadCall("a ping was not answered by a pong".to_owned())),
            // Nothing but a ping was sent.
            Err(error) => return Err(CallError::Unreachable(error.to_string())),
        }
        self.caller.clocks.deadline(node, ours(boottime_ns())).ok_or(CallError::Expired)
    }
}

/// The replica to try after this one.
fn after(replicas: &[NodeId], node: NodeId) -> NodeId {
    let next = replicas.iter().position(|replica| *replica == node).map_or(0, |at| at + 1);
    replicas.get(next % replicas.len().max(1)).copied().unwrap_or(node)
}

/// A handle ends its calls itself; one that doesn't must not hold up the driver.
async fn within(
    wait: Duration,
    call: impl Future<Output = Result<NodeReply, CallError>>,
) -> Result<NodeReply, CallError> {
    let patience = wait + Duration::from_millis(200);
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| Err(CallError::Lost("no answer in time".to_owned())))
}
