//! `lacuna receipt`.

use std::time::{Duration, Instant};

use lacuna_model::ReceiptId;
use serde_json::Value;

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::Client;

/// Show the receipt of a forget; exit status 3 while it isn't complete.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lacuna receipt 123e4567-e89b-12d3-a456-426614174000 --wait 30")]
pub(crate) struct Args {
    /// Its id, as the forget answered it.
    #[arg(value_name = "UUID")]
    id: ReceiptId,
    /// Wait at most so many seconds for its end.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let client = args.target.client(common)?;
    let receipt = waited(&client, &args.id.to_string(), Duration::from_secs(args.wait)).await?;
    if args.target.json {
        print_json(&receipt);
    } else {
        show(&receipt);
    }
    Ok(if receipt["status"] == "complete" { Ending::Complete } else { Ending::Partial })
}

async fn waited(client: &Client, id: &str, wait: Duration) -> anyhow::Result<Value> {
    let until = Instant::now() + wait;
    loop {
        let receipt = client.get(&["api", "v1", "receipts", id]).await?.body;
        if receipt["status"] == "complete" || Instant::now() >= until {
            return Ok(receipt);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn show(receipt: &Value) {
    let text = |field: &str| receipt[field].as_str().unwrap_or("").to_owned();
    println!("{}: {}, asked for at {}", text("status"), text("scope"), text("requested_at"));
    println!(
        "  {} items; records: {} deleted, {} released",
        receipt["items_forgotten"], receipt["deleted"], receipt["released"]
    );
    let pending = receipt["pending_shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !pending.is_empty() {
        let shards: Vec<String> = pending.iter().map(Value::to_string).collect();
        println!("  not yet counted: shards {}, which follow by themselves", shards.join(", "));
    }
}
