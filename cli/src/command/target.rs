//! Which server a data verb asks, and how its answer is printed.

use std::time::Duration;

use serde_json::Value;

use super::every_command::Common;
use crate::config::{Overrides, secret};
use crate::http::Client;

/// Flags of every data verb.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The server, `http://127.0.0.1:8000` if not given.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Authorities that an https server's certificate may come from, a PEM file; the system's if not given.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<String>,
    /// The key to send; better in a file or in LACUNA_KEY, for others may see a command line.
    #[arg(long, value_name = "KEY", help_heading = "Access")]
    key: Option<String>,
    /// The file with the key to send.
    #[arg(long, value_name = "FILE", help_heading = "Access", conflicts_with = "key")]
    key_file: Option<String>,
    /// The account to work in, with the root key; without it the default one.
    #[arg(long, value_name = "NAME", help_heading = "Access")]
    account: Option<String>,
    /// Deadline of each request in ms, 100 to 60000; 10000 if not given.
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Target {
    /// A client of the server.
    pub(crate) fn client(&self, common: &Common) -> anyhow::Result<Client> {
        let flags = Overrides::default()
            .set("url", self.url.as_deref())
            .set("tls_ca", self.tls_ca.as_deref())
            // A flag is stronger than a key of the environment or the file, in whatever form.
            .set("key", self.key.as_deref().or(self.key_file.as_ref().map(|_| "")))
            .set("key_file", self.key_file.as_deref().or(self.key.as_ref().map(|_| "")))
            .set("account", self.account.as_deref())
            .set("deadline_ms", self.deadline_ms);
        let settings = common.start(flags)?.settings;
        let authorities = Some(settings.tls_ca.as_path()).filter(|path| !path.as_os_str().is_empty());
        let client = Client::new(&settings.url, Duration::from_millis(settings.deadline_ms), authorities)?;
        let account = Some(settings.account.as_str()).filter(|name| !name.is_empty());
        client.showing(secret::client_key(&settings)?.as_deref(), account)
    }
}

/// Which records.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Place {
    /// The collection: its name, or its id.
    #[arg(value_name = "COLLECTION")]
    pub(crate) collection: String,
    /// The namespace; without it the default one.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

impl Place {
    /// Path of a verb on the collection's records.
    pub(crate) fn path<'a>(&'a self, verb: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["v1", "collections", self.collection.as_str(), "records"];
        path.extend(verb);
        path
    }

    /// A body that names the namespace, if one was given.
    pub(crate) fn body(&self, mut body: Value) -> Value {
        if let (Some(namespace), Some(map)) = (&self.namespace, body.as_object_mut()) {
            map.insert("namespace".to_owned(), Value::from(namespace.as_str()));
        }
        body
    }

    /// The place in words.
    pub(crate) fn words(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("namespace {namespace:?} of collection {:?}", self.collection),
            None => format!("collection {:?}", self.collection),
        }
    }
}

/// Reads a filter given on the command line.
pub(crate) fn filter(text: &str) -> anyhow::Result<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(Value::Object(map)),
        Ok(other) => anyhow::bail!(
            "a filter is a JSON object such as {{\"year\": {{\"$lt\": 2020}}}}, got {other}. Nothing was changed."
        ),
        Err(error) => anyhow::bail!(
            "the filter is no JSON ({error}); expected an object such as {{\"year\": {{\"$lt\": 2020}}}}. Nothing was changed."
        ),
    }
}

/// Prints an answer as indented JSON.
pub(crate) fn print_json(value: &Value) {
    println!("{value:#}");
}
