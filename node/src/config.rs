//! Settings of a node.

use std::net::SocketAddr;
use std::path::PathBuf;

use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use serde::{Deserialize, Serialize};

/// Settings of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// This node; from 1.
    pub node: u64,
    /// Where everything of it lies.
    pub data_dir: PathBuf,
    /// Where its gRPC services listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Directory of this node's certificates (`lacuna cluster init` makes them). Without it everything between
    /// processes is plain text, and on loopback only.
    pub certs: Option<PathBuf>,
    /// The cluster's nodes, this one among them, alike on every node. Empty: this node alone.
    pub initial_nodes: Vec<NodeInfo>,
    /// Shards made when the cluster is set up.
    pub shards: u32,
    /// Replicas of each shard; at most one a node.
    pub replicas: u32,
    /// Timeouts of the meta group: shorter than half the catalog lease (protocol PN5).
    pub meta_timing: Timing,
    /// Timeouts of the shards.
    pub shard_timing: Timing,
    /// Queues.
    pub limits: QueueLimits,
    /// Log and snapshots.
    pub storage: StorageSettings,
    /// Requests that take longer are logged, ms.
    pub slow_request_ms: u64,
    /// How often leaders are moved back to the preferred replica, ms; 0: never.
    pub balance_ms: u64,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            node: 1,
            data_dir: PathBuf::from("./lacuna-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certs: None,
            initial_nodes: Vec::new(),
            shards: 8,
            replicas: 3,
            meta_timing: Timing::default(),
            shard_timing: Timing::default(),
            limits: QueueLimits::default(),
            storage: StorageSettings::default(),
            slow_request_ms: 500,
            balance_ms: 5_000,
        }
    }
}

impl NodeConfig {
    /// This node's id.
    pub fn id(&self) -> NodeId {
        NodeId(self.node)
    }
}

/// Timeouts of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// A leader is heard from so often, ms.
    pub heartbeat_ms: u64,
    /// Shortest silence after which a follower stands, ms.
    pub election_min_ms: u64,
    /// Longest silence after which a follower stands, ms; also the leader's lease.
    pub election_max_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { heartbeat_ms: 100, election_min_ms: 400, election_max_ms: 600 }
    }
}

/// Sizes of a shard's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueLimits {
    /// Calls that may wait to be proposed.
    pub waiting_calls: usize,
    /// Bytes of commands that may wait to be proposed.
    pub waiting_bytes: usize,
    /// Entries proposed and not yet applied; while all are under way, waiting commands gather into the next.
    pub entries_under_way: usize,
    /// Reads that scan or search, at once on the node.
    pub heavy_reads: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { waiting_calls: 4096, waiting_bytes: 128 << 20, entries_under_way: 4, heavy_reads: 16 }
    }
}

/// Sizes of log and snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// A group's log is purged when it has grown by about so many bytes (each group at a phase of its own).
    pub snapshot_log_bytes: u64,
    /// Entries kept in the log beyond that, for followers that are a little behind.
    pub kept_entries: u64,
    /// Cache of each replica's store, bytes.
    pub store_cache_bytes: u64,
    /// Bytes of a segment of the write-ahead log.
    pub segment_bytes: u64,
    /// Above this many bytes of log, groups that hold old segments are purged first.
    pub log_limit_bytes: u64,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            snapshot_log_bytes: 64 << 20,
            kept_entries: 512,
            store_cache_bytes: 32 << 20,
            segment_bytes: 64 << 20,
            log_limit_bytes: 1 << 30,
        }
    }
}
