//! The phases of a run, each timed at the generator.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::data::{Data, GROUP, bucket_of, id_of};
use crate::driver::{Ask, Driver};

/// One phase's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// Its name.
    pub phase: String,
    /// Things done in a second (records, queries, ids or calls, as the name says).
    pub per_second: f64,
    /// Median latency of a call, ms.
    pub p50_ms: f64,
    /// 99th percentile, ms.
    pub p99_ms: f64,
    /// Recall@10 against exact search, for queries.
    pub recall: Option<f64>,
}

/// What one call of a phase does.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Writes the next hundred rows.
    Load,
    /// One query.
    Query(Ask),
    /// Deletes one id, counted from the first row.
    DeleteOne,
    /// Deletes the next hundred ids behind `skip`.
    DeleteHundred { skip: usize },
    /// Deletes the next group, counted from the last row backwards.
    DeleteGroup,
    /// Deletes everything.
    DeleteAll,
}

/// How a phase is run.
#[derive(Clone, Copy, Debug)]
struct Size {
    calls: usize,
    per_call: usize,
    clients: usize,
}

/// What a run checks besides timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// That the deletes left what they should have.
    Counts,
    /// Nothing: the server only pretends.
    Nothing,
}

/// A server under load.
pub struct Run {
    /// The collection.
    pub driver: Driver,
    /// The rows and queries.
    pub data: Arc<Data>,
    /// Connections at once.
    pub clients: usize,
    /// Queries of each kind.
    pub queries: usize,
    /// Single-id deletes.
    pub delete_ones: usize,
    /// Values of ef to try (native only).
    pub efs: Vec<usize>,
    /// What is checked.
    pub check: Check,
}

impl Run {
    /// All phases, in order.
    pub async fn all(&self) -> Result<Vec<Figure>> {
        let records = self.data.rows.len();
        let by = |calls, per_call| Size { calls, per_call, clients: self.clients };
        let mut figures =
            vec![self.measure("load by 100, records/s", Job::Load, by(records / 100, 100)).await?];
        let asks = std::iter::once(None).chain(self.efs.iter().copied().map(Some));
        for ef in asks {
            let name = ef.map_or("query, default".to_owned(), |ef| format!("query, ef {ef}"));
            let ask = Ask { filtered: false, ef };
            figures.push(self.measure(&name, Job::Query(ask), by(self.queries, 1)).await?);
        }
        let filtered = Ask { filtered: true, ef: None };
        figures.push(
            self.measure("filtered query (a tenth kept)", Job::Query(filtered), by(self.queries, 1)).await?,
        );
        figures.push(self.measure("delete one", Job::DeleteOne, by(self.delete_ones, 1)).await?);
        let hundred = Job::DeleteHundred { skip: self.delete_ones };
        figures.push(self.measure("delete by 100, ids/s", hundred, by(records / 4 / 100, 100)).await?);
        let alone = Size { calls: 50, per_call: 1, clients: 1 };
        figures.push(self.measure("where-delete of 20", Job::DeleteGroup, alone).await?);
        self.left(records - self.delete_ones - records / 4 / 100 * 100 - 50 * GROUP).await?;
        let once = Size { calls: 1, per_call: 1, clients: 1 };
        figures.push(self.measure("deleteAll", Job::DeleteAll, once).await?);
        self.left(0).await?;
        Ok(figures)
    }

    async fn left(&self, expected: usize) -> Result<()> {
        if self.check == Check::Nothing {
            return Ok(());
        }
        let mut connection = Connection::open(&self.driver.host).await?;
        let left = self.driver.count(&mut connection).await?;
        ensure!(left == expected as u64, "{left} records are left, {expected} should be");
        Ok(())
    }

    /// Loads only.
    pub async fn load(&self) -> Result<Vec<Figure>> {
        let size = Size { calls: self.data.rows.len() / 100, per_call: 100, clients: self.clients };
        Ok(vec![self.measure("load by 100, records/s", Job::Load, size).await?])
    }

    /// Loads, then deletes one by one: the durable write that is compared with etcd's.
    pub async fn deletes(&self) -> Result<Vec<Figure>> {
        let by = |calls, per_call| Size { calls, per_call, clients: self.clients };
        let load =
            self.measure("load by 100, records/s", Job::Load, by(self.data.rows.len() / 100, 100)).await?;
        let name = format!("delete one, {} clients", self.clients);
        Ok(vec![load, self.measure(&name, Job::DeleteOne, by(self.delete_ones, 1)).await?])
    }

    async fn measure(&self, phase: &str, job: Job, size: Size) -> Result<Figure> {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..size.clients.min(size.calls) {
            let (next, driver, data) = (next.clone(), self.driver.clone(), self.data.clone());
            tasks.push(tokio::spawn(client(driver, data, job, size.calls, next)));
        }
        let (mut took, mut found) = (Vec::new(), Vec::new());
        for task in tasks {
            let (times, hits) = task.await??;
            took.extend(times);
            found.extend(hits);
        }
        let per_second = (size.calls * size.per_call) as f64 / begun.elapsed().as_secs_f64();
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        let recall = match job {
            Job::Query(ask) => Some(recall(&self.data, &found, ask.filtered)),
            Job::Load | Job::DeleteOne | Job::DeleteHundred { .. } | Job::DeleteGroup | Job::DeleteAll => {
                None
            }
        };
        Ok(Figure { phase: phase.to_owned(), per_second, p50_ms: at(0.5), p99_ms: at(0.99), recall })
    }
}

type Done = (Vec<Duration>, Vec<(usize, Vec<String>)>);

async fn client(
    driver: Driver,
    data: Arc<Data>,
    job: Job,
    calls: usize,
    next: Arc<AtomicUsize>,
) -> Result<Done> {
    let mut connection = Connection::open(&driver.host).await?;
    let (mut took, mut found) = (Vec::new(), Vec::new());
    loop {
        let call = next.fetch_add(1, Ordering::Relaxed);
        if call >= calls {
            return Ok((took, found));
        }
        let begun = Instant::now();
        match job {
            Job::Load => driver.upsert(&mut connection, &data, hundred(call, 0)).await?,
            Job::Query(ask) => {
                let query = call % data.queries.len();
                let hits = driver.query(&mut connection, &data.queries[query], ask).await?;
                took.push(begun.elapsed());
                found.push((query, hits));
                continue;
            }
            Job::DeleteOne => driver.delete_ids(&mut connection, call..call + 1).await?,
            Job::DeleteHundred { skip } => driver.delete_ids(&mut connection, hundred(call, skip)).await?,
            Job::DeleteGroup => {
                let last = data.rows.len() / GROUP - 1;
                driver.delete_group(&mut connection, last - call).await?;
            }
            Job::DeleteAll => driver.delete_all(&mut connection).await?,
        }
        took.push(begun.elapsed());
    }
}

fn hundred(call: usize, skip: usize) -> Range<usize> {
    skip + call * 100..skip + (call + 1) * 100
}

/// Share of the ten nearest that were found, over each query's first answer.
fn recall(data: &Data, found: &[(usize, Vec<String>)], filtered: bool) -> f64 {
    let mut seen = std::collections::BTreeMap::new();
    for (query, hits) in found {
        seen.entry(*query).or_insert(hits);
    }
    let shares = seen.iter().map(|(query, hits)| {
        let nearest = data.nearest(&data.queries[*query], |at| !filtered || bucket_of(at) == 3);
        nearest.iter().filter(|at| hits.contains(&id_of(**at))).count() as f64 / nearest.len() as f64
    });
    shares.sum::<f64>() / seen.len() as f64
}
