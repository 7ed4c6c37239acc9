//! A graph over the vectors of a part, flat and frozen: made from an hnsw_rs index (see `graph_build`), searched here.
//!
//! The search is that of HNSW (Malkov and Yashunin, 2016): greedy descent through the upper levels, then best-first
//! at level 0. A dead or filtered node is walked through but never returned, and the walk ends only when `ef` living
//! nodes are held, so that deletes cost time, not recall.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde::{Deserialize, Serialize};

use super::measure::Probe;
use super::simd::Lane;

/// Neighbours of a node at level 0.
pub(crate) const LEVEL0: usize = 32;
/// No neighbour.
pub(crate) const NONE: u32 = u32::MAX;

/// Nodes are numbered from 0; node *n* is member *n* of its part. Members behind the last node are twins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Graph {
    /// Where a search begins.
    pub(crate) entry: u32,
    /// [`LEVEL0`] neighbours a node, nearest first, ended by [`NONE`].
    pub(crate) level0: Vec<u32>,
    /// Levels from 1 up: the nodes that have neighbours there.
    pub(crate) upper: Vec<HashMap<u32, Vec<u32>>>,
    /// Nodes that the graph doesn't lead to: each search looks at them all.
    pub(crate) loose: Vec<u32>,
    /// Members with the very vector of a node.
    pub(crate) twins: HashMap<u32, Vec<u32>>,
}

/// What a search is about: vectors by node, and what they are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Space<'a> {
    /// Vectors of the nodes, end to end.
    pub(crate) lanes: &'a [Lane],
    /// The query.
    pub(crate) probe: &'a Probe,
}

/// A node with its key, packed so that comparing is one instruction: nearer is smaller, then by number.
fn pack(key: f32, node: u32) -> u64 {
    let bits = key.to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ordered) << 32 | u64::from(node)
}

fn unpack(packed: u64) -> (f32, u32) {
    let ordered = (packed >> 32) as u32;
    let bits = if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered };
    (f32::from_bits(bits), packed as u32)
}

/// Memory of a search, used again by the next one on the same thread.
#[derive(Default)]
struct Scratch {
    marks: Vec<u16>,
    epoch: u16,
    frontier: BinaryHeap<Reverse<u64>>,
    best: BinaryHeap<u64>,
    fresh: Vec<u32>,
    keys: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Scratch {
    fn begin(&mut self, nodes: usize) {
        if self.marks.len() < nodes {
            self.marks.resize(nodes, 0);
        }
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.marks.fill(0);
            self.epoch = 1;
        }
        self.frontier.clear();
        self.best.clear();
    }

    /// Puts those never seen before into `fresh`.
    fn unseen(&mut self, nodes: impl Iterator<Item = u32>) {
        self.fresh.clear();
        for node in nodes {
            let mark = &mut self.marks[node as usize];
            if *mark != self.epoch {
                *mark = self.epoch;
                self.fresh.push(node);
            }
        }
    }

    fn worst(&self, ef: usize) -> u64 {
        if self.best.len() < ef { u64::MAX } else { self.best.peek().copied().unwrap_or(u64::MAX) }
    }

    /// Computes the keys of the fresh nodes and takes in those that are near enough.
    fn visit(&mut self, space: Space<'_>, ef: usize, lives: &impl Fn(u32) -> bool) {
        space.probe.picked(space.lanes, &self.fresh, &mut self.keys);
        let mut worst = self.worst(ef);
        for at in 0..self.fresh.len() {
            let packed = pack(self.keys[at], self.fresh[at]);
            if packed >= worst {
                continue;
            }
            self.frontier.push(Reverse(packed));
            if lives(self.fresh[at]) {
                if self.best.len() >= ef {
                    self.best.pop();
                }
                self.best.push(packed);
                worst = self.worst(ef);
            }
        }
    }
}

impl Graph {
    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.level0.len() / LEVEL0
    }

    /// Neighbours of a node at level 0.
    pub(crate) fn neighbours(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.level0[node as usize * LEVEL0..][..LEVEL0].iter().copied().take_while(|n| *n != NONE)
    }

    /// The `ef` nearest nodes that live, nearest first, or as many as the graph leads to.
    pub(crate) fn nearest(
        &self,
        space: Space<'_>,
        ef: usize,
        lives: impl Fn(u32) -> bool,
    ) -> Vec<(f32, u32)> {
        SCRATCH.with_borrow_mut(|scratch| {
            let start = self.descend(space, scratch);
            scratch.begin(self.nodes());
            scratch.unseen(std::iter::once(start).chain(self.loose.iter().copied()));
            scratch.visit(space, ef, &lives);
            while let Some(Reverse(packed)) = scratch.frontier.pop() {
                if packed > scratch.worst(ef) {
                    break;
                }
                scratch.unseen(self.neighbours(unpack(packed).1));
                scratch.visit(space, ef, &lives);
            }
            let mut found = std::mem::take(&mut scratch.best).into_vec();
            found.sort_unstable();
            let answer = found.iter().map(|packed| unpack(*packed)).collect();
            found.clear();
            scratch.best = found.into();
            answer
        })
    }

    fn descend(&self, space: Space<'_>, scratch: &mut Scratch) -> u32 {
        let mut here = self.entry;
        let stride = space.probe.stride();
        let mut key = space.probe.pair(&space.lanes[here as usize * stride..][..stride]);
        for level in self.upper.iter().rev() {
            while let Some(around) = level.get(&here) {
                space.probe.picked(space.lanes, around, &mut scratch.keys);
                let nearer = scratch.keys.iter().copied().zip(around).min_by(|a, b| a.0.total_cmp(&b.0));
                match nearer {
                    Some((nearest, node)) if nearest < key => (key, here) = (nearest, *node),
                    Some(_) | None => break,
                }
            }
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_the_order_of_keys_and_then_of_nodes() {
        let keys = [f32::MIN, -2.5, -0.0, 0.0, 1e-40, 3.0, f32::MAX];
        for pair in keys.windows(2) {
            assert!(pack(pair[0], 9) < pack(pair[1], 3), "{pair:?}");
        }
        assert!(pack(1.0, 2) < pack(1.0, 3));
        for key in keys {
            assert_eq!(unpack(pack(key, 7)), (key, 7));
        }
    }
}
