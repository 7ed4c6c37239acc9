//! A cluster with a collection on it, and the requests that the tour makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use serde_json::{Value, json};

use super::checker::Contents;
use super::naive::Naive;
use super::sift;
use crate::http::{Answer, Client};
use crate::process::{Cluster, Plan};

/// Name of the collection.
pub(super) const COLLECTION: &str = "sift";
const SHARDS: u32 = 4;
const NODES: u64 = 3;
const BATCH: usize = 350;
const READY: Duration = Duration::from_secs(60);

/// A delete's answer with its HTTP status and how long it took.
pub(super) struct Deleted {
    pub(super) status: u16,
    pub(super) answer: DeleteAnswer,
    pub(super) took: Duration,
}

/// What a search gave.
pub(super) struct Found {
    /// Share of the hits that an exact search could have given.
    pub(super) recall: f64,
    /// Hits that should not exist.
    pub(super) gone: Vec<String>,
}

/// A running cluster of three nodes.
pub(super) struct Stage {
    plan: Plan,
    cluster: Cluster,
    client: Client,
}

impl Stage {
    /// Starts a cluster whose data is in `dir`.
    pub(super) async fn start(dir: &Path, replicas: u32) -> anyhow::Result<Self> {
        let listen = ([127, 0, 0, 1], 0).into();
        Self::of(Plan { nodes: NODES, replicas, shards: SHARDS, dir: dir.to_owned(), listen }).await
    }

    async fn of(plan: Plan) -> anyhow::Result<Self> {
        let mut cluster = Cluster::start(&plan)?;
        cluster.ready(READY).await?;
        let client = Client::new(&cluster.url, Duration::from_secs(10), None)?;
        Ok(Self { plan, cluster, client })
    }

    /// Stops every process gracefully and starts them again on the same data.
    pub(super) async fn restart(self) -> anyhow::Result<Self> {
        self.cluster.stop().await?;
        Self::of(self.plan).await
    }

    /// Kills every process and starts them again on the same data.
    pub(super) async fn restart_after_kill(self) -> anyhow::Result<Self> {
        self.cluster.kill().await?;
        Self::of(self.plan).await
    }

