//! etcd as the peer for durable writes: puts and single-key deletes of 1 KiB values by gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;

use crate::phases::Figure;

#[allow(missing_docs, unreachable_pub, clippy::pedantic)]
mod wire {
    tonic::include_proto!("etcdserverpb");
}

use wire::kv_client::KvClient;
use wire::{DeleteRangeRequest, PutRequest};

/// Bytes of a value: about what a record of 128 components with metadata weighs.
const VALUE: usize = 1024;

/// Puts, then deletes, `calls` keys by `clients` connections.
pub async fn run(address: &str, clients: usize, calls: usize) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for delete in [false, true] {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let client = KvClient::connect(format!("http://{address}")).await?;
            tasks.push(tokio::spawn(worker(client, next.clone(), calls, delete)));
        }
        let mut took = Vec::new();
        for task in tasks {
            took.extend(task.await??);
        }
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        let verb = if delete { "delete" } else { "put" };
        figures.push(Figure {
            phase: format!("etcd {verb}, {clients} clients"),
            per_second: calls as f64 / begun.elapsed().as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            recall: None,
        });
    }
    Ok(figures)
}

async fn worker(
    mut client: KvClient<tonic::transport::Channel>,
    next: Arc<AtomicUsize>,
    calls: usize,
    delete: bool,
) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    loop {
        let call = next.fetch_add(1, Ordering::Relaxed);
        if call >= calls {
            return Ok(took);
        }
        let key = format!("r{call:07}").into_bytes();
        let begun = Instant::now();
        if delete {
            client.delete_range(DeleteRangeRequest { key }).await?;
        } else {
            client.put(PutRequest { key, value: vec![b'x'; VALUE] }).await?;
        }
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
}
