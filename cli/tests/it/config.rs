//! Which setting wins.

use std::collections::BTreeMap;
use std::path::Path;

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

#[test]
fn the_environment_file_shows_exactly_the_settings_that_there_are_with_their_defaults() {
    let shown: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&stdout(&run(&["config", "--json"]))).unwrap();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let known: BTreeMap<String, String> = shown
        .iter()
        .map(|(name, setting)| (format!("LACUNA_{}", name.to_uppercase()), text(&setting["value"])))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/lacuna.env");
    let file = std::fs::read_to_string(path).unwrap();
    let mut found = BTreeMap::new();
    for line in file.lines().filter(|line| !line.is_empty() && *line != "#" && !line.starts_with("# ")) {
        let (name, value) = line.strip_prefix('#').and_then(|line| line.split_once('=')).unwrap();
        assert_eq!(found.insert(name.to_owned(), value.to_owned()), None, "{name} stands there twice");
    }
    assert_eq!(found, known);
}
