//! `lacuna cluster`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use lacuna_proto::tls::identity::Identity;
use serde_json::Value;

use super::cluster_certs::{self, CertArgs, directory};
use super::every_command::Common;
use super::target::{Target, print_json};
use crate::config::network;
use crate::exit::Ending;

/// Set a cluster up, and look at it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna cluster init --nodes 1=10.0.0.1:7001,2=10.0.0.2:7001,3=10.0.0.3:7001 --output ./etc
  lacuna node --config etc/node-1.toml      # on the first machine (with etc/certs/node-1), and so on
  lacuna router --config etc/router.toml    # with etc/certs/router-1
  lacuna cluster cert --role router --id 2 --certs etc/certs
  lacuna cluster cert --role node --id 1 --certs etc/certs --renew
  lacuna cluster status")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a configuration file for each node and for a router, and their certificates. The first start of the
    /// nodes makes the cluster.
    Init(InitArgs),
    /// Issue a certificate for a node or a router, or a new one in place of an old.
    Cert(CertArgs),
    /// Show nodes, shards and leaders.
    Status {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct InitArgs {
    /// The nodes: 1=host:port,2=host:port.
    #[arg(long, value_name = "NODES")]
    nodes: String,
    /// Shards of the cluster.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    shards: u32,
    /// Replicas of each shard.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    replicas: u32,
    /// Where each node keeps its data.
    #[arg(long, default_value = "./lacuna-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Where the files are written.
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    output: PathBuf,
    /// Where the cluster's authority and the certificates are written; `certs` in the output if not given.
    #[arg(long, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// For how many days the certificates are valid.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Init(args) => init(&args),
        Verb::Cert(args) => cluster_certs::issue(&args).map(|()| Ending::Complete),
        Verb::Status { target } => {
            let body = target.client(common)?.get(&["v1", "cluster"]).await?.body;
            if target.json {
                print_json(&body);
            } else {
                print!("{}", table(&body));
            }
            Ok(Ending::Complete)
        }
    }
}

fn init(args: &InitArgs) -> anyhow::Result<Ending> {
    let found = network::peers(&args.nodes)?;
    if found.len() < args.replicas as usize {
        bail!(
            "{} replicas of a shard need as many nodes, and {} are named. Nothing was written.",
            args.replicas,
            found.len()
        );
    }
    let certs = args.certs.clone().unwrap_or_else(|| args.output.join("certs"));
    let router = Identity::Router(1);
    let mut settings = Vec::new();
    for (id, address) in &found {
        let own = directory(&certs, Identity::Node(*id));
        settings.push((args.output.join(format!("node-{id}.toml")), node_file(args, (id.0, address), &own)));
    }
    settings.push((args.output.join("router.toml"), router_file(args, &directory(&certs, router))));
    let processes: Vec<Identity> = found.keys().map(|id| Identity::Node(*id)).chain([router]).collect();
    let secrets = cluster_certs::new_cluster(&certs, &processes, args.days)?;
    cluster_certs::refuse_existing(&settings)?;
    cluster_certs::refuse_existing(&secrets)?;
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{} can't be made", args.output.display()))?;
    cluster_certs::write(secrets)?;
    for (path, text) in settings {
        std::fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(Ending::Complete)
}

fn node_file(args: &InitArgs, (id, address): (u64, &str), certs: &Path) -> String {
    let mut text = format!("# lacuna node --config node-{id}.toml\n");
    // A name is for others to call; what is listened on is an address.
    let listen = match (network::listen_address(address), address.rsplit_once(':')) {
        (Err(_), Some((_, port))) => format!("0.0.0.0:{port}"),
        _ => address.to_owned(),
    };
    let data_dir = args.data_dir.to_string_lossy();
    let _ = writeln!(text, "node_id = {id}\nnode_listen = {listen:?}\ndata_dir = {data_dir:?}");
    let _ = writeln!(
        text,
        "# ca.pem, cert.pem and key.pem of this node; without them plain text, on loopback only:"
    );
    let _ = writeln!(text, "cluster_certs = {:?}", certs.to_string_lossy());
    let _ = writeln!(text, "# The same on every node; read only when the cluster is made:");
    let _ =
        writeln!(text, "peers = {:?}\nshards = {}\nreplicas = {}", args.nodes, args.shards, args.replicas);
    text
}

fn router_file(args: &InitArgs, certs: &Path) -> String {
    format!(
        "# lacuna router --config router.toml\npeers = {:?}\ncluster_certs = {:?}\n",
        args.nodes,
        certs.to_string_lossy()
    )
}

/// Nodes and shards, a line each.
fn table(body: &Value) -> String {
    let mut text = String::new();
    if body["insecure_open"] == Value::Bool(true) {
        text.push_str("WARNING: open to other machines without keys (--insecure-open)\n");
    }
    let _ =
        writeln!(text, "cluster {}, slot table epoch {}", word(&body["cluster_id"]), word(&body["epoch"]));
    let _ = writeln!(text, "{:<6} {:<24} {:<10} version", "node", "address", "state");
    for node in body["nodes"].as_array().into_iter().flatten() {
        let state = if node["reachable"] == Value::Bool(false) {
            "away"
        } else if node["ready"] == Value::Bool(true) {
            "ready"
        } else {
            "starting"
        };
        let (id, address) = (word(&node["id"]), word(&node["address"]));
        let _ = writeln!(text, "{id:<6} {address:<24} {state:<10} {}", word(&node["version"]));
    }
    let _ = writeln!(
        text,
        "{:<6} {:<8} {:<16} {:>8} {:>10} live",
        "shard", "leader", "replicas", "term", "applied"
    );
    for shard in body["shards"].as_array().into_iter().flatten() {
        let replicas = shard["replicas"].as_array().into_iter().flatten();
        let replicas: Vec<String> = replicas.map(|replica| word(&replica["node"])).collect();
        let (number, leader) = (word(&shard["shard"]), word(&shard["leader"]));
        let (replicas, term, applied) = (replicas.join(","), word(&shard["term"]), word(&shard["applied"]));
        let _ = writeln!(
            text,
            "{number:<6} {leader:<8} {replicas:<16} {term:>8} {applied:>10} {}",
            word(&shard["live"])
        );
    }
    text
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_file_is_read_back_as_settings() {
        let args = InitArgs {
            nodes: "1=a:1,2=b:2".to_owned(),
            shards: 8,
            replicas: 2,
            data_dir: PathBuf::from("/var/lib/lacuna"),
            output: PathBuf::from("."),
            certs: None,
            days: 30,
        };
        let text = node_file(&args, (2, "b:2"), Path::new("/etc/lacuna/certs/node-2"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let settings =
            crate::config::load(Some(file.path()), crate::config::Overrides::default()).unwrap().settings;
        assert_eq!((settings.node_id, settings.shards, settings.replicas), (2, 8, 2));
        assert_eq!(settings.node_listen, "0.0.0.0:2");
        assert_eq!(settings.cluster_certs, Path::new("/etc/lacuna/certs/node-2"));
        assert_eq!(network::peers(&settings.peers).unwrap().len(), 2);
    }
}
