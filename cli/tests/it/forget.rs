//! `lacuna forget`, against the real binary.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::ingest::{held, items, sample};
use crate::server::{Server, failure, lacuna, run, stdout};

/// An id that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-00000000000a";

#[test]
fn a_forget_is_previewed_asks_and_does_what_it_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    stdout(&server.verb(&["ingest", &sample("amendments.jsonl"), "--dataset", "graph"]));
    stdout(&server.verb(&["ingest", &sample("amendments"), "--dataset", "texts"]));
    let (_, item) = items(&server, "graph").into_iter().find(|(name, _)| name == "amendment-21").unwrap();
    let forget = ["forget", "--dataset", "graph", "--data-id", &item];
    let with = |flags: &[&'static str]| [&forget[..], flags].concat();
    let before = held(&server, &[]);

    let told = server.json(&with(&["--dry-run"]));
    assert_eq!((&told["dry_run"], told.get("receipt_id")), (&json!(true), None));
    // Its own node goes with its edges; Congress, the liquors, and the amendment that it repeals are needed by others.
    assert_eq!(told["by_kind"]["node"], json!({"released": 3, "deleted": 1}));
    assert_eq!(told["by_kind"]["edge"], json!({"released": 0, "deleted": 3}));
    let shown = stdout(&server.verb(&with(&["--dry-run"])));
    assert!(shown.contains("would forget 1 item") && shown.contains("nothing was changed"), "{shown}");
    // Without a terminal nobody says yes: what it is about is shown, and it ends.
    let refused = failure(&server.verb(&forget), 1);
    for word in ["would forget 1 item", "4 deleted, 3 released", "--yes", "Nothing was changed"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    assert_eq!(held(&server, &[]), before);

    let did = server.json(&with(&["--yes"]));
    for field in ["released", "deleted", "references_removed", "items_forgotten", "by_kind"] {
        assert_eq!(did[field], told[field], "{field}");
    }
    let receipt = did["receipt_id"].as_str().unwrap();
    assert_eq!(server.json(&["receipt", receipt, "--wait", "30"])["status"], "complete");
    // What is forgotten already is told so, and nobody is asked about it.
    for flags in [&["--yes"][..], &[]] {
        let shown = stdout(&server.verb(&with(flags)));
        assert!(shown.contains("already forgotten") && shown.contains(receipt), "{shown}");
    }
    let shown = stdout(&server.verb(&with(&["--dry-run"])));
    assert!(shown.contains("already forgotten") && !shown.contains("receipt"), "{shown}");

    // Only the records, then the dataset, then everything.
    let memory = stdout(&server.verb(&["forget", "--dataset", "graph", "--memory-only", "--yes"]));
    assert!(memory.contains("the records of 26 items"), "{memory}");
    assert_eq!(items(&server, "graph").len(), 26);
    let dataset = stdout(&server.verb(&["forget", "--dataset", "graph", "--yes"]));
    assert!(dataset.contains("the dataset and 26 items"), "{dataset}");
    let everything = server.json(&["forget", "--everything", "--yes"]);
    assert_eq!(
        (&everything["datasets_removed"], &everything["raw_files"]["deleted"]),
        (&json!(1), &json!(27))
    );
    let left = held(&server, &[]);
    for field in ["datasets", "items", "records", "vectors", "references", "raw_files"] {
        assert_eq!(left[field], 0, "{field}");
    }
}

#[test]
fn what_nobody_may_or_can_forget_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let root = "root-key-0123456789abcdef0123456789";
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let mut command = lacuna(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    command.env("LACUNA_ROOT_KEY", root);
    let server = Server::spawned(command, "curl");
    let (status, user) = server.post("/api/v1/users", root, &json!({"email": "ada@example.org"}));
    assert_eq!(status, 201, "{user}");
    let ada = user["api_key"].as_str().unwrap();
    let made = server.json(&["ingest", &sample("amendments"), "--dataset", "texts", "--key", root]);
    let (dataset, item) = (made["dataset_id"].as_str().unwrap(), made["items"][0]["id"].as_str().unwrap());
    let before = held(&server, &["--key", root]);

    let refused = |args: &[&str], key: &str, word: &str| {
        let told = failure(&server.verb(&[&["forget", "--yes", "--key", key], args].concat()), 1);
        assert!(told.contains(word), "{args:?}: {told}");
    };
    refused(&["--dataset", "texts"], "not-a-key", "AuthenticationError, HTTP 401");
    refused(&["--dataset-id", dataset], ada, "PermissionDeniedError, HTTP 403");
    refused(&["--dataset-id", dataset, "--data-id", item], ada, "PermissionDeniedError, HTTP 403");
    refused(&["--dataset", "nope"], root, "DatasetNotFoundError, HTTP 404");
    refused(&["--dataset-id", NOBODY], root, "DatasetNotFoundError, HTTP 404");
    refused(&["--dataset", "texts", "--data-id", NOBODY], root, "DataNotFoundError, HTTP 404");
    let nothing = server.json(&["forget", "--everything", "--yes", "--key", ada]);
    assert_eq!(nothing["datasets_removed"], 0);
    // Without --yes it is the preview that fails.
    let unasked = failure(&server.verb(&["forget", "--dataset", "nope", "--key", root]), 1);
    assert!(unasked.contains("DatasetNotFoundError") && !unasked.contains("--yes"), "{unasked}");
    let told = failure(&server.verb(&["receipt", NOBODY, "--key", root]), 1);
    assert!(told.contains("no such receipt"), "{told}");
    assert_eq!(held(&server, &["--key", root]), before);
}

#[test]
fn contradictory_flags_are_refused_before_anybody_is_asked() {
    for flags in [
        &["forget"][..],
        &["forget", "--dataset", ""],
        &["forget", "--data-id", NOBODY],
        &["forget", "--memory-only"],
        &["forget", "--dataset", "a", "--dataset-id", NOBODY],
        &["forget", "--dataset", "a", "--everything"],
        &["forget", "--everything", "--data-id", NOBODY],
        &["forget", "--everything", "--memory-only"],
        &["forget", "--dataset", "a", "--data-id", "12"],
        &["forget", "--dataset-id", "a"],
        &["forget", "--dataset", "a", "--yes", "--dry-run"],
    ] {
        let told = failure(&run(&[flags, &["--url", "http://127.0.0.1:9"]].concat()), 2);
        assert!(told.contains("--help"), "{flags:?}: {told}");
    }
}

/// A server that answers one request, with this.
fn answering_once(status: &'static str, body: &Value) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut bytes = [0; 4096];
        while !request.ends_with('}') {
            let read = stream.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "{request}");
            request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
        .unwrap();
        request
    });
    (url, asked)
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[test]
fn silent_shards_fail_the_preview_and_the_way_on_is_told() {
    let body = json!({"detail": "shards [2] didn't answer [ServiceUnavailableError]", "error": "shards [2] didn't answer"});
    let (url, asked) = answering_once("503 Service Unavailable", &body);
    let told = failure(&run(&["forget", "--everything", "--url", &url]), 1);
    for word in ["shards [2]", "HTTP 503", "nothing was changed", "--yes"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert_eq!(body_of(&asked.join().unwrap()), json!({"everything": true, "dryRun": true}));
}

#[test]
fn a_partial_forget_names_its_shards_and_receipt_and_exits_3() {
    let none = json!({"released": 0, "deleted": 0});
    let body = json!({
        "status": "partial", "scope": "dataset", "dataset_id": NOBODY, "already_forgotten": false,
        "receipt_id": NOBODY, "items_forgotten": 2, "released": 1, "deleted": 3, "references_removed": 4,
        "by_kind": {"vector": none, "node": {"released": 1, "deleted": 3}, "edge": none},
        "raw_files": {"deleted": 0, "retained_shared": 0, "external": 0}, "pending_shards": [2, 5],
    });
    for json in [false, true] {
        let (url, asked) = answering_once("207 Multi-Status", &body);
        let flags: &[&str] = if json { &["--json"] } else { &[] };
        let forget = ["forget", "--dataset-id", NOBODY, "--memory-only", "--yes", "--url", &url];
        let output = run(&[&forget[..], flags].concat());
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let shown = String::from_utf8(output.stdout).unwrap();
        if json {
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), body);
        } else {
            for word in ["in part", "3 deleted, 1 released", "shards 2, 5", "follow by themselves", NOBODY] {
                assert!(shown.contains(word), "{word}: {shown}");
            }
        }
        assert_eq!(body_of(&asked.join().unwrap()), json!({"datasetId": NOBODY, "memoryOnly": true}));
    }
}
