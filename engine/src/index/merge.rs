//! Makes several parts into one: their living vectors, and a graph over them.
//!
//! Building takes seconds and holds no lock; what died or was rewritten meanwhile is marked dead when the new part
//! takes the place of the old ones.

use std::collections::HashMap;
use std::sync::Arc;

use lacuna_model::record::Metric;
use parking_lot::RwLock;

use super::graph::Graph;
use super::graph_build::{BuildFailed, build, twins};
use super::part::{Member, Part, Place, Shape};
use super::policy::{Sizes, choose};
use super::rows::Rows;
use super::simd::Lane;

/// Parts to be made into one.
pub(crate) struct Job {
    metric: Metric,
    stride: usize,
    sizes: Sizes,
    numbers: Vec<u32>,
    parts: Vec<Arc<Part>>,
}

impl Job {
    /// What is to be done for an incarnation next.
    pub(crate) fn next(rows: &RwLock<Rows>) -> Option<Self> {
        let rows = rows.read();
        let vectors = rows.vectors.as_ref()?;
        let sizes = Sizes::of(rows.config.graph_rows, vectors.stride);
        let numbers = choose(vectors, sizes)?;
        let parts = numbers.iter().filter_map(|number| vectors.sealed.get(number).cloned()).collect();
        Some(Self { metric: rows.metric, stride: vectors.stride, sizes, numbers, parts })
    }

    /// Builds the new part; slow.
    pub(crate) fn build(&self, cancelled: &dyn Fn() -> bool) -> Result<Part, BuildFailed> {
        let (lanes, members) = self.living();
        let (firsts, others) = twins(&lanes, self.stride);
        let order = || firsts.iter().copied().chain(others.iter().map(|(_, at)| *at));
        let vector = |at: u32| &lanes[at as usize * self.stride..][..self.stride];
        let lanes: Vec<Lane> = order().flat_map(vector).copied().collect();
        let members: Vec<Member> = order().map(|at| members[at as usize]).collect();
        let shape = if self.sizes.is_too_few(firsts.len()) {
            self.sizes.shape_without_graph(members.len())
        } else {
            match build(self.metric, &lanes[..firsts.len() * self.stride], self.stride, cancelled) {
                Ok(graph) => Shape::Graph(with_twins(graph, &firsts, &others)),
                Err(BuildFailed::Unfit) => Shape::Unfit,
                Err(BuildFailed::Cancelled) => return Err(BuildFailed::Cancelled),
            }
        };
        Ok(Part::new(self.stride, lanes, members, shape))
    }

    fn living(&self) -> (Vec<Lane>, Vec<Member>) {
        let count = self.parts.iter().map(|part| part.living()).sum::<usize>();
        let (mut lanes, mut members) = (Vec::with_capacity(count * self.stride), Vec::with_capacity(count));
        for part in &self.parts {
            for (at, member) in part.members.iter().enumerate() {
                if !part.dead.has(at as u32) {
                    lanes.extend_from_slice(part.vector(at as u32));
                    members.push(*member);
                }
            }
        }
        (lanes, members)
    }

    /// Puts the new part in the place of the old ones; its number, unless nothing of it lives.
    pub(crate) fn swap(&self, rows: &RwLock<Rows>, part: Part) -> Option<u32> {
        let mut rows = rows.write();
        let number = rows.vectors.as_mut()?.part_number();
        for (at, member) in part.members.iter().enumerate() {
            let place = Place { part: number, member: at as u32 };
            if !rows.relocate(*member, place) {
                part.dead.mark(at as u32);
            }
        }
        let vectors = rows.vectors.as_mut()?;
        for old in &self.numbers {
            vectors.sealed.remove(old);
        }
        let lives = part.living() > 0;
        if lives {
            vectors.sealed.insert(number, Arc::new(part));
        }
        lives.then_some(number)
    }
}

/// The others of each group of identical vectors lie behind the last node, in their order.
fn with_twins(mut graph: Graph, firsts: &[u32], others: &[(u32, u32)]) -> Graph {
    let node_of: HashMap<u32, u32> =
        if others.is_empty() { HashMap::new() } else { firsts.iter().copied().zip(0..).collect() };
    for ((first, _), member) in others.iter().zip(firsts.len() as u32..) {
        if let Some(node) = node_of.get(first) {
            graph.twins.entry(*node).or_default().push(member);
        }
    }
    graph
}
