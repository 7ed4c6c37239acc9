//! Every setting, in one table, and their resolution.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use figment::providers::{Format, Toml};
use figment::value::Value;
use figment::{Figment, Source};
use serde::{Deserialize, Serialize};

use super::layer::{DEFAULT, ENVIRONMENT, FLAGS, Layer, Overrides};
use super::secret::Secret;

/// Resolved settings. One flat list: a key is the same word in the file, after `LACUNA_`, and (mostly) as a flag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where clients are served, `address:port`; port 0 picks a free one.
    pub(crate) listen: String,
    /// Where the data lies.
    pub(crate) data_dir: PathBuf,
    /// Shards of a new cluster; later runs keep what the data directory has.
    pub(crate) shards: u32,
    /// Replicas of each shard of a new cluster.
    pub(crate) replicas: u32,
    /// The root key: with it every request needs a key.
    pub(crate) root_key: Secret,
    /// The file it stands in.
    pub(crate) root_key_file: PathBuf,
    /// Serve without keys on an address that others can reach.
    pub(crate) insecure_open: bool,
    /// Serve prune and Chroma's reset: data here can be made anew.
    pub(crate) development_mode: bool,
    /// This node's id.
    pub(crate) node_id: u64,
    /// Where this node serves other processes.
    pub(crate) node_listen: String,
    /// The cluster's nodes, `1=host:port,2=host:port`.
    pub(crate) peers: String,
    /// Directory of this process's certificates for the cluster; empty: plain text, on loopback only.
    pub(crate) cluster_certs: PathBuf,
    /// Where a node shows health and metrics over HTTP; empty: nowhere.
    pub(crate) metrics_listen: String,
    /// Certificate chain of the client port, PEM; empty: plain text.
    pub(crate) tls_cert: PathBuf,
    /// Its private key, PEM.
    pub(crate) tls_key: PathBuf,
    /// How clients reach this server, `http(s)://host[:port]`, where answers must say so; empty: as a request's `Host` says.
    pub(crate) public_url: String,
    /// An endpoint that embeds texts, `http(s)://host[:port][/path]`; empty: the built-in embedder.
    pub(crate) embedding_url: String,
    /// Its model.
    pub(crate) embedding_model: String,
    /// Its key; never shown.
    pub(crate) embedding_key: Secret,
    /// Components of its vectors; 0: learnt at the first use.
    pub(crate) embedding_dimension: u32,
    /// Another address, for the records of Pinecone's indexes alone, `address:port`; empty: they are on the first.
    pub(crate) pinecone_listen: String,
    /// How clients reach it, `http(s)://host[:port]`; empty: by the host that they asked, and its port.
    pub(crate) pinecone_url: String,
    /// What Pinecone's deleteAll does with the namespace: `drop` or `keep`.
    pub(crate) pinecone_delete_all_namespace: String,
    /// Memory for sled's cache, MB a replica.
    pub(crate) cache_mb: u64,
    /// Requests that take longer are logged with their phases.
    pub(crate) slow_request_ms: u64,
    /// Log filter.
    pub(crate) log: String,
    /// Log lines as JSON.
    pub(crate) log_json: bool,
    /// The server that data verbs ask.
    pub(crate) url: String,
    /// Authorities that data verbs and the embedding endpoint's client trust over https, PEM; empty: the system's.
    pub(crate) tls_ca: PathBuf,
    /// The key that data verbs send.
    pub(crate) key: Secret,
    /// The file it stands in.
    pub(crate) key_file: PathBuf,
    /// The account that data verbs with the root key work in; empty: the default one.
    pub(crate) account: String,
    /// Deadline that data verbs give their requests.
    pub(crate) deadline_ms: u64,
}

/// What a setting's text is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    Number,
    Switch,
}

/// One setting.
pub(crate) struct Key {
    /// Its name in the file; the environment's is `LACUNA_` and this in capitals.
    pub(crate) name: &'static str,
    /// How its text is read.
    pub(crate) kind: Kind,
    /// Its value where nobody gives one.
    pub(crate) default: &'static str,
    /// What it means, in a line.
    pub(crate) help: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, kind, default, help }
}

