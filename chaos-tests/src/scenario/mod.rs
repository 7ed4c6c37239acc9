//! The scenarios. Each starts its own cluster in a folder of its own, and either holds or says what broke.

pub mod kill_after_delete;
pub mod kill_leaders;
pub mod power_cut;
pub mod router_killed;
pub mod stopped_node;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::checker::{Judged, judge};
use crate::client::Client;
use crate::cluster::Cluster;
use crate::history::{self, Recorder};
use crate::workload::{DIMENSION, Worker};

/// A load on a cluster, with its history.
pub struct Load {
    begun: Instant,
    recorder: Arc<Recorder>,
    workers: Vec<Worker>,
}

impl Load {
    /// Clients spread over the routers.
    pub async fn new(cluster: &Cluster, routers: usize, clients: u32, seed: u64) -> Result<Self> {
        let path = cluster.dir().join("history.jsonl");
        let recorder = Arc::new(Recorder::create(&path)?);
        let mut workers = Vec::new();
        for number in 0..clients {
            let client = Client::new(&cluster.url(number as usize % routers), "chaos")?;
            if number == 0 {
                client.create(DIMENSION).await?;
            }
            workers.push(Worker::new(number, client, seed, &format!("run{seed}")));
        }
        Ok(Self { begun: Instant::now(), recorder, workers })
    }

    /// Runs all clients while `faults` runs; stops them when it ends.
    pub async fn during<T>(&mut self, faults: impl Future<Output = Result<T>>) -> Result<T> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = Vec::new();
        for mut worker in std::mem::take(&mut self.workers) {
            let (stop, begun, recorder) = (stop.clone(), self.begun, self.recorder.clone());
            running.push(tokio::spawn(async move {
                worker.run(stop, begun, recorder).await?;
                anyhow::Ok(worker)
            }));
        }
        let told = faults.await;
        stop.store(true, Ordering::Relaxed);
        for worker in running {
            self.workers.push(worker.await.context("a client panicked")??);
        }
        told
    }

    /// After healing: ends all doubt, reads everything, judges.
    pub async fn finish(mut self, cluster: &Cluster) -> Result<Judged> {
        for worker in &mut self.workers {
            worker.finish(self.begun, &self.recorder).await?;
        }
        let path = cluster.dir().join("history.jsonl");
        let events = history::read(&path)?;
        let (judged, violations) = judge(&events);
        println!("  judged {judged:?} from {}", path.display());
        if !violations.is_empty() {
            let shown: Vec<String> = violations.iter().take(20).map(ToString::to_string).collect();
            bail!("{} broken promises:\n    {}", violations.len(), shown.join("\n    "));
        }
        ensure!(
            judged.answered > 50 && judged.counts > 5 && judged.reads > 100,
            "too little was judged: {judged:?}"
        );
        Ok(judged)
    }
}

/// Replicas of each shard, as (node, applied index, digest of records, digest of the rest).
fn replica_digests(shard: &Value) -> Vec<(u64, u64, String, String)> {
    let replica = |replica: &Value| {
        Some((
            replica["node"].as_u64()?,
            replica["digest"]["index"].as_u64()?,
            replica["digest"]["records"].as_str()?.to_owned(),
            replica["digest"]["rest"].as_str()?.to_owned(),
        ))
    };
    shard["replicas"].as_array().into_iter().flatten().filter_map(replica).collect()
}

/// Waits until every shard's replicas stand at one index with equal digests.
pub fn digests_converge(cluster: &Cluster, replicas: usize, wait: Duration) -> Result<usize> {
    let until = Instant::now() + wait;
    loop {
        let told = cluster.describe()?;
        let shards = told["shards"].as_array().cloned().unwrap_or_default();
        let mut compared = 0;
        for shard in &shards {
            let digests = replica_digests(shard);
            let same_index = digests.iter().all(|digest| digest.1 == digests[0].1);
            if digests.len() == replicas && same_index {
                let same = digests.iter().all(|digest| digest.2 == digests[0].2 && digest.3 == digests[0].3);
                ensure!(
                    same,
                    "replicas of shard {} at index {} differ: {digests:?}",
                    shard["shard"],
                    digests[0].1
                );
                compared += 1;
            }
        }
        if compared == shards.len() && compared > 0 {
            return Ok(compared);
        }
        ensure!(Instant::now() < until, "replicas didn't reach one index within {wait:?}: {told}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The node that leads each shard, as (shard, node counted from 0).
pub fn leaders(cluster: &Cluster) -> Result<Vec<(u64, usize)>> {
    let told = cluster.describe()?;
    let leader = |shard: &Value| Some((shard["shard"].as_u64()?, shard["leader"].as_u64()? as usize - 1));
    Ok(told["shards"].as_array().into_iter().flatten().filter_map(leader).collect())
}
