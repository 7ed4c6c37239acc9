//! Queries per second of processor time, and recall, of one index, in process, on one thread.
//!
//! `cargo run --release -p lacuna-engine --example search_bench -- FILE [ROWS_PER_SEGMENT]`, where FILE holds rows of 128
//! unsigned bytes; the last 200 are the queries. Prints one line per `ef`: unfiltered, then with 10% kept.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lacuna_engine::index::{
    Filtered, IndexConfig, KeyedRecord, Precision, SearchHit, SearchRequest, ShardIndex,
};
use lacuna_model::filter::{FieldTest, Filter, Look};
use lacuna_model::record::{Kind, Metric, Ordinal, Schema, StoredRecord, Written};
use lacuna_model::value::{MetaValue, Scalar};
use lacuna_model::{Incarnation, slot_of};

const DIMENSION: usize = 128;
const QUERIES: usize = 200;
const K: usize = 10;
const INCARNATION: Incarnation = Incarnation(1);
const FOR_EACH: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a file of rows of 128 bytes")?;
    let bytes = std::fs::read(path)?;
    let rows: Vec<Vec<f32>> =
        bytes.chunks_exact(DIMENSION).map(|row| row.iter().map(|x| f32::from(*x)).collect()).collect();
    let (base, queries) = rows.split_at(rows.len().checked_sub(QUERIES).ok_or("fewer rows than queries")?);
    let seal_rows = arguments.next().map_or(Ok(base.len()), |rows| rows.parse())?;
    let index = load(base, seal_rows);
    report(&index, queries, "all", None);
    let filter =
        Filter::field("tenth", FieldTest::OneOf { values: vec![Scalar::Int(3)], look: Look::Scalar });
    report(&index, queries, "10% kept", Some(&filter));
    let began = Instant::now();
    for id in (0..base.len()).step_by(2) {
        index.remove(INCARNATION, &id.to_string());
    }
    println!("half deleted in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    report(&index, queries, "half, marked", None);
    index.settle(Duration::from_secs(600));
    println!("rebuilt: {:?}", index.stats());
    report(&index, queries, "half, rebuilt", None);
    Ok(())
}

fn load(base: &[Vec<f32>], seal_rows: usize) -> ShardIndex {
    let index = ShardIndex::new(
        IndexConfig { seal_rows, graph_rows: seal_rows.min(8_192), ..IndexConfig::default() },
        None,
    );
    let schema = Schema { dimension: Some(DIMENSION as u32), metric: Metric::L2, kind: Kind::Vector };
    let began = Instant::now();
    for (at, vector) in base.iter().enumerate() {
        let id = at.to_string();
        let record = StoredRecord {
            written: Written::default(),
            ordinal: Ordinal::default(),
            vector: Some(vector.clone()),
            document: None,
            metadata: [("tenth".to_owned(), MetaValue::Scalar(Scalar::Int(i64::from((at % 10) as u8))))]
                .into(),
            holds: 0,
            expires: None,
            memory: None,
            sparse: None,
        };
        index.upsert(
            INCARNATION,
            schema,
            KeyedRecord { slot: slot_of(INCARNATION, &id), id: &id, record: &record },
        );
    }
    println!("{} rows in {:.0} ms", base.len(), began.elapsed().as_secs_f64() * 1e3);
    index.settle(Duration::from_secs(3_600));
    println!("graphs after {:.1} s: {:?}", began.elapsed().as_secs_f64(), index.stats());
    index
}

fn report(index: &ShardIndex, queries: &[Vec<f32>], what: &str, filter: Option<&Filter>) {
    let verify = |_: &str| true;
    let filtered = filter.map(|filter| Filtered { filter, verify: &verify });
    let ask = |query: &[f32], ef: Option<usize>, precision: Precision| -> Vec<SearchHit> {
        let request =
            SearchRequest { metric: Metric::L2, vector: query, k: K, ef, precision, filter: filtered };
        index.search(INCARNATION, &request).unwrap_or_default()
    };
    let truth: Vec<Vec<Arc<str>>> =
        queries.iter().map(|query| ids(ask(query, None, Precision::Exact))).collect();
    for ef in [Some(10), Some(16), Some(32), Some(48), None, Some(64), Some(100)] {
        let found: Vec<Vec<Arc<str>>> =
            queries.iter().map(|query| ids(ask(query, ef, Precision::Usual))).collect();
        let hits =
            found.iter().zip(&truth).flat_map(|(found, truth)| found.iter().map(|id| truth.contains(id)));
        let recall = hits.filter(|hit| *hit).count() as f64 / (QUERIES * K) as f64;
        let per_second = rate(queries, |query| drop(ask(query, ef, Precision::Usual)));
        println!(
            "{what:>14}  ef {:>7}  recall {recall:.4}  {per_second:>8.0} queries/s",
            ef.map_or("default".into(), |ef| ef.to_string())
        );
    }
    let per_second = rate(queries, |query| drop(ask(query, None, Precision::Exact)));
    println!("{what:>14}  exact                    {per_second:>8.0} queries/s");
}

fn rate(queries: &[Vec<f32>], ask: impl Fn(&[f32])) -> f64 {
    let began = cpu_time();
    let mut asked = 0;
    while cpu_time() - began < FOR_EACH.as_secs_f64() {
        for query in queries {
            ask(query);
        }
        asked += queries.len();
    }
    asked as f64 / (cpu_time() - began)
}

/// Seconds this thread has run: others on the machine don't change the figures much.
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn ids(hits: Vec<SearchHit>) -> Vec<Arc<str>> {
    hits.into_iter().map(|hit| hit.id).collect()
}
