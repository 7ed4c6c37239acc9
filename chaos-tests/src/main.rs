//! `lacuna-chaos`: runs the scenarios by name.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use lacuna_chaos_tests::rounds::{self, Rounds};
use lacuna_chaos_tests::scenario;

/// Runs fault scenarios against the binary that LACUNA_BIN names (default: target/release/lacuna).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Scenarios by name, or `all`; `list` names them.
    #[arg(required = true)]
    scenarios: Vec<String>,
    /// Seed of every choice; without it one is made and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep each run's folder (data, logs, history) here.
    #[arg(long)]
    keep: Option<PathBuf>,
}

const SCENARIOS: &[&str] = &[
    "kill_leaders",
    "stopped_node_one_replica",
    "stopped_node_three_replicas",
    "router_killed",
    "kill_after_delete",
    "power_cut",
    "power_cut_without_syncs",
];

async fn run(name: &str, dir: &Path, rounds: &Rounds, seed: u64) -> Result<()> {
    match name {
        "kill_leaders" => scenario::kill_leaders::run(dir, rounds, seed).await,
        "stopped_node_one_replica" => scenario::stopped_node::one_replica(dir).await,
        "stopped_node_three_replicas" => scenario::stopped_node::three_replicas(dir).await,
        "router_killed" => scenario::router_killed::run(dir, rounds).await,
        "kill_after_delete" => scenario::kill_after_delete::run(dir, rounds, seed).await,
        "power_cut" => scenario::power_cut::run(dir, rounds, seed).await,
        "power_cut_without_syncs" => scenario::power_cut::control(dir, rounds, seed).await,
        other => bail!("no scenario {other:?}; there are: {}", SCENARIOS.join(", ")),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.scenarios.iter().any(|name| name == "list") {
        println!("{}", SCENARIOS.join("\n"));
        return Ok(());
    }
    let all = arguments.scenarios.iter().any(|name| name == "all");
    let names: Vec<&str> =
        if all { SCENARIOS.to_vec() } else { arguments.scenarios.iter().map(String::as_str).collect() };
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let rounds = rounds::chosen();
    let mut failed = 0;
    for name in &names {
        let folder = tempfile::Builder::new().prefix(&format!("lacuna-{name}-")).tempdir()?;
        println!("{name}: seed {seed}");
        let begun = Instant::now();
        match run(name, folder.path(), &rounds, seed).await {
            Ok(()) => println!("{name}: holds ({:.1?})", begun.elapsed()),
            Err(broken) => {
                failed += 1;
                let kept = folder.keep();
                println!("{name}: FAILED ({:.1?}): {broken:#}", begun.elapsed());
                println!("  artefacts in {}; again: lacuna-chaos {name} --seed {seed}", kept.display());
                continue;
            }
        }
        if let Some(keep) = &arguments.keep {
            std::fs::create_dir_all(keep)?;
            println!("  kept in {}", folder.keep().display());
        }
    }
    println!("{} passed, {failed} failed", names.len() - failed);
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}
