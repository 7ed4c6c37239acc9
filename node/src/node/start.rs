//! Starting a node: directory, log, meta group, services, then the replicas placed on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt;
use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::codec::MAX_MESSAGE_BYTES;
use lacuna_proto::peer_clock::PeerClocks;
use lacuna_proto::tls::cluster::{Holder, Security, processes};
use lacuna_proto::wire::node_server::NodeServer;
use lacuna_proto::wire::raft_server::RaftServer;
use parking_lot::{Mutex, RwLock};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::{GroupTable, META_GROUP, Node, NodeStartError, Others, leaders, placement};
use crate::clock::Clock;
use crate::config::NodeConfig;
use crate::format_file::FormatFile;
use crate::meta::driver::Driver;
use crate::raft::group::{GroupSetup, Voters};
use crate::raft::peers::Peers;
use crate::raft::state_machine::Durability;
use crate::replica::meta_replica::{self, MetaReplica};
use crate::replica::shard::Shared;
use crate::replica::slow::SlowLimit;
use crate::replica::upkeep::keep_log_short;
use crate::rpc;
use crate::wal::{RealFiles, Wal, WalConfig};

/// From so many nodes on the meta group has five voters instead of three.
const NODES_FOR_FIVE_VOTERS: usize = 7;

/// R1: the first failed write or sync ends the node at once; nothing is answered after it.
pub(super) fn ends_the_node() -> Arc<dyn Fn(&str) + Send + Sync> {
    Arc::new(|reason| {
        tracing::error!(reason, "the node ends: its files can't be trusted any more; a restart recovers");
        std::process::abort();
    })
}

/// Calls given up before they were looked at, on one connection, before it is closed as abusive.
const PENDING_RESETS: usize = 4_096;

impl Node {
    /// Starts a node. It serves as soon as this returns; [`Node::ready`] says when all of it has recovered.
    pub async fn start(config: NodeConfig) -> Result<Arc<Self>, NodeStartError> {
        let security = security(&config)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| NodeStartError::Listen { address: config.listen, source })?;
        Self::begin(listener, config, security).await
    }

    /// Starts a node on a port that is open already.
    pub async fn start_on(listener: TcpListener, config: NodeConfig) -> Result<Arc<Self>, NodeStartError> {
        let security = security(&config)?;
        Self::begin(listener, config, security).await
    }

    async fn begin(
        listener: TcpListener,
        config: NodeConfig,
        security: Security,
    ) -> Result<Arc<Self>, NodeStartError> {
        let address = listener
            .local_addr()
            .map_err(|source| NodeStartError::Listen { address: config.listen, source })?;
        security.allows(&address.to_string())?;
        let nodes = known_nodes(&config, address)?;
        let format = FormatFile::open(&config.data_dir, config.id())?;
        let wal = open_wal(&config).await?;
        let peers = Peers::new(security.clone());
        let shared = Shared {
            clock: Arc::new(Clock::default()),
            limits: config.limits,
            slow: SlowLimit(Duration::from_millis(config.slow_request_ms)),
            heavy: Arc::new(Semaphore::new(config.limits.heavy_reads.max(1))),
            store_cache_bytes: config.storage.store_cache_bytes,
        };
        let meta = MetaReplica::open(meta_setup(&config, &nodes, &wal, &peers), shared.clone()).await?;
        let node = Arc::new(Self {
            config,
            address,
            nodes,
            format: Mutex::new(format),
            wal,
            security,
            peers,
            shared,
            meta,
            shards: RwLock::new(BTreeMap::new()),
            remotes: Mutex::new(BTreeMap::new()),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            close: CancellationToken::new(),
            server: Mutex::new(None),
        });
        node.serve(listener).map_err(|source| NodeStartError::Listen { address, source })?;
        node.take_part().await?;
        Ok(node)
    }

    fn serve(self: &Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let weak = Arc::downgrade(self);
        let calls = NodeServer::new(rpc::node::NodeServer(Weak::clone(&weak)))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let raft = RaftServer::new(rpc::raft::RaftServer(GroupTable(weak)))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let server = Server::builder()
            // A node that stood still finds many calls that were given up meanwhile; its peers do no wrong by that.
            .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keepalive_interval(Some(Duration::from_secs(5)))
            .add_service(calls)
            .add_service(InterceptedService::new(raft, rpc::raft::only_nodes(&self.security)));
        let close = self.close.clone().cancelled_owned();
        let serving = match &self.security {
            Security::Loopback => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                server.serve_with_incoming_shutdown(incoming, close).boxed()
            }
            Security::Mutual(certificates) => {
                self.run(Arc::clone(certificates).follow(self.stop.clone()));
                let incoming = processes(listener, Arc::clone(certificates))?;
                server.serve_with_incoming_shutdown(incoming.into_streams(), close).boxed()
            }
        };
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the node's services ended");
            }
        });
        *self.server.lock() = Some(task);
        Ok(())
    }

    /// Joins its groups and begins its duties.
    async fn take_part(self: &Arc<Self>) -> Result<(), NodeStartError> {
        self.begin_meta_group().await?;
        // What the log says already is opened before the node says that it has started.
        self.open_placed().await?;
        let weak = Arc::downgrade(self);
        let driver = Driver::new(
            Arc::clone(&self.meta) as Arc<dyn crate::meta::driver::MetaGroup>,
            self.meta.view.clone(),
            Arc::new(Others(Weak::clone(&weak))),
            Arc::new(PeerClocks::default()),
        );
        self.run(driver.run(self.stop.clone()));
        self.run(placement::follow(Weak::clone(&weak), self.stop.clone()));
        self.run(leaders::lead_meta(Weak::clone(&weak), self.stop.clone()));
        self.run(leaders::balance(weak, self.stop.clone()));
        self.run(keep_log_short(
            self.meta.group.clone(),
            self.wal.clone(),
            self.config.storage,
            self.stop.clone(),
        ));
        Ok(())
    }

    /// The lowest node gives the meta group its voters, once.
    async fn begin_meta_group(&self) -> Result<(), NodeStartError> {
        let voters = meta_voters(&self.nodes);
        let lowest = self.nodes.first().is_some_and(|info| info.id == self.id());
        let group = &self.meta.group;
        if lowest && !group.is_initialized().await {
            let named: Vec<_> = voters.iter().map(|info| (info.id, info.address.clone())).collect();
            group.initialize(&named).await.map_err(NodeStartError::Settings)?;
        } else if voters.len() == 1 && lowest {
            placement::lead_alone(group).await;
        }
        Ok(())
    }
}

