//! `lacuna-bench`: one load generator for Lacuna and its peers.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use lacuna_bench::data::Data;
use lacuna_bench::driver::{Api, Driver};
use lacuna_bench::phases::{Check, Figure, Run};
use lacuna_bench::{ceiling, etcd};

/// Times the phases of a vector database's life, over HTTP, from a generator on the same machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All phases against one server; prints JSON.
    Phases(Phases),
    /// Loads only; prints JSON.
    Load(Phases),
    /// Single-id deletes only, with many clients; prints JSON.
    DeleteOne(Phases),
    /// Durable puts and deletes against etcd; prints JSON.
    Etcd {
        /// host:port of its client listener.
        #[arg(long)]
        host: String,
        /// Connections at once.
        #[arg(long, default_value_t = 8)]
        clients: usize,
        /// Calls of each kind.
        #[arg(long, default_value_t = 5000)]
        calls: usize,
    },
    /// All phases against a server that answers at once: the generator's own ceiling. Prints JSON.
    Ceiling(Phases),
    /// Serves what Chroma's client can read, at once and without doing anything, until it is ended: the client's own
    /// cost.
    Stub {
        /// host:port to listen on.
        #[arg(long)]
        listen: String,
    },
}

#[derive(Args)]
struct Phases {
    /// host:port of the server.
    #[arg(long, default_value = "127.0.0.1:8000")]
    host: String,
    /// Its API.
    #[arg(long, value_enum, default_value = "native")]
    api: Api,
    /// Records to load.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// Connections at once.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Queries of each kind.
    #[arg(long, default_value_t = 2_000)]
    queries: usize,
    /// Single-id deletes.
    #[arg(long, default_value_t = 2_000)]
    delete_ones: usize,
    /// Values of ef to try besides the default (native only).
    #[arg(long, value_delimiter = ',')]
    ef: Vec<usize>,
    /// The SIFT sample.
    #[arg(long, default_value = "cli/data/sift10k.u8")]
    data: PathBuf,
    /// Seed of the noise.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Name of the collection; must be new.
    #[arg(long, default_value = "bench")]
    collection: String,
}

impl Phases {
    async fn run(&self) -> Result<Run> {
        let data = Arc::new(Data::read(&self.data, self.records, self.seed)?);
        let driver = Driver::create(self.api, &self.host, &self.collection).await?;
        let (clients, queries, delete_ones) = (self.clients, self.queries, self.delete_ones);
        Ok(Run { driver, data, clients, queries, delete_ones, efs: self.ef.clone(), check: Check::Counts })
    }
}

fn print(figures: &[Figure]) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(figures)?);
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Phases(phases) => print(&phases.run().await?.all().await?),
        Command::Load(phases) => print(&phases.run().await?.load().await?),
        Command::DeleteOne(phases) => print(&phases.run().await?.deletes().await?),
        Command::Etcd { host, clients, calls } => print(&etcd::run(&host, clients, calls).await?),
        Command::Stub { listen } => ceiling::serve(tokio::net::TcpListener::bind(listen).await?).await,
        Command::Ceiling(mut phases) => {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            phases.host = listener.local_addr()?.to_string();
            tokio::spawn(ceiling::serve(listener));
            let mut run = phases.run().await?;
            run.check = Check::Nothing;
            print(&run.all().await?)
        }
    }
}
