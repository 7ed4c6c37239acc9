//! `lacuna operation`.

use std::time::{Duration, Instant};

use clap::Subcommand;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use serde_json::Value;

use super::every_command::Common;
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
            if target.json {
                print_json(&body);
            }
            show(&body, &target)
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

/// A recorded delete, or what shards keep of a write by id.
fn show(body: &Value, target: &Target) -> anyhow::Result<Ending> {
    if body["kind"] == "write" {
        if !target.json {
            println!("a write by id; of it these shards keep:");
            for shard in body["shards"].as_array().into_iter().flatten() {
                let count = |field: &str| show_delete::count(shard[field].as_u64());
                println!(
                    "  shard {}: inserted {}, updated {}, deleted {}, absent {}",
                    count("shard"),
                    count("inserted"),
                    count("updated"),
                    count("deleted"),
                    count("absent")
                );
            }
        }
        return Ok(Ending::Complete);
    }
    let answer: DeleteAnswer = serde_json::from_value(body.clone())?;
    if !target.json {
        println!("in {:?}, namespace {}", body["collection"].as_str().unwrap_or(""), body["namespace"]);
        show_delete::print(&answer);
    }
    Ok(show_delete::ending(&answer))
}

async fn waited(client: &Client, op_id: &str, wait: Duration) -> anyhow::Result<Value> {
    let until = Instant::now() + wait;
    loop {
        let body = client.get(&["v1", "operations", op_id]).await?.body;
        let status: Option<DeleteStatus> = serde_json::from_value(body["status"].clone()).ok();
        if status == Some(DeleteStatus::Complete) || body["kind"] == "write" || Instant::now() >= until {
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
