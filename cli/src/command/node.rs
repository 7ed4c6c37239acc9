//! `lacuna node`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::StatusCode;
use axum::routing::get;
use lacuna_model::NodeId;
use lacuna_node::{Node, NodeConfig};
use metrics_exporter_prometheus::PrometheusHandle;

use super::every_command::Common;
use super::router::infos;
use crate::config::{Overrides, Settings, network};
use crate::exit::Ending;
use crate::process::{HttpServer, Stop, bind, record};

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
    /// This node's certificates, as `lacuna cluster init` made them (ca.pem, cert.pem, key.pem). Without them it
    /// speaks plain text, on loopback only.
    #[arg(long, value_name = "DIR", help_heading = "TLS")]
    certs: Option<String>,
    /// Show /healthz, /readyz and /metrics over HTTP here; nowhere if not given.
    #[arg(long, value_name = "ADDR:PORT")]
    metrics_listen: Option<String>,
    /// Show health and metrics on an address that others can reach.
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
        .set("cluster_certs", args.certs.as_deref())
        .set("metrics_listen", args.metrics_listen.as_deref())
        .switch("insecure_open", args.insecure_open);
    let settings = common.start(flags)?.settings;
    let listen = network::listen_address(&settings.node_listen)?;
    let config = node_config(&settings, listen)?;
    let id = config.node;
    let mut stop = Stop::listen()?;
    let listener = match settings.metrics_listen.as_str() {
        "" => None,
        text => {
            let address = network::listen_address(text)?;
            network::refuse_open(address, network::Keys::Off, settings.insecure_open)?;
            Some(bind(address).await?)
        }
    };
    let metrics = record()?;
    let node = Node::start(config).await.with_context(|| format!("node {id} could not be started"))?;
    println!("node {id} listening on {}", node.address());
    println!("data in {}", settings.data_dir.display());
    let shown =
        listener.map(|listener| HttpServer::start(listener, health(&node, metrics), None)).transpose()?;
    if let Some(server) = &shown {
        println!("health and metrics on http://{}", server.address);
    }
    let signal = stop.asked().await;
    tracing::info!(signal, "stopping");
    if let Some(server) = shown {
        server.stop().await;
    }
    node.shutdown().await.context("the node could not be stopped in order")?;
    Ok(Ending::Complete)
}

/// Health and metrics, for probes and scrapers; nothing of the data.
fn health(node: &Arc<Node>, metrics: PrometheusHandle) -> axum::Router {
    let node = Arc::clone(node);
    let ready = move || async move {
        if node.ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    axum::Router::new()
        .route("/healthz", get(async || "lives\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || async move { metrics.render() }))
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
        certs: (!settings.cluster_certs.as_os_str().is_empty()).then(|| settings.cluster_certs.clone()),
        initial_nodes: infos(&peers),
        shards: settings.shards,
        replicas: settings.replicas,
        slow_request_ms: settings.slow_request_ms,
        ..NodeConfig::default()
    };
    config.storage.store_cache_bytes = settings.cache_mb << 20;
    Ok(config)
}
