//! `lacuna serve`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use lacuna_node::{Node, NodeConfig};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::tls::cluster::Security;
use lacuna_router::verb::cluster::Readiness;
use lacuna_router::{Connector, Router, RouterConfig};

use super::client_port::{ClientPorts, TlsFlags, keys, router_config};
use super::every_command::Common;
use super::first_request::first_request;
use super::router::remote;
use crate::config::{Overrides, Settings, secret};
use crate::exit::Ending;
use crate::process::{Stop, record};

/// Serve everything from one process: node and router, all data on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is synced to disk before it is answered. SIGINT (Ctrl-C) and SIGTERM stop it gracefully.

Examples:
  lacuna serve
  lacuna serve --listen 127.0.0.1:0 --data-dir /var/lib/lacuna")]
pub(crate) struct Args {
    /// Where clients are served; `127.0.0.1:8000` if not given, port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Where the data lies; `./lacuna-data` if not given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Shards of new data, 4 if not given; existing data keeps its own.
    #[arg(long, value_name = "N")]
    shards: Option<u32>,
    /// The file with the root key: with it every request needs a key. Also LACUNA_ROOT_KEY.
    #[arg(long, value_name = "FILE")]
    root_key_file: Option<String>,
    /// Serve without keys on an address that others can reach.
    #[arg(long)]
    insecure_open: bool,
    /// Serve prune and Chroma's reset, which wipe whole stores: for data that can be made anew.
    #[arg(long)]
    development_mode: bool,
    #[command(flatten)]
    tls: TlsFlags,
}

/// The one node's id.
const NODE: NodeId = NodeId(1);
/// Starting may take so long (graphs are loaded, the log is replayed) before it is worth a line.
const QUIET: Duration = Duration::from_secs(2);

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let flags = Overrides::default()
        .set("listen", args.listen.as_deref())
        .set("data_dir", args.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned()))
        .set("shards", args.shards)
        .set("root_key_file", args.root_key_file.as_deref())
        .set("root_key", args.root_key_file.as_ref().map(|_| ""))
        .switch("insecure_open", args.insecure_open)
        .switch("development_mode", args.development_mode);
    let settings = common.start(args.tls.onto(flags))?.settings;
    let root_key = secret::root_key(&settings)?;
    let mut stop = Stop::listen()?;
    let ports = ClientPorts::take(&settings, keys(root_key.as_ref())).await?;
    let told = router_config(&settings, Vec::new(), &ports)?.with_root_key(root_key);
    let metrics = record()?;
    let node = Node::start(node_config(&settings)).await.context("the node could not be started")?;
    let connector = Arc::new(InProcess(node.handle()));
    let seeds = vec![NodeInfo { id: NODE, address: node.address().to_string() }];
    let config = RouterConfig { seeds, local_node: Some(NODE), ..told };
    let router = Router::new(config, connector).with_metrics(metrics);
    let server = ports.serve(&router)?;
    let stopped = tokio::select! {
        () = until_ready(&router) => None,
        asked = stop.asked() => Some(asked),
    };
    let signal = if let Some(signal) = stopped {
        signal
    } else {
        let url = server.url();
        println!("lacuna {} listening on {url}", env!("CARGO_PKG_VERSION"));
        server.others().iter().for_each(|line| println!("{line}"));
        println!("data in {}", settings.data_dir.display());
        println!("{}", first_request(&url));
        stop.asked().await
    };
    tracing::info!(signal, "stopping");
    server.stop().await;
    drop(router);
    node.shutdown().await.context("the node could not be stopped in order")?;
    Ok(Ending::Complete)
}

fn node_config(settings: &Settings) -> NodeConfig {
    let mut config = NodeConfig {
        node: NODE.0,
        data_dir: settings.data_dir.clone(),
        shards: settings.shards,
        replicas: 1,
        slow_request_ms: settings.slow_request_ms,
        ..NodeConfig::default()
    };
    config.storage.store_cache_bytes = settings.cache_mb << 20;
    config
}

async fn until_ready(router: &Router) {
    let began = std::time::Instant::now();
    let mut told = false;
    loop {
        match router.readiness().await {
            Readiness::Ready => return,
            Readiness::NotReady(why) if !told && began.elapsed() > QUIET => {
                tracing::info!(why, "recovering");
                told = true;
            }
            Readiness::NotReady(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The node in this process by its own handle, any other by gRPC.
struct InProcess(Arc<dyn NodeHandle>);

impl Connector for InProcess {
    fn handle(&self, node: &NodeInfo) -> Arc<dyn NodeHandle> {
        if node.id == NODE { Arc::clone(&self.0) } else { remote(node, &Security::Loopback) }
    }
}
