//! A cluster of child processes on loopback: nodes and one router.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::child::Process;
use super::ports;
use crate::http::Client;

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many nodes.
    pub(crate) nodes: u64,
    /// Replicas of each shard.
    pub(crate) replicas: u32,
    /// How many shards.
    pub(crate) shards: u32,
    /// Where data and logs go.
    pub(crate) dir: PathBuf,
    /// Where the router listens; port 0 picks a free one.
    pub(crate) listen: std::net::SocketAddr,
}

/// What a data directory's cluster was started with; node addresses are in its catalog, so they stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Layout {
    node_ports: Vec<u16>,
    shards: u32,
    replicas: u32,
}

impl Layout {
    fn load_or_make(plan: &Plan) -> anyhow::Result<Self> {
        let path = plan.dir.join("cluster.json");
        if path.exists() {
            let text = std::fs::read_to_string(&path)?;
            let found: Self =
                serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
            found.must_fit(plan)?;
            return Ok(found);
        }
        let layout = Self {
            node_ports: ports::free(plan.nodes as usize)?,
            shards: plan.shards,
            replicas: plan.replicas,
        };
        std::fs::write(&path, serde_json::to_vec_pretty(&layout)?)
            .with_context(|| format!("{} can't be written", path.display()))?;
        Ok(layout)
    }

    fn must_fit(&self, plan: &Plan) -> anyhow::Result<()> {
        let nodes = self.node_ports.len() as u64;
        if (nodes, self.shards, self.replicas) == (plan.nodes, plan.shards, plan.replicas) {
            return Ok(());
        }
        bail!(
            "{} holds a cluster of {nodes} nodes, {} shards, {} replicas; asked for are {}, {}, {}. Use the same \
             numbers or another --data-dir. Nothing was started.",
            plan.dir.display(),
            self.shards,
            self.replicas,
            plan.nodes,
            plan.shards,
            plan.replicas
        );
    }

    fn addresses(&self) -> Vec<String> {
        self.node_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }
}

/// All of it is on loopback, in plain text, whatever file and environment say of certificates.
const PLAIN_NODES: &str = "--certs=";

/// A running cluster.
pub(crate) struct Cluster {
    /// Its nodes; node 1 is the first.
    pub(crate) nodes: Vec<Process>,
    /// Where each node serves the others.
    pub(crate) addresses: Vec<String>,
    /// Its router.
    pub(crate) router: Process,
    /// Where the router serves clients.
    pub(crate) url: String,
}

impl Cluster {
    /// Starts nodes and router. They aren't ready yet: see [`Self::ready`].
    pub(crate) fn start(plan: &Plan) -> anyhow::Result<Self> {
        check(plan)?;
        std::fs::create_dir_all(&plan.dir)
            .with_context(|| format!("{} can't be made", plan.dir.display()))?;
        let addresses = Layout::load_or_make(plan)?.addresses();
        let named: Vec<String> =
            (1u64..).zip(&addresses).map(|(id, address)| format!("{id}={address}")).collect();
        let peers = named.join(",");
        let mut nodes = Vec::new();
        for (id, address) in (1u64..).zip(&addresses) {
            let args = [
                "node".to_owned(),
                format!("--id={id}"),
                format!("--listen={address}"),
                format!("--data-dir={}", plan.dir.join(format!("node-{id}")).display()),
                format!("--peers={peers}"),
                format!("--shards={}", plan.shards),
                format!("--replicas={}", plan.replicas),
                PLAIN_NODES.to_owned(),
            ];
            nodes.push(Process::start(
                &format!("node {id}"),
                &args,
                &plan.dir.join(format!("node-{id}.log")),
            )?);
        }
        let mut listen = plan.listen;
        if listen.port() == 0 {
            listen.set_port(ports::free(1)?.first().copied().context("no free port")?);
        }
        let args = [
            "router".to_owned(),
            format!("--listen={listen}"),
            format!("--nodes={peers}"),
            PLAIN_NODES.to_owned(),
            "--tls-cert=".to_owned(),
            "--tls-key=".to_owned(),
        ];
        let router = Process::start("router", &args, &plan.dir.join("router.log"))?;
        Ok(Self { nodes, addresses, router, url: format!("http://{listen}") })
    }

    /// Waits until the router can reach a leader of every group.
    pub(crate) async fn ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let client = Client::new(&self.url, Duration::from_secs(2), None)?;
        let until = Instant::now() + patience;
        while !is_ready(&client).await {
            for process in self.nodes.iter_mut().chain([&mut self.router]) {
                process.must_run()?;
            }
            if Instant::now() > until {
                bail!(
                    "the cluster wasn't ready within {} s; see {}",
                    patience.as_secs(),
                    self.router.log.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Stops everything gracefully: the router first, so that nobody asks stopped nodes.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.router.ask_to_stop()?;
        self.router.ended().await?;
        for node in &mut self.nodes {
            node.ask_to_stop()?;
        }
        for node in &mut self.nodes {
            node.ended().await?;
        }
        Ok(())
    }

    /// Kills everything.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        for process in self.nodes.iter_mut().chain([&mut self.router]) {
            process.kill().await?;
        }
        Ok(())
    }
}

/// The router can read the catalog, every node says that it is ready, every shard has a leader.
async fn is_ready(client: &Client) -> bool {
    if !client.is_well(&["readyz"]).await {
        return false;
    }
    let Ok(answer) = client.get(&["v1", "cluster"]).await else { return false };
    let all = |list: &str, fits: &dyn Fn(&Value) -> bool| {
        answer.body[list].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(fits))
    };
    all("nodes", &|node| node["ready"] == Value::Bool(true))
        && all("shards", &|shard| shard["leader"].is_u64())
}

fn check(plan: &Plan) -> anyhow::Result<()> {
    if plan.nodes == 0 || plan.shards == 0 || plan.replicas == 0 {
        bail!("nodes, shards and replicas are 1 or more. Nothing was started.");
    }
    if u64::from(plan.replicas) > plan.nodes {
        let (replicas, nodes) = (plan.replicas, plan.nodes);
        bail!(
            "{replicas} replicas of a shard need as many nodes, and there are {nodes}. Nothing was started."
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan(dir: &Path) -> Plan {
        Plan { nodes: 3, replicas: 3, shards: 4, dir: dir.to_owned(), listen: ([127, 0, 0, 1], 0).into() }
    }

    #[test]
    fn a_data_directory_keeps_its_ports_and_refuses_other_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let first = Layout::load_or_make(&plan(dir.path())).unwrap();
        assert_eq!(Layout::load_or_make(&plan(dir.path())).unwrap(), first);
        let other = Plan { shards: 5, ..plan(dir.path()) };
        assert!(Layout::load_or_make(&other).unwrap_err().to_string().contains("4 shards"));
    }

    #[test]
    fn more_replicas_than_nodes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = check(&Plan { nodes: 2, ..plan(dir.path()) }).unwrap_err().to_string();
        assert!(error.contains("need as many nodes"), "{error}");
    }
}
