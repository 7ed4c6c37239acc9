//! `lacuna query`.

use std::fmt::Write as _;
use std::io::Read;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::every_command::Common;
use super::target::{Place, Target, filter, print_json};
use crate::exit::Ending;

/// Find the records nearest to a vector.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna query papers --vector '[0.1, 0.9, 0.3]' --top-k 5
  lacuna query papers --id p1 --filter '{\"year\": 2024}' --include metadata")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// The vector, a JSON array; - reads it from standard input.
    #[arg(long, value_name = "JSON", required_unless_present = "id", conflicts_with = "id")]
    vector: Option<String>,
    /// Use the vector of this record.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// How many.
    #[arg(long, short = 'k', default_value_t = 10)]
    top_k: u32,
    /// Only records that match, JSON.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Parts of each record: vector, document, metadata.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    include: Vec<String>,
    /// Candidates looked at; larger is more exact and slower.
    #[arg(long)]
    ef: Option<u32>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let mut body = json!({"top_k": args.top_k});
    if let Some(text) = &args.filter {
        body["filter"] = filter(text)?;
    }
    if !args.include.is_empty() {
        body["include"] = json!(args.include);
    }
    if let Some(ef) = args.ef {
        body["ef"] = json!(ef);
    }
    let client = args.target.client(common)?;
    body["vector"] = match (&args.vector, &args.id) {
        (Some(text), _) => given(text)?,
        (None, Some(id)) => {
            let wanted = args.place.body(json!({"ids": [id], "include": ["vector"]}));
            let found = client.post(&args.place.path(&["get"]), &wanted).await?;
            let Some(record) = found.body["records"].get(0) else {
                bail!("{} has no record {id:?}", args.place.words())
            };
            record["vector"].clone()
        }
        (None, None) => bail!("give --vector or --id"),
    };
    let answer = client.post(&args.place.path(&["query"]), &args.place.body(body)).await?;
    let unavailable = answer.body["shards_unavailable"].as_array().is_some_and(|shards| !shards.is_empty());
    if args.target.json {
        print_json(&answer.body);
    } else {
        print(&answer.body);
    }
    Ok(if unavailable { Ending::Partial } else { Ending::Complete })
}

fn given(text: &str) -> anyhow::Result<Value> {
    let text = if text == "-" {
        let mut read = String::new();
        std::io::stdin().read_to_string(&mut read).context("standard input can't be read")?;
        read
    } else {
        text.to_owned()
    };
    let vector: Vec<f32> = serde_json::from_str(&text)
        .context("the vector is no JSON array of numbers; expected something like [0.1, 0.9]")?;
    Ok(json!(vector))
}

fn print(body: &Value) {
    for found in body["matches"].as_array().into_iter().flatten() {
        let id = found["id"].as_str().unwrap_or("?");
        let mut line = format!("{:<24} {}", id, found["score"]);
        for part in ["document", "metadata", "vector"] {
            if !found[part].is_null() {
                let _ = write!(line, "  {}", found[part]);
            }
        }
        println!("{line}");
    }
    if let Some(shards) = body["shards_unavailable"].as_array().filter(|shards| !shards.is_empty()) {
        let shards: Vec<String> = shards.iter().map(|shard| shard["shard"].to_string()).collect();
        eprintln!("warning: shards {} could not be asked; what they hold is missing here", shards.join(", "));
    }
}
