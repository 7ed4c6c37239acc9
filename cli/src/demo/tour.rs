//! The tour, step by step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::checker;
use super::naive::{Naive, Taken, Wanted};
use super::report::Report;
use super::sift;
use super::stage::{Deleted, Stage};

/// How the tour is run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Keep data and logs here instead of in a temporary directory.
    pub(crate) keep: Option<PathBuf>,
}

/// Hits asked for in a search.
const TOP_K: usize = 10;
/// Recall that must be reached.
const LEAST_RECALL: f64 = 0.95;
/// Deadline of deletes while a node stands still with the only replica.
const SHORT: Duration = Duration::from_secs(3);
/// Deadline of deletes otherwise.
const LONG: Duration = Duration::from_secs(10);
/// A recorded delete must complete by itself within this.
const BY_ITSELF: Duration = Duration::from_secs(30);

/// Runs the tour; an error if anything did not hold.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut report = Report::new();
    println!(
        "Lacuna's guided tour: {} real SIFT vectors of {} components on clusters of three processes and a router.\n\
         Every number below is compared with a plain recomputation in this process.",
        sift::BASE,
        sift::DIMENSION
    );
    let temporary =
        tempfile::Builder::new().prefix("lacuna-demo-").tempdir().context("no temporary directory")?;
    let dir = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    one_replica(&dir.join("one-replica"), &mut report).await?;
    three_replicas(&dir.join("three-replicas"), &mut report).await?;
    if let Some(kept) = &options.keep {
        println!("   data and logs are kept in {}", kept.display());
    }
    report.finish()
}

async fn one_replica(dir: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.part("Three nodes, one replica of each shard: a stopped node means a part that waits");
    let stage = Stage::start(dir, 1).await?;
    report.say(&stage.words());
    let mut naive = Naive::default();
    load(&stage, &mut naive, report).await?;
    delete_by_id(&stage, &mut naive, report).await?;
    delete_with_a_part_missing(&stage, &mut naive, report).await?;

    report.part("Every process stopped and started again");
    let stage = stage.restart().await?;
    contents(&stage, &naive, "nothing came back, nothing is missing", report).await?;
    search(&stage, &naive, report).await?;
    stage.stop().await
}

async fn three_replicas(dir: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.part("Three nodes, three replicas of each shard: a stopped node is not noticed for long");
    let stage = Stage::start(dir, 3).await?;
    report.say(&stage.words());
    let mut naive = Naive::default();
    load(&stage, &mut naive, report).await?;
    delete_with_a_leader_missing(&stage, &mut naive, report).await?;
    delete_everything(&stage, &mut naive, report).await?;

    report.part("A few rows under the same name again, then every process killed and started again");
    stage.load(&mut naive, 0..100).await?;
    let stage = stage.restart_after_kill().await?;
    contents(&stage, &naive, "only the new rows are there", report).await?;
    search(&stage, &naive, report).await?;
    stage.stop().await
}

async fn load(stage: &Stage, naive: &mut Naive, report: &mut Report) -> anyhow::Result<()> {
    stage.create().await?;
    let took = stage.load(naive, 0..sift::BASE).await?;
    report.say(&format!("{} records written in {:.2} s", sift::BASE, took.as_secs_f64()));
    contents(stage, naive, "count and listing are those of the data", report).await?;
    search(stage, naive, report).await
}

async fn delete_by_id(stage: &Stage, naive: &mut Naive, report: &mut Report) -> anyhow::Result<()> {
    report.part("Delete by id: 300 that exist, 20 that don't");
    let mut ids: Vec<String> = (0..300).map(|at| sift::id(at * 7)).collect();
    ids.extend((0..20).map(|at| format!("nobody-{at}")));
    let expected = naive.delete_ids(&ids);
    let deleted = stage.delete(&json!({"ids": ids}), LONG).await?;
    tell(&deleted, report);
    report.check("300 deleted, 20 absent, on shards that add up", &judged(200, expected, &deleted));
    contents(stage, naive, "exactly those ids are gone", report).await
}

