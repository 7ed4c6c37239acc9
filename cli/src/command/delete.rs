//! `lacuna delete`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lacuna_model::limits::MAX_ITEMS;
use lacuna_model::merge::DeleteAnswer;
use serde_json::{Value, json};

use super::common::Common;
use super::confirm::confirm;
use super::show_delete;
use super::target::{Place, Target, filter, print_json};
use crate::exit::Ending;
use crate::http::Client;

/// Delete records by id, by filter, by both, or all of a namespace.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows how many records it is about and asks, unless --yes is given. Exit status 3: some shards are still pending
(a delete by filter or of all completes by itself: see `lacuna operation show`) or did not take part.

Examples:
  lacuna delete papers --id p1 --id p2
  lacuna delete papers --ids-file gone.txt --yes
  lacuna delete papers --filter '{\"year\": {\"$lt\": 2020}}' --dry-run
  lacuna delete papers --namespace old --all --yes --json")]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["id", "ids_file", "filter", "all"])))]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Delete this record (repeat it for more).
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    id: Vec<String>,
    /// Delete the records of these ids: one a line, - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "id"])]
    ids_file: Option<PathBuf>,
    /// Delete records that match, JSON; with ids, those of them that match.
    #[arg(long, value_name = "JSON", conflicts_with = "all")]
    filter: Option<String>,
    /// Delete everything in the namespace.
    #[arg(long)]
    all: bool,
    /// Only show what would go; deletes nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Don't ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let ids = match &args.ids_file {
        Some(file) => from_file(file)?,
        None => args.id.clone(),
    };
    let filter = args.filter.as_deref().map(filter).transpose()?;
    let client = args.target.client(common)?;
    if args.dry_run {
        return preview(&client, &args, &ids, filter.as_ref()).await;
    }
    if !args.yes {
        confirm(&question(&client, &args, &ids, filter.as_ref()).await?)?;
    }
    let mut bodies = Vec::new();
    if args.all {
        bodies.push(json!({"delete_all": true}));
    } else if ids.is_empty() {
        bodies.push(json!({"filter": filter}));
    } else {
        for chunk in ids.chunks(MAX_ITEMS) {
            let mut body = json!({"ids": chunk});
            if let Some(filter) = &filter {
                body["filter"] = filter.clone();
            }
            bodies.push(body);
        }
    }
    let mut ending = Ending::Complete;
    for (done, body) in bodies.into_iter().enumerate() {
        let answer =
            client.post(&args.place.path(&["delete"]), &args.place.body(body)).await.with_context(|| {
                format!("{} of the ids were handled before this", (done * MAX_ITEMS).min(ids.len()))
            })?;
        ending = ending.and(show(&answer.body, &args)?);
    }
    Ok(ending)
}

fn show(body: &Value, args: &Args) -> anyhow::Result<Ending> {
    let answer: DeleteAnswer =
        serde_json::from_value(body.clone()).context("the answer has another shape")?;
    if args.target.json {
        print_json(body);
    } else {
        show_delete::print(&answer);
    }
    Ok(show_delete::ending(&answer))
}

async fn question(
    client: &Client,
    args: &Args,
    ids: &[String],
    filter: Option<&Value>,
) -> anyhow::Result<String> {
    let place = args.place.words();
    if args.all {
        let answer = client.post(&args.place.path(&["count"]), &args.place.body(json!({}))).await?;
        return Ok(format!("Delete all {} records of {place}?", answer.body["count"]));
    }
    match filter {
        Some(filter) if ids.is_empty() => {
            let matched = matched(client, args, filter).await?;
            Ok(format!("Delete {} records of {place} that match {filter}?", matched["matched"]))
        }
        Some(filter) => Ok(format!("Delete those of {} ids in {place} that match {filter}?", ids.len())),
        None => Ok(format!("Delete {} records of {place} by id?", ids.len())),
    }
}

async fn matched(client: &Client, args: &Args, filter: &Value) -> anyhow::Result<Value> {
    let body = args.place.body(json!({"filter": filter}));
    Ok(client.post(&args.place.path(&["delete", "preview"]), &body).await?.body)
}

/// Says what would go, as far as the server can tell without deleting.
async fn preview(
    client: &Client,
    args: &Args,
    ids: &[String],
    filter: Option<&Value>,
) -> anyhow::Result<Ending> {
    let shown = match filter {
        Some(filter) if ids.is_empty() => matched(client, args, filter).await?,
        Some(_) => bail!("--dry-run shows ids or a filter, not both together. Nothing was changed."),
        None if args.all => {
            let answer = client.post(&args.place.path(&["count"]), &args.place.body(json!({}))).await?;
            json!({"matched": answer.body["count"]})
        }
        None => {
            let mut there = 0;
            for chunk in ids.chunks(MAX_ITEMS) {
                let body = args.place.body(json!({"ids": chunk, "include": []}));
                let answer = client.post(&args.place.path(&["get"]), &body).await?;
                there += answer.body["records"].as_array().map_or(0, Vec::len);
            }
            json!({"requested": ids.len(), "matched": there})
        }
    };
    if args.target.json {
        print_json(&shown);
    } else {
        println!("would delete {} records of {}; nothing was changed", shown["matched"], args.place.words());
        let sample: Vec<&str> =
            shown["sample"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !sample.is_empty() {
            println!("for example: {}", sample.join(", "));
        }
    }
    Ok(Ending::Complete)
}

fn from_file(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
            .context("standard input can't be read. Nothing was changed.")?
    } else {
        std::fs::read_to_string(file)
            .with_context(|| format!("{} can't be read. Nothing was changed.", file.display()))?
    };
    let ids: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if ids.is_empty() {
        bail!("{} holds no ids; expected one a line. Nothing was changed.", file.display());
    }
    Ok(ids)
}
