//! One consensus group, with openraft behind it: nothing outside `raft/` and `replica/` sees its types.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lacuna_model::{LogPosition, NodeId};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, ForwardReason, LinearizableReadError, RaftError};
use openraft::raft::ClientWriteResult;
use openraft::{BasicNode, Config, Instant, RaftMetrics, ReadPolicy, SnapshotPolicy};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log_store::LogStore;
use super::machine::{GroupMachine, MachineError};
use super::machine_thread::{MachineHandle, OnFailure};
use super::network::GroupNetwork;
use super::peers::Peers;
use super::snapshot_file::SnapshotDir;
use super::state_machine::{Durability, GroupStateMachine};
use super::types::{Callback, EntryBytes, Raft, TypeConfig};
use crate::config::Timing;
use crate::wal::Wal;

/// What a group needs to be opened.
pub(crate) struct GroupSetup {
    /// This node.
    pub(crate) node: NodeId,
    /// Number of the group in log and network.
    pub(crate) group: u32,
    /// Its name in messages.
    pub(crate) name: String,
    /// Where its snapshots lie.
    pub(crate) snapshots: PathBuf,
    /// What allows its log to be purged.
    pub(crate) durability: Durability,
    /// Is this node all of it?
    pub(crate) voters: Voters,
    /// Entries kept in the log for followers that are a little behind.
    pub(crate) kept_entries: u64,
    /// Timeouts.
    pub(crate) timing: Timing,
    /// The node's log.
    pub(crate) wal: Wal,
    /// Connections.
    pub(crate) peers: Peers,
    /// What ends the node.
    pub(crate) on_failure: OnFailure,
}

/// How many voters a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voters {
    /// This node alone.
    One,
    /// Several nodes.
    Several,
}

/// Why a group can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum GroupOpenError {
    /// Its log can't be read.
    #[error("group {name}: log: {source}")]
    Log {
        /// The group.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// Its state can't be read.
    #[error("group {name}: {source}")]
    State {
        /// The group.
        name: String,
        /// The cause.
        source: MachineError,
    },
    /// Log and state don't fit together, or the settings are contradictory.
    #[error("group {name}: {what}")]
    Consensus {
        /// The group.
        name: String,
        /// What openraft said.
        what: String,
    },
}

/// Who leads, as this replica knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// This node, in this term.
    Here {
        /// The term.
        term: u64,
    },
    /// Another, or nobody known.
    There(Option<NodeId>),
}

/// What became of a proposal.
#[derive(Debug)]
pub(crate) enum Proposed {
    /// Applied; the state machine's reply.
    Applied(LogPosition, Bytes),
    /// It never got into the log: this node doesn't lead.
    NotLeader(Option<NodeId>),
    /// It never got into the log: the leader hasn't heard from a quorum (yet, or any more).
    NoQuorum,
    /// It got into the log, and was overtaken by another leader's: it may have been committed or not.
    Discarded,
}

/// Why there is no read index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoReadIndex {
    #[error("not the leader")]
    NotLeader(Option<NodeId>),
    #[error("no quorum answered")]
    NoQuorum,
    #[error("the group has stopped")]
    Stopped,
}

/// The group has stopped; the proposal wasn't handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group has stopped")]
pub(crate) struct Stopped;

/// A replica's view of its group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupView {
    pub(crate) term: u64,
    pub(crate) leader: Option<NodeId>,
    pub(crate) role: &'static str,
    pub(crate) last_log: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) purged: u64,
    pub(crate) snapshot: u64,
    pub(crate) recovered: bool,
    /// On the leader: each other member and how far its log is known to match.
    pub(crate) followers: BTreeMap<NodeId, u64>,
    /// On the leader: members heard from within the last second.
    pub(crate) healthy: Vec<NodeId>,
    /// Nodes of the membership.
    pub(crate) members: Vec<NodeId>,
}

/// One replica of a group.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) number: u32,
    pub(crate) raft: Raft,
    pub(crate) snapshots: SnapshotDir,
    log: LogStore,
    machine: MachineHandle,
    voters: Voters,
    /// Last index its log held when it was opened.
    found: u64,
    /// Told to the streams of appends that it answers: a peer keeps them open for as long as it leads.
    pub(crate) closed: CancellationToken,
}

/// Sees changes of a replica's view.
pub(crate) struct Watcher(
    openraft::alias::WatchReceiverOf<TypeConfig, openraft::metrics::RaftServerMetrics<TypeConfig>>,
);

