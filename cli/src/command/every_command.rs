//! What every command takes.

use std::path::PathBuf;

use crate::config::{self, Layered, Overrides};
use crate::logging::{self, Shape};

/// Flags of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// File of settings (TOML); also `LACUNA_CONFIG`.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub(crate) config: Option<PathBuf>,
    /// Log filter, such as `info` or `lacuna_node=debug,warn`; `RUST_LOG` is stronger.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Settings")]
    log: Option<String>,
    /// Log lines as JSON.
    #[arg(long, global = true, help_heading = "Settings")]
    log_json: bool,
    /// Ends this process when that one ends; given to children by `dev` and `demo`.
    #[arg(long, global = true, hide = true, value_name = "PID")]
    pub(crate) die_with: Option<u32>,
}

impl Common {
    /// Resolves the settings.
    pub(crate) fn resolve(&self, flags: Overrides) -> anyhow::Result<Layered> {
        config::load(
            self.config.as_deref(),
            flags.set("log", self.log.as_deref()).switch("log_json", self.log_json),
        )
    }

    /// Resolves the settings and starts logging by them.
    pub(crate) fn start(&self, flags: Overrides) -> anyhow::Result<Layered> {
        let layered = self.resolve(flags)?;
        let shape = if layered.settings.log_json { Shape::Json } else { Shape::Text };
        logging::start(&layered.settings.log, shape)?;
        Ok(layered)
    }
}
