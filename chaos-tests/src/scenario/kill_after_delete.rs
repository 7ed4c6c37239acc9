//! Landscape F5: delete half, SIGKILL within 50 ms of the answer, restart: exactly half is there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::client::Client;
use crate::cluster::{Cluster, Layout};
use crate::rounds::Rounds;

const RECORDS: usize = 2_000;

/// Runs it.
pub async fn run(dir: &Path, rounds: &Rounds, seed: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::start(dir, &Layout { nodes: 1, replicas: 1, shards: 4, routers: 1 }, None)?;
    let client = Client::new(&cluster.url(0), "f5")?;
    client.create(4).await?;
    for round in 0..rounds.kill_after_delete_rounds {
        load(&client, round).await?;
        let answer = client.post(&client.records("delete"), None, &json!({"filter": {"half": 1}})).await?;
        ensure!(answer.status == 200 && answer.body["deleted"] == RECORDS / 2, "round {round}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(random.random_range(0..50))).await;
        cluster.kill_node(0)?;
        cluster.restart_node(0)?;
        tokio::task::block_in_place(|| cluster.wait_ready(Duration::from_secs(30)))?;
        let count = client.post(&client.records("count"), None, &json!({})).await?;
        ensure!(count.body["count"] == RECORDS / 2, "round {round}: after the kill {count:?}");
        let gone: Vec<String> = (0..RECORDS).step_by(2).map(id_of).collect();
        let found = client.post(&client.records("get"), None, &json!({"ids": gone})).await?;
        ensure!(found.body["records"] == json!([]), "round {round}: deleted records are back: {found:?}");
    }
    println!(
        "  {} rounds: {} of {RECORDS} left each time, none back",
        rounds.kill_after_delete_rounds,
        RECORDS / 2
    );
    Ok(())
}

fn id_of(at: usize) -> String {
    format!("r{at:05}")
}

async fn load(client: &Client, round: u32) -> Result<()> {
    let record = |at: usize| {
        let vector = [at as f32, round as f32, 0.0, 1.0];
        json!({"id": id_of(at), "vector": vector, "metadata": {"half": 1 - at % 2, "round": round}})
    };
    for first in (0..RECORDS).step_by(500) {
        let records: Vec<Value> = (first..first + 500).map(record).collect();
        let answer = client.post(&client.records("upsert"), None, &json!({"records": records})).await?;
        ensure!(answer.status == 200, "upsert answered {answer:?}");
    }
    Ok(())
}