/// Reads the node's certificates; without them neither it nor another node may be on another machine.
fn security(config: &NodeConfig) -> Result<Security, NodeStartError> {
    let security = Security::read(config.certs.as_deref(), Holder::Node(config.id()))?;
    security.allows(&config.listen.to_string())?;
    for info in &config.initial_nodes {
        security.allows(&info.address)?;
    }
    Ok(security)
}

/// The nodes of the cluster, ascending; this one alone if none are named.
fn known_nodes(config: &NodeConfig, address: SocketAddr) -> Result<Vec<NodeInfo>, NodeStartError> {
    if config.node == 0 {
        return Err(NodeStartError::Settings("a node's id begins at 1".to_owned()));
    }
    let mut nodes = config.initial_nodes.clone();
    if nodes.is_empty() {
        nodes.push(NodeInfo { id: config.id(), address: address.to_string() });
    }
    nodes.sort_by_key(|info| info.id);
    let ids: BTreeSet<NodeId> = nodes.iter().map(|info| info.id).collect();
    if ids.len() != nodes.len() {
        return Err(NodeStartError::Settings("initial_nodes names a node twice".to_owned()));
    }
    if !ids.contains(&config.id()) {
        let text = format!("initial_nodes doesn't name node {}, which is this one", config.node);
        return Err(NodeStartError::Settings(text));
    }
    Ok(nodes)
}

/// The voters of the meta group; the other nodes only listen.
pub(super) fn meta_voters(nodes: &[NodeInfo]) -> &[NodeInfo] {
    let voters = if nodes.len() >= NODES_FOR_FIVE_VOTERS { 5 } else { 3 };
    &nodes[..voters.min(nodes.len())]
}

fn meta_setup(config: &NodeConfig, nodes: &[NodeInfo], wal: &Wal, peers: &Peers) -> GroupSetup {
    GroupSetup {
        node: config.id(),
        group: META_GROUP,
        name: meta_replica::NAME.to_owned(),
        snapshots: config.data_dir.join("meta"),
        durability: Durability::File,
        voters: if nodes.len() == 1 { Voters::One } else { Voters::Several },
        kept_entries: config.storage.kept_entries,
        timing: config.meta_timing,
        wal: wal.clone(),
        peers: peers.clone(),
        on_failure: ends_the_node(),
    }
}

async fn open_wal(config: &NodeConfig) -> Result<Wal, NodeStartError> {
    let settings = WalConfig {
        segment_bytes: config.storage.segment_bytes,
        limit_bytes: config.storage.log_limit_bytes,
        // Each group keeps its newest entries decoded; this serves followers a little behind.
        cache_bytes: 16 << 20,
        ..WalConfig::new(&config.data_dir)
    };
    let opening = tokio::task::spawn_blocking(move || Wal::open(settings, Arc::new(RealFiles)));
    let (wal, recovered) = opening.await.map_err(|error| NodeStartError::Settings(error.to_string()))??;
    tracing::info!(batches = recovered.batches, groups = recovered.groups.len(), "log opened");
    Ok(wal)
}
