//! Clients that upsert, delete by id, delete by filter and read, each on ids of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::client::Client;
use crate::history::{Call, Event, Recorder};

/// Components of each vector.
pub const DIMENSION: usize = 8;
/// Ids of one client.
const IDS: u64 = 120;
/// Groups of one client.
const GROUPS: u64 = 6;

/// One client's state.
pub struct Worker {
    /// Its number.
    pub number: u32,
    /// Next call.
    pub seq: u64,
    /// Its router.
    pub client: Client,
    /// Its choices.
    pub random: StdRng,
    run: String,
}

impl Worker {
    /// A client of one router, with a seed of its own; `run` keeps keys of several runs apart.
    pub fn new(number: u32, client: Client, seed: u64, run: &str) -> Self {
        let random = StdRng::seed_from_u64(seed ^ (u64::from(number) << 32));
        Self { number, seq: 0, client, random, run: run.to_owned() }
    }

    fn id(&self, at: u64) -> String {
        format!("c{}-{at:04}", self.number)
    }

    fn some_ids(&mut self, most: u64) -> Vec<String> {
        let first = self.random.random_range(0..IDS);
        let count = self.random.random_range(1..=most);
        (0..count).map(|at| self.id((first + at) % IDS)).collect()
    }

    fn choose(&mut self) -> Call {
        let group = self.random.random_range(0..GROUPS);
        let value = u64::from(self.number) * 1_000_000_000 + self.seq;
        match self.random.random_range(0..100) {
            0..45 => Call::Upsert { ids: self.some_ids(20), group, value },
            45..75 => Call::DeleteIds { ids: self.some_ids(10) },
            75..85 => Call::DeleteWhere { group },
            _ => Call::Get { ids: self.some_ids(30) },
        }
    }

    /// Makes one call and records it.
    pub async fn call(&mut self, call: Call, begun: Instant, recorder: &Recorder) -> Result<()> {
        let key = format!("{}-{}-{}", self.run, self.number, self.seq);
        let begin_ns = begun.elapsed().as_nanos() as u64;
        let end = match &call {
            Call::Upsert { ids, group, value } => {
                let records = records(ids, self.number, *group, *value);
                self.client.upsert(&records, &key).await
            }
            Call::DeleteIds { ids } => self.client.delete(&json!({ "ids": ids }), &key).await,
            Call::DeleteWhere { group } => {
                let filter = json!({"client": self.number, "group": group});
                self.client.delete(&json!({ "filter": filter }), &key).await
            }
            Call::Get { ids } => self.client.values(ids).await,
        };
        let end_ns = begun.elapsed().as_nanos() as u64;
        recorder.add(&Event { client: self.number, seq: self.seq, begin_ns, end_ns, call, end })?;
        self.seq += 1;
        Ok(())
    }

    /// Calls until told to stop.
    pub async fn run(
        &mut self,
        stop: Arc<AtomicBool>,
        begun: Instant,
        recorder: Arc<Recorder>,
    ) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let call = self.choose();
            self.call(call, begun, &recorder).await?;
        }
        Ok(())
    }

    /// After healing: an answered write on every id's shard ends all doubt, then everything is read.
    pub async fn finish(&mut self, begun: Instant, recorder: &Recorder) -> Result<()> {
        let fresh: Vec<String> =
            (0..256).map(|at| format!("c{}-settle-{}-{at}", self.number, self.seq)).collect();
        let value = u64::from(self.number) * 1_000_000_000 + self.seq;
        self.call(Call::Upsert { ids: fresh, group: GROUPS, value }, begun, recorder).await?;
        let all: Vec<String> = (0..IDS).map(|at| self.id(at)).collect();
        for ids in all.chunks(40) {
            self.call(Call::Get { ids: ids.to_vec() }, begun, recorder).await?;
        }
        Ok(())
    }
}

fn records(ids: &[String], client: u32, group: u64, value: u64) -> Value {
    let record = |(at, id): (usize, &String)| {
        let vector: Vec<f32> =
            (0..DIMENSION).map(|axis| ((value as usize + at + axis) % 97) as f32).collect();
        let metadata = json!({"client": client, "group": group, "value": value});
        json!({"id": id, "vector": vector, "document": format!("value {value}"), "metadata": metadata})
    };
    ids.iter().enumerate().map(record).collect()
}
