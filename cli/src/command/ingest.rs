//! `lacuna ingest`.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::builder::NonEmptyStringValueParser;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use lacuna_model::DatasetId;
use lacuna_model::limits::MAX_BODY_BYTES;
use serde_json::{Value, json};

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;
use crate::http::Client;
use crate::memory::{self, Embedding, NewItem, Skipped, TextFile, item_id};

/// Put a folder of text, or lines of records, into a dataset of the memory.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A folder (or one file of text): each file is an item, named by its way from the folder. Lacuna keeps its text as the raw file; each
paragraph is a record of collection DocumentChunk_text with a vector by the built-in embedder, which knows words and not
meanings. A file with [[links]] brings to collection Entity_name a node for itself, one for each name, and an edge to each;
files share the nodes of the same name. Hidden files are passed over; those that are no UTF-8 text are named and left out.

A file .jsonl or .ndjson: a record a line as POST /api/v1/datasets/{d}/data takes it, and the name of its \"item\":
  {\"item\": \"letter-1\", \"id\": \"Ada\", \"kind\": \"node\", \"type\": \"Person\", \"text\": \"Ada Lovelace\"}
  {\"item\": \"letter-1\", \"id\": \"e1\", \"kind\": \"edge\", \"source\": \"Ada\", \"target\": \"Charles\", \"relationship\": \"knew\"}
It is read whole before anything is sent. Items are sent in the order of their first lines: an edge may end at a record of its
own item, of an earlier one, or of the memory.

Ingesting again replaces the items of the same names, and leaves the others: an item's id follows from dataset and name.

Examples:
  lacuna ingest notes/ --dataset notes
  lacuna ingest graph.jsonl --dataset notes --embed
  zcat graph.jsonl.gz | lacuna ingest - --dataset notes")]
#[command(group(clap::ArgGroup::new("into").required(true).args(["dataset", "dataset_id"])))]
pub(crate) struct Args {
    /// The folder or file; - is lines of records from standard input.
    #[arg(value_name = "FOLDER|FILE")]
    source: PathBuf,
    /// Your dataset of this name; made if there is none.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    dataset: Option<String>,
    /// A dataset that is there already, maybe another's on which you have `write`.
    #[arg(long, value_name = "UUID")]
    dataset_id: Option<DatasetId>,
    /// Lines of records: a record with a text and without a vector gets one by the built-in embedder.
    #[arg(long)]
    embed: bool,
    #[command(flatten)]
    target: Target,
}

/// Texts on their way at once. Lines of records go one item after the other, for their edges' sake.
const PARALLEL: usize = 4;

/// All that will be sent, looked through.
enum Source {
    Texts(Vec<TextFile>),
    Records(Vec<NewItem>),
}

/// An item that the server took.
struct Taken {
    id: String,
    name: String,
    records: u64,
    replaced: bool,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let client = args.target.client(common)?;
    let (source, skipped) = read(&args)?;
    for Skipped { path, why } in &skipped {
        eprintln!("left out: {} ({why})", path.display());
    }
    let dataset = dataset(&client, &args).await?;
    let (taken, ended) = sent(&client, dataset, source).await;
    if let Err(error) = ended {
        return Err(error.context(format!(
            "{} items were ingested before this; ingesting again is safe, it replaces them",
            taken.len()
        )));
    }
    if args.target.json {
        print_json(&json!({
            "dataset_id": dataset.to_string(),
            "items": taken.iter().map(Taken::view).collect::<Vec<_>>(),
            "left_out": skipped.iter().map(|it| json!({"path": it.path, "why": it.why})).collect::<Vec<_>>(),
        }));
    } else {
        let replaced = taken.iter().filter(|item| item.replaced).count();
        let records: u64 = taken.iter().map(|item| item.records).sum();
        println!(
            "dataset {dataset}: {} items new, {replaced} replaced, which refer to {records} records",
            taken.len() - replaced
        );
    }
    Ok(Ending::Complete)
}

fn read(args: &Args) -> anyhow::Result<(Source, Vec<Skipped>)> {
    let path = args.source.as_path();
    let shown = path.display();
    let extension = path.extension().and_then(|text| text.to_str()).unwrap_or("").to_lowercase();
    let is_lines = path == Path::new("-") || (matches!(&*extension, "jsonl" | "ndjson") && !path.is_dir());
    if !is_lines {
        if args.embed {
            bail!("--embed is for lines of records; texts are always embedded. Nothing was sent.");
        }
        let found = memory::find(path)?;
        if found.files.is_empty() {
            bail!(
                "{shown} holds no files of UTF-8 text ({} left out). Nothing was sent.",
                found.skipped.len()
            );
        }
        return Ok((Source::Texts(found.files), found.skipped));
    }
    let embedding = if args.embed { Embedding::ByWords } else { Embedding::AsGiven };
    let items = if path == Path::new("-") {
        memory::read_lines(std::io::stdin().lock(), embedding)
    } else {
        let file = std::fs::File::open(path)
            .with_context(|| format!("{shown} can't be opened. Nothing was sent."))?;
        memory::read_lines(BufReader::new(file), embedding)
    };
    let items = items.with_context(|| format!("{shown} is not as it should be, nothing was sent"))?;
    if items.is_empty() {
        bail!("{shown} holds no records; expected one a line. Nothing was sent.");
    }
    Ok((Source::Records(items), Vec::new()))
}

/// The dataset that was named, made if need be.
async fn dataset(client: &Client, args: &Args) -> anyhow::Result<DatasetId> {
    if let Some(id) = args.dataset_id {
        return Ok(id);
    }
    let made =
        client.post_persistently(&["api", "v1", "datasets"], &json!({"name": args.dataset})).await?.body;
    let id = made["id"].as_str().and_then(|id| id.parse().ok());
    id.with_context(|| format!("the answer has another shape than expected: {made}"))
}

/// Sends all of it, up to the first failure: what was on its way then is still waited for.
async fn sent(client: &Client, dataset: DatasetId, source: Source) -> (Vec<Taken>, anyhow::Result<()>) {
    let (count, parallel) = match &source {
        Source::Texts(files) => (files.len(), PARALLEL),
        Source::Records(items) => (items.len(), 1),
    };
    let bar = ProgressBar::new(count as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} items, {elapsed}, {eta} left  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let items: Box<dyn Iterator<Item = (String, anyhow::Result<NewItem>)> + Send> = match source {
        Source::Texts(files) => {
            Box::new(files.into_iter().map(move |file| (file.name.clone(), file.item(dataset))))
        }
        Source::Records(items) => Box::new(items.into_iter().map(|item| (item.name.clone(), Ok(item)))),
    };
    let failed = AtomicBool::new(false);
    let going = items.take_while(|_| !failed.load(Ordering::Relaxed));
    let send = |(name, item): (String, anyhow::Result<NewItem>)| async move {
        let answer = add(client, dataset, item).await;
        answer.with_context(|| format!("item {name:?} was not ingested"))
    };
    let mut answers = std::pin::pin!(futures::stream::iter(going).map(send).buffered(parallel));
    let (mut taken, mut ended) = (Vec::new(), Ok(()));
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(item) => {
                bar.set_message(item.name.clone());
                bar.inc(1);
                taken.push(item);
            }
            Err(error) => {
                failed.store(true, Ordering::Relaxed);
                ended = ended.and(Err(error));
            }
        }
    }
    bar.finish_and_clear();
    (taken, ended)
}

async fn add(client: &Client, dataset: DatasetId, item: anyhow::Result<NewItem>) -> anyhow::Result<Taken> {
    let item = item?;
    let body = item.body(item_id(dataset, &item.name));
    let bytes = body.to_string().len();
    if bytes > MAX_BODY_BYTES {
        bail!("its {} records are {bytes} bytes, at most {MAX_BODY_BYTES} are taken", item.records.len());
    }
    let path = ["api", "v1", "datasets", &dataset.to_string(), "data"];
    let answer = client.post_persistently(&path, &body).await?.body;
    Ok(Taken {
        id: answer["id"].as_str().unwrap_or("").to_owned(),
        name: item.name,
        records: answer["recordCount"].as_u64().unwrap_or(0),
        replaced: !answer["updatedAt"].is_null(),
    })
}

impl Taken {
    fn view(&self) -> Value {
        json!({"id": self.id, "name": self.name, "records": self.records, "replaced": self.replaced})
    }
}
