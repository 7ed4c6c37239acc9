//! `lacuna search`.

use clap::builder::NonEmptyStringValueParser;
use lacuna_model::DatasetId;
use lacuna_router::embed::by_words;
use serde_json::{Value, json};

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::memory::{CHUNKS, numbers};

/// Find the records of the memory whose text is nearest to a text.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The text is embedded here by the built-in embedder, which knows words and not meanings, as `lacuna ingest` does it: a collection
whose vectors come from elsewhere is searched through POST /api/v1/search.

Examples:
  lacuna search 'who elects the senators' --dataset notes
  lacuna search 'Ada' --collection Entity_name --top-k 3 --json")]
pub(crate) struct Args {
    /// The text.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    text: String,
    /// Only in the dataset of this name (repeat it for more); all that you can read if not given.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    dataset: Vec<String>,
    /// Only in the dataset of this id (repeat it for more).
    #[arg(long, value_name = "UUID", conflicts_with = "dataset")]
    dataset_id: Vec<DatasetId>,
    /// The collection.
    #[arg(long, value_name = "NAME", default_value = CHUNKS)]
    collection: String,
    /// How many.
    #[arg(long, short = 'k', default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top_k: u32,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let mut body =
        json!({"vector": numbers(&by_words(&args.text)), "collection": args.collection, "topK": args.top_k});
    if !args.dataset.is_empty() {
        body["datasets"] = json!(args.dataset);
    }
    if !args.dataset_id.is_empty() {
        body["datasetIds"] = args.dataset_id.iter().map(DatasetId::to_string).collect();
    }
    let hits = args.target.client(common)?.post(&["api", "v1", "search"], &body).await?.body;
    if args.target.json {
        print_json(&hits);
        return Ok(Ending::Complete);
    }
    for hit in hits.as_array().into_iter().flatten() {
        show(hit);
    }
    if hits.as_array().is_none_or(Vec::is_empty) {
        eprintln!("nothing was found in collection {:?}", args.collection);
    }
    Ok(Ending::Complete)
}

fn show(hit: &Value) {
    let text = |field: &str| hit[field].as_str().unwrap_or("").to_owned();
    let file = hit["metadata"]["file"].as_str().map_or_else(String::new, |file| format!("  {file}"));
    println!("{:.3}  {}{file}", hit["score"].as_f64().unwrap_or(0.0), text("id"));
    let words: Vec<String> = text("text").split_whitespace().map(str::to_owned).collect();
    let words = words.join(" ");
    let shown: String = words.chars().take(160).collect();
    println!("       {shown}{}", if shown.len() < words.len() { "…" } else { "" });
}
