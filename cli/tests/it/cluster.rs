//! `lacuna dev`: real child processes.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::server::{Server, failure, lacuna, run, stdout};

struct Dev {
    child: std::process::Child,
    url: String,
    pids: Vec<i32>,
}

fn start(dir: &std::path::Path) -> Dev {
    let mut child =
        lacuna(&["dev", "--listen", "127.0.0.1:0", "--shards", "2", "--data-dir", &dir.to_string_lossy()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let (mut url, mut pids) = (None, Vec::new());
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.starts_with("node ") || line.starts_with("router ") {
            pids.extend(words.iter().find_map(|word| word.parse::<i32>().ok().filter(|number| *number > 32)));
        }
        if line.contains("are ready at") {
            url = words.iter().find(|word| word.starts_with("http://")).map(|word| (*word).to_owned());
            break;
        }
        line.clear();
    }
    std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    Dev { child, url: url.expect("dev never said that it is ready"), pids }
}

fn all_ended(pids: &[i32]) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if pids.iter().all(|pid| test_kill_process(Pid::from_raw(*pid).unwrap()).is_err()) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn a_cluster_serves_survives_its_restart_and_stops_all_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.jsonl");
    std::fs::write(&file, "{\"id\":\"a\",\"vector\":[1,0]}\n{\"id\":\"b\",\"vector\":[0,1]}\n").unwrap();
    let data = dir.path().join("data");
    let mut dev = start(&data);
    assert_eq!(dev.pids.len(), 4);
    let verb = |url: &str, args: &[&str]| stdout(&run(&[args, &["--url", url]].concat()));
    verb(&dev.url, &["collection", "create", "c", "--dimension", "2"]);
    verb(&dev.url, &["upsert", "c", &file.to_string_lossy()]);
    verb(&dev.url, &["delete", "c", "--id", "a", "--yes"]);
    let status = verb(&dev.url, &["cluster", "status"]);
    assert!(status.contains("ready") && status.lines().count() >= 7, "{status}");
    kill_process(Pid::from_child(&dev.child), Signal::INT).unwrap();
    assert!(dev.child.wait().unwrap().success());
    assert!(all_ended(&dev.pids), "a child outlived a graceful stop");

    let mut dev = start(&data);
    assert_eq!(verb(&dev.url, &["count", "c"]).trim(), "1");
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    assert!(all_ended(&dev.pids), "a child outlived its killed parent");
}

#[test]
fn a_node_shows_health_and_metrics_where_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (data, peers) = (dir.path().join("data"), format!("1={free}"));
    let data = data.to_string_lossy();
    let common = ["node", "--listen", &free, "--data-dir", &data, "--peers", &peers, "--replicas", "1"];
    let other = failure(&run(&[&common[..], &["--id", "2"]].concat()), 1);
    assert!(other.contains("node 2 is not one of the nodes in --peers (1)"), "{other}");
    let node = Server::start_with(
        &[&common[..], &["--id", "1", "--metrics-listen", "127.0.0.1:0"]].concat(),
        "health",
    );
    let began = Instant::now();
    while node.get("/readyz").0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "the node never got ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(node.get("/healthz").0, 200);
    assert_eq!(node.get("/metrics").0, 200);
    assert_eq!(node.stop(), Some(0));
}
