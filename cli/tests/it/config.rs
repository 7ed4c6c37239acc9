//! Which setting wins.

use crate::server::{failure, lacuna, run, stdout};

#[test]
fn a_flag_beats_the_environment_and_that_the_file_and_each_source_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lacuna.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nshards = 5\nlog = \"warn\"\n").unwrap();
    let path = file.to_string_lossy();
    let output = lacuna(&["config", "--json", "--config", &path, "--listen", "127.0.0.1:3"])
        .env("LACUNA_LISTEN", "127.0.0.1:2")
        .env("LACUNA_SHARDS", "6")
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let pair =
        |key: &str| (shown[key]["value"].to_string(), shown[key]["source"].as_str().unwrap().to_owned());
    assert_eq!(pair("listen"), ("\"127.0.0.1:3\"".to_owned(), "flag".to_owned()));
    assert_eq!(pair("shards"), ("6".to_owned(), "environment LACUNA_SHARDS".to_owned()));
    assert_eq!(pair("log"), ("\"warn\"".to_owned(), format!("file {path}")));
    assert_eq!(pair("replicas"), ("3".to_owned(), "default".to_owned()));
}

#[test]
fn the_file_can_be_named_by_the_environment_and_must_exist() {
    let output = lacuna(&["config"]).env("LACUNA_CONFIG", "/nowhere/lacuna.toml").output().unwrap();
    assert!(failure(&output, 1).contains("/nowhere/lacuna.toml"));
}

#[test]
fn a_wrong_value_is_refused_with_its_origin() {
    let output = lacuna(&["config"]).env("LACUNA_SHARDS", "many").output().unwrap();
    let shown = failure(&output, 1);
    assert!(shown.contains("LACUNA_SHARDS") && shown.contains("whole number"), "{shown}");
    assert!(stdout(&run(&["config"])).contains("127.0.0.1:8000"));
}
