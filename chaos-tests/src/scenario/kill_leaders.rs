//! SIGKILL of the leader of every shard in turn, while clients upsert and delete (fault P1).

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Load, digests_converge, leaders};
use crate::cluster::{Cluster, Layout};
use crate::rounds::Rounds;

/// Runs it.
pub async fn run(dir: &Path, rounds: &Rounds, seed: u64) -> Result<()> {
    let layout = Layout { nodes: 3, replicas: 3, shards: 4, routers: 2 };
    let mut cluster = Cluster::start(dir, &layout, None)?;
    let mut load = Load::new(&cluster, 2, rounds.clients, seed).await?;
    let length = Duration::from_secs(rounds.kill_leaders_seconds);
    let every = Duration::from_secs(rounds.kill_every_seconds);
    let kills = load.during(kill_in_turn(&mut cluster, length, every)).await?;
    ensure!(kills >= 2, "only {kills} leaders were killed: the fault was not felt");
    cluster.wait_ready(Duration::from_secs(30))?;
    load.finish(&cluster).await?;
    let compared = digests_converge(&cluster, 3, Duration::from_secs(30))?;
    println!("  {kills} leaders killed; digests of {compared} shards equal on 3 replicas");
    Ok(())
}

async fn kill_in_turn(cluster: &mut Cluster, length: Duration, every: Duration) -> Result<usize> {
    let begun = Instant::now();
    let mut kills = 0;
    while begun.elapsed() < length {
        tokio::time::sleep(every / 2).await;
        let Ok(leaders) = tokio::task::block_in_place(|| leaders(cluster)) else { continue };
        let Some((shard, node)) = leaders.get(kills % leaders.len().max(1)).copied() else { continue };
        println!("  killing node {} (leads shard {shard})", node + 1);
        cluster.kill_node(node)?;
        kills += 1;
        tokio::time::sleep(every / 2).await;
        cluster.restart_node(node)?;
    }
    Ok(kills)
}