/// Every setting.
pub(crate) const KEYS: &[Key] = &[
    key("listen", Kind::Text, "127.0.0.1:8000", "where clients are served; port 0 picks a free one"),
    key("data_dir", Kind::Text, "./lacuna-data", "where the data lies"),
    key("shards", Kind::Number, "4", "shards of a new cluster"),
    key("replicas", Kind::Number, "3", "replicas of each shard of a new cluster"),
    key(
        "root_key",
        Kind::Secret,
        "",
        "the root key: with it every request needs a key; shown as set or unset",
    ),
    key("root_key_file", Kind::Text, "", "a file with the root key in it"),
    key("insecure_open", Kind::Switch, "false", "serve without keys on an address that others can reach"),
    key("development_mode", Kind::Switch, "false", "serve prune and Chroma's reset, which wipe whole stores"),
    key("node_id", Kind::Number, "1", "this node's id"),
    key("node_listen", Kind::Text, "127.0.0.1:7001", "where this node serves other processes"),
    key("peers", Kind::Text, "", "the cluster's nodes, 1=host:port,2=host:port"),
    key(
        "cluster_certs",
        Kind::Text,
        "",
        "directory of this process's certificates for the cluster; empty: plain text, on loopback only",
    ),
    key("metrics_listen", Kind::Text, "", "where a node shows health and metrics over HTTP; empty: nowhere"),
    key("tls_cert", Kind::Text, "", "certificate chain of the client port, a PEM file; empty: plain text"),
    key("tls_key", Kind::Text, "", "private key of the client port, a PEM file"),
    key(
        "public_url",
        Kind::Text,
        "",
        "how clients reach this server, http(s)://host[:port]; empty: as they asked",
    ),
    key(
        "embedding_url",
        Kind::Text,
        "",
        "an endpoint of OpenAI's kind that embeds texts, http(s)://host[:port][/path]; empty: built in",
    ),
    key("embedding_model", Kind::Text, "", "its model"),
    key("embedding_key", Kind::Secret, "", "its key; shown as set or unset"),
    key("embedding_dimension", Kind::Number, "0", "components of its vectors; 0: learnt at the first use"),
    key(
        "pinecone_listen",
        Kind::Text,
        "",
        "another address, for the records of Pinecone's indexes alone; empty: on the first",
    ),
    key(
        "pinecone_url",
        Kind::Text,
        "",
        "how clients reach pinecone_listen, http(s)://host[:port]; empty: by the host they asked",
    ),
    key(
        "pinecone_delete_all_namespace",
        Kind::Text,
        "drop",
        "what Pinecone's deleteAll does with the namespace, drop or keep",
    ),
    key("cache_mb", Kind::Number, "32", "memory for the store's cache, MB a replica"),
    key("slow_request_ms", Kind::Number, "500", "longer requests are logged with their phases"),
    key("log", Kind::Text, "info", "log filter, as in RUST_LOG"),
    key("log_json", Kind::Switch, "false", "log lines as JSON"),
    key("url", Kind::Text, "http://127.0.0.1:8000", "the server that data verbs ask"),
    key(
        "tls_ca",
        Kind::Text,
        "",
        "authorities to trust over https (data verbs, embedding endpoint), a PEM file; empty: the system's",
    ),
    key("key", Kind::Secret, "", "the key that data verbs send; shown as set or unset"),
    key("key_file", Kind::Text, "", "a file with the key of data verbs in it"),
    key("account", Kind::Text, "", "the account that data verbs work in with the root key; empty: default"),
    key("deadline_ms", Kind::Number, "10000", "deadline of data verbs' requests, 100 to 60000"),
];

/// Settings, and where each came from.
pub(crate) struct Layered {
    /// The result.
    pub(crate) settings: Settings,
    sources: BTreeMap<&'static str, String>,
}

impl Layered {
    /// Where a setting came from, in words.
    pub(crate) fn source(&self, key: &str) -> &str {
        self.sources.get(key).map_or(DEFAULT, String::as_str)
    }

    /// Did somebody give this setting, or is it the default?
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.source(key) != DEFAULT
    }
}

/// Name of a setting's environment variable.
pub(crate) fn variable(key: &str) -> String {
    format!("LACUNA_{}", key.to_uppercase())
}

fn parse(key: &Key, text: &str, origin: &str) -> anyhow::Result<Value> {
    match key.kind {
        Kind::Text | Kind::Secret => Ok(Value::from(text)),
        Kind::Number => match text.trim().parse::<u64>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => {
                bail!("{origin}: expected a whole number, got {text:?}. Nothing was started or changed.")
            }
        },
        Kind::Switch => match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::from(true)),
            "false" | "0" | "no" | "off" | "" => Ok(Value::from(false)),
            _ => bail!("{origin}: expected true or false, got {text:?}. Nothing was started or changed."),
        },
    }
}

fn environment(lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<BTreeMap<&'static str, Value>> {
    let mut values = BTreeMap::new();
    for key in KEYS {
        let name = variable(key.name);
        if let Some(text) = lookup(&name) {
            values.insert(key.name, parse(key, &text, &name)?);
        }
    }
    Ok(values)
}

/// Resolves all layers. `file` must exist if it is given.
pub(crate) fn load(file: Option<&Path>, flags: Overrides) -> anyhow::Result<Layered> {
    load_from(file, &|name| std::env::var(name).ok(), flags)
}

