//! Asks the leader of a group: follows it, repeats by the error's class until the deadline, and knows whether
//! something may have happened.

use std::pin::pin;
use std::time::Duration;

use lacuna_model::NodeId;
use lacuna_model::command::Command;
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::ShardError;
use lacuna_model::meta::{MetaCommand, MetaQuery};
use lacuna_model::read::ReadRequest;
use lacuna_proto::call::{CallError, NodeCall, NodeReply};

use crate::deadline::Deadline;
use crate::peers::{Group, Peers};

/// First pause before another round over the replicas; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(200);
/// After this an attempt is waited for only while its node answers pings: a stopped node breaks no connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for a node that left its last call without an answer.
const PATIENCE_WITH_SILENT: Duration = Duration::from_millis(300);
/// How often it is then looked whether the node still answers pings.
const LOOK: Duration = Duration::from_millis(100);
/// A ping is waited for no longer than this.
const PING_PATIENCE: Duration = Duration::from_millis(500);

/// What is asked of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask<'a> {
    Write(&'a [Command]),
    Read(&'a ReadRequest),
    MetaWrite(&'a MetaCommand),
    MetaRead(&'a MetaQuery),
}

/// Is it certain that nothing happened?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing happened and nothing will.
    Nothing,
    /// An attempt's fate isn't known.
    Unknown,
}

/// Why a group didn't answer in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) doubt: Doubt,
}

impl Unanswered {
    pub(crate) fn shard_error(&self) -> ShardError {
        match self.doubt {
            Doubt::Nothing => ShardError::new(self.code, self.message.clone()),
            Doubt::Unknown => ShardError::new(ErrorCode::OutcomeUnknown, self.message.clone()),
        }
    }
}

/// What to do after an attempt failed.
enum Next {
    /// Ask this node at once.
    Hint(NodeId),
    /// Ask the next replica at once.
    Other,
    /// Ask the same node again.
    Same,
    /// Wait, then ask the next replica.
    PauseOther,
    /// Wait, then ask the same node.
    PauseSame,
    /// Give up.
    Stop,
}

fn next_after(error: &CallError) -> Next {
    match error {
        CallError::NotLeader { leader: Some(leader) } => Next::Hint(*leader),
        CallError::NotLeader { leader: None }
        | CallError::NotHere
        | CallError::Unreachable(_)
        | CallError::Lost(_) => Next::Other,
        CallError::OtherBoot => Next::Same,
        CallError::Busy | CallError::Unknown(_) => Next::PauseSame,
        CallError::Unavailable(_) => Next::PauseOther,
        CallError::Expired | CallError::NoRoom | CallError::BadCall(_) => Next::Stop,
    }
}

fn code_of(error: &CallError) -> ErrorCode {
    match error {
        CallError::Busy => ErrorCode::TooMany,
        CallError::NoRoom => ErrorCode::NoRoom,
        CallError::BadCall(_) => ErrorCode::Internal,
        // That a write's fate is open is said by the doubt, not by the code.
        CallError::Unknown(_)
        | CallError::Lost(_)
        | CallError::NotLeader { .. }
        | CallError::NotHere
        | CallError::Expired
        | CallError::OtherBoot
        | CallError::Unavailable(_)
        | CallError::Unreachable(_) => ErrorCode::Unavailable,
    }
}

impl Ask<'_> {
    fn writes(&self) -> bool {
        match self {
            Self::Write(_) | Self::MetaWrite(_) => true,
            Self::Read(_) | Self::MetaRead(_) => false,
        }
    }
}

/// One question on its way to a group's leader.
struct Attempts<'a> {
    peers: &'a Peers,
    group: Group,
    replicas: &'a [NodeId],
    deadline: Deadline,
    doubt: Doubt,
    last: Option<CallError>,
    /// The failure that left the fate open.
    cause: Option<CallError>,
    turn: usize,
    hops: usize,
    pause: Duration,
    patience: Duration,
    /// The node that left the last attempt without an answer, and until when hints at it are not followed: its
    /// peers may not have noticed yet.
    ignored: Option<(NodeId, Deadline)>,
}

