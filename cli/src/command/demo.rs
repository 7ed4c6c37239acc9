//! `lacuna demo`.

use std::path::PathBuf;

use super::every_command::Common;
use crate::config::Overrides;
use crate::demo::{self, Options};
use crate::exit::Ending;
use crate::process::Stop;

/// The guided tour: deletes on a cluster of its own, with nodes stopped in between, every number checked.
///
/// Needs nothing running and leaves nothing behind. Exit status 1 if anything did not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep data and logs in this directory (must be empty or new).
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    common.start(Overrides::default())?;
    if let Some(dir) = &args.keep {
        std::fs::create_dir_all(dir)?;
        anyhow::ensure!(
            std::fs::read_dir(dir)?.next().is_none(),
            "{} is not empty; give a new directory. Nothing was started.",
            dir.display()
        );
    }
    let mut stop = Stop::listen()?;
    tokio::select! {
        done = demo::run(Options { keep: args.keep }) => done?,
        signal = stop.asked() => anyhow::bail!("stopped by {signal} before the end"),
    }
    Ok(Ending::Complete)
}
