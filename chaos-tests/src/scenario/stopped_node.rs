//! One node of three stopped (SIGSTOP): with one replica a shard the answers name exactly its shards as
//! pending, and everything completes by itself after SIGCONT; with three replicas the deletes are complete.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::leaders;
use crate::client::{Answer, Client};
use crate::cluster::{Cluster, Layout};

const RECORDS: usize = 1_200;
const STOPPED: usize = 2;

async fn load(client: &Client) -> Result<()> {
    client.create(4).await?;
    for namespace in ["", "whole"] {
        let record = |at: usize| json!({"id": format!("r{at}"), "vector": [at as f32, 1.0, 2.0, 3.0], "metadata": {"part": at % 3}});
        for first in (0..RECORDS).step_by(300) {
            let records: Vec<Value> = (first..first + 300).map(record).collect();
            let body = json!({"namespace": namespace, "records": records});
            let answer = client.post(&client.records("upsert"), None, &body).await?;
            ensure!(answer.status == 200, "upsert answered {answer:?}");
        }
    }
    Ok(())
}

/// Shards of an answer that are pending, after checking that their counts are null and the others' known.
fn pending_shards(answer: &Answer) -> Result<BTreeSet<u64>> {
    let mut pending = BTreeSet::new();
    for shard in answer.body["shards"].as_array().into_iter().flatten() {
        if shard["status"] == "applied" {
            ensure!(shard["deleted"].is_u64(), "an applied shard knows its count: {shard}");
        } else {
            ensure!(shard["status"] == "pending", "expected pending: {shard}");
            ensure!(
                shard["deleted"].is_null() && shard["matched"].is_null(),
                "a pending count is null: {shard}"
            );
            pending.extend(shard["shard"].as_u64());
        }
    }
    Ok(pending)
}

async fn completed(client: &Client, answer: &Answer, wait: Duration) -> Result<Value> {
    let Some(operation) = &answer.operation else { bail!("no Lacuna-Operation in {answer:?}") };
    let until = Instant::now() + wait;
    loop {
        let told = client.get(&format!("/v1/operations/{operation}")).await?;
        if told.status == 200 && told.body["status"] == "complete" {
            return Ok(told.body);
        }
        ensure!(Instant::now() < until, "not complete within {wait:?}: {told:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One replica a shard: 207, then completion by itself.
pub async fn one_replica(dir: &Path) -> Result<()> {
    let cluster = Cluster::start(dir, &Layout { nodes: 3, replicas: 1, shards: 6, routers: 1 }, None)?;
    let client = Client::new(&cluster.url(0), "stopped")?;
    load(&client).await?;
    let theirs: BTreeSet<u64> = tokio::task::block_in_place(|| leaders(&cluster))?
        .into_iter()
        .filter(|(_, node)| *node == STOPPED)
        .map(|(shard, _)| shard)
        .collect();
    ensure!(theirs.len() == 2, "two of six shards are on the node to be stopped, found {theirs:?}");
    cluster.pause_node(STOPPED)?;
    let filter = client.post(&client.records("delete"), None, &json!({"filter": {"part": 1}})).await?;
    ensure!(filter.status == 207, "where-delete answered {filter:?}");
    ensure!(pending_shards(&filter)? == theirs, "pending shards must be {theirs:?}: {filter:?}");
    ensure!(filter.body["deleted"].is_null(), "a total with a part unknown is null: {filter:?}");
    let body = json!({"namespace": "whole", "delete_all": true});
    let all = client.post(&client.records("delete"), None, &body).await?;
    ensure!(all.status == 207, "deleteAll answered {all:?}");
    ensure!(pending_shards(&all)? == theirs, "pending shards must be {theirs:?}: {all:?}");
    cluster.resume_node(STOPPED)?;
    let filter = completed(&client, &filter, Duration::from_secs(30)).await?;
    ensure!(filter["deleted"] == RECORDS / 3, "where-delete's count: {filter}");
    let all = completed(&client, &all, Duration::from_secs(30)).await?;
    ensure!(all["deleted"] == RECORDS, "deleteAll's count: {all}");
    let count = client.post(&client.records("count"), None, &json!({})).await?;
    ensure!(count.body["count"] == RECORDS - RECORDS / 3, "left: {count:?}");
    println!("  207 naming shards {theirs:?}, complete by itself after SIGCONT, counts add up");
    Ok(())
}

/// Three replicas: 200 within 5 s, counts exact.
pub async fn three_replicas(dir: &Path) -> Result<()> {
    let cluster = Cluster::start(dir, &Layout { nodes: 3, replicas: 3, shards: 6, routers: 1 }, None)?;
    let client = Client::new(&cluster.url(0), "stopped")?;
    load(&client).await?;
    cluster.pause_node(STOPPED)?;
    for (body, expected) in [
        (json!({"filter": {"part": 1}}), RECORDS / 3),
        (json!({"namespace": "whole", "delete_all": true}), RECORDS),
    ] {
        let begun = Instant::now();
        let answer = client.post(&client.records("delete"), None, &body).await?;
        let took = begun.elapsed();
        ensure!(answer.status == 200, "{body} answered {answer:?} after {took:?}");
        ensure!(took < Duration::from_secs(5), "{body} took {took:?}");
        ensure!(answer.body["deleted"] == expected, "{body}: {answer:?}");
        println!("  {body}: 200 after {took:?}, {expected} deleted");
    }
    cluster.resume_node(STOPPED)?;
    Ok(())
}
