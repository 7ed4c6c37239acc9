//! `lacuna forget`.

use anyhow::Context;
use clap::builder::NonEmptyStringValueParser;
use lacuna_model::{DatasetId, ItemId};
use serde_json::{Value, json};

use super::confirm::confirm;
use super::every_command::Common;
use super::show_forget::{self, ForgetAnswer, Tense};
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::{Client, Failure};

/// Forget an item, a dataset or everything of the memory: whatever no other item needs goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows what would go and asks, unless --yes is given. A record that other items refer to is released: it stays, without what the
forgotten item said of it. Exit status 3: some shards follow by themselves (see `lacuna receipt`).

Examples:
  lacuna forget --dataset notes --data-id 123e4567-e89b-12d3-a456-426614174000
  lacuna forget --dataset notes --dry-run
  lacuna forget --dataset notes --memory-only --yes
  lacuna forget --everything --yes --json")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["dataset", "dataset_id", "everything"])))]
pub(crate) struct Args {
    /// The dataset of this name that you may delete: with all its items, its grants, and itself.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    dataset: Option<String>,
    /// The dataset of this id.
    #[arg(long, value_name = "UUID")]
    dataset_id: Option<DatasetId>,
    /// Only this item of the dataset (`lacuna dataset items` lists them); the dataset stays.
    #[arg(long, value_name = "UUID", conflicts_with = "everything")]
    data_id: Option<ItemId>,
    /// Every dataset on which you were granted `delete`; the others are skipped and counted.
    #[arg(long)]
    everything: bool,
    /// Only the records go; items, their raw files and the dataset stay.
    #[arg(long, conflicts_with = "everything")]
    memory_only: bool,
    /// Only show what would go; forgets nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Don't ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

const PATH: [&str; 3] = ["api", "v1", "forget"];

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let client = args.target.client(common)?;
    let body = body(&args);
    if args.dry_run {
        let (answer, would) = previewed(&client, &body).await?;
        if args.target.json {
            print_json(&answer);
        } else {
            print(&show_forget::lines(&would, Tense::Would));
            println!("nothing was changed");
        }
        return Ok(Ending::Complete);
    }
    if !args.yes {
        let (_, would) = previewed(&client, &body).await.map_err(unasked)?;
        if !would.is_repeat() {
            // Part of the question: standard output is the answer's.
            for line in show_forget::lines(&would, Tense::Would) {
                eprintln!("{line}");
            }
            confirm(&format!("Forget {}?", words(&args)))?;
        }
    }
    let answer = client.post(&PATH, &body).await?.body;
    let forgotten = read(&answer)?;
    if args.target.json {
        print_json(&answer);
    } else {
        print(&show_forget::lines(&forgotten, Tense::Did));
    }
    Ok(forgotten.ending())
}

fn body(args: &Args) -> Value {
    let mut body = json!({});
    if args.everything {
        body["everything"] = Value::from(true);
    }
    if let Some(name) = &args.dataset {
        body["dataset"] = Value::from(name.as_str());
    }
    if let Some(id) = args.dataset_id {
        body["datasetId"] = Value::from(id.to_string());
    }
    if let Some(id) = args.data_id {
        body["dataId"] = Value::from(id.to_string());
    }
    if args.memory_only {
        body["memoryOnly"] = Value::from(true);
    }
    body
}

/// What is asked for, in words.
fn words(args: &Args) -> String {
    let dataset = match (&args.dataset, args.dataset_id) {
        (Some(name), _) => format!("dataset {name:?}"),
        (None, Some(id)) => format!("dataset {id}"),
        (None, None) => return "everything that you may delete".to_owned(),
    };
    let what = match args.data_id {
        Some(item) => format!("item {item} of {dataset}"),
        None if args.memory_only => dataset,
        None => format!("{dataset} with all its items and its grants"),
    };
    if args.memory_only { format!("the records (and nothing else) of {what}") } else { what }
}

async fn previewed(client: &Client, body: &Value) -> anyhow::Result<(Value, ForgetAnswer)> {
    let mut body = body.clone();
    body["dryRun"] = Value::from(true);
    let answer = client.post(&PATH, &body).await?.body;
    let would = read(&answer)?;
    Ok((answer, would))
}

/// Where shards are silent, what would go can't be told; but it can be forgotten.
fn unasked(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Failure>() {
        Some(failure) if failure.is_worth_repeating() => error.context(
            "what would go can't be told now; nobody was asked and nothing was changed (--yes forgets without a preview)",
        ),
        Some(_) | None => error,
    }
}

fn read(answer: &Value) -> anyhow::Result<ForgetAnswer> {
    serde_json::from_value(answer.clone())
        .with_context(|| format!("the answer has another shape than expected: {answer}"))
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
