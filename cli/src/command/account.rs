//! `lacuna account`.

use clap::Subcommand;
use serde_json::json;

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;

/// Make and list accounts; takes the root key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna account create acme --key-file root.key
  lacuna key create admin --right admin --account acme --key-file root.key")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an account.
    Create {
        /// Its name: 1 to 64 letters, digits, '-', '_' or '.'.
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the accounts.
    List {
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Create { name, target } => {
            let answer = target.client(common)?.post(&["v1", "accounts"], &json!({"name": name})).await?;
            if target.json {
                print_json(&answer.body);
            } else {
                println!("account {name:?} made; give --account {name} with the root key to work in it");
            }
        }
        Verb::List { target } => {
            let answer = target.client(common)?.get(&["v1", "accounts"]).await?;
            if target.json {
                print_json(&answer.body);
            } else {
                for account in answer.body["accounts"].as_array().into_iter().flatten() {
                    println!("{}", account["name"].as_str().unwrap_or_default());
                }
            }
        }
    }
    Ok(Ending::Complete)
}
