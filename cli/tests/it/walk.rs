//! docs/PATHS.md against a traced where-delete: the files entered, in the order of their first entry.

use std::path::Path;

use crate::server::Server;

/// The list in the document under this heading's mark.
fn documented(walk: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PATHS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let list = text.split(&format!("```walk {walk}\n")).nth(1).unwrap().split("```").next().unwrap();
    list.lines().map(str::to_owned).collect()
}

/// Files of trace lines, from the last time that the surface's file was entered on; each once.
fn entered(trace: &str, first: &str) -> Vec<String> {
    let files = trace.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        (event["level"] == "TRACE").then(|| event["filename"].as_str().map(str::to_owned))?
    });
    let files: Vec<String> = files.collect();
    let begin = files.iter().rposition(|file| file == first).unwrap();
    let mut seen: Vec<String> = Vec::new();
    for file in &files[begin..] {
        if !seen.contains(file) {
            seen.push(file.clone());
        }
    }
    seen
}

#[test]
fn a_traced_where_delete_enters_the_files_that_paths_names_in_that_order() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace.jsonl");
    let server = Server::start_traced(&dir.path().join("data"), &trace);
    server.json(&["collection", "create", "walked", "--dimension", "3", "--metric", "l2"]);
    let expected = documented("where-delete");
    let mut seen = Vec::new();
    // The catalog is polled and nodes are pinged meanwhile: such a call may slip in between the first steps once.
    for round in 0..5 {
        let file = dir.path().join("records.jsonl");
        std::fs::write(&file, r#"{"id": "a", "vector": [1, 2, 3], "metadata": {"n": 1}}"#).unwrap();
        let upserted = server.verb(&["upsert", "walked", &file.to_string_lossy()]);
        assert!(upserted.status.success(), "round {round}: {upserted:?}");
        let answer = server.json(&["delete", "walked", "--filter", r#"{"n": 1}"#, "--yes"]);
        assert_eq!(answer["deleted"], 1);
        let text = std::fs::read_to_string(&trace).unwrap();
        seen = entered(&text, &expected[0]);
        seen.retain(|file| expected.contains(file) || !file.contains("/driver"));
        if seen == expected {
            return;
        }
    }
    assert_eq!(seen, expected, "docs/PATHS.md lists other files than a where-delete enters");
}
