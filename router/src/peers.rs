//! The nodes we can ask: handles, clocks, who leads what, the largest stamp heard.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lacuna_model::catalog::NodeInfo;
use lacuna_model::{NodeId, ShardId, Stamp};
use lacuna_proto::call::{CallError, NodeCall, NodeReply, Pong};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::peer_clock::{PeerClocks, boottime_ns};
use parking_lot::RwLock;

use crate::config::Connector;
use crate::positions::Positions;

/// A node whose last ping answer is older than this is taken for stopped, ns. It is asked each second.
const QUIET_NS: u64 = 1_500_000_000;

/// A Raft group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    /// Names, slot table, operations.
    Meta,
    /// A shard.
    Shard(ShardId),
}

struct Peer {
    info: NodeInfo,
    handle: Arc<dyn NodeHandle>,
}

/// All nodes, as far as known.
pub(crate) struct Peers {
    connector: Arc<dyn Connector>,
    known: RwLock<Vec<Peer>>,
    leaders: RwLock<HashMap<Group, NodeId>>,
    clocks: PeerClocks,
    /// Nodes whose last call wasn't answered in the time it was waited for.
    silent: RwLock<HashSet<NodeId>>,
    stamp: AtomicU64,
    positions: Positions,
}

impl Peers {
    pub(crate) fn new(connector: Arc<dyn Connector>, seeds: &[NodeInfo]) -> Self {
        let peers = Self {
            connector,
            known: RwLock::new(Vec::new()),
            leaders: RwLock::new(HashMap::new()),
            clocks: PeerClocks::default(),
            silent: RwLock::new(HashSet::new()),
            stamp: AtomicU64::new(0),
            positions: Positions::default(),
        };
        peers.learn(seeds);
        peers
    }

    /// Takes the cluster's list of nodes; a node with a new address gets a new handle.
    pub(crate) fn learn(&self, nodes: &[NodeInfo]) {
        for node in nodes {
            let known = self.known.read().iter().any(|peer| peer.info == *node);
            if !known {
                let peer = Peer { info: node.clone(), handle: self.connector.handle(node) };
                let mut peers = self.known.write();
                peers.retain(|peer| peer.info.id != node.id);
                peers.push(peer);
            }
        }
    }

    pub(crate) fn nodes(&self) -> Vec<NodeInfo> {
        let mut nodes: Vec<_> = self.known.read().iter().map(|peer| peer.info.clone()).collect();
        nodes.sort_by_key(|node| node.id);
        nodes
    }

    pub(crate) fn handle(&self, node: NodeId) -> Option<Arc<dyn NodeHandle>> {
        self.known.read().iter().find(|peer| peer.info.id == node).map(|peer| Arc::clone(&peer.handle))
    }

    pub(crate) fn leader(&self, group: Group) -> Option<NodeId> {
        self.leaders.read().get(&group).copied()
    }

    pub(crate) fn set_leader(&self, group: Group, node: NodeId) {
        if self.leader(group) != Some(node) {
            self.leaders.write().insert(group, node);
        }
    }

    pub(crate) fn is_silent(&self, node: NodeId) -> bool {
        self.silent.read().contains(&node)
    }

    /// Has a node left pings without an answer?
    pub(crate) fn is_quiet(&self, node: NodeId) -> bool {
        self.clocks.age_ns(node).is_none_or(|age| age > QUIET_NS)
    }

    /// Notes whether a node gave any answer to a call.
    pub(crate) fn note_answer(&self, node: NodeId, answer: &Result<NodeReply, CallError>) {
        let silent = matches!(answer, Err(CallError::Lost(_)));
        if silent != self.is_silent(node) {
            let mut nodes = self.silent.write();
            if silent {
                nodes.insert(node)
            } else {
                nodes.remove(&node)
            };
        }
    }

    pub(crate) fn clocks(&self) -> &PeerClocks {
        &self.clocks
    }

    /// How far each shard's log is, as far as heard.
    pub(crate) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Largest stamp heard from any group (protocol PC3).
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.stamp.load(Ordering::Relaxed))
    }

    pub(crate) fn heard(&self, reply: &NodeReply) {
        let stamp = match reply {
            NodeReply::Pong(pong) => pong.stamp,
            NodeReply::Written { stamp, .. } | NodeReply::MetaWritten { stamp, .. } => *stamp,
            NodeReply::Read(reply) => reply.stamp,
            NodeReply::MetaRead(reply) => reply.stamp,
            NodeReply::Status(_) => return,
        };
        self.stamp.fetch_max(stamp.0, Ordering::Relaxed);
    }

    /// Asks a node for its clock and newest stamp.
    pub(crate) async fn ping(&self, node: NodeId, wait: Duration) -> Result<Pong, CallError> {
        let handle = self.handle(node).ok_or(CallError::NotHere)?;
        let answer = handle.call(NodeCall::Ping, wait).await;
        self.note_answer(node, &answer);
        let reply = answer?;
        let arrived = boottime_ns();
        self.heard(&reply);
        match reply {
            NodeReply::Pong(pong) => {
                self.clocks.heard(node, &pong, arrived);
                Ok(pong)
            }
            other => Err(CallError::BadCall(format!("answered a ping with {other:?}"))),
        }
    }
}
