//! `lacuna router`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::call::{CallError, NodeCall, NodeReply};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::remote::RemoteNode;
use lacuna_proto::tls::cluster::{Holder, Security};
use lacuna_router::{Connector, Router};
use tokio_util::sync::CancellationToken;

use super::client_port::{ClientPorts, TlsFlags, keys, router_config};
use super::every_command::Common;
use super::first_request::first_request;
use crate::config::{Overrides, Settings, network, secret};
use crate::exit::Ending;
use crate::process::{Stop, record};

/// Serve clients over HTTP, and ask the nodes of a cluster. Keeps nothing; run as many as you like.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  lacuna router --listen 127.0.0.1:8000 --nodes 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003")]
pub(crate) struct Args {
    /// Where clients are served; `127.0.0.1:8000` if not given, port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// The cluster's nodes (some are enough, the others are learnt): 1=host:port,2=host:port.
    #[arg(long, value_name = "NODES")]
    nodes: Option<String>,
    /// This router's certificates, as `lacuna cluster init` made them (ca.pem, cert.pem, key.pem).
    #[arg(long, value_name = "DIR", help_heading = "TLS")]
    certs: Option<String>,
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

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let flags = Overrides::default()
        .set("listen", args.listen.as_deref())
        .set("peers", args.nodes.as_deref())
        .set("cluster_certs", args.certs.as_deref())
        .set("root_key_file", args.root_key_file.as_deref())
        .set("root_key", args.root_key_file.as_ref().map(|_| ""))
        .switch("insecure_open", args.insecure_open)
        .switch("development_mode", args.development_mode);
    let settings = common.start(args.tls.onto(flags))?.settings;
    let root_key = secret::root_key(&settings)?;
    let seeds = infos(&network::peers(&settings.peers)?);
    if seeds.is_empty() {
        bail!("no nodes to ask; give --nodes 1=host:port,2=host:port. Nothing was started.");
    }
    let security = cluster_security(&settings, Holder::Router)?;
    for info in &seeds {
        security.allows(&info.address).map_err(|error| anyhow!("{error}. Nothing was started."))?;
    }
    let mut stop = Stop::listen()?;
    let ports = ClientPorts::take(&settings, keys(root_key.as_ref())).await?;
    let config = router_config(&settings, seeds, &ports)?.with_root_key(root_key);
    let router = Router::new(config, Arc::new(Remote(security.clone()))).with_metrics(record()?);
    let server = ports.serve(&router)?;
    let url = server.url();
    follow(&security);
    println!("router listening on {url}, asking {}", settings.peers);
    server.others().iter().for_each(|line| println!("{line}"));
    println!("{}", first_request(&url));
    let signal = stop.asked().await;
    tracing::info!(signal, "stopping");
    server.stop().await;
    Ok(Ending::Complete)
}

/// Nodes as the router takes them.
pub(super) fn infos(nodes: &BTreeMap<NodeId, String>) -> Vec<NodeInfo> {
    nodes.iter().map(|(id, address)| NodeInfo { id: *id, address: address.clone() }).collect()
}

/// How this process speaks to nodes, by its certificates.
pub(super) fn cluster_security(settings: &Settings, holder: Holder) -> anyhow::Result<Security> {
    let dir = settings.cluster_certs.as_path();
    let dir = (!dir.as_os_str().is_empty()).then_some(dir);
    Security::read(dir, holder).map_err(|error| anyhow!("{error}. Nothing was started."))
}

/// Certificates that change are read again while the process lives.
fn follow(security: &Security) {
    match security {
        Security::Loopback => {}
        Security::Mutual(certificates) => {
            tokio::spawn(Arc::clone(certificates).follow(CancellationToken::new()));
        }
    }
}

/// Every node by gRPC.
struct Remote(Security);

impl Connector for Remote {
    fn handle(&self, node: &NodeInfo) -> Arc<dyn NodeHandle> {
        remote(node, &self.0)
    }
}

/// A node by gRPC. An address that can't be called gives a handle that says so to every call.
pub(super) fn remote(node: &NodeInfo, security: &Security) -> Arc<dyn NodeHandle> {
    match RemoteNode::new(node, security) {
        Ok(remote) => Arc::new(remote),
        Err(error) => {
            tracing::error!(node = node.id.0, %error, "the node can't be asked");
            Arc::new(Unaskable(error.to_string()))
        }
    }
}

struct Unaskable(String);

#[async_trait]
impl NodeHandle for Unaskable {
    async fn call(&self, _: NodeCall, _: Duration) -> Result<NodeReply, CallError> {
        Err(CallError::Unreachable(self.0.clone()))
    }
}
