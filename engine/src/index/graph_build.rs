//! Builds a graph with hnsw_rs, checks it, and copies it into its flat form; the hnsw_rs object is dropped, it is five
//! times as large and its search six times slower (building-blocks §3.2).
//!
//! What hnsw_rs can't take is kept from it: identical vectors share one node, distances are never NaN, and a node that
//! its own vector doesn't lead to is put on the graph's list of loose ones.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hnsw_rs::prelude::{Distance, Hnsw};
use lacuna_model::record::Metric;

use super::graph::{Graph, LEVEL0, NONE, Space};
use super::measure::{Probe, hash};
use super::simd::{Kernel, Lane, Measure, kernel};

/// Neighbours of a node on the upper levels.
const M: usize = LEVEL0 / 2;
/// Candidates looked at when a node is inserted.
const EF_CONSTRUCTION: usize = 200;
/// Levels hnsw_rs may use.
const LEVELS: usize = 16;
/// Candidates kept when a node looks for itself.
const EF_VERIFY: usize = 32;
/// A graph with more than one loose node in so many is worth less than a scan.
const LOOSE_SHARE: usize = 10;

/// Why there is no graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BuildFailed {
    /// Asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// These vectors make no good graph, or hnsw_rs panicked on them: scan them.
    #[error("these vectors make no graph")]
    Unfit,
}

/// Distances for hnsw_rs, which is given node numbers instead of vectors.
struct ByNumber<'a> {
    lanes: &'a [Lane],
    stride: usize,
    kernel: Kernel,
}

impl ByNumber<'_> {
    fn vector(&self, node: &[u32]) -> &[Lane] {
        &self.lanes[node[0] as usize * self.stride..][..self.stride]
    }
}

impl Distance<u32> for ByNumber<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let distance = (self.kernel.pair)(self.vector(a), self.vector(b));
        if distance.is_finite() { distance } else { f32::MAX }
    }
}

/// The first of each group of identical vectors, and the others by the place of the first.
pub(crate) fn twins(lanes: &[Lane], stride: usize) -> (Vec<u32>, Vec<(u32, u32)>) {
    let mut firsts_of = HashMap::<u64, Vec<u32>>::new();
    let mut firsts = Vec::new();
    let mut others = Vec::new();
    for (at, vector) in lanes.chunks_exact(stride).enumerate() {
        let alike = firsts_of.entry(hash(vector)).or_default();
        let twin = alike.iter().find(|first| &lanes[**first as usize * stride..][..stride] == vector);
        if let Some(first) = twin {
            others.push((*first, at as u32));
        } else {
            alike.push(at as u32);
            firsts.push(at as u32);
        }
    }
    (firsts, others)
}

/// Vectors in which nearness is squared L2: for dot products a component is added that makes all as long as the
/// longest, so that the nearest are those of the largest product (Bachrach et al., 2014).
struct BuildSpace<'a> {
    lanes: Cow<'a, [Lane]>,
    stride: usize,
}

impl<'a> BuildSpace<'a> {
    fn new(metric: Metric, lanes: &'a [Lane], stride: usize) -> Self {
        if metric != Metric::Dot {
            return Self { lanes: Cow::Borrowed(lanes), stride };
        }
        let square = |vector: &[Lane]| -> f64 {
            vector.iter().flat_map(|lane| lane.0).map(|x| f64::from(x) * f64::from(x)).sum()
        };
        let longest = lanes.chunks_exact(stride).map(square).fold(0.0, f64::max);
        let mut longer = Vec::with_capacity(lanes.len() / stride * (stride + 1));
        for vector in lanes.chunks_exact(stride) {
            longer.extend_from_slice(vector);
            let mut last = Lane::ZERO;
            last.0[0] = (longest - square(vector)).max(0.0).sqrt() as f32;
            longer.push(last);
        }
        Self { lanes: Cow::Owned(longer), stride: stride + 1 }
    }
}

/// Builds a graph over vectors that are all different.
pub(crate) fn build(
    metric: Metric,
    lanes: &[Lane],
    stride: usize,
    cancelled: &dyn Fn() -> bool,
) -> Result<Graph, BuildFailed> {
    let space = BuildSpace::new(metric, lanes, stride);
    let built = catch_unwind(AssertUnwindSafe(|| {
        let mut graph = insert_all(&space, cancelled)?;
        verify(&mut graph, &space, cancelled)?;
        Ok(graph)
    }));
    built.unwrap_or(Err(BuildFailed::Unfit))
}

fn insert_all(space: &BuildSpace<'_>, cancelled: &dyn Fn() -> bool) -> Result<Graph, BuildFailed> {
    let nodes = space.lanes.len() / space.stride;
    let distance = ByNumber { lanes: &space.lanes, stride: space.stride, kernel: kernel(Measure::SquaredL2) };
    let hnsw = Hnsw::<u32, ByNumber<'_>>::new(M, nodes, LEVELS, EF_CONSTRUCTION, distance);
    for node in 0..nodes {
        if node % 64 == 0 && cancelled() {
            return Err(BuildFailed::Cancelled);
        }
        hnsw.insert_slice((&[node as u32], node));
    }
    Ok(flatten(&hnsw, nodes))
}

fn flatten(hnsw: &Hnsw<'_, u32, ByNumber<'_>>, nodes: usize) -> Graph {
    let mut graph = Graph { level0: vec![NONE; nodes * LEVEL0], ..Graph::default() };
    let mut top = None;
    for point in hnsw.get_point_indexation() {
        let node = point.get_origin_id() as u32;
        let level = point.get_point_id().0;
        if top.is_none_or(|top| level > top) {
            top = Some(level);
            graph.entry = node;
        }
        for (level, around) in point.get_neighborhood_id().into_iter().enumerate() {
            let around =
                around.into_iter().map(|near| near.get_origin_id() as u32).filter(|near| *near != node);
            if level == 0 {
                let row = &mut graph.level0[node as usize * LEVEL0..][..LEVEL0];
                row.iter_mut().zip(around).for_each(|(place, near)| *place = near);
                continue;
            }
            let around: Vec<u32> = around.collect();
            if !around.is_empty() {
                if graph.upper.len() < level {
                    graph.upper.resize_with(level, HashMap::new);
                }
                graph.upper[level - 1].insert(node, around);
            }
        }
    }
    graph
}

/// Every node looks for itself; one that isn't found is loose.
fn verify(
    graph: &mut Graph,
    space: &BuildSpace<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), BuildFailed> {
    let mut loose = Vec::new();
    for (node, vector) in space.lanes.chunks_exact(space.stride).enumerate() {
        if node % 64 == 0 && cancelled() {
            return Err(BuildFailed::Cancelled);
        }
        let probe = Probe::of(Measure::SquaredL2, vector.to_vec());
        let found = graph.nearest(Space { lanes: &space.lanes, probe: &probe }, EF_VERIFY, |_| true);
        if !found.iter().any(|(_, found)| *found as usize == node) {
            loose.push(node as u32);
        }
    }
    if loose.len() * LOOSE_SHARE > graph.nodes() {
        return Err(BuildFailed::Unfit);
    }
    graph.loose = loose;
    Ok(())
}
