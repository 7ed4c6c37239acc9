//! The calls that a node answers, from its own process or by gRPC.

use std::time::Duration;

use async_trait::async_trait;
use lacuna_model::ShardId;
use lacuna_proto::call::{CallError, NodeCall, NodeReply, NodeStatus, Pong};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::peer_clock::boottime_ns;

use std::sync::Arc;

use super::{Node, placement};
use crate::replica::shard::ShardReplica;

impl Node {
    fn hosted(&self, shard: ShardId) -> Result<Arc<ShardReplica>, CallError> {
        if let Some(replica) = self.shard(shard) {
            return Ok(replica);
        }
        let elsewhere = self.meta.view.look(|state| {
            let map = &state.cluster()?.map;
            Some(!placement::placed_on(map, self.id()).iter().any(|placement| placement.shard == shard))
        });
        match elsewhere {
            Some(true) => Err(CallError::NotHere),
            Some(false) | None => Err(CallError::Unavailable("the replica is being opened".to_owned())),
        }
    }

    async fn answer(&self, call: NodeCall) -> Result<NodeReply, CallError> {
        tracing::trace!(node = self.id().0, "call");
        if self.stop.is_cancelled() {
            return Err(CallError::Unavailable("the node is stopping".to_owned()));
        }
        match call {
            NodeCall::Ping => Ok(NodeReply::Pong(Pong {
                node: self.id(),
                boot: self.shared.clock.boot(),
                now_ns: boottime_ns(),
                stamp: self.shared.clock.stamp(),
            })),
            NodeCall::Write { shard, deadline, commands } => {
                self.hosted(shard)?.write(commands, deadline).await
            }
            NodeCall::Read { shard, budget_ms, request } => {
                let budget = Duration::from_millis(budget_ms);
                self.hosted(shard)?.read(request, budget).await.map(NodeReply::Read)
            }
            NodeCall::MetaWrite { deadline, command } => self.meta.write(command, deadline).await,
            NodeCall::MetaRead { budget_ms, query } => {
                let budget = Duration::from_millis(budget_ms);
                self.meta.read(&query, budget).await.map(NodeReply::MetaRead)
            }
            NodeCall::Status => Ok(NodeReply::Status(self.status())),
            NodeCall::ReplicaDigest(shard) => self.hosted(shard)?.digest().map(NodeReply::Read),
        }
    }

    fn status(&self) -> NodeStatus {
        let mut groups = vec![self.meta.status()];
        groups.extend(self.shards.read().values().map(|replica| replica.status()));
        NodeStatus {
            node: self.id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            groups,
            ready: self.ready(),
        }
    }
}

#[async_trait]
impl NodeHandle for Node {
    async fn call(&self, call: NodeCall, wait: Duration) -> Result<NodeReply, CallError> {
        let late = |_| CallError::Lost(format!("no answer within {} ms", wait.as_millis()));
        tokio::time::timeout(wait, self.answer(call)).await.map_err(late)?
    }
}
