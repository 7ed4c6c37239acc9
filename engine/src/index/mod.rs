//! The derived indexes of one shard replica, in memory: ids in byte order, rows by slot, the metadata index, and
//! vectors (design §9, building-blocks §3).
//!
//! Nothing here is the truth: the store is, and at opening the index is made anew from it
//! ([`ShardIndex::begin_load`], [`ShardIndex::load`] for each record, [`ShardIndex::finish_load`]); graphs kept in the
//! index's directory only save the building. There is one writer (the apply loop: [`ShardIndex::upsert`],
//! [`ShardIndex::remove`], [`ShardIndex::drop_incarnation`], each O(1) but for logarithms) and any number of
//! readers beside it; a reader never blocks the writer for longer than a scan of one active part.
//!
//! How to use it:
//! * after the store took a batch, tell the index each record written and each id gone, in order;
//! * what a filter takes: [`ShardIndex::matching_keys`] gives a superset in the store's order, the record's verdict is
//!   the caller's (INV-3); [`ShardIndex::plan_range`] ends a sweep's range by a budget of candidates (protocol PW2);
//! * nearest neighbours: [`ShardIndex::search`]; every hit had a last look at the live rows (INV-4), and with a
//!   filter the caller's judge, which reads the store, decides on each.
//!
//! An incarnation the index has never heard of is empty.

mod ages;
mod cost;
mod files;
mod graph;
mod graph_build;
mod graph_file;
mod hybrid;
mod keys;
mod measure;
mod merge;
mod metadata;
mod narrow;
mod nearest;
mod part;
mod policy;
mod reload;
mod rows;
mod sealer;
mod search;
mod simd;
mod sparse;
#[cfg(test)]
mod tests;
mod vectors;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use lacuna_model::command::{RecordKey, Upto};
use lacuna_model::filter::Filter;
use lacuna_model::record::{Metric, Ordinal, Schema, StoredRecord};
use lacuna_model::{Incarnation, Slot};
use parking_lot::{Mutex, RwLock};

pub use hybrid::HybridRequest;
pub use measure::compare;
pub use narrow::Candidates;
use reload::LoadingPart;
use rows::Rows;
use sealer::Shared;
use vectors::Upkeep;

/// How an index is kept.
#[derive(Clone, Copy, Debug)]
pub struct IndexConfig {
    /// Vectors in an active part when it is sealed.
    pub seal_rows: usize,
    /// Sealed vectors without a graph when one is built over them; fewer are scanned as fast.
    pub graph_rows: usize,
    /// Candidates kept while searching a graph when a search names no `ef`.
    pub default_ef: usize,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self { seal_rows: 4_096, graph_rows: 8_192, default_ef: 64 }
    }
}

/// A record with its key inside an incarnation.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRecord<'a> {
    /// Its slot.
    pub slot: Slot,
    /// Its id.
    pub id: &'a str,
    /// The record as the store keeps it.
    pub record: &'a StoredRecord,
}

/// How exact a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The cheaper of graph and scan.
    #[default]
    Usual,
    /// A scan of every vector.
    Exact,
}

/// A filter, and the judge of it.
#[derive(Clone, Copy)]
pub struct Filtered<'a> {
    /// Narrows.
    pub filter: &'a Filter,
    /// Decides, by the record in the store (INV-3). Asked from the best hit on until there are enough; never under a
    /// lock of the index.
    pub verify: &'a dyn Fn(&str) -> bool,
}

/// A question for nearest neighbours.
#[derive(Clone, Copy)]
pub struct SearchRequest<'a> {
    /// The collection's metric.
    pub metric: Metric,
    /// The query, as the client gave it.
    pub vector: &'a [f32],
    /// Hits wanted.
    pub k: usize,
    /// Candidates kept while searching a graph; larger is more exact. `None`: the default.
    pub ef: Option<usize>,
    /// Graph or scan.
    pub precision: Precision,
    /// Only records that match.
    pub filter: Option<Filtered<'a>>,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchHit {
    /// Cosine or dot (best highest), squared distance for L2 (best lowest).
    pub score: f32,
    /// The record's id.
    pub id: Arc<str>,
}

/// Why a search doesn't fit the contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Another dimension.
    #[error("the vectors here have {contents} components, the query has {query}")]
    Dimension {
        /// Of the vectors here.
        contents: usize,
        /// Of the query.
        query: usize,
    },
    /// Another metric.
    #[error("the metric here is {}, the query's is {}", search::describe(*contents), search::describe(*query))]
    Metric {
        /// Of the vectors here.
        contents: Metric,
        /// Of the query.
        query: Metric,
    },
    /// NaN or infinity in the query.
    #[error("the query has a component that is not a finite number")]
    NotFinite,
}

/// Rows of an incarnation that are freed by the thread that ends it.
const FREED_AT_ONCE: usize = 1_000;

