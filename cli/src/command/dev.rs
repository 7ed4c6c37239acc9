//! `lacuna dev`.

use std::path::PathBuf;
use std::time::Duration;

use super::every_command::Common;
use super::first_request::first_request;
use crate::config::{Overrides, network};
use crate::exit::Ending;
use crate::process::{Cluster, Plan, Process, Stop};

/// Start a cluster of real processes on this machine, for trying it out, faults included.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nodes and a router are child processes on free ports of 127.0.0.1; Ctrl-C stops them all. Started again with the
same --data-dir, the cluster comes back with its data.

Try a fault:   kill -STOP <pid of a node>   then delete by filter, then   kill -CONT <pid>

Examples:
  lacuna dev
  lacuna dev --nodes 3 --replicas 1 --shards 6 --listen 127.0.0.1:9000 --data-dir /tmp/try")]
pub(crate) struct Args {
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=32))]
    nodes: u64,
    /// Replicas of each shard; 3 if not given (or as many as there are nodes).
    #[arg(long)]
    replicas: Option<u32>,
    /// How many shards; 4 if not given.
    #[arg(long, value_name = "N")]
    shards: Option<u32>,
    /// Where clients are served; `127.0.0.1:8000` if not given, port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Where data and logs lie; `./lacuna-dev` if not given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let flags = Overrides::default()
        .set("listen", args.listen.as_deref())
        .set("shards", args.shards)
        .set("replicas", args.replicas)
        .set("data_dir", args.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned()));
    let layered = common.start(flags)?;
    let settings = &layered.settings;
    let dir =
        if layered.is_given("data_dir") { settings.data_dir.clone() } else { PathBuf::from("./lacuna-dev") };
    let replicas = if layered.is_given("replicas") {
        settings.replicas
    } else {
        settings.replicas.min(args.nodes as u32)
    };
    let listen = network::listen_address(&settings.listen)?;
    network::refuse_open(listen, network::Keys::Off, false)?;
    let plan = Plan { nodes: args.nodes, replicas, shards: settings.shards, dir, listen };
    let mut stop = Stop::listen()?;
    let mut cluster = Cluster::start(&plan)?;
    println!("{:<8} {:>8}  {:<22} log", "process", "pid", "address");
    for (node, address) in cluster.nodes.iter().zip(&cluster.addresses) {
        row(node, address);
    }
    row(&cluster.router, cluster.url.trim_start_matches("http://"));
    let asked = tokio::select! {
        ready = cluster.ready(Duration::from_secs(60)) => { ready?; None }
        asked = stop.asked() => Some(asked),
    };
    if asked.is_none() {
        let (shards, nodes) = (plan.shards, plan.nodes);
        println!(
            "{shards} shards on {nodes} nodes, {replicas} replicas of each, are ready at {}",
            cluster.url
        );
        println!("{}", first_request(&cluster.url));
        println!("Ctrl-C stops all of it; the data stays in {}", plan.dir.display());
        stop.asked().await;
    }
    println!("stopping");
    cluster.stop().await?;
    Ok(Ending::Complete)
}

fn row(process: &Process, address: &str) {
    println!("{:<8} {:>8}  {:<22} {}", process.name, process.pid, address, process.log.display());
}
