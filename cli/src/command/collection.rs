//! `lacuna collection`.

use clap::{Subcommand, ValueEnum};
use lacuna_model::merge::DeleteAnswer;
use serde_json::{Value, json};

use super::confirm::confirm;
use super::every_command::Common;
use super::show_delete;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::Client;

/// Make, list, show and drop collections.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lacuna collection create papers --dimension 384 --metric cosine
  lacuna collection list
  lacuna collection drop papers --yes")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Metric {
    Cosine,
    L2,
    Dot,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a collection.
    Create {
        /// Its name.
        name: String,
        /// Components of each vector.
        #[arg(long, short)]
        dimension: u32,
        /// Distance function.
        #[arg(long, short, value_enum, default_value_t = Metric::Cosine)]
        metric: Metric,
        #[command(flatten)]
        target: Target,
    },
    /// List the collections.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Show a collection and its namespaces.
    Show {
        /// Its name or id.
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Delete a collection with all its records.
    Drop {
        /// Its name or id.
        name: String,
        /// Don't ask.
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Create { name, dimension, metric, target } => {
            let metric = match metric {
                Metric::Cosine => "cosine",
                Metric::L2 => "l2",
                Metric::Dot => "dot",
            };
            let body = json!({"name": name, "dimension": dimension, "metric": metric});
            let answer = target.client(common)?.post(&["v1", "collections"], &body).await?;
            if target.json {
                print_json(&answer.body);
            } else {
                println!("collection {name:?} made (dimension {dimension}, metric {metric})");
            }
            Ok(Ending::Complete)
        }
        Verb::List { target } => list(&target, common).await,
        Verb::Show { name, target } => show(&name, &target, common).await,
        Verb::Drop { name, yes, target } => {
            let client = target.client(common)?;
            if !yes {
                let number = records(&client, &name).await?;
                confirm(&format!("Drop collection {name:?} with {number} records in all its namespaces?"))?;
            }
            let answer = client.delete(&["v1", "collections", &name]).await?;
            finish(&answer.body, &target)
        }
    }
}

async fn list(target: &Target, common: &Common) -> anyhow::Result<Ending> {
    let answer = target.client(common)?.get(&["v1", "collections"]).await?;
    if target.json {
        print_json(&answer.body);
        return Ok(Ending::Complete);
    }
    println!("{:<8} {:<32} {:>9} {:<7} {:<9} database", "id", "name", "dimension", "metric", "surface");
    for collection in answer.body["collections"].as_array().into_iter().flatten() {
        let text = |field: &str| match &collection[field] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        println!(
            "{:<8} {:<32} {:>9} {:<7} {:<9} {}",
            text("id"),
            text("name"),
            text("dimension"),
            text("metric"),
            text("surface"),
            text("database")
        );
    }
    Ok(Ending::Complete)
}

async fn show(name: &str, target: &Target, common: &Common) -> anyhow::Result<Ending> {
    let client = target.client(common)?;
    let mut collection = client.get(&["v1", "collections", name]).await?.body;
    let namespaces = client.get(&["v1", "collections", name, "namespaces"]).await?.body;
    collection["namespaces"] = namespaces["namespaces"].clone();
    if target.json {
        print_json(&collection);
        return Ok(Ending::Complete);
    }
    for (field, value) in collection.as_object().into_iter().flatten() {
        if field != "namespaces" && !value.is_null() {
            println!("{field:<12} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    for namespace in collection["namespaces"].as_array().into_iter().flatten() {
        let named = namespace["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("__default__");
        println!("namespace    {named}: {} records", namespace["count"]);
    }
    Ok(Ending::Complete)
}

/// Records of all namespaces, or that the number isn't known.
async fn records(client: &Client, name: &str) -> anyhow::Result<String> {
    let body = client.get(&["v1", "collections", name, "namespaces"]).await?.body;
    let counts: Option<u64> = body["namespaces"]
        .as_array()
        .and_then(|all| all.iter().map(|namespace| namespace["count"].as_u64()).sum());
    Ok(show_delete::count(counts))
}

fn finish(body: &Value, target: &Target) -> anyhow::Result<Ending> {
    let answer: DeleteAnswer = serde_json::from_value(body.clone())?;
    if target.json {
        print_json(body);
    } else {
        show_delete::print(&answer);
    }
    Ok(show_delete::ending(&answer))
}
