//! `lacuna check`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::server::{Server, failure, run, stdout};

/// Every file under a directory with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_check_counts_what_is_there_changes_nothing_and_names_damage() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let path = data.to_string_lossy();
    let server = Server::start(&data);
    stdout(&server.verb(&["collection", "create", "c", "--dimension", "2"]));
    let source = dir.path().join("r.jsonl");
    let lines: Vec<String> =
        (0..50).map(|n| json!({"id": format!("r{n}"), "vector": [n, 1]}).to_string()).collect();
    std::fs::write(&source, lines.join("\n")).unwrap();
    stdout(&server.verb(&["upsert", "c", &source.to_string_lossy()]));
    stdout(&server.verb(&["delete", "c", "--id", "r7", "--yes"]));
    let running = failure(&run(&["check", &path]), 1);
    assert!(running.contains("stop it first"), "{running}");
    assert_eq!(server.stop(), Some(0));

    let before = files(&data);
    let found: serde_json::Value = serde_json::from_str(&stdout(&run(&["check", &path, "--json"]))).unwrap();
    let live: u64 =
        found["shards"].as_array().unwrap().iter().map(|shard| shard["live"].as_u64().unwrap()).sum();
    assert_eq!((live, found["shards"].as_array().unwrap().len()), (49, 4));
    assert!(stdout(&run(&["check", &path])).contains("digests and counts are right"));
    assert!(files(&data) == before, "the check changed a file");

    // A bit of the log flipped in what was synced long ago.
    let segment = before.keys().find(|path| path.extension().is_some_and(|end| end == "seg")).unwrap();
    let mut bytes = before[segment].clone();
    let at = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    let used = at + bytes[at..].iter().position(|byte| *byte != 0).unwrap();
    bytes[used] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    let damaged = run(&["check", &path]);
    let shown = String::from_utf8_lossy(&damaged.stdout).into_owned();
    assert!(shown.contains("WRONG: log corrupt"), "{shown}");
    failure(&damaged, 1);
    let foreign = failure(&run(&["check", &dir.path().to_string_lossy()]), 1);
    assert!(foreign.contains("FORMAT"), "{foreign}");
}
