//! `lacuna export`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::every_command::Common;
use super::target::{Place, Target, filter};
use crate::exit::Ending;
use crate::http::Client;

/// Write records with their vectors as JSON lines, which `lacuna upsert` reads.
///
/// Records written or deleted meanwhile may or may not be in the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --output, how far it is stands in FILE.cursor until it is done: run again with --resume after an interruption.

Examples:
  lacuna export papers --output papers.jsonl
  lacuna export papers --output papers.jsonl --resume
  lacuna export papers --filter '{\"year\": 2024}' | gzip > papers.jsonl.gz")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// The file to write; without it standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on where an interrupted export into the same file stood.
    #[arg(long, requires = "output")]
    resume: bool,
    /// Overwrite an existing file.
    #[arg(long, requires = "output", conflicts_with = "resume")]
    force: bool,
    /// Only records that match, JSON.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Records in one request.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    page: u32,
    #[command(flatten)]
    target: Target,
}

/// How far an interrupted export is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    collection: String,
    namespace: Option<String>,
    filter: Option<Value>,
    cursor: Option<String>,
    bytes: u64,
    records: u64,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    let filter = args.filter.as_deref().map(filter).transpose()?;
    let client = args.target.client(common)?;
    let start = Position {
        collection: args.place.collection.clone(),
        namespace: args.place.namespace.clone(),
        filter,
        cursor: None,
        bytes: 0,
        records: 0,
    };
    let mut sink = match &args.output {
        Some(file) => Sink::file(file, &args, start)?,
        None => Sink { out: Out::Stdout(BufWriter::new(std::io::stdout())), at: start },
    };
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} records, {per_sec}, {elapsed}") {
        bar.set_style(style);
    }
    loop {
        let page = page(&client, &args, &sink.at).await.with_context(|| sink.words())?;
        sink.take(&page)?;
        bar.set_position(sink.at.records);
        if sink.at.cursor.is_none() {
            break;
        }
    }
    bar.finish_and_clear();
    let records = sink.at.records;
    sink.finish()?;
    eprintln!("{records} records exported from {}", args.place.words());
    Ok(Ending::Complete)
}

async fn page(client: &Client, args: &Args, at: &Position) -> anyhow::Result<Value> {
    let mut body = json!({"limit": args.page, "include": ["vector", "document", "metadata"]});
    if let Some(cursor) = &at.cursor {
        body["cursor"] = json!(cursor);
    }
    if let Some(filter) = &at.filter {
        body["filter"] = filter.clone();
    }
    Ok(client.post(&args.place.path(&["get"]), &args.place.body(body)).await?.body)
}

enum Out {
    Stdout(BufWriter<std::io::Stdout>),
    File { file: BufWriter<File>, cursor_file: PathBuf },
}

struct Sink {
    out: Out,
    at: Position,
}

impl Sink {
    fn file(path: &Path, args: &Args, start: Position) -> anyhow::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".cursor");
        let cursor_file = PathBuf::from(name);
        let open = |options: &mut OpenOptions| {
            options.write(true).open(path).with_context(|| format!("{} can't be written", path.display()))
        };
        if args.resume {
            let text = std::fs::read_to_string(&cursor_file).with_context(|| {
                format!(
                    "{} can't be read: there is no interrupted export to go on with",
                    cursor_file.display()
                )
            })?;
            let at: Position = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", cursor_file.display()))?;
            if (&at.collection, &at.namespace, &at.filter)
                != (&start.collection, &start.namespace, &start.filter)
            {
                bail!(
                    "{} belongs to another export (other collection, namespace or filter). Nothing was written.",
                    cursor_file.display()
                );
            }
            let mut file = open(OpenOptions::new().read(true))?;
            if file.metadata()?.len() < at.bytes {
                bail!(
                    "{} is shorter than its cursor says; export anew with --force. Nothing was written.",
                    path.display()
                );
            }
            // What came after the last noted page may be cut short: it is fetched again.
            file.set_len(at.bytes)?;
            file.seek(SeekFrom::End(0))?;
            return Ok(Self { out: Out::File { file: BufWriter::new(file), cursor_file }, at });
        }
        if path.exists() && !args.force {
            bail!(
                "{} exists; give --resume to go on with it or --force to overwrite it. Nothing was written.",
                path.display()
            );
        }
        let file = open(OpenOptions::new().create(true).truncate(true))?;
        Ok(Self { out: Out::File { file: BufWriter::new(file), cursor_file }, at: start })
    }

    /// Writes a page, then notes where it stands: in this order, so that the note never promises too much.
    fn take(&mut self, page: &Value) -> anyhow::Result<()> {
        let mut text = String::new();
        for record in page["records"].as_array().context("the answer has no records")? {
            text.push_str(&line(record));
            text.push('\n');
            self.at.records += 1;
        }
        self.at.bytes += text.len() as u64;
        self.at.cursor = page["cursor"].as_str().map(str::to_owned);
        match &mut self.out {
            Out::Stdout(out) => out.write_all(text.as_bytes())?,
            Out::File { file, cursor_file } => {
                file.write_all(text.as_bytes())?;
                file.flush()?;
                file.get_ref().sync_data()?;
                if self.at.cursor.is_some() {
                    let fresh = cursor_file.with_extension("cursor.new");
                    std::fs::write(&fresh, serde_json::to_vec(&self.at)?)?;
                    std::fs::rename(&fresh, cursor_file)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self.out {
            Out::Stdout(mut out) => out.flush()?,
            Out::File { cursor_file, .. } => {
                if cursor_file.exists() {
                    std::fs::remove_file(cursor_file)?;
                }
            }
        }
        Ok(())
    }

    fn words(&self) -> String {
        let records = self.at.records;
        match (&self.out, &self.at.cursor) {
            (Out::File { .. }, Some(_)) => {
                format!("after {records} records; run again with --resume to go on")
            }
            (Out::File { .. } | Out::Stdout(_), _) => format!("after {records} records"),
        }
    }
}

/// A record as `upsert` takes it: nothing but its own fields, absent ones left out.
fn line(record: &Value) -> String {
    let fields = ["id", "vector", "document", "metadata"];
    let kept: serde_json::Map<String, Value> = fields
        .iter()
        .filter(|field| !record[**field].is_null())
        .map(|field| ((*field).to_owned(), record[*field].clone()))
        .collect();
    Value::Object(kept).to_string()
}
