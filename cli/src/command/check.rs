//! `lacuna check`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use lacuna_node::check::{NodeCheck, ShardCheck, check};
use serde_json::{Value, json};

use super::every_command::Common;
use crate::config::Overrides;
use crate::exit::Ending;

/// Verify a stopped node's data: checksums of the log, digests and counts of every store, and that they fit.
///
/// Changes nothing in the directory; a store is opened as a copy. Exit status 1 if anything is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lacuna check ./lacuna-data\n  lacuna check ./lacuna-dev/node-2 --json")]
pub(crate) struct Args {
    /// The data directory of a node.
    data_dir: PathBuf,
    /// Where a copy of one store at a time may lie; the system's directory for temporary files if not given.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    common.start(Overrides::default())?;
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("lacuna-check-");
    let scratch = match &args.scratch {
        Some(dir) => {
            builder.tempdir_in(dir).with_context(|| format!("{} can't be written", dir.display()))?
        }
        None => builder.tempdir().context("no temporary directory")?,
    };
    let (dir, room) = (args.data_dir.clone(), scratch.path().to_owned());
    let found = tokio::task::spawn_blocking(move || check(&dir, &room)).await??;
    if args.json {
        println!("{:#}", as_json(&found));
    } else {
        print(&found);
    }
    if !found.damage.is_empty() {
        bail!("{} things are wrong in {}; nothing was changed", found.damage.len(), args.data_dir.display());
    }
    Ok(Ending::Complete)
}

fn print(found: &NodeCheck) {
    let cluster = found.owner.cluster.as_deref().unwrap_or("none yet");
    println!("node {} of cluster {cluster}", found.owner.node);
    match &found.log {
        Some(log) => {
            println!(
                "log: {} batches in {} segments, {} groups",
                log.batches,
                log.segments,
                log.groups.len()
            );
            if let Some(cut) = log.torn {
                println!(
                    "log: its end is torn ({} bytes); the next start cuts it, nothing acknowledged is in it",
                    cut.bytes
                );
            }
        }
        None => println!("log: none"),
    }
    for shard in &found.shards {
        println!("{}", line(shard));
    }
    for damage in &found.damage {
        println!("WRONG: {damage}");
    }
    if found.damage.is_empty() {
        println!("all checksums, digests and counts are right");
    }
}

fn line(found: &ShardCheck) -> String {
    let snapshot =
        found.snapshot.map_or_else(|| "no snapshot".to_owned(), |index| format!("snapshot at {index}"));
    match &found.store {
        Some(store) => format!(
            "shard {}: {} records, applied term {} index {}, {} open rows, {snapshot}, digest {:032x}",
            found.shard,
            store.digest.live,
            store.applied.term,
            store.applied.index,
            store.rows,
            store.digest.records
        ),
        None => format!("shard {}: its store can't be read, {snapshot}", found.shard),
    }
}

fn as_json(found: &NodeCheck) -> Value {
    let shards: Vec<Value> = found
        .shards
        .iter()
        .map(|shard| {
            let store = shard.store.as_ref();
            json!({
                "shard": shard.shard.0,
                "snapshot": shard.snapshot,
                "live": store.map(|store| store.digest.live),
                "applied": store.map(|store| store.applied.index),
                "records_digest": store.map(|store| format!("{:032x}", store.digest.records)),
                "rest_digest": store.map(|store| format!("{:032x}", store.digest.rest)),
            })
        })
        .collect();
    let log = found.log.as_ref().map(|log| {
        json!({"batches": log.batches, "segments": log.segments, "torn_bytes": log.torn.map(|cut| cut.bytes)})
    });
    json!({
        "node": found.owner.node.0,
        "cluster": found.owner.cluster,
        "log": log,
        "meta_snapshot": found.meta_snapshot,
        "shards": shards,
        "damage": found.damage,
    })
}
