//! A graph read back from its file, while the records it was built over come in from the store.
//!
//! The file names the members and their vectors by hashes; the vectors themselves come from the records. A member
//! whose record is gone or has another vector now leaves a hole: the graph is mended around it.

use std::collections::{HashMap, HashSet, VecDeque};

use lacuna_model::record::Metric;

use super::graph::{Graph, LEVEL0, NONE};
use super::graph_file::GraphFile;
use super::measure::{hash, hash_id};
use super::part::{Member, Part, Place, Shape};
use super::simd::Lane;

/// Takes the place of a member that isn't there: no row has this stamp while it is marked dead.
const ABSENT: Member = Member { row: u32::MAX, stamp: 0 };
/// A graph that doesn't lead to one node in so many is built again.
const LOST_SHARE: usize = 10;

/// A part on its way back.
#[derive(Debug)]
pub(crate) struct LoadingPart {
    /// Its number.
    pub(crate) number: u32,
    metric: Metric,
    stride: usize,
    wanted: HashMap<u64, (u32, u64)>,
    lanes: Vec<Lane>,
    members: Vec<Option<Member>>,
    graph: Graph,
}

impl LoadingPart {
    /// From its file.
    pub(crate) fn new(number: u32, file: GraphFile) -> Self {
        let count = file.members.len();
        let wanted = file.members.into_iter().zip(0..).filter_map(|(member, at)| Some((member?, at)));
        Self {
            number,
            metric: file.metric,
            stride: file.stride as usize,
            wanted: wanted.map(|((id, hash), at)| (id, (at, hash))).collect(),
            lanes: vec![Lane::ZERO; count * file.stride as usize],
            members: vec![None; count],
            graph: file.graph,
        }
    }

    /// Whether it is of such vectors.
    pub(crate) fn fits(&self, metric: Metric, stride: usize) -> bool {
        self.metric == metric && self.stride == stride
    }

    /// Takes in a vector if the graph was built over it.
    pub(crate) fn claim(&mut self, id: &str, member: Member, vector: &[Lane]) -> Option<Place> {
        let (at, wanted) = *self.wanted.get(&hash_id(id))?;
        if wanted != hash(vector) || self.members[at as usize].is_some() {
            return None;
        }
        self.lanes[at as usize * self.stride..][..self.stride].copy_from_slice(vector);
        self.members[at as usize] = Some(member);
        Some(Place { part: self.number, member: at })
    }

    /// The part, with what came in.
    pub(crate) fn finish(mut self) -> Part {
        self.borrow_from_twins();
        let nodes = self.graph.nodes();
        let with_vector: Vec<bool> = (0..nodes as u32).map(|node| self.has_vector(node)).collect();
        let holes = with_vector.iter().any(|has| !has);
        let shape = if holes && !mend(&mut self.graph, &with_vector) {
            Shape::Scan
        } else {
            Shape::Graph(self.graph)
        };
        let members = self.members.iter().map(|member| member.unwrap_or(ABSENT)).collect();
        let part = Part::new(self.stride, self.lanes, members, shape);
        for (at, member) in self.members.iter().enumerate() {
            if member.is_none() {
                part.dead.mark(at as u32);
            }
        }
        part
    }

    fn twin_here(&self, node: u32) -> Option<u32> {
        let twins = self.graph.twins.get(&node)?;
        twins.iter().copied().find(|twin| self.members[*twin as usize].is_some())
    }

    fn has_vector(&self, node: u32) -> bool {
        self.members[node as usize].is_some() || self.twin_here(node).is_some()
    }

    /// A node whose own record is gone still has the vector of its twins.
    fn borrow_from_twins(&mut self) {
        for node in self.graph.twins.keys().copied().collect::<Vec<u32>>() {
            if let (None, Some(twin)) = (self.members[node as usize], self.twin_here(node)) {
                let from = twin as usize * self.stride;
                self.lanes.copy_within(from..from + self.stride, node as usize * self.stride);
            }
        }
    }
}

/// Leads the ways that went through a hole to what lay behind it; false if the graph has become too bad.
fn mend(graph: &mut Graph, whole: &[bool]) -> bool {
    let is_whole = |node: &u32| whole[*node as usize];
    let Some(first) = (0..whole.len() as u32).find(is_whole) else { return false };
    let mut level0 = vec![NONE; graph.level0.len()];
    for node in (0..whole.len() as u32).filter(is_whole) {
        let around = around_holes(node, whole, |node| graph.neighbours(node).collect());
        level0[node as usize * LEVEL0..]
            .iter_mut()
            .take(LEVEL0)
            .zip(around)
            .for_each(|(to, near)| *to = near);
    }
    graph.level0 = level0;
    for level in &mut graph.upper {
        let old = std::mem::take(level);
        let neighbours = |node: u32| old.get(&node).cloned().unwrap_or_default();
        let kept = old.keys().copied().filter(is_whole);
        *level = kept.map(|node| (node, around_holes(node, whole, neighbours))).collect();
    }
    if !whole[graph.entry as usize] {
        let high = graph.upper.iter().rev().find_map(|level| level.keys().copied().min());
        graph.entry = high.unwrap_or(first);
    }
    graph.loose.retain(is_whole);
    let lost = unreached(graph, whole);
    graph.loose.extend(lost.iter().copied());
    lost.len() * LOST_SHARE <= whole.len()
}

fn around_holes(node: u32, whole: &[bool], neighbours: impl Fn(u32) -> Vec<u32>) -> Vec<u32> {
    let near = neighbours(node);
    let mut seen = HashSet::from([node]);
    let mut around: Vec<u32> =
        near.iter().copied().filter(|near| whole[*near as usize] && seen.insert(*near)).collect();
    for hole in near.into_iter().filter(|near| !whole[*near as usize]) {
        let behind = neighbours(hole).into_iter();
        around.extend(behind.filter(|near| whole[*near as usize] && seen.insert(*near)));
    }
    around.truncate(LEVEL0);
    around
}

/// Whole nodes that no way leads to from the entry or the loose ones.
fn unreached(graph: &Graph, whole: &[bool]) -> Vec<u32> {
    let mut reached = vec![false; whole.len()];
    let mut next: VecDeque<u32> = std::iter::once(graph.entry).chain(graph.loose.iter().copied()).collect();
    for node in &next {
        reached[*node as usize] = true;
    }
    while let Some(node) = next.pop_front() {
        for near in graph.neighbours(node) {
            if !std::mem::replace(&mut reached[near as usize], true) {
                next.push_back(near);
            }
        }
    }
    (0..whole.len() as u32).filter(|node| whole[*node as usize] && !reached[*node as usize]).collect()
}
