//! What `export` writes, `upsert` reads.

use serde_json::json;

use crate::server::{Server, failure, stdout};

#[test]
fn an_export_written_back_is_the_same_collection() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let source = dir.path().join("source.jsonl");
    let lines: Vec<String> = (0..57)
        .map(|n| {
            let vector = [f64::from(n) / 7.0, -1.5e-7, 3.0];
            json!({"id": format!("ü {n}"), "vector": vector, "metadata": {"n": n, "tags": ["a", "b"], "x": 0.1}}).to_string()
        })
        .collect();
    std::fs::write(&source, lines.join("\n")).unwrap();
    for name in ["one", "two"] {
        stdout(&server.verb(&["collection", "create", name, "--dimension", "3"]));
    }
    stdout(&server.verb(&["upsert", "one", &source.to_string_lossy()]));
    let exported = dir.path().join("exported.jsonl");
    let path = exported.to_string_lossy();
    stdout(&server.verb(&["export", "one", "--output", &path, "--page", "10"]));
    assert!(!dir.path().join("exported.jsonl.cursor").exists());
    stdout(&server.verb(&["upsert", "two", &path]));
    let (first, second) = (server.verb(&["export", "one"]), server.verb(&["export", "two"]));
    assert_eq!(stdout(&first), stdout(&second));
    assert_eq!(stdout(&first).lines().count(), 57);
    let again = failure(&server.verb(&["export", "one", "--output", &path]), 1);
    assert!(again.contains("--resume") && again.contains("--force"), "{again}");
}

#[test]
fn an_interrupted_export_goes_on_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    stdout(&server.verb(&["collection", "create", "c", "--dimension", "1"]));
    let source = dir.path().join("source.jsonl");
    let lines: Vec<String> =
        (0..30).map(|n| json!({"id": format!("{n:02}"), "vector": [n + 1]}).to_string()).collect();
    std::fs::write(&source, lines.join("\n")).unwrap();
    stdout(&server.verb(&["upsert", "c", &source.to_string_lossy()]));
    let whole = stdout(&server.verb(&["export", "c"]));

    // As it would be left behind: a page noted, half a line of the next one written.
    let page = server.page("c", &json!({"limit": 10, "include": ["vector"]}));
    let noted: String = whole.split_inclusive('\n').take(10).collect();
    let file = dir.path().join("out.jsonl");
    std::fs::write(&file, format!("{noted}{{\"id\": \"1")).unwrap();
    let note = json!({
        "collection": "c", "namespace": null, "filter": null,
        "cursor": page["cursor"], "bytes": noted.len(), "records": 10,
    });
    std::fs::write(dir.path().join("out.jsonl.cursor"), note.to_string()).unwrap();
    stdout(&server.verb(&["export", "c", "--output", &file.to_string_lossy(), "--resume"]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
}
