//! `lacuna upsert`.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::every_command::Common;
use super::target::{Place, Target, print_json};
use crate::exit::Ending;
use crate::http::{Answer, Client, Failure};
use crate::input::{self, FileFormat, InputRecord, Records};

/// Write records from a file: each replaces a record of the same id, or is new.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files: .jsonl (one {\"id\", \"vector\"?, \"document\"?, \"metadata\"?} a line; what `lacuna export` writes),
.csv (columns id, vector?, document?; the others are metadata), .npy (a vector a row; ids are prefix and row number).

Examples:
  lacuna upsert papers papers.jsonl
  lacuna upsert papers vectors.npy --id-prefix row-
  zcat papers.jsonl.gz | lacuna upsert papers - --format jsonl")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// The file; - is standard input (give --format).
    file: PathBuf,
    /// What the file holds, where its name doesn't say.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Goes before the row number to make ids (npy).
    #[arg(long, default_value = "", value_name = "TEXT")]
    id_prefix: String,
    /// Records in one request, at most.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// Requests at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    parallel: u32,
    #[command(flatten)]
    target: Target,
}

/// A request's bytes, at most: a quarter of what the server takes.
const BATCH_BYTES: usize = lacuna_model::limits::MAX_BODY_BYTES / 4;

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let client = args.target.client(common)?;
    let (source, bar) = open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => FileFormat::of(&args.file)?,
    };
    let records = input::records(format, source, &args.id_prefix)?;
    let mut load = Load::new(client, &args, bar.clone());
    let done = load.all(records).await;
    bar.finish_and_clear();
    let written = load.written;
    if let Err(error) = done {
        return Err(error.context(format!(
            "{written} records were written before this; writing the file again is safe, it replaces them"
        )));
    }
    let ending = if load.left == 0 { Ending::Complete } else { Ending::Partial };
    if args.target.json {
        print_json(
            &json!({"written": written, "not_known_to_be_written": load.left, "partial_answers": load.open}),
        );
    } else {
        println!("{written} records written to {}", args.place.words());
        if load.left > 0 {
            eprintln!(
                "warning: {} more were sent to shards {} and are not known to be written; writing the file again is safe",
                load.left,
                open_shards(&load.open)
            );
        }
    }
    Ok(ending)
}

fn open(file: &Path) -> anyhow::Result<(Box<dyn Read + Send>, ProgressBar)> {
    let style = |template: &str| {
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    };
    if file == Path::new("-") {
        let bar =
            ProgressBar::no_length().with_style(style("{spinner} {msg} records, {bytes} read, {elapsed}"));
        return Ok((Box::new(bar.wrap_read(std::io::stdin())), bar));
    }
    let opened = File::open(file)
        .with_context(|| format!("{} can't be opened. Nothing was written.", file.display()))?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    let bar = ProgressBar::new(length)
        .with_style(style("{bar:40} {percent}% {msg} records, {bytes}/{total_bytes}, {elapsed}, {eta} left"));
    Ok((Box::new(bar.wrap_read(opened)), bar))
}

/// One batch on its way.
struct Flight {
    ids: Vec<String>,
    places: (u64, u64),
    task: JoinHandle<Result<Answer, Failure>>,
}

/// A running load: some batches on their way, never two with the same id, so that of two lines with one id the
/// later wins.
struct Load {
    client: Client,
    path: Vec<String>,
    namespace: Place,
    batch: usize,
    parallel: usize,
    bar: ProgressBar,
    flights: VecDeque<Flight>,
    flying: HashSet<String>,
    written: u64,
    left: u64,
    open: Vec<Value>,
}

impl Load {
    fn new(client: Client, args: &Args, bar: ProgressBar) -> Self {
        Self {
            client,
            path: args.place.path(&["upsert"]).into_iter().map(str::to_owned).collect(),
            namespace: args.place.clone(),
            batch: args.batch as usize,
            parallel: args.parallel as usize,
            bar,
            flights: VecDeque::new(),
            flying: HashSet::new(),
            written: 0,
            left: 0,
            open: Vec::new(),
        }
    }

    async fn all(&mut self, records: Records) -> anyhow::Result<()> {
        let (mut batch, mut bytes, mut places) = (Vec::new(), 0, (0, 0));
        let mut ids = HashSet::new();
        for placed in records {
            let placed = placed?;
            let full = batch.len() >= self.batch || bytes + placed.record.weight() > BATCH_BYTES;
            if !batch.is_empty() && (full || ids.contains(&placed.record.id)) {
                self.send(std::mem::take(&mut batch), places).await?;
                (bytes, ids) = (0, HashSet::new());
            }
            if batch.is_empty() {
                places.0 = placed.place;
            }
            places.1 = placed.place;
            bytes += placed.record.weight();
            ids.insert(placed.record.id.clone());
            batch.push(placed.record);
        }
        if !batch.is_empty() {
            self.send(batch, places).await?;
        }
        while !self.flights.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    async fn send(&mut self, batch: Vec<InputRecord>, places: (u64, u64)) -> anyhow::Result<()> {
        while self.flights.len() >= self.parallel
            || batch.iter().any(|record| self.flying.contains(&record.id))
        {
            self.land().await?;
        }
        let ids: Vec<String> = batch.iter().map(|record| record.id.clone()).collect();
        self.flying.extend(ids.iter().cloned());
        let body = self.namespace.body(json!({"records": batch}));
        let (client, path) = (self.client.clone(), self.path.clone());
        let task = tokio::spawn(async move {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            client.post_persistently(&path, &body).await
        });
        self.flights.push_back(Flight { ids, places, task });
        Ok(())
    }

    /// Waits for the oldest batch.
    async fn land(&mut self) -> anyhow::Result<()> {
        let Some(flight) = self.flights.pop_front() else { return Ok(()) };
        let (first, last) = flight.places;
        let answer = flight
            .task
            .await?
            .with_context(|| format!("lines or rows {first} to {last} were not written"))?;
        let left = unwritten(&answer.body);
        self.written += flight.ids.len() as u64 - left;
        if left > 0 {
            self.left += left;
            self.open.push(answer.body);
        }
        for id in &flight.ids {
            self.flying.remove(id);
        }
        self.bar.set_message(self.written.to_string());
        Ok(())
    }
}

/// Records of an answer that some shard didn't write, or may not have written.
fn unwritten(answer: &Value) -> u64 {
    let shards = answer["shards"].as_array().into_iter().flatten();
    shards.filter_map(|shard| shard["unprocessed_ids"].as_array()).map(|ids| ids.len() as u64).sum()
}

/// The shards that didn't take part in some of the answers, ascending.
fn open_shards(answers: &[Value]) -> String {
    let all = answers.iter().filter_map(|answer| answer["shards"].as_array()).flatten();
    let open: BTreeSet<u64> = all
        .filter(|shard| shard["status"] != "applied")
        .filter_map(|shard| shard["shard"].as_u64())
        .collect();
    open.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
