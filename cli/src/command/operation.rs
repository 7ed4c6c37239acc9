//! `lacuna operation`.

use std::time::{Duration, Instant};

use clap::Subcommand;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use serde_json::Value;

use super::common::Common;
use super::show_delete;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::Client;

/// Look at deletes by their operation id.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna operation list
  lacuna operation show lop1_… --wait 30")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show one operation; exit status 3 while it isn't complete.
    Show {
        /// Its id, as the delete answered it.
        op_id: String,
        /// Wait at most so many seconds for its end.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u64,
        #[command(flatten)]
        target: Target,
    },
    /// List durable operations, the newest first.
    List {
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Show { op_id, wait, target } => {
            let body = waited(&target.client(common)?, &op_id, Duration::from_secs(wait)).await?;
            let answer: DeleteAnswer = serde_json::from_value(body.clone())?;
            if target.json {
                print_json(&body);
            } else {
                show_delete::print(&answer);
            }
            Ok(show_delete::ending(&answer))
        }
        Verb::List { target } => {
            let body = target.client(common)?.get(&["v1", "operations"]).await?.body;
            if target.json {
                print_json(&body);
            } else {
                list(&body);
            }
            Ok(Ending::Complete)
        }
    }
}

async fn waited(client: &Client, op_id: &str, wait: Duration) -> anyhow::Result<Value> {
    let until = Instant::now() + wait;
    loop {
        let body = client.get(&["v1", "operations", op_id]).await?.body;
        let status: Option<DeleteStatus> = serde_json::from_value(body["status"].clone()).ok();
        if status == Some(DeleteStatus::Complete) || Instant::now() >= until {
            return Ok(body);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn list(body: &Value) {
    for operation in body["operations"].as_array().into_iter().flatten() {
        let text = |field: &str| operation[field].as_str().unwrap_or("").to_owned();
        let deleted = show_delete::count(operation["deleted"].as_u64());
        println!("{:<10} {:<16} deleted {:<10} {}", text("status"), text("kind"), deleted, text("op_id"));
    }
}
