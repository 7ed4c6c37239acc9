//! What a person is told who gets something wrong.

use crate::server::{failure, run, stdout};

#[test]
fn wrong_flags_end_with_status_two_and_a_hint() {
    let shown = failure(&run(&["serve", "--shard", "4"]), 2);
    assert!(shown.contains("--shards"), "{shown}");
    let shown = failure(&run(&["delete", "papers"]), 2);
    assert!(shown.contains("--all") && shown.contains("--filter"), "{shown}");
    let shown = failure(&run(&["delete", "papers", "--all", "--id", "x"]), 2);
    assert!(shown.contains("cannot be used with"), "{shown}");
}

#[test]
fn an_open_address_is_refused_without_consent() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let shown = failure(&run(&["serve", "--listen", "0.0.0.0:0", "--data-dir", &data.to_string_lossy()]), 1);
    assert!(shown.contains("--insecure-open") && shown.contains("Nothing was started"), "{shown}");
    assert!(!data.exists());
    let shown = failure(&run(&["serve", "--listen", "8000"]), 1);
    assert!(shown.contains("127.0.0.1:8000"), "{shown}");
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let shown = failure(&run(&["count", "papers", "--url", "http://127.0.0.1:9"]), 1);
    assert!(shown.contains("http://127.0.0.1:9") && shown.contains("lacuna serve"), "{shown}");
    let shown = failure(&run(&["count", "papers", "--url", "127.0.0.1:9"]), 1);
    assert!(shown.contains("http://HOST:PORT"), "{shown}");
}

#[test]
fn a_filter_that_is_no_object_is_refused_before_anything_is_asked() {
    for bad in ["[1]", "{", "7"] {
        let shown =
            failure(&run(&["delete", "papers", "--filter", bad, "--yes", "--url", "http://127.0.0.1:9"]), 1);
        assert!(shown.contains("Nothing was changed"), "{shown}");
    }
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.parquet");
    std::fs::write(&file, "x").unwrap();
    let shown = failure(&run(&["upsert", "papers", &file.to_string_lossy()]), 1);
    assert!(shown.contains(".jsonl") && shown.contains("--format"), "{shown}");
    let shown = failure(&run(&["upsert", "papers", "/nowhere/records.jsonl"]), 1);
    assert!(shown.contains("/nowhere/records.jsonl"), "{shown}");
}

#[test]
fn help_and_completions_are_there_for_every_command() {
    let shown = stdout(&run(&["--help"]));
    for command in [
        "serve",
        "node",
        "router",
        "dev",
        "demo",
        "cluster",
        "collection",
        "upsert",
        "delete",
        "check",
        "ingest",
        "search",
        "dataset",
        "forget",
        "receipt",
    ] {
        assert!(shown.contains(command), "{command} is missing in {shown}");
    }
    for command in ["delete", "ingest", "search", "dataset", "forget"] {
        assert!(stdout(&run(&[command, "--help"])).contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&["completion", shell])).contains("lacuna"));
    }
}
