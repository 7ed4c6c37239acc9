//! A cluster as `lacuna cluster init` makes it: certificates between all processes, and TLS for clients.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::server::{Server, failure, run, stdout};

struct Made {
    dir: tempfile::TempDir,
    nodes: String,
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Made {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn new() -> Self {
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap());
        let nodes: Vec<String> =
            (1..).zip(addresses).map(|(id, address)| format!("{id}={address}")).collect();
        let made = Self { dir: tempfile::tempdir().unwrap(), nodes: nodes.join(",") };
        let (output, data) = (text(made.dir.path()), text(&made.path("data")));
        stdout(&run(&[
            "cluster",
            "init",
            "--nodes",
            &made.nodes,
            "--output",
            &output,
            "--data-dir",
            &data,
            "--shards",
            "2",
        ]));
        made
    }

    fn node(&self, id: u32) -> Server {
        let (config, data) =
            (text(&self.path(&format!("node-{id}.toml"))), text(&self.path(&format!("d{id}"))));
        let metrics = ["--metrics-listen", "127.0.0.1:0"];
        Server::start_with(
            &[&["node", "--config", &config, "--data-dir", &data], &metrics[..]].concat(),
            "health",
        )
    }

    fn router(&self, flags: &[&str]) -> Server {
        let config = text(&self.path("router.toml"));
        let common = ["router", "--config", &config, "--listen", "127.0.0.1:0"];
        Server::start_with(&[&common[..], flags].concat(), "curl")
    }
}

#[test]
fn a_cluster_made_by_init_writes_deletes_and_reads_over_tls_from_client_to_replica() {
    let made = Made::new();
    let nodes: Vec<Server> = (1..=3).map(|id| made.node(id)).collect();
    // The client port's certificate is another matter than the cluster's.
    let port = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (text(&made.path("port.pem")), text(&made.path("port.key")));
    std::fs::write(&certificate, port.cert.pem()).unwrap();
    std::fs::write(&key, port.signing_key.serialize_pem()).unwrap();
    let router = made.router(&["--tls-cert", &certificate, "--tls-key", &key]);
    assert!(router.url.starts_with("https://"), "{}", router.said);
    let trusting = |args: &[&str]| router.verb(&[args, &["--tls-ca", &certificate]].concat());
    let began = Instant::now();
    let ready = || {
        let shown = trusting(&["cluster", "status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        let all = |list: &str, holds: &dyn Fn(&serde_json::Value) -> bool| {
            status[list].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(holds))
        };
        all("nodes", &|node| node["ready"] == true) && all("shards", &|shard| shard["leader"].is_u64())
    };
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(30), "the cluster never got ready");
        std::thread::sleep(Duration::from_millis(200));
    }
    stdout(&trusting(&["collection", "create", "c", "--dimension", "2"]));
    let records = text(&made.path("records.jsonl"));
    std::fs::write(&records, "{\"id\":\"a\",\"vector\":[1,0]}\n{\"id\":\"b\",\"vector\":[0,1]}\n").unwrap();
    stdout(&trusting(&["upsert", "c", &records]));
    stdout(&trusting(&["delete", "c", "--id", "a", "--yes"]));
    assert_eq!(stdout(&trusting(&["count", "c"])).trim(), "1");
    let distrusting = failure(&router.verb(&["count", "c"]), 1);
    assert!(distrusting.contains("--tls-ca"), "{distrusting}");

    // A router of another cluster starts, and reaches nothing.
    let other = Made::new();
    let wrong = text(&other.path("certs/router-1"));
    let stranger = made.router(&["--certs", &wrong]);
    assert_eq!(stranger.get("/readyz").0, 503);
    let refused = failure(&stranger.verb(&["count", "c", "--deadline-ms", "1000"]), 1);
    assert!(refused.contains("HTTP 503"), "{refused}");
    assert_eq!(stdout(&trusting(&["count", "c"])).trim(), "1");
    assert_eq!((stranger.stop(), router.stop()), (Some(0), Some(0)));
    for node in nodes {
        assert_eq!(node.stop(), Some(0));
    }
}

#[test]
fn processes_that_would_speak_plain_text_with_other_machines_do_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = text(&dir.path().join("data"));
    let peers = "1=10.0.0.1:7001,2=10.0.0.2:7001";
    let node = [
        "node",
        "--listen",
        "0.0.0.0:0",
        "--data-dir",
        &data,
        "--replicas",
        "1",
        "--peers",
        "1=127.0.0.1:7001",
    ];
    let router = ["router", "--listen", "127.0.0.1:0", "--nodes", peers];
    for args in [&node[..], &router[..]] {
        let said = failure(&run(args), 1);
        for word in ["plain text", "lacuna cluster init", "--certs", "Nothing was started"] {
            assert!(said.contains(word), "{said}");
        }
    }
    let nowhere = text(&dir.path().join("nowhere"));
    for args in [&node[..], &router[..]] {
        let said = failure(&run(&[args, &["--certs", &nowhere]].concat()), 1);
        assert!(
            said.contains("nowhere/ca.pem can't be read") && said.contains("Nothing was started"),
            "{said}"
        );
    }
    assert!(!dir.path().join("data").exists());
}

#[test]
fn init_overwrites_nothing_and_cert_issues_more() {
    let made = Made::new();
    let output = text(made.dir.path());
    let key = || std::fs::read_to_string(made.path("certs/ca.key")).unwrap();
    let first = key();
    let said = failure(&run(&["cluster", "init", "--nodes", &made.nodes, "--output", &output]), 1);
    assert!(said.contains("not overwritten. Nothing was written") && key() == first, "{said}");
    let certs = text(&made.path("certs"));
    let cert = ["cluster", "cert", "--certs", &certs, "--role", "router", "--id", "2"];
    assert!(stdout(&run(&cert)).contains("router-2/cert.pem"));
    assert!(failure(&run(&cert), 1).contains("not overwritten"));
    stdout(&run(&[&cert[..], &["--renew"]].concat()));
}
