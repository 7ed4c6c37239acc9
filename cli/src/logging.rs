//! Log lines to standard error, so that standard output carries answers only.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `RUST_LOG` is stronger than the given filter, as everybody who sets it expects.
pub(crate) fn start(filter: &str, shape: Shape) -> anyhow::Result<()> {
    let chosen =
        std::env::var("RUST_LOG").unwrap_or_else(|_| format!("{},{filter}", lacuna_node::raft::LOG_QUIETLY));
    let env = EnvFilter::try_new(&chosen).with_context(|| {
        format!("the log filter {chosen:?} can't be read; expected something like \"info\" or \"lacuna_node=debug,warn\"")
    })?;
    let base = tracing_subscriber::fmt().with_env_filter(env).with_writer(std::io::stderr);
    let started = match shape {
        Shape::Text => base.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Shape::Json => base.json().flatten_event(true).with_file(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
