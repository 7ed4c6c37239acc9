//! The house's rules as a test: directions of dependency, who may name what, how long a room may be, and that
//! the map in docs/ARCHITECTURE.md names what is there. The rules are the tables below; nothing else is.

use std::fs;
use std::path::{Path, PathBuf};

/// Which of our crates a crate may depend on.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("engine", &["lacuna-model"]),
    ("proto", &["lacuna-model"]),
    ("node", &["lacuna-model", "lacuna-proto", "lacuna-engine"]),
    ("router", &["lacuna-model", "lacuna-proto"]),
    ("cli", &["lacuna-model", "lacuna-proto", "lacuna-node", "lacuna-router", "lacuna-engine"]),
    ("chaos-tests", &[]),
    ("bench", &[]),
];

/// What may be named only under these prefixes (in code; comments may speak of anything).
const ONLY_PLACES: &[(&str, &[&str])] = &[
    ("sled::", &["engine/src/store/"]),
    ("hnsw_rs::", &["engine/src/index/graph"]),
    ("openraft::", &["node/src/raft/", "node/src/replica/"]),
    ("unsafe ", &["engine/src/index/simd", "chaos-tests/preload/"]),
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// Longest file, lines.
const MAX_FILE_LINES: usize = 500;
/// Longest function, lines from `fn` to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;

/// What stands at the top of the house, besides dot files.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "rustfmt.toml",
    "clippy.toml",
    "test",
    "model",
    "engine",
    "proto",
    "node",
    "router",
    "cli",
    "chaos-tests",
    "conformance",
    "bench",
    "deploy",
    "docs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    files_ending(dir, "rs", found);
}

fn python_files(dir: &Path, found: &mut Vec<PathBuf>) {
    files_ending(dir, "py", found);
}

fn files_ending(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                files_ending(&path, ending, found);
            }
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// Every Rust file of the workspace's crates, as (path from the root, text).
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    for (krate, _) in DIRECTIONS {
        rust_files(&root.join(krate), &mut files);
    }
    files.sort();
    assert!(files.len() > 50, "the house test reads the whole workspace, found {} files", files.len());
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("it lies below").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a source file is text"))
        })
        .collect()
}

fn report(broken: &[String]) {
    assert!(broken.is_empty(), "house rules broken:\n  {}", broken.join("\n  "));
}

/// Names of our own crates under `[dependencies]`.
fn own_dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("lacuna-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let mut broken = Vec::new();
    for (krate, allowed) in DIRECTIONS {
        let Ok(manifest) = fs::read_to_string(root().join(krate).join("Cargo.toml")) else { continue };
        for dependency in own_dependencies(&manifest) {
            if !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{krate} must not depend on {dependency}"));
            }
        }
    }
    report(&broken);
}

/// A line without its comment.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[test]
fn a_building_block_is_named_in_its_own_place_only() {
    let mut broken = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| name != "model/tests/house.rs") {
        for (word, places) in ONLY_PLACES {
            if places.iter().any(|place| name.starts_with(place)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                if code_of(line).contains(word) {
                    broken.push(format!("{name}:{} names {word:?}; only {places:?} may", number + 1));
                }
            }
        }
    }
    report(&broken);
}

#[test]
fn rooms_are_small_and_have_names() {
    let mut broken = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            broken.push(format!("{name} has {lines} lines, at most {MAX_FILE_LINES}"));
        }
        let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            broken.push(format!("{name}: a file's name is what it does"));
        }
        broken.extend(long_functions(&name, &text));
    }
    report(&broken);
}

/// Functions over the limit. The code is formatted, so a function ends at the first `}` of its own indent.
fn long_functions(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut broken = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let head = code.split('(').next().unwrap_or_default();
        if !head.split(' ').any(|word| word == "fn") || code.ends_with(';') || code.starts_with("//") {
            continue;
        }
        let indent = line.len() - code.len();
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[at..].iter().position(|line| *line == close)
            && length + 1 > MAX_FUNCTION_LINES
        {
            broken.push(format!("{name}:{} a function of {} lines", at + 1, length + 1));
        }
    }
    broken
}

#[test]
fn the_top_level_holds_what_the_house_names() {
    let mut broken = Vec::new();
    for entry in fs::read_dir(root()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let made = ["target", "lacuna-data"].contains(&name.as_str());
        if !name.starts_with('.') && !made && !TOP_LEVEL.contains(&name.as_str()) {
            broken.push(format!("{name} is not part of the house"));
        }
    }
    report(&broken);
}

/// Paths in backticks: anything with a slash that begins with one of our folders.
fn paths_named(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| TOP_LEVEL.iter().any(|top| word.starts_with(&format!("{top}/"))))
        .filter(|word| !word.contains([' ', '*', '<', '{']))
        .map(|word| word.trim_end_matches('/').to_owned())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn the_documents_name_only_what_exists() {
    let mut broken = Vec::new();
    let mut named = 0;
    for entry in fs::read_dir(root().join("docs")).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        for path in paths_named(&text) {
            named += 1;
            if !root().join(&path).exists() {
                broken.push(format!("docs/{}: {path} does not exist", entry.file_name().to_string_lossy()));
            }
        }
    }
    assert!(named > 30, "the map names the house's rooms, found {named}");
    report(&broken);
}

#[test]
fn the_map_shows_every_folder_of_code() {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let mut folders: Vec<String> = sources()
        .into_iter()
        .filter(|(name, _)| name.contains("/src/"))
        .filter_map(|(name, _)| name.rsplit_once('/').map(|(folder, _)| folder.to_owned()))
        .collect();
    folders.sort();
    folders.dedup();
    let missing: Vec<String> =
        folders.into_iter().filter(|folder| !map.contains(&format!("`{folder}/"))).collect();
    report(
        &missing.iter().map(|folder| format!("ARCHITECTURE.md doesn't show {folder}/")).collect::<Vec<_>>(),
    );
}

/// Test functions that a document names as `crate::…::test_name` or `` `test_name` `` in a "shown by" column.
#[test]
fn guarantees_name_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/GUARANTEES.md")).unwrap();
    let sources = sources();
    let tests: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.matches('_').count() >= 3 && word.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        })
        .collect();
    assert!(tests.len() >= 10, "each guarantee names its test, found {}", tests.len());
    let mut python = Vec::new();
    python_files(&root().join("conformance"), &mut python);
    let python: Vec<String> = python.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let missing: Vec<String> = tests
        .iter()
        .filter(|test| !sources.iter().any(|(_, text)| text.contains(&format!("fn {test}("))))
        .filter(|test| !python.iter().any(|text| text.contains(&format!("def {test}("))))
        .map(|test| format!("GUARANTEES.md names a test that is not there: {test}"))
        .collect();
    report(&missing);
}
