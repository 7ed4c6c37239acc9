//! Search by sparse vectors, alone or together with dense ones: the sum of both dot products, exact.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use lacuna_model::record::{Metric, SparseVector};
use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::measure::{Probe, score, working};
use super::narrow::{Candidates, narrow};
use super::part::RowNumber;
use super::rows::Rows;
use super::{Filtered, SearchError, SearchHit};

/// A question by a sparse vector.
#[derive(Clone, Copy)]
pub struct HybridRequest<'a> {
    /// The dense part. With it every record that has a dense vector is a candidate; without it only those that share
    /// an index with the sparse part.
    pub dense: Option<&'a [f32]>,
    /// The sparse part.
    pub sparse: &'a SparseVector,
    /// Hits wanted.
    pub k: usize,
    /// Only records that match.
    pub filter: Option<Filtered<'a>>,
}

/// A candidate; the greatest is the best: highest score, smallest id.
#[derive(PartialEq)]
struct Scored(f32, Arc<str>);

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then_with(|| other.1.cmp(&self.1))
    }
}

/// Hits, best first, ties by id. The judge is asked without a lock; each hit then has its last look (INV-4).
pub(crate) fn search(
    rows: &RwLock<Rows>,
    request: &HybridRequest<'_>,
) -> Result<Vec<SearchHit>, SearchError> {
    let mut best = BinaryHeap::from(scored(&rows.read(), request)?);
    let mut hits = Vec::new();
    while hits.len() < request.k
        && let Some(Scored(score, id)) = best.pop()
    {
        if request.filter.as_ref().is_none_or(|Filtered { verify, .. }| verify(&id)) {
            hits.push(SearchHit { score, id });
        }
    }
    let rows = rows.read();
    hits.retain(|hit| rows.ids.contains_key(&hit.id));
    Ok(hits)
}

fn scored(rows: &Rows, request: &HybridRequest<'_>) -> Result<Vec<Scored>, SearchError> {
    if rows.metric != Metric::Dot {
        return Err(SearchError::Metric { contents: rows.metric, query: Metric::Dot });
    }
    let candidates = match request.filter.as_ref().map(|filter| narrow(rows, filter.filter)) {
        None | Some(Candidates::All) => None,
        Some(Candidates::Rows(candidates)) => Some(candidates),
    };
    let mut dots = rows.sparse.dots(request.sparse, candidates.as_ref());
    if let Some(dense) = request.dense {
        add_dense(rows, dense, candidates.as_ref(), &mut dots)?;
    }
    let named = dots.into_iter().filter_map(|(row, dot)| {
        let dot = dot.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        Some(Scored(dot, rows.row(row)?.id.clone()))
    });
    Ok(named.collect())
}

fn add_dense(
    rows: &Rows,
    dense: &[f32],
    candidates: Option<&RoaringBitmap>,
    dots: &mut HashMap<RowNumber, f64>,
) -> Result<(), SearchError> {
    let query = working(Metric::Dot, dense).ok_or(SearchError::NotFinite)?;
    let (Some(dimension), Some(vectors)) = (rows.dimension, rows.vectors.as_ref()) else { return Ok(()) };
    if dimension != dense.len() {
        return Err(SearchError::Dimension { contents: dimension, query: dense.len() });
    }
    let probe = Probe::new(Metric::Dot, query);
    for number in candidates.unwrap_or(&rows.live) {
        let vector = rows.row(number).and_then(|row| vectors.vector(row.place?));
        if let Some(vector) = vector {
            *dots.entry(number).or_insert(0.0) += f64::from(score(Metric::Dot, probe.pair(vector)));
        }
    }
    Ok(())
}
