//! `lacuna dataset`.

use anyhow::bail;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use lacuna_model::DatasetId;
use serde_json::Value;

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::Client;

/// Look at the memory: datasets, items, and what is held of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Datasets and items are made by `lacuna ingest` and go by `lacuna forget`.

Examples:
  lacuna dataset list
  lacuna dataset items notes
  lacuna dataset stats")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the datasets that you can read.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// List a dataset's items: id, number of records, name.
    Items {
        /// The dataset: its name, or its id.
        #[arg(value_name = "DATASET", value_parser = NonEmptyStringValueParser::new())]
        dataset: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show what is physically held of your space, counted in storage and index.
    Stats {
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::List { target } => {
            let found = target.client(common)?.get(&["api", "v1", "datasets"]).await?.body;
            shown(&found, &target, |dataset| vec![text(dataset, "id"), text(dataset, "name")]);
        }
        Verb::Items { dataset, target } => {
            let client = target.client(common)?;
            let id = resolved(&client, &dataset).await?;
            let found = client.get(&["api", "v1", "datasets", &id, "data"]).await?.body;
            shown(&found, &target, |item| {
                vec![text(item, "id"), format!("{:>6}", item["recordCount"].to_string()), text(item, "name")]
            });
        }
        Verb::Stats { target } => {
            let stats = target.client(common)?.get(&["api", "v1", "stats"]).await?.body;
            if target.json {
                print_json(&stats);
            } else {
                for (name, value) in stats.as_object().into_iter().flatten() {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    println!("{name:<17} {value}");
                }
            }
        }
    }
    Ok(Ending::Complete)
}

fn text(thing: &Value, field: &str) -> String {
    thing[field].as_str().unwrap_or("").to_owned()
}

fn shown(found: &Value, target: &Target, columns: impl Fn(&Value) -> Vec<String>) {
    if target.json {
        print_json(found);
        return;
    }
    for thing in found.as_array().into_iter().flatten() {
        println!("{}", columns(thing).join("  "));
    }
}

/// The id of the one readable dataset of this name, or the id given.
async fn resolved(client: &Client, dataset: &str) -> anyhow::Result<String> {
    let found = client.get(&["api", "v1", "datasets"]).await?.body;
    let named = found.as_array().into_iter().flatten().filter(|one| one["name"] == dataset);
    let ids: Vec<String> = named.map(|one| text(one, "id")).collect();
    match (ids.as_slice(), dataset.parse::<DatasetId>()) {
        ([id], _) => Ok(id.clone()),
        ([], Ok(id)) => Ok(id.to_string()),
        ([], Err(_)) => bail!(
            "there is no dataset {dataset:?} that you can read; `lacuna dataset list` shows those there are"
        ),
        (several, _) => bail!("{dataset:?} names several datasets, give an id: {}", several.join(", ")),
    }
}