/// Asks the group's leader until it answers or the deadline passes. `replicas`: where to look for it.
pub(crate) async fn ask(
    peers: &Peers,
    (group, replicas): (Group, &[NodeId]),
    ask: Ask<'_>,
    deadline: Deadline,
) -> Result<NodeReply, Unanswered> {
    tracing::trace!(?group, "ask");
    let mut attempts = Attempts {
        peers,
        group,
        replicas,
        deadline,
        doubt: Doubt::Nothing,
        last: None,
        cause: None,
        turn: 0,
        hops: 0,
        pause: FIRST_PAUSE,
        patience: PATIENCE,
        ignored: None,
    };
    let mut node = peers.leader(group).or_else(|| replicas.first().copied());
    if node.is_some_and(|node| peers.is_silent(node)) {
        attempts.patience = PATIENCE_WITH_SILENT;
    }
    loop {
        let Some(target) = node else { return Err(attempts.settled().await) };
        match attempts.try_node(target, ask).await {
            Ok(reply) => {
                peers.set_leader(group, target);
                peers.heard(&reply);
                note_position(peers, group, &reply);
                return Ok(reply);
            }
            Err(error) => {
                let next = next_after(&error);
                // A read has no effect: its fate is never in doubt.
                if ask.writes() && !error.nothing_done() {
                    attempts.doubt = Doubt::Unknown;
                    attempts.cause = Some(error.clone());
                }
                if attempts.last.is_none() || error != CallError::Expired {
                    attempts.last = Some(error);
                }
                node = attempts.step(next, target).await;
            }
        }
    }
}

/// Keeps how far a shard's log is by its answer.
fn note_position(peers: &Peers, group: Group, reply: &NodeReply) {
    let Group::Shard(shard) = group else { return };
    match reply {
        NodeReply::Written { at, .. } => peers.positions().heard(shard, at.index),
        NodeReply::Read(reply) => peers.positions().heard(shard, reply.at.index),
        NodeReply::Pong(_)
        | NodeReply::MetaWritten { .. }
        | NodeReply::MetaRead(_)
        | NodeReply::Status(_) => {}
    }
}

