//! A sealed part of an incarnation's vectors: it never changes but for the marks of its dead members.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::graph::Graph;
use super::simd::Lane;

/// Number of a row of the arena. A number is used again after its record went; [`Member::stamp`] tells them apart.
pub(crate) type RowNumber = u32;

/// A row's vector as a part knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The row.
    pub(crate) row: RowNumber,
    /// The row's stamp when this vector was written: another one means another vector, or another record.
    pub(crate) stamp: u32,
}

/// Where a row's vector lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the part, never used again.
    pub(crate) part: u32,
    /// Position among the part's members.
    pub(crate) member: u32,
}

/// Marks of the dead, set by the one writer, read by searches without a lock.
#[derive(Debug)]
pub(crate) struct DeadMarks {
    words: Vec<AtomicU64>,
    count: AtomicU32,
}

impl DeadMarks {
    /// None of so many is dead.
    pub(crate) fn new(members: usize) -> Self {
        Self {
            words: (0..members.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU32::new(0),
        }
    }

    /// Marks one.
    pub(crate) fn mark(&self, member: u32) {
        let bit = 1u64 << (member % 64);
        if self.words[member as usize / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether one is marked. Relaxed: a hit gets its last look under the lock (INV-4).
    pub(crate) fn has(&self, member: u32) -> bool {
        self.words[member as usize / 64].load(Ordering::Relaxed) >> (member % 64) & 1 == 1
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed) as usize
    }
}

/// How the vectors of a part are searched.
#[derive(Debug)]
pub(crate) enum Shape {
    /// By a scan, until there are enough for a graph.
    Scan,
    /// By a scan: they make no good graph.
    Unfit,
    /// By a graph.
    Graph(Graph),
}

/// Sealed vectors: member *n* has vector *n*.
#[derive(Debug)]
pub(crate) struct Part {
    /// Lanes of a vector.
    pub(crate) stride: usize,
    /// The vectors, end to end.
    pub(crate) lanes: Vec<Lane>,
    /// Whose they are.
    pub(crate) members: Vec<Member>,
    /// Which members are dead.
    pub(crate) dead: DeadMarks,
    /// How they are searched.
    pub(crate) shape: Shape,
}

impl Part {
    /// Of vectors that are all alive.
    pub(crate) fn new(stride: usize, lanes: Vec<Lane>, members: Vec<Member>, shape: Shape) -> Self {
        let dead = DeadMarks::new(members.len());
        Self { stride, lanes, members, dead, shape }
    }

    /// The vector of a member.
    pub(crate) fn vector(&self, member: u32) -> &[Lane] {
        &self.lanes[member as usize * self.stride..][..self.stride]
    }

    /// Members that aren't dead.
    pub(crate) fn living(&self) -> usize {
        self.members.len() - self.dead.count()
    }

    /// Whether so many are dead that every search pays for walking through them: 30%.
    pub(crate) fn is_decayed(&self) -> bool {
        self.dead.count() * 10 >= self.members.len() * 3
    }

    /// The graph, if there is one.
    pub(crate) fn graph(&self) -> Option<&Graph> {
        match &self.shape {
            Shape::Graph(graph) => Some(graph),
            Shape::Scan | Shape::Unfit => None,
        }
    }
}
