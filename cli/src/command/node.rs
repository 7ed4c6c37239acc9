//! `lacuna node`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use lacuna_model::NodeId;
use lacuna_node::{Node, NodeConfig};

use super::every_command::Common;
use super::router::infos;
use crate::config::{Overrides, Settings, network};
use crate::exit::Ending;
use crate::process::Stop;

/// Run one node of a cluster: it keeps replicas and answers routers and other nodes.
///
/// The first start of the nodes named in --peers makes the cluster, with --shards and --replicas.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example (three nodes on one machine; better: `lacuna dev`):
  lacuna node --id 1 --listen 127.0.0.1:7001 --data-dir ./n1 --peers 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003")]
pub(crate) struct Args {
    /// This node's id, one of those in --peers.
    #[arg(long, value_name = "N")]
    id: Option<u64>,
    /// Where it serves routers and other nodes.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Where its data lies; `./lacuna-data` if not given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The cluster's nodes, this one among them: 1=host:port,2=host:port.
    #[arg(long, value_name = "NODES")]
    peers: Option<String>,
    /// Shards of a new cluster, 4 if not given.
    #[arg(long, value_name = "N")]
    shards: Option<u32>,
    /// Replicas of each shard of a new cluster, 3 if not given.
    #[arg(long, value_name = "N")]
    replicas: Option<u32>,
    /// Serve without keys on an address that others can reach.
    #[arg(long)]
    insecure_open: bool,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let flags = Overrides::default()
        .set("node_id", args.id)
        .set("node_listen", args.listen.as_deref())
        .set("data_dir", args.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned()))
        .set("peers", args.peers.as_deref())
        .set("shards", args.shards)
        .set("replicas", args.replicas)
        .switch("insecure_open", args.insecure_open);
    let settings = common.start(flags)?.settings;
    let listen = network::listen_address(&settings.node_listen)?;
    network::refuse_open(listen, settings.insecure_open)?;
    let config = node_config(&settings, listen)?;
    let id = config.node;
    let mut stop = Stop::listen()?;
    let node = Node::start(config).await.with_context(|| format!("node {id} could not be started"))?;
    println!("node {id} listening on {}", node.address());
    println!("data in {}", settings.data_dir.display());
    let signal = stop.asked().await;
    tracing::info!(signal, "stopping");
    node.shutdown().await.context("the node could not be stopped in order")?;
    Ok(Ending::Complete)
}

fn node_config(settings: &Settings, listen: SocketAddr) -> anyhow::Result<NodeConfig> {
    let peers = network::peers(&settings.peers)?;
    if peers.is_empty() {
        bail!("no nodes are named; give --peers 1=host:port,2=host:port. Nothing was started.");
    }
    if !peers.contains_key(&NodeId(settings.node_id)) {
        let known: Vec<String> = peers.keys().map(ToString::to_string).collect();
        bail!(
            "node {} is not one of the nodes in --peers ({}). Nothing was started.",
            settings.node_id,
            known.join(", ")
        );
    }
    if settings.replicas as usize > peers.len() {
        bail!(
            "{} replicas of a shard need as many nodes, and --peers names {}. Nothing was started.",
            settings.replicas,
            peers.len()
        );
    }
    let mut config = NodeConfig {
        node: settings.node_id,
        data_dir: settings.data_dir.clone(),
        listen,
        initial_nodes: infos(&peers),
        shards: settings.shards,
        replicas: settings.replicas,
        slow_request_ms: settings.slow_request_ms,
        ..NodeConfig::default()
    };
    config.storage.store_cache_bytes = settings.cache_mb << 20;
    Ok(config)
}
