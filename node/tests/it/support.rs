//! Nodes under test, and calls to them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lacuna_model::catalog::NodeInfo;
use lacuna_model::command::{CallRef, Command, IdAt, Window, Write, WriteVerb};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::{CommandOutcome, WriteOutcome};
use lacuna_model::read::{Include, ReadBody, ReadReply, ReadRequest};
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
use lacuna_model::{Account, Incarnation, RecordId, ShardId};
use lacuna_node::{Node, NodeConfig};
use lacuna_proto::call::{CallError, NodeCall, NodeDeadline, NodeReply, NodeStatus, Pong};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::remote::RemoteNode;
use lacuna_proto::tls::cluster::Security;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const INCARNATION: Incarnation = Incarnation(1);

pub(crate) fn config(dir: &Path, shards: u32) -> NodeConfig {
    NodeConfig { data_dir: dir.to_owned(), shards, replicas: 1, ..NodeConfig::default() }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn ready(node: &Arc<Node>) {
    until("the node is ready", async || node.ready()).await;
}

/// A node by gRPC, as another process asks it.
pub(crate) fn remote(node: &Node, security: &Security) -> RemoteNode {
    RemoteNode::new(&info(node), security).unwrap()
}

pub(crate) fn info(node: &Node) -> NodeInfo {
    NodeInfo { id: node.id(), address: node.address().to_string() }
}

pub(crate) async fn ping(node: &dyn NodeHandle) -> Pong {
    match node.call(NodeCall::Ping, SECOND).await {
        Ok(NodeReply::Pong(pong)) => pong,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn status(node: &dyn NodeHandle) -> NodeStatus {
    match node.call(NodeCall::Status, SECOND).await {
        Ok(NodeReply::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn deadline(node: &dyn NodeHandle, within: Duration) -> NodeDeadline {
    let pong = ping(node).await;
    NodeDeadline { boot: pong.boot, at_ns: pong.now_ns + within.as_nanos() as u64 }
}

/// The `number`th id; with one shard each is its own.
pub(crate) fn id(number: usize) -> RecordId {
    RecordId::new(format!("record-{number}")).unwrap()
}

fn schema() -> Schema {
    Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector }
}

fn call(pong: &Pong, op: &str) -> CallRef {
    let op_id = OpId::new(op).unwrap();
    CallRef { account: Account::default(), op_id, part: 0, born: pong.stamp, window: Window::Claim }
}

pub(crate) fn upsert(pong: &Pong, op: &str, id: &RecordId) -> Command {
    let record = NewRecord {
        position: 0,
        id: id.clone(),
        vector: Some(vec![1.0, 2.0]),
        document: None,
        metadata: std::collections::BTreeMap::new(),
        ordinal: Ordinal::default(),
        sparse: None,
    };
    let (call, verb) = (call(pong, op), WriteVerb::Upsert(vec![record]));
    Command::Write(Write { call, incarnation: INCARNATION, schema: schema(), verb })
}

pub(crate) fn delete(pong: &Pong, op: &str, id: &RecordId) -> Command {
    let verb = WriteVerb::DeleteIds(vec![IdAt { position: 0, id: id.clone() }]);
    Command::Write(Write { call: call(pong, op), incarnation: INCARNATION, schema: schema(), verb })
}

pub(crate) async fn write(
    node: &dyn NodeHandle,
    shard: ShardId,
    commands: Vec<Command>,
) -> Result<Vec<CommandOutcome>, CallError> {
    let deadline = deadline(node, 5 * SECOND).await;
    match node.call(NodeCall::Write { shard, deadline, commands }, 6 * SECOND).await? {
        NodeReply::Written { outcomes, .. } => Ok(outcomes),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn read(
    node: &dyn NodeHandle,
    shard: ShardId,
    request: ReadRequest,
) -> Result<ReadReply, CallError> {
    match node.call(NodeCall::Read { shard, budget_ms: 5_000, request }, 6 * SECOND).await? {
        NodeReply::Read(reply) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn get(node: &dyn NodeHandle, shard: ShardId, ids: &[RecordId]) -> Result<usize, CallError> {
    let request =
        ReadRequest::Get { incarnation: INCARNATION, ids: ids.to_vec(), include: Include::default() };
    match read(node, shard, request).await?.body {
        ReadBody::Records { records, .. } => Ok(records.len()),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn count(node: &dyn NodeHandle, shard: ShardId) -> Result<u64, CallError> {
    let request = ReadRequest::Count { incarnations: vec![INCARNATION], filter: None };
    match read(node, shard, request).await?.body {
        ReadBody::Count(count) => Ok(count),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn written(outcome: &CommandOutcome) -> &WriteOutcome {
    match outcome {
        CommandOutcome::Written(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}
