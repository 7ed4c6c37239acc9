//! All nodes lose power at once under load: what no sync covered is taken back (fault D3).
//!
//! The control run makes the log's syncs count for nothing: it must fail, or the test sees nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{Load, digests_converge};
use crate::cluster::{Cluster, Layout, PowerCut};
use crate::powercut::roll_back;
use crate::rounds::Rounds;

const LAYOUT: Layout = Layout { nodes: 3, replicas: 3, shards: 4, routers: 1 };

/// The preloaded library, built beside the harness.
fn library() -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("liblacuna_powercut.so");
    ensure!(beside.exists(), "{} is missing: cargo build -p lacuna-powercut", beside.display());
    Ok(beside)
}

/// Rounds of load and cut; nothing acknowledged may be lost.
pub async fn run(dir: &Path, rounds: &Rounds, seed: u64) -> Result<()> {
    let power = PowerCut { library: library()?, nosync: None };
    let mut cluster = Cluster::start(dir, &LAYOUT, Some(&power))?;
    let mut load = Load::new(&cluster, 1, rounds.clients, seed).await?;
    let mut taken_back = 0;
    for _ in 0..rounds.power_cut_rounds {
        let length = Duration::from_secs(rounds.power_cut_seconds);
        taken_back += load.during(cut_after(&mut cluster, length)).await?;
    }
    ensure!(taken_back > 0, "no write was taken back: the fault was not felt");
    cluster.wait_ready(Duration::from_secs(60))?;
    load.finish(&cluster).await?;
    let compared = digests_converge(&cluster, 3, Duration::from_secs(60))?;
    println!(
        "  {} cuts, {taken_back} unsynced writes taken back, {compared} shards equal",
        rounds.power_cut_rounds
    );
    Ok(())
}

async fn cut_after(cluster: &mut Cluster, length: Duration) -> Result<usize> {
    tokio::time::sleep(length).await;
    for node in 0..LAYOUT.nodes as usize {
        cluster.kill_node(node)?;
    }
    let mut taken_back = 0;
    for node in 0..LAYOUT.nodes as usize {
        let journal = cluster.journal(node);
        let done = roll_back(&cluster.data_dir(node), &journal).context("rolling back")?;
        println!("  node {}: {done:?}", node + 1);
        taken_back += done.writes;
        cluster.restart_node(node)?;
    }
    tokio::task::block_in_place(|| cluster.wait_ready(Duration::from_secs(60)))?;
    Ok(taken_back)
}

/// The planted bug: with the log's syncs switched off the same rounds must not hold.
pub async fn control(dir: &Path, rounds: &Rounds, seed: u64) -> Result<()> {
    let power = PowerCut { library: library()?, nosync: Some("/wal/".to_owned()) };
    let mut cluster = Cluster::start(dir, &LAYOUT, Some(&power))?;
    let mut load = Load::new(&cluster, 1, rounds.clients, seed).await?;
    let length = Duration::from_secs(rounds.power_cut_seconds);
    let held = async {
        load.during(cut_after(&mut cluster, length)).await?;
        cluster.wait_ready(Duration::from_secs(20))?;
        load.finish(&cluster).await
    };
    match held.await {
        Ok(judged) => bail!("with the log's syncs off everything held ({judged:?}): this test sees nothing"),
        Err(seen) => println!("  as it must, the run without syncs fails: {}", first_line(&seen.to_string())),
    }
    Ok(())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