impl Watcher {
    /// Waits for the next change; for ever once the group has stopped.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn settings(timing: Timing, (voters, kept_entries): (Voters, u64), name: &str) -> Config {
    Config {
        cluster_name: name.to_owned(),
        heartbeat_interval: timing.heartbeat_ms,
        election_timeout_min: timing.election_min_ms,
        election_timeout_max: timing.election_max_ms,
        heartbeat_min_interval: Some(timing.heartbeat_ms / 2),
        install_snapshot_timeout: 600_000,
        max_payload_entries: 256,
        replication_lag_threshold: 1_000_000,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: match voters {
            Voters::One => 0,
            Voters::Several => kept_entries,
        },
        enable_pre_vote: Some(true),
        // A leader replicates an entry before its own sync. Restarted without the unsynced tail it must not lead
        // on in the same term: the next entry would get a log id that a follower already holds for another one.
        enable_leader_restore: Some(voters == Voters::One),
        ..Config::default()
    }
}

impl Group {
    /// Opens a replica: its log, its state, and starts it.
    pub(crate) async fn open(
        setup: GroupSetup,
        machine: Box<dyn GroupMachine>,
    ) -> Result<Self, GroupOpenError> {
        let name = setup.name;
        let consensus = |what: String| GroupOpenError::Consensus { name: name.clone(), what };
        let log = LogStore::open(setup.wal, setup.group)
            .await
            .map_err(|source| GroupOpenError::Log { name: name.clone(), source })?;
        let places = (setup.durability, setup.snapshots);
        let state = GroupStateMachine::open(name.clone(), machine, places, setup.on_failure)
            .map_err(|source| GroupOpenError::State { name: name.clone(), source })?;
        let (machine, snapshots) = (state.machine(), state.snapshot_dir());
        let config = settings(setup.timing, (setup.voters, setup.kept_entries), &name)
            .validate()
            .map_err(|e| consensus(e.to_string()))?;
        let found = log.last_index();
        let network = GroupNetwork { group: setup.group, peers: setup.peers };
        let raft = Raft::new(setup.node.0, Arc::new(config), network, log.clone(), state)
            .await
            .map_err(|error| consensus(error.to_string()))?;
        Ok(Self {
            number: setup.group,
            raft,
            snapshots,
            log,
            machine,
            voters: setup.voters,
            found,
            closed: CancellationToken::new(),
        })
    }

    /// Was the group ever given its members?
    pub(crate) async fn is_initialized(&self) -> bool {
        self.raft.is_initialized().await.unwrap_or(true)
    }

