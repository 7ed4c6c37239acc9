//! `lacuna cluster`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::Value;

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::config::network;
use crate::exit::Ending;

/// Set a cluster up, and look at it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna cluster init --nodes 1=10.0.0.1:7001,2=10.0.0.2:7001,3=10.0.0.3:7001 --output ./etc
  lacuna node --config etc/node-1.toml      # on the first machine, and so on
  lacuna router --config etc/router.toml
  lacuna cluster status")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a configuration file for each node and for a router. The first start of the nodes makes the cluster.
    Init {
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
    },
    /// Show nodes, shards and leaders.
    Status {
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Init { nodes, shards, replicas, data_dir, output } => {
            let found = network::peers(&nodes)?;
            if found.len() < replicas as usize {
                bail!(
                    "{replicas} replicas of a shard need as many nodes, and {} are named. Nothing was written.",
                    found.len()
                );
            }
            std::fs::create_dir_all(&output)
                .with_context(|| format!("{} can't be made", output.display()))?;
            let mut files = Vec::new();
            for (id, address) in &found {
                let text =
                    node_file(&nodes, (id.0, address), (shards, replicas), &data_dir.to_string_lossy());
                files.push((output.join(format!("node-{id}.toml")), text));
            }
            files.push((
                output.join("router.toml"),
                format!("# lacuna router --config router.toml\npeers = {nodes:?}\n"),
            ));
            if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
                bail!("{} exists and is not overwritten. Nothing was written.", path.display());
            }
            for (path, text) in files {
                std::fs::write(&path, text)
                    .with_context(|| format!("{} can't be written", path.display()))?;
                println!("{}", path.display());
            }
            Ok(Ending::Complete)
        }
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

fn node_file(
    nodes: &str,
    (id, address): (u64, &str),
    (shards, replicas): (u32, u32),
    data_dir: &str,
) -> String {
    let mut text = format!("# lacuna node --config node-{id}.toml\n");
    let _ = writeln!(text, "node_id = {id}\nnode_listen = {address:?}\ndata_dir = {data_dir:?}");
    let _ = writeln!(text, "# The same on every node; read only when the cluster is made:");
    let _ = writeln!(text, "peers = {nodes:?}\nshards = {shards}\nreplicas = {replicas}");
    text
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
        let text = node_file("1=a:1,2=b:2", (2, "b:2"), (8, 2), "/var/lib/lacuna");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let settings =
            crate::config::load(Some(file.path()), crate::config::Overrides::default()).unwrap().settings;
        assert_eq!((settings.node_id, settings.shards, settings.replicas), (2, 8, 2));
        assert_eq!(settings.node_listen, "b:2");
        assert_eq!(network::peers(&settings.peers).unwrap().len(), 2);
    }
}