impl Attempts<'_> {
    async fn try_node(&mut self, node: NodeId, ask: Ask<'_>) -> Result<NodeReply, CallError> {
        let left = self.deadline.left();
        if left.is_zero() {
            return Err(CallError::Expired);
        }
        let handle = self
            .peers
            .handle(node)
            .ok_or_else(|| CallError::Unreachable(format!("node {node} has no known address")))?;
        let call = self.node_call(node, ask).await?;
        let answer = self.while_alive(node, handle.call(call, left)).await;
        self.peers.note_answer(node, &answer);
        if matches!(answer, Err(CallError::Lost(_))) {
            self.ignored = Some((node, Deadline::within(PATIENCE)));
        }
        if matches!(answer, Err(CallError::OtherBoot)) {
            self.peers.clocks().forget(node);
        }
        answer
    }

    /// Waits for an answer as long as its node gives signs of life, so that a new leader elsewhere is found
    /// in time, and slow work isn't begun twice. The only replica is waited for to the end.
    async fn while_alive(
        &self,
        node: NodeId,
        call: impl Future<Output = Result<NodeReply, CallError>>,
    ) -> Result<NodeReply, CallError> {
        if self.replicas.len() < 2 {
            return call.await;
        }
        let mut call = pin!(call);
        let mut patience = self.patience;
        loop {
            match tokio::time::timeout(patience, &mut call).await {
                Ok(answer) => return answer,
                Err(_) if self.peers.is_quiet(node) => {
                    return Err(CallError::Lost(format!("node {node} answers neither this nor pings")));
                }
                Err(_) => patience = LOOK,
            }
        }
    }

    async fn node_call(&self, node: NodeId, ask: Ask<'_>) -> Result<NodeCall, CallError> {
        let budget_ms = self.deadline.left().as_millis() as u64;
        Ok(match (ask, self.group) {
            (Ask::Write(commands), Group::Shard(shard)) => {
                let deadline = self.node_deadline(node).await?;
                NodeCall::Write { shard, deadline, commands: commands.to_vec() }
            }
            (Ask::Read(request), Group::Shard(shard)) => {
                NodeCall::Read { shard, budget_ms, request: request.clone() }
            }
            (Ask::MetaWrite(command), Group::Meta) => {
                let deadline = self.node_deadline(node).await?;
                NodeCall::MetaWrite { deadline, command: command.clone() }
            }
            (Ask::MetaRead(query), Group::Meta) => NodeCall::MetaRead { budget_ms, query: query.clone() },
            (Ask::Write(_) | Ask::Read(_), Group::Meta)
            | (Ask::MetaWrite(_) | Ask::MetaRead(_), Group::Shard(_)) => {
                return Err(CallError::BadCall("a question for another kind of group".to_owned()));
            }
        })
    }

    async fn node_deadline(&self, node: NodeId) -> Result<lacuna_proto::call::NodeDeadline, CallError> {
        if let Some(deadline) = self.peers.clocks().deadline(node, self.deadline.at_ns()) {
            return Ok(deadline);
        }
        let wait = self.deadline.left().min(PING_PATIENCE);
        // Nothing but the ping was sent: whatever became of it, the write's fate is certain.
        self.peers.ping(node, wait).await.map_err(|error| CallError::Unreachable(error.to_string()))?;
        self.peers
            .clocks()
            .deadline(node, self.deadline.at_ns())
            .ok_or_else(|| CallError::Unreachable("its clock isn't known".to_owned()))
    }

    /// The node to ask next, after the wait that belongs to it; `None`: give up.
    async fn step(&mut self, next: Next, at: NodeId) -> Option<NodeId> {
        if self.deadline.passed() {
            return None;
        }
        match next {
            Next::Stop => None,
            Next::Same => Some(at),
            Next::Hint(leader) if leader != at && self.hops < 3 && !self.ignores(leader) => {
                self.hops += 1;
                Some(leader)
            }
            Next::PauseSame => {
                self.back_off().await;
                Some(at)
            }
            Next::PauseOther | Next::Hint(_) => {
                self.back_off().await;
                Some(self.rotate(at))
            }
            Next::Other => {
                self.turn += 1;
                if self.turn.is_multiple_of(self.replicas.len().max(1)) {
                    self.back_off().await;
                }
                Some(self.rotate(at))
            }
        }
    }

    /// Is it too early to ask this node again? Never if it is the only one.
    fn ignores(&self, node: NodeId) -> bool {
        self.replicas.len() > 1
            && self.ignored.is_some_and(|(silent, until)| silent == node && !until.passed())
    }

    async fn back_off(&mut self) {
        self.hops = 0;
        self.deadline.pause(self.pause).await;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
    }

    fn rotate(&self, at: NodeId) -> NodeId {
        let place = self.replicas.iter().position(|node| *node == at).map_or(0, |place| place + 1);
        let around = self.replicas.iter().cycle().skip(place).take(self.replicas.len());
        around.copied().find(|node| !self.ignores(*node)).unwrap_or(at)
    }

    /// An attempt whose fate is open may arrive until the deadline, whatever a later one was told: who answers
    /// sooner lets it come back behind the client's next delete (protocol PC2).
    async fn settled(self) -> Unanswered {
        if self.doubt == Doubt::Unknown {
            tokio::time::sleep(self.deadline.left()).await;
        }
        self.unanswered()
    }

    fn unanswered(self) -> Unanswered {
        let error =
            self.cause.or(self.last).unwrap_or_else(|| CallError::Unavailable("no node is known".to_owned()));
        let group = match self.group {
            Group::Meta => "the meta group".to_owned(),
            Group::Shard(shard) => format!("shard {shard}"),
        };
        Unanswered { code: code_of(&error), message: format!("{group}: {error}"), doubt: self.doubt }
    }
}