/// What an index is made of at the moment; for metrics and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Incarnations known.
    pub incarnations: usize,
    /// Live records.
    pub records: usize,
    /// Sealed parts, with or without a graph.
    pub segments: usize,
    /// Sealed parts searched by a graph.
    pub graphs: usize,
    /// Vectors in active parts.
    pub active_rows: usize,
    /// Dead vectors still in sealed parts.
    pub dead_rows: usize,
    /// Grows with each part put in the place of others.
    pub generation: u64,
}

/// All indexes of one shard replica. Dropping it ends its background thread, a build under way included.
#[derive(Debug)]
pub struct ShardIndex {
    config: IndexConfig,
    shared: Arc<Shared>,
    loading: Mutex<HashMap<Incarnation, Vec<LoadingPart>>>,
    sealer: Option<JoinHandle<()>>,
}

impl Drop for ShardIndex {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(sealer) = self.sealer.take() {
            // A panic there left a part without a graph; it was reported by the panic itself.
            let _ = sealer.join();
        }
    }
}

impl ShardIndex {
    /// An empty index. Graphs are kept in `dir` (made if missing), or not at all.
    pub fn new(config: IndexConfig, dir: Option<PathBuf>) -> Self {
        let shared = Arc::new(Shared::new(dir));
        let sealer = match shared.start() {
            Ok(sealer) => Some(sealer),
            Err(error) => {
                tracing::error!(%error, "no thread for building graphs: vectors will be scanned");
                None
            }
        };
        Self { config, shared, loading: Mutex::default(), sealer }
    }

    fn rows(&self, incarnation: Incarnation) -> Option<Arc<RwLock<Rows>>> {
        self.shared.incarnations.read().get(&incarnation).cloned()
    }

    fn rows_or_new(&self, incarnation: Incarnation, schema: Schema) -> Arc<RwLock<Rows>> {
        if let Some(rows) = self.rows(incarnation) {
            return rows;
        }
        let loading = self.loading.lock().remove(&incarnation).unwrap_or_default();
        let new = Arc::new(RwLock::new(Rows::new(schema, self.config, loading)));
        self.shared.incarnations.write().entry(incarnation).or_insert(new).clone()
    }

    /// Begins to take in what the store holds; the index must be new.
    pub fn begin_load(&self) {
        self.shared.begin_load();
        *self.loading.lock() = self.shared.files().lock().read_all();
    }

    /// Takes in one record of the store, each once, in any order.
    pub fn load(&self, incarnation: Incarnation, schema: Schema, entry: KeyedRecord<'_>) {
        self.upsert(incarnation, schema, entry);
    }

    /// All that the store holds was taken in: graphs kept before serve again, as far as their records are the same.
    pub fn finish_load(&self) {
        self.loading.lock().clear();
        for rows in self.shared.incarnations.read().values() {
            rows.write().finish_load();
        }
        self.shared.finish_load();
    }

    fn upkeep(&self, upkeep: Upkeep) {
        match upkeep {
            Upkeep::None => {}
            Upkeep::Look => self.shared.wake(),
        }
    }

    /// A record was written, new or anew.
    pub fn upsert(&self, incarnation: Incarnation, schema: Schema, entry: KeyedRecord<'_>) {
        let rows = self.rows_or_new(incarnation, schema);
        let upkeep = rows.write().upsert(entry);
        self.upkeep(upkeep);
    }

    /// A record is gone; an unknown one changes nothing.
    pub fn remove(&self, incarnation: Incarnation, id: &str) {
        if let Some(rows) = self.rows(incarnation) {
            let upkeep = rows.write().remove(id);
            self.upkeep(upkeep);
        }
    }

    /// An incarnation has ended.
    pub fn drop_incarnation(&self, incarnation: Incarnation) {
        let dropped = self.shared.incarnations.write().remove(&incarnation);
        let Some(dropped) = dropped else { return };
        self.shared.wake();
        if dropped.read().ids.len() > FREED_AT_ONCE {
            // Freeing takes as long as there are rows, ending an incarnation must not (design §3); without a thread it
            // is freed here.
            let _ = std::thread::Builder::new().name("lacuna-free".to_owned()).spawn(move || drop(dropped));
        }
    }

