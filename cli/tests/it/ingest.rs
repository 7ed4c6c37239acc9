//! `lacuna ingest`, against the real binary: the sample, lines that are wrong, edges that end nowhere.

use std::path::Path;

use serde_json::{Value, json};

use crate::server::{Server, failure, run, stdout};

/// A file of the repository's sample.
pub(crate) fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sample").join(name);
    assert!(path.exists(), "{}", path.display());
    path.to_string_lossy().into_owned()
}

/// What is held, without what compaction changes at its own time.
pub(crate) fn held(server: &Server, flags: &[&str]) -> Value {
    let mut stats = server.json(&[&["dataset", "stats"], flags].concat());
    stats.as_object_mut().unwrap().remove("index_tombstones").unwrap();
    stats
}

/// Names and ids of a dataset's items.
pub(crate) fn items(server: &Server, dataset: &str) -> Vec<(String, String)> {
    let found = server.json(&["dataset", "items", dataset]);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(|item| (text(item, "name"), text(item, "id"))).collect()
}

fn written(dir: &Path, name: &str, text: &str) -> String {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(name), text).unwrap();
    dir.join(name).to_string_lossy().into_owned()
}

#[test]
fn the_sample_ingested_twice_is_there_once_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let texts = ["ingest", &sample("amendments"), "--dataset", "constitution"];
    let graph = ["ingest", &sample("amendments.jsonl"), "--dataset", "constitution", "--embed"];
    let first = [server.json(&texts), server.json(&graph)];
    let once = held(&server, &[]);
    assert_eq!((&once["items"], &once["raw_files"]), (&json!(54), &json!(27)));
    let said = stdout(&server.verb(&texts));
    assert!(said.contains("0 items new, 27 replaced"), "{said}");
    let again = server.json(&graph);
    assert_eq!(held(&server, &[]), once);
    let ids = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    assert_eq!(ids(&again), ids(&first[1]));
    assert_eq!(items(&server, "constitution").len(), 54);

    let hits = server.json(&["search", "manufacture and sale of liquors", "--dataset", "constitution"]);
    assert_eq!(hits[0]["metadata"]["file"], "amendment-18.txt", "{hits}");
    let nodes = ["search", "intoxicating liquors", "--collection", "Entity_name", "--top-k", "1"];
    assert_eq!(server.json(&nodes)[0]["id"], "intoxicating liquors");
    let shown = stdout(&server.verb(&nodes));
    assert!(shown.contains("1.000  intoxicating liquors"), "{shown}");
    // The raw file is the file, byte for byte.
    let item = &first[0]["items"][17];
    let path = format!(
        "/api/v1/datasets/{}/data/{}/raw",
        first[0]["dataset_id"].as_str().unwrap(),
        item["id"].as_str().unwrap()
    );
    let file = std::fs::read_to_string(sample("amendments/amendment-18.txt")).unwrap();
    assert_eq!(server.get(&path), (200, file));
}

#[test]
fn a_line_that_is_wrong_is_named_and_nothing_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let good = r#"{"item": "a", "id": "n", "kind": "node"}"#;
    for bad in ["{\"item\": \"b\"", r#"{"item": "b", "id": "x", "vektor": [1]}"#, r#"{"id": "x"}"#] {
        let file = written(dir.path(), "bad.jsonl", &format!("{good}\n{bad}\n"));
        let told = failure(&server.verb(&["ingest", &file, "--dataset", "lines"]), 1);
        assert!(told.contains("nothing was sent") && told.contains("line 2"), "{told}");
    }
    assert_eq!(server.json(&["dataset", "list"]), json!([]));

    // An item whose edge ends nowhere is refused as a whole; the one before it is kept, and told.
    let nowhere = [
        good,
        r#"{"item": "b", "id": "m", "kind": "node"}"#,
        r#"{"item": "b", "id": "e", "kind": "edge", "source": "m", "target": "nowhere"}"#,
    ];
    let file = written(dir.path(), "nowhere.jsonl", &nowhere.join("\n"));
    let told = failure(&server.verb(&["ingest", &file, "--dataset", "lines"]), 1);
    for word in ["1 items were ingested before", "item \"b\"", "nowhere", "422"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert_eq!(items(&server, "lines").len(), 1);
    // The end may be an earlier item's.
    let file = written(dir.path(), "mended.jsonl", &nowhere.join("\n").replace("nowhere", "n"));
    let said = stdout(&server.verb(&["ingest", &file, "--dataset", "lines"]));
    assert!(said.contains("1 items new, 1 replaced"), "{said}");
}

#[test]
fn notes_that_link_share_their_nodes_and_what_is_no_text_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let notes = dir.path().join("notes");
    written(&notes, "Ada.md", "Ada knew [[Charles]] and [[Mary|Mrs Somerville]].");
    written(&notes.join("more"), "Charles.md", "See [[Ada]].");
    std::fs::write(notes.join("photo.png"), b"\x89PNG\xff").unwrap();
    let output = server.verb(&["ingest", &notes.to_string_lossy(), "--dataset", "notes"]);
    assert!(stdout(&output).contains("2 items new"), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("photo.png (not UTF-8 text)"), "{told}");

    let names: Vec<String> = items(&server, "notes").into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"more/Charles.md".to_owned()), "{names:?}");
    let (_, ada) = items(&server, "notes").into_iter().find(|(name, _)| name == "Ada.md").unwrap();
    let answer = server.json(&["forget", "--dataset", "notes", "--data-id", &ada, "--yes"]);
    // Mary goes; Charles and Ada are needed by the other note and its edge.
    assert_eq!(answer["by_kind"]["node"], json!({"released": 2, "deleted": 1}));
    assert_eq!(answer["by_kind"]["edge"], json!({"released": 0, "deleted": 2}));
}

#[test]
fn what_cannot_be_ingested_is_refused_before_anybody_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let silent = ["--dataset", "x", "--url", "http://127.0.0.1:9"];
    let refused = |args: &[&str], code| failure(&run(&[&["ingest"], args, &silent].concat()), code);
    assert!(refused(&["/nowhere/notes"], 1).contains("/nowhere/notes"));
    assert!(refused(&["/nowhere/graph.jsonl"], 1).contains("/nowhere/graph.jsonl"));
    let empty = dir.path().to_string_lossy();
    assert!(refused(&[&empty], 1).contains("no files"));
    assert!(refused(&[&empty, "--embed"], 1).contains("--embed"));
    let file = written(dir.path(), "empty.jsonl", "\n\n");
    assert!(refused(&[&file], 1).contains("no records"));
    let told = failure(&run(&["ingest", &file]), 2);
    assert!(told.contains("--dataset"), "{told}");
    // Only what is well is sent, and that needs a server.
    let file = written(dir.path(), "good.txt", "text");
    assert!(refused(&[&file], 1).contains("lacuna serve"));
}
