//! A cluster of real processes: nodes and routers as children on free loopback ports, each killed, stopped or
//! continued by its own pid only.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Nodes.
    pub nodes: u32,
    /// Replicas of each shard.
    pub replicas: u32,
    /// Shards.
    pub shards: u32,
    /// Routers.
    pub routers: u32,
}

/// How a node's files are watched for a power cut.
#[derive(Clone, Debug)]
pub struct PowerCut {
    /// The preloaded library.
    pub library: PathBuf,
    /// Syncs of files whose path holds this count for nothing (the planted bug).
    pub nosync: Option<String>,
}

struct Process {
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

/// A running cluster. Dropping it kills what still runs.
pub struct Cluster {
    dir: PathBuf,
    nodes: Vec<Process>,
    routers: Vec<Process>,
    router_ports: Vec<u16>,
}

/// A free port outside the range that the system gives to outgoing connections: one of those could take a
/// node's port while the node is down.
fn free_port() -> Result<u16> {
    for _ in 0..1_000 {
        let port = rand::random_range(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port from 20000 to 32000")
}

fn binary() -> PathBuf {
    std::env::var_os("LACUNA_BIN").map_or_else(|| PathBuf::from("target/release/lacuna"), PathBuf::from)
}

impl Cluster {
    /// Starts the processes and waits until every group has a leader.
    pub fn start(dir: &Path, layout: &Layout, power: Option<&PowerCut>) -> Result<Self> {
        let ports = (0..layout.nodes).map(|_| free_port()).collect::<Result<Vec<u16>>>()?;
        let router_ports = (0..layout.routers).map(|_| free_port()).collect::<Result<Vec<u16>>>()?;
        let peers: Vec<String> =
            ports.iter().enumerate().map(|(at, port)| format!("{}=127.0.0.1:{port}", at + 1)).collect();
        let peers = peers.join(",");
        let mut nodes = Vec::new();
        for (at, port) in ports.iter().enumerate() {
            let id = at + 1;
            let data = dir.join(format!("node-{id}"));
            std::fs::create_dir_all(&data)?;
            let arguments = ["node", "--id", &id.to_string(), "--listen", &format!("127.0.0.1:{port}")]
                .into_iter()
                .chain(["--data-dir", &data.to_string_lossy(), "--peers", &peers])
                .chain(["--shards", &layout.shards.to_string(), "--replicas", &layout.replicas.to_string()])
                .map(str::to_owned)
                .collect();
            let environment = power.map(|power| watched(power, dir, id, &data)).unwrap_or_default();
            nodes.push(Process::new(dir, &format!("node-{id}"), arguments, environment));
        }
        let mut routers = Vec::new();
        for (at, port) in router_ports.iter().enumerate() {
            let arguments = ["router", "--listen", &format!("127.0.0.1:{port}"), "--nodes", &peers];
            let arguments = arguments.into_iter().map(str::to_owned).collect();
            routers.push(Process::new(dir, &format!("router-{}", at + 1), arguments, Vec::new()));
        }
        let mut cluster = Self { dir: dir.to_owned(), nodes, routers, router_ports };
        for process in cluster.nodes.iter_mut().chain(&mut cluster.routers) {
            process.start()?;
        }
        cluster.wait_ready(Duration::from_secs(60))?;
        Ok(cluster)
    }

    /// Base address of a router.
    pub fn url(&self, router: usize) -> String {
        format!("http://127.0.0.1:{}", self.router_ports[router])
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A node's data directory.
    pub fn data_dir(&self, node: usize) -> PathBuf {
        self.dir.join(format!("node-{}", node + 1))
    }

    /// A node's undo journal.
    pub fn journal(&self, node: usize) -> PathBuf {
        journal_of(&self.dir, node + 1)
    }

    /// Waits until the first router says that all is ready.
    pub fn wait_ready(&self, wait: Duration) -> Result<()> {
        let until = Instant::now() + wait;
        loop {
            let answer = get(&format!("{}/readyz", self.url(0)));
            match answer {
                Ok((200, _)) => return Ok(()),
                _ if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
                other => bail!("not ready within {wait:?}: {other:?}; logs in {}", self.dir.display()),
            }
        }
    }

    /// `/v1/cluster`, with the digests of every replica.
    pub fn describe(&self) -> Result<Value> {
        match get(&format!("{}/v1/cluster?digests=true", self.url(0)))? {
            (200, body) => Ok(serde_json::from_str(&body)?),
            (status, body) => bail!("/v1/cluster answered {status}: {body}"),
        }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill_node(&mut self, node: usize) -> Result<()> {
        self.nodes[node].kill()
    }

    /// Starts it again with its own data.
    pub fn restart_node(&mut self, node: usize) -> Result<()> {
        self.nodes[node].start()
    }

    /// SIGSTOP.
    pub fn pause_node(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn resume_node(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::CONT)
    }

    /// Starts a router again; `environment` for a fail point.
    pub fn restart_router(&mut self, router: usize, environment: Vec<(String, String)>) -> Result<()> {
        self.routers[router].kill()?;
        self.routers[router].environment = environment;
        self.routers[router].start()
    }

    /// Has this router ended by itself? Its connections close a little before it is gone.
    pub fn router_ended(&mut self, router: usize) -> Result<bool> {
        let Some(child) = &mut self.routers[router].child else { return Ok(true) };
        let until = Instant::now() + Duration::from_secs(5);
        while child.try_wait()?.is_none() {
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(true)
    }
}

fn journal_of(dir: &Path, id: usize) -> PathBuf {
    dir.join("undo").join(format!("node-{id}"))
}

fn watched(power: &PowerCut, dir: &Path, id: usize, data: &Path) -> Vec<(String, String)> {
    let journal = journal_of(dir, id);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut environment = vec![
        ("LD_PRELOAD".to_owned(), text(&power.library)),
        ("LACUNA_POWERCUT_ROOT".to_owned(), text(data)),
        ("LACUNA_POWERCUT_JOURNAL".to_owned(), text(&journal)),
    ];
    if let Some(nosync) = &power.nosync {
        environment.push(("LACUNA_POWERCUT_NOSYNC".to_owned(), nosync.clone()));
    }
    environment
}

impl Process {
    fn new(dir: &Path, name: &str, arguments: Vec<String>, environment: Vec<(String, String)>) -> Self {
        let log = dir.join(format!("{name}.log"));
        Self { name: name.to_owned(), arguments, environment, log, child: None }
    }

    fn start(&mut self) -> Result<()> {
        for (name, value) in &self.environment {
            if name == "LACUNA_POWERCUT_JOURNAL"
                && let Some(parent) = Path::new(value).parent()
            {
                std::fs::create_dir_all(parent)?;
            }
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(binary())
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {} ({})", self.name, binary().display()))?;
        self.child = Some(child);
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().with_context(|| format!("{} doesn't run", self.name))?;
        let pid = Pid::from_child(child);
        Ok(kill_process(pid, signal)?)
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.routers.iter_mut().chain(&mut self.nodes) {
            // A process that has ended already can't be killed: nothing is left to do for it.
            let _ = process.kill();
        }
    }
}

/// A small blocking GET for the harness's own questions.
pub fn get(url: &str) -> Result<(u16, String)> {
    let url = url.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
            let answer = client.get(url).send().await?;
            Ok((answer.status().as_u16(), answer.text().await?))
        })
    })
    .join()
    .map_err(|_| anyhow::anyhow!("the asking thread panicked"))?
}
