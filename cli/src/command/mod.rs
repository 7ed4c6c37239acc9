//! The commands: one file each.

mod account;
mod check;
mod client_port;
mod cluster;
mod cluster_certs;
mod collection;
mod completion;
mod confirm;
mod count;
mod dataset;
mod delete;
mod demo;
mod dev;
mod embedding;
mod every_command;
mod export;
mod first_request;
mod forget;
mod ingest;
mod key;
mod node;
mod operation;
mod query;
mod receipt;
mod router;
mod search;
mod serve;
mod settings;
mod show_delete;
mod show_forget;
mod target;
mod upsert;

use clap::{Parser, Subcommand};

use crate::exit::Ending;
use every_command::Common;

pub(crate) use show_delete::lines as delete_lines;

/// A distributed vector database whose deletes you can trust.
#[derive(Debug, Parser)]
#[command(name = "lacuna", version, propagate_version = true, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 all of it was done; 3 some of it was done, or it is recorded and runs on (see `lacuna operation show`, `lacuna receipt`);
1 it failed; 2 a flag was wrong.

Settings come from a file (--config), the environment (LACUNA_…), and flags, the later being the stronger;
`lacuna config` shows the result.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Node(node::Args),
    Router(router::Args),
    Dev(dev::Args),
    Demo(demo::Args),
    Cluster(cluster::Args),
    Collection(collection::Args),
    Upsert(upsert::Args),
    Query(query::Args),
    Count(count::Args),
    Export(export::Args),
    Delete(delete::Args),
    Operation(operation::Args),
    Ingest(ingest::Args),
    Search(search::Args),
    Dataset(dataset::Args),
    Forget(forget::Args),
    Receipt(receipt::Args),
    Key(key::Args),
    Account(account::Args),
    Check(check::Args),
    Config(settings::Args),
    Completion(completion::Args),
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<Ending> {
        let common = &self.common;
        if let Some(parent) = common.die_with {
            crate::process::die_with(parent)?;
        }
        match self.command {
            Command::Serve(args) => serve::run(args, common).await,
            Command::Node(args) => node::run(args, common).await,
            Command::Router(args) => router::run(args, common).await,
            Command::Dev(args) => dev::run(args, common).await,
            Command::Demo(args) => demo::run(args, common).await,
            Command::Cluster(args) => cluster::run(args, common).await,
            Command::Collection(args) => collection::run(args, common).await,
            Command::Upsert(args) => upsert::run(args, common).await,
            Command::Query(args) => query::run(args, common).await,
            Command::Count(args) => count::run(args, common).await,
            Command::Export(args) => export::run(args, common).await,
            Command::Delete(args) => delete::run(args, common).await,
            Command::Operation(args) => operation::run(args, common).await,
            Command::Ingest(args) => ingest::run(args, common).await,
            Command::Search(args) => search::run(args, common).await,
            Command::Dataset(args) => dataset::run(args, common).await,
            Command::Forget(args) => forget::run(args, common).await,
            Command::Receipt(args) => receipt::run(args, common).await,
            Command::Key(args) => key::run(args, common).await,
            Command::Account(args) => account::run(args, common).await,
            Command::Check(args) => check::run(args, common).await,
            Command::Config(args) => settings::run(&args, common),
            Command::Completion(args) => Ok(completion::run(&args)),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