    /// Ids in byte order that begin with `prefix` and come after `after`.
    pub fn ids(
        &self,
        incarnation: Incarnation,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<str>> {
        self.rows(incarnation).map_or_else(Vec::new, |rows| rows.read().ids(prefix, after, limit))
    }

    /// Records behind a place in insertion order, ties by id; with a filter a superset of those that match (INV-3).
    pub fn oldest(
        &self,
        incarnation: Incarnation,
        filter: Option<&Filter>,
        after: Option<(Ordinal, &str)>,
        limit: usize,
    ) -> Vec<(Ordinal, Arc<str>)> {
        let Some(rows) = self.rows(incarnation) else { return Vec::new() };
        let rows = rows.read();
        match filter.map(|filter| narrow::narrow(&rows, filter)) {
            None | Some(Candidates::All) => ages::oldest(&rows, None, after, limit),
            Some(Candidates::Rows(only)) => ages::oldest(&rows, Some(&only), after, limit),
        }
    }

    /// The first ordinals in insertion order.
    pub fn ordinals(&self, incarnation: Incarnation, limit: usize) -> Vec<Ordinal> {
        self.rows(incarnation).map_or_else(Vec::new, |rows| rows.read().ages.ordinals(limit))
    }

    /// Whether a record with this id lives.
    pub fn contains(&self, incarnation: Incarnation, id: &str) -> bool {
        self.rows(incarnation).is_some_and(|rows| rows.read().ids.contains_key(id))
    }

    /// Live records.
    pub fn len(&self, incarnation: Incarnation) -> usize {
        self.rows(incarnation).map_or(0, |rows| rows.read().ids.len())
    }

    /// Whether an incarnation holds nothing.
    pub fn is_empty(&self, incarnation: Incarnation) -> bool {
        self.len(incarnation) == 0
    }

    /// Rows that can match: a superset (INV-3). Row numbers mean something only to this index, and only now.
    pub fn candidates(&self, incarnation: Incarnation, filter: &Filter) -> Candidates {
        match self.rows(incarnation) {
            None => Candidates::Rows(roaring::RoaringBitmap::new()),
            Some(rows) => {
                let rows = rows.read();
                narrow::narrow(&rows, filter)
            }
        }
    }

    /// Keys in (after, upto] that can match, in the store's order; a superset (INV-3).
    pub fn matching_keys(
        &self,
        incarnation: Incarnation,
        filter: &Filter,
        after: Option<&RecordKey>,
        upto: &Upto,
    ) -> Vec<RecordKey> {
        let Some(rows) = self.rows(incarnation) else { return Vec::new() };
        let rows = rows.read();
        keys::matching(&rows, &narrow::narrow(&rows, filter), after, upto)
    }

    /// End of the longest range behind `after` with at most `budget` candidates, at least one (protocol PW2).
    pub fn plan_range(
        &self,
        incarnation: Incarnation,
        filter: &Filter,
        after: Option<&RecordKey>,
        budget: usize,
    ) -> Upto {
        let Some(rows) = self.rows(incarnation) else { return Upto::End };
        let rows = rows.read();
        keys::plan(&rows, &narrow::narrow(&rows, filter), after, budget)
    }

    /// Nearest neighbours: best first, ties by id; `k` of them if so many match.
    pub fn search(
        &self,
        incarnation: Incarnation,
        request: &SearchRequest<'_>,
    ) -> Result<Vec<SearchHit>, SearchError> {
        match self.rows(incarnation) {
            None => Ok(Vec::new()),
            Some(rows) => search::search(&rows, request, self.config.default_ef),
        }
    }

    /// How long a search without a filter takes, about.
    pub fn search_estimate(&self, incarnation: Incarnation, ef: Option<usize>, k: usize) -> Duration {
        let ef = search::ef(ef, k, self.config.default_ef);
        let walk = cost::Walk { ef, share: 1.0, depth: cost::Depth::Usual };
        let estimate = self.rows(incarnation).map_or(0.0, |rows| walk.estimate(&rows.read()));
        Duration::from_nanos(estimate as u64)
    }

    /// Dead vectors of an incarnation that sealed parts still hold.
    pub fn dead_vectors(&self, incarnation: Incarnation) -> usize {
        let Some(rows) = self.rows(incarnation) else { return 0 };
        let rows = rows.read();
        rows.vectors.iter().flat_map(|vectors| vectors.sealed.values()).map(|part| part.dead.count()).sum()
    }

    /// Best dot products with a sparse vector, alone or added to those with a dense one: best first, ties by id.
    pub fn search_hybrid(
        &self,
        incarnation: Incarnation,
        request: &HybridRequest<'_>,
    ) -> Result<Vec<SearchHit>, SearchError> {
        self.rows(incarnation).map_or_else(|| Ok(Vec::new()), |rows| hybrid::search(&rows, request))
    }

    /// What the index is made of.
    pub fn stats(&self) -> IndexStats {
        let all: Vec<Arc<RwLock<Rows>>> = self.shared.incarnations.read().values().cloned().collect();
        let generation = self.shared.generation.load(Ordering::Acquire);
        let mut stats = IndexStats { incarnations: all.len(), generation, ..IndexStats::default() };
        for rows in all {
            let rows = rows.read();
            stats.records += rows.ids.len();
            let Some(vectors) = &rows.vectors else { continue };
            stats.active_rows += vectors.active.members.len();
            for part in vectors.sealed.values() {
                stats.segments += 1;
                stats.graphs += usize::from(part.graph().is_some());
                stats.dead_rows += part.dead.count();
            }
        }
        stats
    }

    /// Waits until nothing is left to build; false if something still was after `limit`.
    pub fn settle(&self, limit: Duration) -> bool {
        self.shared.settle(limit)
    }
}