    /// Gives a new group its voters; once, on one node. Repeated, it changes nothing.
    pub(crate) async fn initialize(&self, voters: &[(NodeId, String)]) -> Result<(), String> {
        let members: BTreeMap<u64, BasicNode> =
            voters.iter().map(|(id, address)| (id.0, BasicNode { addr: address.clone() })).collect();
        match self.raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(openraft::errors::InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds a node that only listens.
    pub(crate) async fn add_learner(&self, node: NodeId, address: &str) -> Result<(), String> {
        let info = BasicNode { addr: address.to_owned() };
        self.raft.add_learner(node.0, info, false).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Who leads.
    pub(crate) fn leadership(&self) -> Leadership {
        match self.raft.as_leader() {
            Ok(leader) => Leadership::Here { term: leader.term() },
            Err(forward) => Leadership::There(forward.leader_id.map(NodeId)),
        }
    }

    /// Hands an encoded entry over, bound to a term: in any other term it is refused. Proposals get into the log
    /// in the order in which they are handed over. `done` is called once, or never if the group stops.
    pub(crate) async fn propose(
        &self,
        term: u64,
        body: Bytes,
        done: impl FnOnce(Proposed) + Send + 'static,
    ) -> Result<(), Stopped> {
        tracing::trace!("propose");
        let me = NodeId(*self.raft.node_id());
        let responder = Callback::new(move |result| {
            done(match proposed(result) {
                // It leads again, in another term: the next check will tell.
                Proposed::NotLeader(Some(leader)) if leader == me => Proposed::NotLeader(None),
                other => other,
            });
        });
        let leader = <openraft::alias::CommittedLeaderIdOf<TypeConfig>>::from(term);
        self.raft.write(EntryBytes(body)).responder(responder).with_leader(leader).await.map_err(|_| Stopped)
    }

    /// An index that every read begun before this call may be answered at, once it is applied.
    pub(crate) async fn read_index(&self) -> Result<u64, NoReadIndex> {
        match self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(NoReadIndex::NotLeader(forward.leader_id.map(NodeId)))
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(NoReadIndex::NoQuorum),
            Err(RaftError::Fatal(_)) => Err(NoReadIndex::Stopped),
        }
    }

    /// May a read be answered from the applied state at once? The only voter is asked by nobody else and overruled by
    /// nobody: what it has acknowledged it has applied, in this run before it said so, and from earlier runs once all that
    /// its log held when it was opened is applied.
    pub(crate) fn reads_at_once(&self) -> bool {
        // A stopped replica goes on saying that it leads.
        let leads = || !self.closed.is_cancelled() && matches!(self.leadership(), Leadership::Here { .. });
        self.voters == Voters::One && leads() && self.machine.applied().borrow().index >= self.found
    }

    /// How far the state machine is.
    pub(crate) fn applied(&self) -> watch::Receiver<LogPosition> {
        self.machine.applied()
    }

    /// How the replica sees its group.
    pub(crate) fn view(&self) -> GroupView {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        view(&metrics, self.found)
    }

    /// Bytes in the log since it was last purged.
    pub(crate) fn log_grown(&self) -> u64 {
        self.log.grown()
    }

    /// Makes the state durable without the log; the log is purged after it.
    pub(crate) async fn snapshot(&self) -> Result<(), Stopped> {
        self.raft.trigger().snapshot().await.map_err(|_| Stopped)
    }

    /// Makes what is applied durable (INV-5).
    pub(crate) async fn barrier(&self) -> io::Result<()> {
        self.machine.barrier().await.map(|_| ())
    }

    /// Asks another voter to lead.
    pub(crate) async fn transfer(&self, to: NodeId) -> Result<(), Stopped> {
        self.raft.trigger().transfer_leader(to.0).await.map_err(|_| Stopped)
    }

    /// Stands for election at once, pre-vote first.
    pub(crate) async fn elect(&self) -> Result<(), Stopped> {
        self.raft.trigger().elect(true).await.map_err(|_| Stopped)
    }

    /// Changes of the replica's view from now on.
    pub(crate) fn watch(&self) -> Watcher {
        Watcher(self.raft.server_metrics())
    }

    /// Stops the replica; its state's files are closed when it returns.
    pub(crate) async fn shutdown(&self) {
        self.closed.cancel();
        if self.raft.shutdown().await.is_err() {
            tracing::warn!(group = self.number, "the group's task had failed before it was stopped");
        }
        self.machine.stop().await;
    }
}

fn proposed(result: ClientWriteResult<TypeConfig>) -> Proposed {
    match result {
        Ok(response) => Proposed::Applied(super::types::position(&response.log_id), response.data.0),
        Err(ClientWriteError::ForwardToLeader(forward)) => match forward.reason {
            ForwardReason::LeaseExpired => Proposed::NoQuorum,
            ForwardReason::NotLeader | ForwardReason::LeadershipTransfer => {
                Proposed::NotLeader(forward.leader_id.map(NodeId))
            }
        },
        Err(
            ClientWriteError::LogEntryDiscarded(_)
            | ClientWriteError::ChangeMembershipError(_)
            | ClientWriteError::PreconditionFailed(_),
        ) => Proposed::Discarded,
    }
}

fn view(metrics: &RaftMetrics<TypeConfig>, found: u64) -> GroupView {
    let index = |id: &Option<super::types::LogId>| id.map_or(0, |id| id.index);
    let cluster = metrics.cluster_committed.map(|id| id.index);
    let applied = metrics.last_applied.map(|id| id.index);
    let replication = metrics.replication.iter().flatten().filter(|(id, _)| **id != metrics.id);
    GroupView {
        term: metrics.current_term,
        leader: metrics.current_leader.map(NodeId),
        role: match metrics.state {
            openraft::ServerState::Leader => "leader",
            openraft::ServerState::Follower => "follower",
            openraft::ServerState::Candidate => "candidate",
            openraft::ServerState::Learner => "learner",
            openraft::ServerState::Shutdown => "stopped",
        },
        last_log: metrics.last_log_index.unwrap_or_default(),
        committed: index(&metrics.local_committed),
        applied: index(&metrics.last_applied),
        purged: index(&metrics.purged),
        snapshot: index(&metrics.snapshot),
        // A leader has been heard, and all that the log held when it was opened is applied (or overruled).
        recovered: cluster.is_some_and(|at| at >= found) && applied >= Some(found),
        followers: replication.map(|(id, at)| (NodeId(*id), at.map_or(0, |at| at.index))).collect(),
        healthy: healthy(metrics),
        members: metrics.membership_config.membership().nodes().map(|(id, _)| NodeId(*id)).collect(),
    }
}

/// A silent follower is not handed anything.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

fn healthy(metrics: &RaftMetrics<TypeConfig>) -> Vec<NodeId> {
    let heard = metrics.heartbeat.iter().flatten().filter(|(id, _)| **id != metrics.id);
    heard
        .filter(|(_, at)| at.is_some_and(|at| at.elapsed() < HEARD_WITHIN))
        .map(|(id, _)| NodeId(*id))
        .collect()
}