fn load_from(
    file: Option<&Path>,
    lookup: &dyn Fn(&str) -> Option<String>,
    flags: Overrides,
) -> anyhow::Result<Layered> {
    let mut defaults = BTreeMap::new();
    for key in KEYS {
        defaults.insert(key.name, parse(key, key.default, key.name)?);
    }
    let mut figment = Figment::from(Layer::new(DEFAULT, defaults));
    let named = file.map(Path::to_path_buf).or_else(|| lookup("LACUNA_CONFIG").map(PathBuf::from));
    if let Some(path) = &named {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration file {} can't be read", path.display()))?;
        check_file(&text, path)?;
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Layer::new(ENVIRONMENT, environment(lookup)?)).merge(flags.into_layer());
    let settings: Settings = figment.extract().map_err(|error| readable(&error, named.as_deref()))?;
    let sources = KEYS.iter().map(|key| (key.name, source_of(&figment, key.name))).collect();
    Ok(Layered { settings, sources })
}

/// Names an unknown key together with the known ones, before types are looked at.
fn check_file(text: &str, path: &Path) -> anyhow::Result<()> {
    let table = Figment::from(Toml::string(text))
        .extract::<BTreeMap<String, figment::value::Value>>()
        .with_context(|| format!("{} is not a TOML file of settings", path.display()))?;
    for name in table.keys() {
        if !KEYS.iter().any(|key| key.name == name) {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            bail!(
                "{}: unknown setting {name:?}. Known are: {}. Nothing was started or changed.",
                path.display(),
                known.join(", ")
            );
        }
    }
    Ok(())
}

fn readable(error: &figment::Error, file: Option<&Path>) -> anyhow::Error {
    let key = error.path.join(".");
    let place = file.map_or_else(|| key.clone(), |file| format!("{}: {key}", file.display()));
    if KEYS.iter().any(|known| known.name == key && known.kind == Kind::Secret) {
        // The library's words would show what was found there.
        return anyhow::anyhow!("{place}: expected a text in quotes. Nothing was started or changed.");
    }
    anyhow::anyhow!("{place}: {}. Nothing was started or changed.", error.kind)
}

fn source_of(figment: &Figment, key: &str) -> String {
    let Some(metadata) = figment.find_metadata(key) else { return DEFAULT.to_owned() };
    match (&metadata.source, metadata.name.as_ref()) {
        (Some(Source::File(path)), _) => format!("file {}", path.display()),
        (_, ENVIRONMENT) => format!("environment {}", variable(key)),
        (_, FLAGS) => FLAGS.to_owned(),
        (_, other) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
        let file = file_with("listen = \"127.0.0.1:1\"\nshards = 5\nlog = \"warn\"\n");
        let lookup = |name: &str| match name {
            "LACUNA_LISTEN" => Some("127.0.0.1:2".to_owned()),
            "LACUNA_SHARDS" => Some("6".to_owned()),
            _ => None,
        };
        let flags = Overrides::default().set("listen", Some("127.0.0.1:3"));
        let layered = load_from(Some(file.path()), &lookup, flags).unwrap();
        assert_eq!(layered.settings.listen, "127.0.0.1:3");
        assert_eq!(layered.settings.shards, 6);
        assert_eq!(layered.settings.log, "warn");
        assert_eq!(layered.settings.replicas, 3);
        assert_eq!(layered.source("listen"), "flag");
        assert_eq!(layered.source("shards"), "environment LACUNA_SHARDS");
        assert!(layered.source("log").starts_with("file "));
        assert_eq!(layered.source("replicas"), "default");
    }

    #[test]
    fn an_unknown_setting_is_named_with_the_known_ones() {
        let file = file_with("shard = 5\n");
        let error = load_from(Some(file.path()), &|_| None, Overrides::default()).err().unwrap().to_string();
        assert!(error.contains("\"shard\"") && error.contains("data_dir"), "{error}");
    }

    #[test]
    fn a_wrong_value_says_where_it_stands_and_what_was_expected() {
        let lookup = |name: &str| (name == "LACUNA_SHARDS").then(|| "many".to_owned());
        let error = load_from(None, &lookup, Overrides::default()).err().unwrap().to_string();
        assert!(error.contains("LACUNA_SHARDS") && error.contains("whole number"), "{error}");
        let file = file_with("shards = \"many\"\n");
        let error = load_from(Some(file.path()), &|_| None, Overrides::default()).err().unwrap().to_string();
        assert!(error.contains("shards"), "{error}");
    }

    #[test]
    fn a_variable_that_looks_like_a_number_can_be_a_path() {
        let lookup = |name: &str| (name == "LACUNA_DATA_DIR").then(|| "123".to_owned());
        let layered = load_from(None, &lookup, Overrides::default()).unwrap();
        assert_eq!(layered.settings.data_dir, PathBuf::from("123"));
    }
}
