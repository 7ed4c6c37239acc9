//! The router dies right after a deleteAll is recorded: it ends by itself, and repeating the call joins it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::client::Client;
use crate::cluster::{Cluster, Layout};
use crate::rounds::Rounds;

const RECORDS: usize = 600;

/// Runs it. The binary must be built with its fail points.
pub async fn run(dir: &Path, rounds: &Rounds) -> Result<()> {
    let mut cluster = Cluster::start(dir, &Layout { nodes: 3, replicas: 3, shards: 4, routers: 2 }, None)?;
    let other = Client::new(&cluster.url(1), "killed")?;
    other.create(4).await?;
    for round in 0..rounds.router_killed_rounds {
        let record = |at: usize| json!({"id": format!("r{at}"), "vector": [at as f32, 0.0, 0.0, 1.0]});
        let records: Vec<Value> = (0..RECORDS).map(record).collect();
        let answer = other.post(&other.records("upsert"), None, &json!({"records": records})).await?;
        ensure!(answer.status == 200, "upsert answered {answer:?}");
        cluster.restart_router(0, vec![("LACUNA_FAILPOINT".into(), "after_record:abort".into())])?;
        tokio::task::block_in_place(|| cluster.wait_ready(Duration::from_secs(20)))?;
        let key = format!("delete-all-{round}");
        let body = json!({"delete_all": true});
        let doomed = Client::new(&cluster.url(0), "killed")?;
        let lost = doomed.post(&doomed.records("delete"), Some(&key), &body).await;
        ensure!(lost.is_err(), "the router answered {lost:?} instead of dying: built without fail points?");
        ensure!(cluster.router_ended(0)?, "the router lives on");
        let begun = Instant::now();
        let operation = loop {
            let told = other.get(&format!("/v1/operations/{key}")).await?;
            if told.status == 200 && told.body["status"] == "complete" {
                break told.body;
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "round {round}: didn't end by itself: {told:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        ensure!(operation["deleted"] == RECORDS, "round {round}: {operation}");
        let joined = other.post(&other.records("delete"), Some(&key), &body).await?;
        ensure!(
            joined.status == 200 && joined.body["deleted"] == RECORDS,
            "round {round}: joined {joined:?}"
        );
        let count = other.post(&other.records("count"), None, &json!({})).await?;
        ensure!(count.body["count"] == 0, "round {round}: {count:?}");
    }
    println!(
        "  {} routers died after recording; each deleteAll ended by itself",
        rounds.router_killed_rounds
    );
    Ok(())
}
