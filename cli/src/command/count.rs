//! `lacuna count`.

use serde_json::json;

use super::every_command::Common;
use super::show_delete;
use super::target::{Place, Target, filter, print_json};
use crate::exit::Ending;

/// Count records.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lacuna count papers\n  lacuna count papers --filter '{\"year\": {\"$lt\": 2020}}'"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only records that match, JSON.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let mut body = json!({});
    if let Some(text) = &args.filter {
        body["filter"] = filter(text)?;
    }
    let client = args.target.client(common)?;
    let answer = client.post(&args.place.path(&["count"]), &args.place.body(body)).await?;
    let count = answer.body["count"].as_u64();
    if args.target.json {
        print_json(&answer.body);
    } else {
        println!("{}", show_delete::count(count));
    }
    // Not known: some shard didn't answer in time.
    Ok(if count.is_some() { Ending::Complete } else { Ending::Partial })
}
