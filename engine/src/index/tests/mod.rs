//! What the index promises, against plain recomputation.

mod ages;
mod filters;
mod kept_graphs;
mod keys;
mod recall;
mod threads;
mod vectors;

use std::collections::BTreeMap;

use lacuna_model::record::{Kind, Ordinal, Written};
use lacuna_model::slot_of;
use lacuna_model::value::Metadata;

use super::*;

const INC: Incarnation = Incarnation(7);
const LONG: Duration = Duration::from_secs(300);

/// Multiplies the rounds of a test: `LACUNA_TEST_ROUNDS`, 1 if unset.
fn rounds(short: usize) -> usize {
    short * std::env::var("LACUNA_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

fn schema(dimension: usize, metric: Metric) -> Schema {
    Schema { dimension: Some(dimension as u32), metric, kind: Kind::Vector }
}

fn record(vector: Option<Vec<f32>>, metadata: Metadata) -> StoredRecord {
    StoredRecord {
        written: Written::default(),
        ordinal: Ordinal::default(),
        vector,
        document: None,
        metadata,
        holds: 0,
        expires: None,
        memory: None,
        sparse: None,
    }
}

fn put(index: &ShardIndex, schema: Schema, id: &str, record: &StoredRecord) {
    index.upsert(INC, schema, KeyedRecord { slot: slot_of(INC, id), id, record });
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// In [-1, 1), more often near 0.
    fn unit(&mut self) -> f32 {
        let mut half = || (self.next() >> 40) as f32 / (1u64 << 24) as f32;
        half() - half()
    }
}

/// Vectors around some centres, and the index that holds those that live.
struct World {
    index: ShardIndex,
    schema: Schema,
    centres: Vec<Vec<f32>>,
    random: Random,
    live: BTreeMap<String, Vec<f32>>,
    next: usize,
}

impl World {
    fn new(config: IndexConfig, metric: Metric, dimension: usize, seed: u64) -> Self {
        println!("seed {seed}");
        let mut random = Random(seed);
        let centres = (0..40).map(|_| (0..dimension).map(|_| random.unit() * 4.0).collect()).collect();
        let index = ShardIndex::new(config, None);
        let schema = schema(dimension, metric);
        Self { index, schema, centres, random, live: BTreeMap::new(), next: 0 }
    }

    fn vector(&mut self) -> Vec<f32> {
        let centre = self.random.below(self.centres.len());
        let random = &mut self.random;
        self.centres[centre].iter().map(|x| x + random.unit()).collect()
    }

    fn add(&mut self, count: usize) {
        for _ in 0..count {
            let (id, vector) = (format!("r{}", self.next), self.vector());
            self.next += 1;
            put(&self.index, self.schema, &id, &record(Some(vector.clone()), Metadata::new()));
            self.live.insert(id, vector);
        }
    }

    fn remove(&mut self, count: usize) {
        for _ in 0..count {
            let at = self.random.below(self.live.len());
            let Some(id) = self.live.keys().nth(at).cloned() else { return };
            self.index.remove(INC, &id);
            self.live.remove(&id);
        }
    }

    fn ask(&self, vector: &[f32], k: usize, ef: Option<usize>) -> Vec<SearchHit> {
        let metric = self.schema.metric;
        let request = SearchRequest { metric, vector, k, ef, precision: Precision::Usual, filter: None };
        self.index.search(INC, &request).unwrap()
    }

    /// The true answer, by a plain loop in f64.
    fn truth(&self, query: &[f32], k: usize) -> Vec<String> {
        let mut all: Vec<(f64, &String)> =
            self.live.iter().map(|(id, vector)| (plain(self.schema.metric, query, vector), id)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        all.into_iter().take(k).map(|(_, id)| id.clone()).collect()
    }

    fn recall(&mut self, queries: usize, ef: Option<usize>) -> f64 {
        let mut found = 0;
        for _ in 0..queries {
            let query = self.vector();
            let truth = self.truth(&query, 10);
            let hits = self.ask(&query, 10, ef);
            assert_eq!(hits.len(), truth.len(), "always as many as there are");
            assert!(hits.iter().all(|hit| self.live.contains_key(hit.id.as_ref())), "INV-4");
            found += hits.iter().filter(|hit| truth.iter().any(|id| **id == *hit.id)).count();
        }
        found as f64 / (queries * 10) as f64
    }
}

/// A distance: smaller is nearer.
fn plain(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let dot: f64 = pairs().map(|(a, b)| a * b).sum();
    let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    match metric {
        Metric::L2 => pairs().map(|(a, b)| (a - b) * (a - b)).sum(),
        Metric::Dot => -dot,
        Metric::Cosine => -dot / (norm(a) * norm(b)).max(f64::MIN_POSITIVE),
    }
}
