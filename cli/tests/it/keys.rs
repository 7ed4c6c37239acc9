//! Keys from the command line, against the real binary; and that a secret is found nowhere but in its one answer.

use std::path::Path;

use serde_json::Value;

use crate::server::{Server, failure, lacuna, run, stdout};

const ROOT: &str = "root-key-0123456789abcdef0123456789";

struct Guarded {
    server: Server,
    root: String,
}

/// A server with keys on, that traces all it does into a file.
fn start(dir: &Path) -> Guarded {
    let root = dir.join("root.key");
    std::fs::write(&root, format!("{ROOT}\n")).unwrap();
    let (data, root) = (dir.join("data"), root.to_string_lossy().into_owned());
    let data = data.to_string_lossy();
    let mut command =
        lacuna(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data, "--root-key-file", &root]);
    command.env("RUST_LOG", "trace").stderr(std::fs::File::create(dir.join("log")).unwrap());
    Guarded { server: Server::spawned(command, "curl"), root }
}

impl Guarded {
    fn as_root(&self, args: &[&str]) -> Value {
        self.server.json(&[args, &["--key-file", &self.root]].concat())
    }

    fn said(&self, args: &[&str], key: &str, code: i32) -> String {
        failure(&self.server.verb(&[args, &["--key", key]].concat()), code)
    }
}

/// Every file below a directory that holds the text.
fn files_with(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

#[test]
fn keys_are_made_used_rotated_and_revoked_and_no_secret_is_in_any_file_log_or_error() {
    let dir = tempfile::tempdir().unwrap();
    let guarded = start(dir.path());
    guarded.as_root(&["collection", "create", "papers", "--dimension", "3"]);
    let made = guarded.as_root(&["key", "create", "reader", "--right", "read", "--collection", "papers"]);
    let (id, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap().to_owned());
    let delete = ["delete", "papers", "--id", "a", "--yes"];
    let mut errors = vec![
        failure(&guarded.server.verb(&["count", "papers"]), 1),
        guarded.said(&delete, &secret, 1),
        guarded.said(&["count", "papers"], &format!("{secret}0"), 1),
        guarded.said(&["count", "others"], &secret, 1),
        guarded.said(&["count", "papers"], &ROOT[1..], 1),
    ];
    for (error, word) in errors.iter().zip(["none came", "\"delete\"", "not known", "", "not known"]) {
        assert!(error.contains(word), "{error}");
    }
    let counted = stdout(&guarded.server.verb(&["count", "papers", "--key", &secret]));
    assert!(counted.contains('0'), "{counted}");

    let rotated = guarded.as_root(&["key", "rotate", id, "--grace", "1h"]);
    let second = rotated["secret"].as_str().unwrap().to_owned();
    for good in [&secret, &second] {
        stdout(&guarded.server.verb(&["count", "papers", "--key", good]));
    }
    guarded.as_root(&["key", "revoke", id]);
    for bad in [&secret, &second] {
        let told = guarded.said(&["count", "papers"], bad, 1);
        assert!(told.contains("revoked"), "{told}");
        errors.push(told);
    }
    let listed = stdout(&guarded.server.verb(&["key", "list", "--key-file", &guarded.root]));
    assert!(listed.contains(id) && listed.contains("revoked") && listed.contains("papers"), "{listed}");
    assert_eq!(guarded.server.stop(), Some(0));

    for secret in [secret.as_str(), second.as_str(), ROOT] {
        assert_eq!(files_with(&dir.path().join("data"), secret), Vec::<String>::new());
        assert!(!std::fs::read_to_string(dir.path().join("log")).unwrap().contains(secret), "in the log");
        assert!(
            !listed.contains(secret) && !errors.iter().any(|error| error.contains(secret)),
            "in an error"
        );
    }
    assert!(std::fs::metadata(dir.path().join("log")).unwrap().len() > 0, "it did trace");
}

#[test]
fn an_account_of_its_own_has_its_own_names() {
    let dir = tempfile::tempdir().unwrap();
    let guarded = start(dir.path());
    guarded.as_root(&["account", "create", "acme"]);
    let listed = stdout(&guarded.server.verb(&["account", "list", "--key-file", &guarded.root]));
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["acme", "default"]);
    guarded.as_root(&["collection", "create", "papers", "--dimension", "3", "--account", "acme"]);
    assert_eq!(guarded.as_root(&["collection", "list"])["collections"], serde_json::json!([]));
    let made = guarded.as_root(&["key", "create", "a", "--right", "read", "--account", "acme"]);
    let shown = guarded.server.json(&["collection", "list", "--key", made["secret"].as_str().unwrap()]);
    assert_eq!(shown["collections"][0]["name"], "papers");
    // Keys and accounts outlive the process.
    assert_eq!(guarded.server.stop(), Some(0));
    let guarded = start(dir.path());
    let shown = guarded.server.json(&["collection", "list", "--key", made["secret"].as_str().unwrap()]);
    assert_eq!(shown["collections"][0]["name"], "papers");
}

#[test]
fn a_root_key_is_shown_as_set_and_never_told() {
    let output =
        |key: &str| lacuna(&["config"]).env("LACUNA_ROOT_KEY", key).env("LACUNA_KEY", key).output().unwrap();
    let shown = stdout(&output(ROOT));
    assert!(!shown.contains(ROOT), "{shown}");
    for (name, line) in [("root_key = set", true), ("key = set", true), ("root_key = unset", false)] {
        assert_eq!(shown.lines().any(|text| text.starts_with(name)), line, "{name}: {shown}");
    }
    assert!(stdout(&output("")).contains("root_key = unset"));
    let json = lacuna(&["config", "--json"]).env("LACUNA_ROOT_KEY", ROOT).output().unwrap();
    let json: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(json["root_key"]["value"], "set");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "root_key = 123456789123456789\n").unwrap();
    let told = failure(&run(&["config", "--config", &file.path().to_string_lossy()]), 1);
    assert!(told.contains("root_key") && !told.contains("123456789"), "{told}");
}

#[test]
fn an_address_that_others_reach_takes_a_root_key_or_consent_and_a_weak_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let open = ["serve", "--listen", "0.0.0.0:0", "--data-dir", &data];
    let told = failure(&run(&open), 1);
    assert!(told.contains("root key") && told.contains("Nothing was started"), "{told}");
    let weak = failure(&lacuna(&open).env("LACUNA_ROOT_KEY", "short").output().unwrap(), 1);
    assert!(weak.contains("16") && !weak.contains("short"), "{weak}");
    let nowhere = ["serve", "--root-key-file", "/nowhere/root.key", "--data-dir", &data];
    assert!(failure(&run(&nowhere), 1).contains("/nowhere/root.key"));
    assert!(!dir.path().join("data").exists());
    let mut command = lacuna(&open);
    command.env("LACUNA_ROOT_KEY", ROOT);
    let server = Server::spawned(command, "curl");
    let port = server.url.rsplit(':').next().unwrap();
    let told = failure(&run(&["count", "papers", "--url", &format!("http://127.0.0.1:{port}")]), 1);
    assert!(told.contains("unauthenticated"), "{told}");
    assert_eq!(server.stop(), Some(0));
}
