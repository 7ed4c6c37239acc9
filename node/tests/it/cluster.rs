//! Several nodes in this process, each with its own directory and port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lacuna_model::catalog::NodeInfo;
use lacuna_model::command::Command;
use lacuna_model::outcome::CommandOutcome;
use lacuna_model::read::{DigestView, ReadBody};
use lacuna_model::{NodeId, ShardId};
use lacuna_node::{Node, NodeConfig};
use lacuna_proto::call::{CallError, NodeCall, NodeReply};
use lacuna_proto::handle::NodeHandle;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};

use crate::support::*;

/// The template's `certs` holds a directory for each node.
pub(crate) struct Cluster {
    dir: TempDir,
    infos: Vec<NodeInfo>,
    template: NodeConfig,
    pub(crate) nodes: BTreeMap<u64, Arc<Node>>,
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

impl Cluster {
    pub(crate) async fn start(count: u64, template: NodeConfig) -> Self {
        let listeners: Vec<_> = (0..count).map(|_| listen("127.0.0.1:0".parse().unwrap())).collect();
        let info = |(id, listener): (u64, &TcpListener)| NodeInfo {
            id: NodeId(id),
            address: listener.local_addr().unwrap().to_string(),
        };
        let infos: Vec<_> = (1..).zip(&listeners).map(info).collect();
        let mut cluster = Self { dir: TempDir::new().unwrap(), infos, template, nodes: BTreeMap::new() };
        let starts = (1..).zip(listeners).map(|(id, listener)| {
            let config = cluster.config(id);
            async move { (id, Node::start_on(listener, config).await.unwrap()) }
        });
        let nodes = join_all(starts).await;
        cluster.nodes.extend(nodes);
        cluster.ready().await;
        cluster
    }

    fn config(&self, id: u64) -> NodeConfig {
        NodeConfig {
            node: id,
            data_dir: self.dir.path().join(format!("n{id}")),
            initial_nodes: self.infos.clone(),
            certs: self.template.certs.as_ref().map(|dir| dir.join(format!("node-{id}"))),
            ..self.template.clone()
        }
    }

    pub(crate) async fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().shutdown().await.unwrap();
    }

    pub(crate) async fn restart(&mut self, id: u64) {
        let address = self.infos[id as usize - 1].address.parse().unwrap();
        let node = Node::start_on(listen(address), self.config(id)).await.unwrap();
        self.nodes.insert(id, node);
    }

    pub(crate) async fn ready(&self) {
        until("all nodes are ready", async || self.nodes.values().all(|node| node.ready())).await;
    }

    pub(crate) async fn stop_all(mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.stop(id).await;
        }
    }

    pub(crate) async fn leader(&self, shard: ShardId) -> u64 {
        let mut found = None;
        until("the shard has a leader", async || {
            for (id, node) in &self.nodes {
                let status = status(node.as_ref()).await;
                let leads = |group: &lacuna_proto::call::GroupStatus| {
                    group.shard == Some(shard) && group.role == "leader" && group.leader == Some(NodeId(*id))
                };
                if status.groups.iter().any(leads) {
                    found = Some(*id);
                }
            }
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Writes as a router does: hints followed, what did nothing repeated.
    pub(crate) async fn write(&self, shard: ShardId, commands: Vec<Command>) -> Vec<CommandOutcome> {
        let began = Instant::now();
        let mut node = *self.nodes.keys().next().unwrap();
        loop {
            let handle: &dyn NodeHandle = self.nodes[&node].as_ref();
            let error = match write(handle, shard, commands.clone()).await {
                Ok(outcomes) => return outcomes,
                Err(error) => error,
            };
            assert!(began.elapsed() < Duration::from_secs(15), "the write keeps failing: {error:?}");
            node = match error {
                CallError::NotLeader { leader: Some(leader) } if self.nodes.contains_key(&leader.0) => {
                    leader.0
                }
                _ => self
                    .nodes
                    .keys()
                    .copied()
                    .find(|id| *id > node)
                    .unwrap_or(*self.nodes.keys().next().unwrap()),
            };
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Digests of each replica once all of them stand at the same index.
    pub(crate) async fn digests(&self, shard: ShardId) -> Vec<DigestView> {
        let mut digests = Vec::new();
        until("the replicas stand at one index", async || {
            let mut found = Vec::new();
            for node in self.nodes.values() {
                match node.call(NodeCall::ReplicaDigest(shard), SECOND).await {
                    Ok(NodeReply::Read(reply)) => found.push((reply.at, reply.body)),
                    other => panic!("{other:?}"),
                }
            }
            let level = found.windows(2).all(|pair| pair[0].0 == pair[1].0);
            let digest = |body| match body {
                ReadBody::Digest(view) => view,
                other => panic!("{other:?}"),
            };
            digests = found.into_iter().map(|(_, body)| digest(body)).collect();
            level
        })
        .await;
        digests
    }
}
