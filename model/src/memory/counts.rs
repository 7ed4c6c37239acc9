//! What a release took, in numbers.

use serde::{Deserialize, Serialize};

/// What a record of a memory collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryKind {
    /// A text with its embedding, and nothing more.
    Vector,
    /// A node of the graph.
    Node,
    /// An edge of the graph: it holds its two ends.
    Edge,
    /// A piece of a raw file (protocol PM4).
    Blob,
}

impl MemoryKind {
    /// A node or an edge?
    pub fn is_graph(self) -> bool {
        match self {
            Self::Node | Self::Edge => true,
            Self::Vector | Self::Blob => false,
        }
    }
}

/// Records that lost a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fates {
    /// Lost one and kept another: they live on.
    pub released: u64,
    /// Lost their last: they are gone.
    pub deleted: u64,
}

impl Fates {
    /// Both sums.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { released: self.released + other.released, deleted: self.deleted + other.deleted }
    }
}

/// What a release took, on one shard or on all. Each record counts once, however many references it lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCounts {
    /// Records of kind vector.
    pub vectors: Fates,
    /// Nodes.
    pub nodes: Fates,
    /// Edges.
    pub edges: Fates,
    /// Raw files (not their pieces).
    pub raw: Fates,
    /// Pairs of record and item that were parted, raw files' aside.
    pub references: u64,
}

impl ReleaseCounts {
    /// Vectors, nodes and edges together.
    pub fn records(self) -> Fates {
        self.vectors.and(self.nodes).and(self.edges)
    }

    /// Both sums.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            vectors: self.vectors.and(other.vectors),
            nodes: self.nodes.and(other.nodes),
            edges: self.edges.and(other.edges),
            raw: self.raw.and(other.raw),
            references: self.references + other.references,
        }
    }
}