async fn delete_with_a_part_missing(
    stage: &Stage,
    naive: &mut Naive,
    report: &mut Report,
) -> anyhow::Result<()> {
    let node = 2;
    let wanted = Wanted::Tenth(3);
    report.part(&format!("Delete by filter {} while node {node} is stopped (SIGSTOP)", wanted.filter()));
    let missing = stage.shards_on(node).await?;
    stage.freeze(node)?;
    report.say(&format!("node {node} stands still; it has the only replica of shards {missing:?}"));
    let deleted = stage.delete(&json!({"filter": wanted.filter()}), SHORT).await?;
    tell(&deleted, report);
    let mut findings = checker::status(207, deleted.status);
    findings.extend(checker::partial(&missing, &deleted.answer));
    report.check("207: exactly its shards are pending, and no count is guessed", &findings);

    stage.thaw(node)?;
    report.say(&format!("node {node} goes on (SIGCONT); nobody repeats the delete"));
    let finished = stage.watch(deleted.answer.op_id.as_str(), BY_ITSELF).await?;
    tell(&finished, report);
    let expected = naive.delete_where(wanted);
    report.check("it completed by itself, with exact counts", &judged(200, expected, &finished));
    contents(stage, naive, "exactly the matching records are gone", report).await
}

async fn delete_with_a_leader_missing(
    stage: &Stage,
    naive: &mut Naive,
    report: &mut Report,
) -> anyhow::Result<()> {
    let wanted = Wanted::LighterThan(3_000);
    let (node, led) = stage.busiest().await?;
    report.part(&format!("Delete by filter {} while node {node} is stopped (SIGSTOP)", wanted.filter()));
    stage.freeze(node)?;
    report.say(&format!("node {node} stands still; it led shards {led:?}"));
    let expected = naive.delete_where(wanted);
    let deleted = stage.delete(&json!({"filter": wanted.filter()}), LONG).await?;
    tell(&deleted, report);
    report.check("200 after the change of leaders, with exact counts", &judged(200, expected, &deleted));
    contents(stage, naive, "exactly the matching records are gone", report).await?;
    stage.thaw(node)?;
    report.say(&format!("node {node} goes on (SIGCONT)"));
    search(stage, naive, report).await
}

async fn delete_everything(stage: &Stage, naive: &mut Naive, report: &mut Report) -> anyhow::Result<()> {
    report.part("Delete everything");
    let expected = naive.delete_all();
    let deleted = stage.delete(&json!({"delete_all": true}), LONG).await?;
    tell(&deleted, report);
    report.check("200, and the count is that of all that was left", &judged(200, expected, &deleted));
    contents(stage, naive, "nothing is left", report).await?;
    search(stage, naive, report).await
}

fn judged(status: u16, expected: Taken, deleted: &Deleted) -> Vec<checker::Finding> {
    let mut findings = checker::status(status, deleted.status);
    findings.extend(checker::complete(expected, &deleted.answer));
    findings
}

fn tell(deleted: &Deleted, report: &mut Report) {
    report.say(&format!("HTTP {} after {:.0} ms", deleted.status, deleted.took.as_secs_f64() * 1e3));
    for line in crate::command::delete_lines(&deleted.answer) {
        report.say(&format!("  {line}"));
    }
}

async fn contents(stage: &Stage, naive: &Naive, claim: &str, report: &mut Report) -> anyhow::Result<()> {
    let seen = stage.contents().await?;
    report.check(&format!("{claim} ({} records)", naive.len()), &checker::contents(naive.ids(), &seen));
    Ok(())
}

async fn search(stage: &Stage, naive: &Naive, report: &mut Report) -> anyhow::Result<()> {
    let (found, took) = stage.search(naive, TOP_K).await?;
    let per_query = took.as_secs_f64() * 1e3 / sift::QUERIES as f64;
    if naive.len() == 0 {
        report.check("no query finds anything", &checker::search(0.0, 1.0, &found.gone));
        return Ok(());
    }
    let claim = format!(
        "{} queries: recall@{TOP_K} {:.4} against exact search, nothing deleted found ({per_query:.2} ms a query)",
        sift::QUERIES,
        found.recall
    );
    report.check(&claim, &checker::search(LEAST_RECALL, found.recall, &found.gone));
    Ok(())
}
