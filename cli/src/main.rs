//! The `lacuna` binary: servers, a cluster for trying out, the data verbs, and the guided tour.

mod command;
mod config;
mod demo;
mod exit;
mod http;
mod input;
mod logging;
mod memory;
mod process;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = command::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli.run());
    // What still runs in the background must not hold the process up: everything that matters was awaited.
    runtime.shutdown_background();
    match ended {
        Ok(ending) => ending.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
