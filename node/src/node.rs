//! A node: its log, its groups, its services, and what keeps them going.

mod calls;
mod leaders;
mod placement;
mod start;
mod stop;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::catalog::NodeInfo;
use lacuna_model::{NodeId, ShardId};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::remote::RemoteNode;
use lacuna_proto::tls::cluster::{PlainText, Security};
use lacuna_proto::tls::files::TlsFileError;
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::NodeConfig;
use crate::format_file::{FormatError, FormatFile};
use crate::meta::shard_call::Nodes;
use crate::raft::group::{Group, GroupOpenError, GroupSetup, Voters};
use crate::raft::peers::Peers;
use crate::raft::state_machine::Durability;
use crate::replica::meta_replica::MetaReplica;
use crate::replica::shard::{ReplicaOpenError, ShardReplica, Shared};
use crate::rpc::raft::Groups;
use crate::wal::{Wal, WalError};

pub use stop::NodeStopError;

/// Number of the meta group in log and network; shards follow it.
const META_GROUP: u32 = 0;

/// Why a node can't start. Nothing was changed that a start with right settings wouldn't do.
#[derive(Debug, thiserror::Error)]
pub enum NodeStartError {
    /// The settings contradict themselves.
    #[error("{0}")]
    Settings(String),
    /// The data directory isn't this node's, or of another version.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The log can't be opened.
    #[error(transparent)]
    Log(#[from] WalError),
    /// The meta group can't be opened.
    #[error(transparent)]
    Meta(#[from] GroupOpenError),
    /// A shard's replica can't be opened.
    #[error(transparent)]
    Replica(#[from] ReplicaOpenError),
    /// The node's certificates can't be used.
    #[error("{0}. Nothing was started.")]
    Certificates(#[from] TlsFileError),
    /// Other machines would be spoken to in plain text.
    #[error("{0}. Nothing was started.")]
    PlainText(#[from] PlainText),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// A running node.
pub struct Node {
    config: NodeConfig,
    address: SocketAddr,
    nodes: Vec<NodeInfo>,
    format: Mutex<FormatFile>,
    wal: Wal,
    security: Security,
    peers: Peers,
    shared: Shared,
    meta: Arc<MetaReplica>,
    shards: RwLock<BTreeMap<ShardId, Arc<ShardReplica>>>,
    remotes: Mutex<BTreeMap<NodeId, Arc<dyn NodeHandle>>>,
    /// Told to everything that runs on.
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Told to the gRPC server: no new connections.
    close: CancellationToken,
    server: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("node", &self.config.node)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// This node.
    pub fn id(&self) -> NodeId {
        self.config.id()
    }

    /// Where its services listen, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node's own handle: calls without a hop.
    pub fn handle(self: &Arc<Self>) -> Arc<dyn NodeHandle> {
        Arc::clone(self) as Arc<dyn NodeHandle>
    }

    /// Every replica placed here is open, has a leader, and has recovered.
    pub fn ready(&self) -> bool {
        let placed = self
            .meta
            .view
            .look(|state| state.cluster().map(|info| placement::placed_on(&info.map, self.id()).len()));
        let shards = self.shards.read();
        let all_open = placed.is_some_and(|count| count == shards.len());
        let led = |status: &lacuna_proto::call::GroupStatus| status.leader.is_some() && status.recovered;
        all_open && led(&self.meta.status()) && shards.values().all(|replica| led(&replica.status()))
    }

    fn shard(&self, shard: ShardId) -> Option<Arc<ShardReplica>> {
        self.shards.read().get(&shard).cloned()
    }

    /// What a group of this node is opened with.
    fn setup(&self, shard: ShardId, replicas: usize) -> GroupSetup {
        let dir = shard_dir(&self.config, shard);
        let alone = replicas <= 1;
        GroupSetup {
            node: self.id(),
            group: group_number(shard),
            name: format!("shard {shard}"),
            snapshots: dir.join("snapshots"),
            durability: if alone { Durability::File } else { Durability::Barrier },
            voters: if alone { Voters::One } else { Voters::Several },
            kept_entries: self.config.storage.kept_entries,
            timing: self.config.shard_timing,
            wal: self.wal.clone(),
            peers: self.peers.clone(),
            on_failure: start::ends_the_node(),
        }
    }

    /// Runs a task until the node stops.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}

fn group_number(shard: ShardId) -> u32 {
    shard.0 + 1
}

fn shard_dir(config: &NodeConfig, shard: ShardId) -> std::path::PathBuf {
    config.data_dir.join("shards").join(shard.to_string())
}

/// Finds groups for messages of other nodes.
pub(crate) struct GroupTable(std::sync::Weak<Node>);

impl Groups for GroupTable {
    fn group(&self, number: u32) -> Option<Group> {
        let node = self.0.upgrade()?;
        match number.checked_sub(1) {
            None => Some(node.meta.group.clone()),
            Some(shard) => node.shard(ShardId(shard)).map(|replica| replica.group.clone()),
        }
    }
}

/// The nodes that this one's driver asks.
struct Others(std::sync::Weak<Node>);

impl Nodes for Others {
    fn handle(&self, id: NodeId) -> Option<Arc<dyn NodeHandle>> {
        let node = self.0.upgrade()?;
        if id == node.id() {
            return Some(node.handle());
        }
        if let Some(remote) = node.remotes.lock().get(&id) {
            return Some(Arc::clone(remote));
        }
        let info =
            node.meta.view.look(|state| state.cluster()?.nodes.iter().find(|info| info.id == id).cloned())?;
        let remote: Arc<dyn NodeHandle> = Arc::new(RemoteNode::new(&info, &node.security).ok()?);
        node.remotes.lock().insert(id, Arc::clone(&remote));
        Some(remote)
    }
}

/// How long something internal is waited for before it is tried again.
const SHORT: Duration = Duration::from_secs(2);
