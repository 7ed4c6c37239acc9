//! `lacuna serve` and the data verbs against it.

use std::path::Path;

use serde_json::json;

use crate::server::{Server, failure, run, stdout};

/// 40 records of three components, `n` = 0…39, `even` by n.
fn sample(dir: &Path) -> String {
    let file = dir.join("sample.jsonl");
    let lines: Vec<String> = (0..40)
        .map(|n| {
            json!({"id": format!("r{n:02}"), "vector": [n, 1, 0], "document": format!("text {n}"), "metadata": {"n": n, "even": n % 2 == 0}})
                .to_string()
        })
        .collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    file.to_string_lossy().into_owned()
}

fn load(server: &Server, dir: &Path) {
    stdout(&server.verb(&["collection", "create", "papers", "--dimension", "3", "--metric", "l2"]));
    let said = stdout(&server.verb(&["upsert", "papers", &sample(dir), "--batch", "7"]));
    assert!(said.contains("40 records written"), "{said}");
}

#[test]
fn what_is_deleted_stays_deleted_over_a_graceful_restart_and_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    assert!(server.said.contains(&*data.to_string_lossy()), "{}", server.said);
    load(&server, dir.path());
    assert_eq!(server.json(&["count", "papers"])["count"], 40);
    let near = server.json(&["query", "papers", "--vector", "[7, 1, 0]", "--top-k", "2"]);
    assert_eq!(near["matches"][0]["id"], "r07");

    let by_id = server.json(&["delete", "papers", "--id", "r07", "--id", "nobody", "--yes"]);
    assert_eq!((&by_id["deleted"], &by_id["absent"]), (&json!(1), &json!(1)));
    let by_filter = server.json(&["delete", "papers", "--filter", r#"{"even": true}"#, "--yes"]);
    assert_eq!((&by_filter["status"], &by_filter["deleted"]), (&json!("complete"), &json!(20)));
    assert_eq!(server.stop(), Some(0));

    let server = Server::start(&data);
    assert_eq!(server.json(&["count", "papers"])["count"], 19);
    let near = server.json(&["query", "papers", "--vector", "[7, 1, 0]", "--top-k", "50"]);
    assert_eq!(near["matches"].as_array().unwrap().len(), 19);
    let all = server.json(&["delete", "papers", "--all", "--yes"]);
    assert_eq!(all["deleted"], 19);
    server.kill();

    let server = Server::start(&data);
    assert_eq!(server.json(&["count", "papers"])["count"], 0);
    // What the meta group had not yet noted when the process was killed is found again by its driver.
    let shown = server.json(&["operation", "show", all["op_id"].as_str().unwrap(), "--wait", "20"]);
    assert_eq!(shown["status"], "complete");
    stdout(&server.verb(&["collection", "drop", "papers", "--yes"]));
    let gone = failure(&server.verb(&["count", "papers"]), 1);
    assert!(gone.contains("not_found"), "{gone}");
}

#[test]
fn a_dry_run_deletes_nothing_and_a_delete_asks_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    load(&server, dir.path());
    let shown = stdout(&server.verb(&["delete", "papers", "--filter", r#"{"n": {"$lt": 10}}"#, "--dry-run"]));
    assert!(shown.contains("would delete 10 records"), "{shown}");
    let shown = stdout(&server.verb(&["delete", "papers", "--id", "r01", "--id", "nobody", "--dry-run"]));
    assert!(shown.contains("would delete 1 records"), "{shown}");
    let asked = failure(&server.verb(&["delete", "papers", "--filter", r#"{"n": {"$lt": 10}}"#]), 1);
    assert!(asked.contains("Delete 10 records") && asked.contains("--yes"), "{asked}");
    assert_eq!(server.json(&["count", "papers"])["count"], 40);
}

#[test]
fn a_record_of_the_wrong_shape_is_refused_and_the_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    load(&server, dir.path());
    let file = dir.path().join("bad.jsonl");
    std::fs::write(&file, "{\"id\": \"x\", \"vector\": [1, 2]}\n").unwrap();
    let refused = failure(&server.verb(&["upsert", "papers", &file.to_string_lossy()]), 1);
    assert!(refused.contains("lines or rows 1 to 1") && refused.contains("invalid_vector"), "{refused}");
    let filter = failure(&server.verb(&["delete", "papers", "--filter", "{}", "--yes"]), 1);
    assert!(filter.contains("400"), "{filter}");
    assert_eq!(server.json(&["count", "papers"])["count"], 40);
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let refused =
        failure(&run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir.path().to_string_lossy()]), 1);
    assert!(refused.contains("only one process may use a data directory"), "{refused}");
}
