//! Measures one node in this process: writes and reads a second by a number of clients, everything synced.
//!
//! `cargo run --release -p lacuna-node --example write_rate -- [clients] [seconds]`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lacuna_model::command::{CallRef, Command, Window, Write, WriteVerb};
use lacuna_model::op_id::OpId;
use lacuna_model::read::{Include, ReadRequest};
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
use lacuna_model::{Account, Incarnation, RecordId, ShardId, Stamp, slot_of};
use lacuna_node::meta::layout::plan;
use lacuna_node::{Node, NodeConfig};
use lacuna_proto::call::{NodeCall, NodeDeadline, NodeReply};
use lacuna_proto::handle::NodeHandle;

const SHARDS: u32 = 4;
const WAIT: Duration = Duration::from_secs(10);

fn upsert(id: &RecordId, born: Stamp) -> Result<Command, Box<dyn Error + Send + Sync>> {
    let op_id = OpId::new(format!("op-{}", id.as_str()))?;
    let call = CallRef { account: Account::default(), op_id, part: 0, born, window: Window::Short };
    let record = NewRecord {
        position: 0,
        id: id.clone(),
        vector: Some(vec![0.5; 128]),
        document: None,
        metadata: BTreeMap::new(),
        ordinal: Ordinal::default(),
        sparse: None,
    };
    let schema = Schema { dimension: Some(128), metric: Metric::L2, kind: Kind::Vector };
    let verb = WriteVerb::Upsert(vec![record]);
    Ok(Command::Write(Write { call, incarnation: Incarnation(1), schema, verb }))
}

/// Where an id lives, by the table that a new node makes.
fn shard_of(id: &RecordId) -> ShardId {
    plan(&[lacuna_model::NodeId(1)], SHARDS, 1).shard_of(slot_of(Incarnation(1), id.as_str()))
}

async fn client(
    node: Arc<Node>,
    number: u64,
    until: Instant,
    done: Arc<AtomicU64>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let table = plan(&[lacuna_model::NodeId(1)], SHARDS, 1);
    let Ok(NodeReply::Pong(pong)) = node.call(NodeCall::Ping, WAIT).await else {
        return Err("no pong".into());
    };
    let mut next = 0;
    while Instant::now() < until {
        let id = RecordId::new(format!("{number}-{next}"))?;
        let shard = table.shard_of(slot_of(Incarnation(1), id.as_str()));
        let deadline = NodeDeadline { boot: pong.boot, at_ns: pong.now_ns + 60_000_000_000 };
        let commands = vec![upsert(&id, pong.stamp)?];
        node.call(NodeCall::Write { shard, deadline, commands }, WAIT).await?;
        done.fetch_add(1, Ordering::Relaxed);
        next += 1;
    }
    Ok(())
}

async fn reader(
    node: Arc<Node>,
    number: u64,
    until: Instant,
    done: Arc<AtomicU64>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let id = RecordId::new(format!("{number}-0"))?;
    let shard = shard_of(&id);
    while Instant::now() < until {
        let request = ReadRequest::Get {
            incarnation: Incarnation(1),
            ids: vec![id.clone()],
            include: Include::default(),
        };
        node.call(NodeCall::Read { shard, budget_ms: 5_000, request }, WAIT).await?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn start(dir: &std::path::Path) -> Result<Arc<Node>, Box<dyn Error + Send + Sync>> {
    let began = Instant::now();
    let config =
        NodeConfig { data_dir: dir.to_owned(), shards: SHARDS, replicas: 1, ..NodeConfig::default() };
    let node = Node::start(config).await?;
    let started = began.elapsed();
    while !node.ready() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    println!("started in {started:?}, ready after {:?}", began.elapsed());
    Ok(node)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let clients = args.next().transpose()?.unwrap_or(8);
    let seconds = Duration::from_secs(args.next().transpose()?.unwrap_or(3));
    let dir = tempfile::tempdir()?;
    let node = start(dir.path()).await?;
    for phase in ["writes", "reads"] {
        let (done, until, began) = (Arc::new(AtomicU64::new(0)), Instant::now() + seconds, Instant::now());
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..clients {
            let (node, done) = (Arc::clone(&node), Arc::clone(&done));
            if phase == "writes" {
                tasks.spawn(client(node, number, until, done));
            } else {
                tasks.spawn(reader(node, number, until, done));
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
        println!("{clients} clients: {rate:.0} {phase}/s");
    }
    let began = Instant::now();
    node.shutdown().await?;
    drop(node);
    println!("stopped in {:?}", began.elapsed());
    let node = start(dir.path()).await?;
    node.shutdown().await?;
    Ok(())
}
