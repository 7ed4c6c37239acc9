//! `lacuna delete`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lacuna_model::limits::MAX_ITEMS;
use lacuna_model::merge::DeleteAnswer;
use serde_json::{Value, json};

use super::confirm::confirm;
use super::every_command::Common;
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
    let bodies = bodies(&args, &ids, filter.as_ref());
    if args.dry_run {
        show_preview(&previewed(&client, &args, &bodies).await?, &args);
        return Ok(Ending::Complete);
    }
    if !args.yes {
        let what = match (&filter, ids.len()) {
            (Some(filter), 0) => format!("that match {filter}"),
            (Some(filter), count) => format!("of {count} ids that match {filter}"),
            (None, 0) => "(all there are)".to_owned(),
            (None, count) => format!("of {count} ids"),
        };
        let matched = show_delete::count(previewed(&client, &args, &bodies).await?.matched);
        confirm(&format!("Delete {matched} records {what} in {}?", args.place.words()))?;
    }
    let mut ending = Ending::Complete;
    for (done, body) in bodies.into_iter().enumerate() {
        let answer = client.post(&args.place.path(&["delete"]), &body).await;
        let answer = if done == 0 {
            answer?
        } else {
            answer.with_context(|| format!("the first {} ids were handled before this", done * MAX_ITEMS))?
        };
        ending = ending.and(show(&answer.body, &args)?);
    }
    Ok(ending)
}

/// The requests that it takes: ids go in pieces that the server takes.
fn bodies(args: &Args, ids: &[String], filter: Option<&Value>) -> Vec<Value> {
    let body = |mut body: Value| {
        if let Some(filter) = filter {
            body["filter"] = filter.clone();
        }
        args.place.body(body)
    };
    if args.all {
        vec![args.place.body(json!({"delete_all": true}))]
    } else if ids.is_empty() {
        vec![body(json!({}))]
    } else {
        ids.chunks(MAX_ITEMS).map(|chunk| body(json!({"ids": chunk}))).collect()
    }
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

/// What would go; `None` where a shard can't say.
struct Previewed {
    matched: Option<u64>,
    sample: Vec<String>,
}

async fn previewed(client: &Client, args: &Args, bodies: &[Value]) -> anyhow::Result<Previewed> {
    let mut all = Previewed { matched: Some(0), sample: Vec::new() };
    for body in bodies {
        let answer = client.post(&args.place.path(&["delete", "preview"]), body).await?.body;
        all.matched = all.matched.zip(answer["matched"].as_u64()).map(|(sum, part)| sum + part);
        all.sample.extend(
            answer["sample"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
        );
    }
    all.sample.truncate(10);
    Ok(all)
}

fn show_preview(previewed: &Previewed, args: &Args) {
    if args.target.json {
        print_json(&json!({"matched": previewed.matched, "sample": previewed.sample}));
        return;
    }
    let matched = show_delete::count(previewed.matched);
    println!("would delete {matched} records in {}; nothing was changed", args.place.words());
    if !previewed.sample.is_empty() {
        println!("for example: {}", previewed.sample.join(", "));
    }
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