    /// Stops everything for good.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.cluster.stop().await
    }

    /// The processes in words.
    pub(super) fn words(&self) -> String {
        let nodes: Vec<String> =
            self.cluster.nodes.iter().map(|node| format!("{} pid {}", node.name, node.pid)).collect();
        format!("{}, router pid {} at {}", nodes.join(", "), self.cluster.router.pid, self.cluster.url)
    }

    /// SIGSTOP for a node.
    pub(super) fn freeze(&self, node: u64) -> anyhow::Result<()> {
        self.process(node)?.freeze()
    }

    /// SIGCONT for a node.
    pub(super) fn thaw(&self, node: u64) -> anyhow::Result<()> {
        self.process(node)?.thaw()
    }

    fn process(&self, node: u64) -> anyhow::Result<&crate::process::Process> {
        let at = usize::try_from(node).ok().and_then(|node| node.checked_sub(1));
        at.and_then(|at| self.cluster.nodes.get(at)).with_context(|| format!("there is no node {node}"))
    }

    /// Makes the collection.
    pub(super) async fn create(&self) -> anyhow::Result<()> {
        let body = json!({"name": COLLECTION, "dimension": sift::DIMENSION, "metric": "l2"});
        self.client.post(&["v1", "collections"], &body).await?;
        Ok(())
    }

    /// Writes rows of the data, here and in the model; returns how long it took.
    pub(super) async fn load(
        &self,
        naive: &mut Naive,
        rows: std::ops::Range<usize>,
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let rows: Vec<usize> = rows.collect();
        for chunk in rows.chunks(BATCH) {
            let records: Vec<Value> = chunk.iter().map(|number| naive.upsert(*number)).collect();
            let answer = self.post("upsert", &json!({"records": records})).await?;
            if answer.status != 200 {
                bail!("an upsert answered HTTP {}: {}", answer.status, answer.body);
            }
        }
        Ok(began.elapsed())
    }

    /// Counts and lists everything.
    pub(super) async fn contents(&self) -> anyhow::Result<Contents> {
        let count = self.post("count", &json!({})).await?.body["count"].as_u64();
        let mut ids = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let mut body = json!({"limit": 1_000, "include": []});
            if !cursor.is_null() {
                body["cursor"] = cursor;
            }
            let page = self.post("get", &body).await?.body;
            for record in page["records"].as_array().context("a listing without records")? {
                ids.push(record["id"].as_str().context("a record without an id")?.to_owned());
            }
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                return Ok(Contents { count, ids });
            }
        }
    }

    /// Searches for every query row and compares with the exact answer.
    pub(super) async fn search(&self, naive: &Naive, top_k: usize) -> anyhow::Result<(Found, Duration)> {
        let queries: Vec<&[u8]> = sift::queries().collect();
        let (mut right, mut possible, mut gone) = (0usize, 0usize, Vec::new());
        let mut took = Duration::ZERO;
        for chunk in queries.chunks(100) {
            let began = Instant::now();
            let answer = self.post("query", &json!({"vectors": chunk, "top_k": top_k})).await?;
            took += began.elapsed();
            let results = answer.body["results"].as_array().context("an answer without results")?;
            for (query, result) in chunk.iter().zip(results) {
                let Some(radius) = naive.radius(query, top_k) else { continue };
                possible += top_k.min(usize::try_from(naive.len())?);
                for hit in result["matches"].as_array().into_iter().flatten() {
                    let id = hit["id"].as_str().unwrap_or_default();
                    match naive.distance(id, query) {
                        Some(distance) if distance <= radius => right += 1,
                        Some(_) => {}
                        None => gone.push(id.to_owned()),
                    }
                }
            }
            if results.len() != chunk.len() {
                bail!("{} results for {} query vectors", results.len(), chunk.len());
            }
        }
        Ok((Found { recall: right as f64 / possible.max(1) as f64, gone }, took))
    }

    /// Deletes, with a deadline.
    pub(super) async fn delete(&self, body: &Value, deadline: Duration) -> anyhow::Result<Deleted> {
        let client = self.client.with_deadline(deadline)?;
        let began = Instant::now();
        let answer = client.post(&["v1", "collections", COLLECTION, "records", "delete"], body).await?;
        let took = began.elapsed();
        let parsed = serde_json::from_value(answer.body.clone())
            .with_context(|| format!("an answer to a delete of another shape: {}", answer.body))?;
        Ok(Deleted { status: answer.status, answer: parsed, took })
    }

    /// Watches an operation until it is complete, or for so long.
    pub(super) async fn watch(&self, op_id: &str, patience: Duration) -> anyhow::Result<Deleted> {
        let began = Instant::now();
        loop {
            let seen = self.client.get(&["v1", "operations", op_id]).await?;
            let answer: DeleteAnswer = serde_json::from_value(seen.body)?;
            if answer.status == DeleteStatus::Complete || began.elapsed() > patience {
                return Ok(Deleted { status: seen.status, answer, took: began.elapsed() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Shards with a replica on the node.
    pub(super) async fn shards_on(&self, node: u64) -> anyhow::Result<BTreeSet<u32>> {
        let shards = self.shards().await?;
        let on = |shard: &&Value| {
            shard["replicas"]
                .as_array()
                .is_some_and(|all| all.iter().any(|replica| replica["node"].as_u64() == Some(node)))
        };
        shards.iter().filter(on).map(number_of).collect()
    }

    /// The node that leads most shards, and those shards.
    pub(super) async fn busiest(&self) -> anyhow::Result<(u64, BTreeSet<u32>)> {
        let shards = self.shards().await?;
        let mut best = (1, BTreeSet::new());
        for node in 1..=NODES {
            let led: BTreeSet<u32> = shards
                .iter()
                .filter(|shard| shard["leader"].as_u64() == Some(node))
                .map(number_of)
                .collect::<anyhow::Result<_>>()?;
            if led.len() > best.1.len() {
                best = (node, led);
            }
        }
        Ok(best)
    }

    async fn shards(&self) -> anyhow::Result<Vec<Value>> {
        let body = self.client.get(&["v1", "cluster"]).await?.body;
        body["shards"].as_array().cloned().with_context(|| format!("/v1/cluster names no shards: {body}"))
    }

    async fn post(&self, verb: &str, body: &Value) -> anyhow::Result<Answer> {
        let answer = self.client.post(&["v1", "collections", COLLECTION, "records", verb], body).await;
        answer.with_context(|| format!("{verb} failed"))
    }
}

fn number_of(shard: &Value) -> anyhow::Result<u32> {
    let number = shard["shard"].as_u64().with_context(|| format!("a shard without a number: {shard}"))?;
    Ok(u32::try_from(number)?)
}
