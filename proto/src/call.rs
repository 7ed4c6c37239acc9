//! The calls that a node answers, whether they come by gRPC or from the same process.

use lacuna_model::command::Command;
use lacuna_model::meta::{MetaCommand, MetaOutcome, MetaQuery, MetaReply};
use lacuna_model::outcome::CommandOutcome;
use lacuna_model::read::{ReadReply, ReadRequest};
use lacuna_model::{LogPosition, NodeId, ShardId, Stamp};
use serde::{Deserialize, Serialize};

/// Identity of one run of a node process; a clock reading means nothing to another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub u128);

/// A moment on a node's own `CLOCK_BOOTTIME` (protocol PC1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDeadline {
    /// The run of the node whose clock this is.
    pub boot: BootId,
    /// `CLOCK_BOOTTIME` of that node, ns: past it the node doesn't propose.
    pub at_ns: u64,
}

/// What is asked of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeCall {
    /// Clock, boot id and newest stamp.
    Ping,
    /// Commands for a shard; each gets its own outcome.
    Write {
        /// The shard.
        shard: ShardId,
        /// Past it nothing is proposed.
        deadline: NodeDeadline,
        /// What to apply.
        commands: Vec<Command>,
    },
    /// A question to a shard, at a read index.
    Read {
        /// The shard.
        shard: ShardId,
        /// Time the answer is waited for, ms.
        budget_ms: u64,
        /// The question.
        request: ReadRequest,
    },
    /// A change to the catalog.
    MetaWrite {
        /// Past it nothing is proposed.
        deadline: NodeDeadline,
        /// The change.
        command: MetaCommand,
    },
    /// A question to the meta group, at a read index.
    MetaRead {
        /// Time the answer is waited for, ms.
        budget_ms: u64,
        /// The question.
        query: MetaQuery,
    },
    /// What this node hosts and how it is.
    Status,
    /// Digests of this node's own replica of a shard, whatever its role, at its applied index.
    ReplicaDigest(ShardId),
}

/// A node's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeReply {
    /// Of `Ping`.
    Pong(Pong),
    /// Of `Write`: an outcome for each command, in order.
    Written {
        /// The outcomes.
        outcomes: Vec<CommandOutcome>,
        /// The shard's stamp after it.
        stamp: Stamp,
        /// The entry that carried them (the last, if several did).
        at: LogPosition,
    },
    /// Of `Read` and `ReplicaDigest`.
    Read(ReadReply),
    /// Of `MetaWrite`: the outcome, and the catalog's version after it.
    MetaWritten {
        /// The outcome.
        outcome: MetaOutcome,
        /// Index of the entry.
        index: u64,
        /// The meta group's stamp.
        stamp: Stamp,
    },
    /// Of `MetaRead`.
    MetaRead(MetaReply),
    /// Of `Status`.
    Status(NodeStatus),
}

/// Answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The node.
    pub node: NodeId,
    /// This run of it.
    pub boot: BootId,
    /// Its `CLOCK_BOOTTIME`, ns.
    pub now_ns: u64,
    /// The stamp it would give an entry now: no smaller than any its groups hold.
    pub stamp: Stamp,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// Version of the software.
    pub version: String,
    /// Its groups: the meta group first, then shards, ascending.
    pub groups: Vec<GroupStatus>,
    /// Every local group has a leader and has recovered.
    pub ready: bool,
}

/// How one replica is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// The shard; `None` for the meta group.
    pub shard: Option<ShardId>,
    /// Its term.
    pub term: u64,
    /// The leader it knows.
    pub leader: Option<NodeId>,
    /// leader, follower, candidate, learner or stopped.
    pub role: String,
    /// Last index in its log.
    pub last_log: u64,
    /// Last index known committed.
    pub committed: u64,
    /// Last index applied.
    pub applied: u64,
    /// Last index purged from its log.
    pub purged: u64,
    /// Live records (shards).
    pub live: u64,
    /// It has caught up with what it knew before its last stop.
    pub recovered: bool,
}

/// Why a call wasn't answered. The variant says what may have happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CallError {
    /// This node doesn't lead the group: nothing was done; ask the one hinted at.
    #[error("not the leader")]
    NotLeader {
        /// Who leads, if known.
        leader: Option<NodeId>,
    },
    /// This node has no replica of the group: nothing was done.
    #[error("no replica of it here")]
    NotHere,
    /// The deadline had passed before it was proposed: nothing was done, and won't be.
    #[error("the deadline passed before it was proposed")]
    Expired,
    /// The deadline is on the clock of another run of this node: nothing was done; ping again.
    #[error("the node was restarted")]
    OtherBoot,
    /// Queues are full: nothing was done.
    #[error("too many requests")]
    Busy,
    /// No room on disk or in memory: nothing was done.
    #[error("no room")]
    NoRoom,
    /// The group has no leader, or no quorum, or recovers: nothing was done.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Proposed, and its fate isn't known.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// The call can't be read or makes no sense: nothing was done.
    #[error("bad call: {0}")]
    BadCall(String),
    /// The node couldn't be connected to: the call was not sent, nothing was done.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The connection failed after the call was sent: its fate isn't known (reads: repeat).
    #[error("connection lost: {0}")]
    Lost(String),
}

impl CallError {
    /// Is it certain that nothing was done and nothing will be?
    pub fn nothing_done(&self) -> bool {
        match self {
            Self::NotLeader { .. }
            | Self::NotHere
            | Self::Expired
            | Self::OtherBoot
            | Self::Busy
            | Self::NoRoom
            | Self::Unavailable(_)
            | Self::BadCall(_)
            | Self::Unreachable(_) => true,
            Self::Unknown(_) | Self::Lost(_) => false,
        }
    }
}
