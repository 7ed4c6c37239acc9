//! The format of a graph's file. Derived data: whatever is wrong with a file, it is deleted and the graph built again.

use lacuna_model::Incarnation;
use lacuna_model::record::Metric;
use serde::{Deserialize, Serialize};

use super::graph::{Graph, LEVEL0, NONE};

const MAGIC: &[u8; 8] = b"LACGRAPH";
/// Changes whenever anything in the file, or the meaning of a vector's hash, does.
const VERSION: u32 = 1;
const HEADER: usize = 16;

/// What a file holds: magic, version and CRC-32C as little-endian words, then this, by postcard.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphFile {
    /// Whose contents.
    pub(crate) incarnation: Incarnation,
    /// Metric of the vectors.
    pub(crate) metric: Metric,
    /// Lanes of a vector.
    pub(crate) stride: u32,
    /// Hashes of the id and of the working vector of each member; `None` for one that was dead already. No ids: what
    /// is deleted must not stay readable in a derived file.
    pub(crate) members: Vec<Option<(u64, u64)>>,
    /// The graph.
    pub(crate) graph: Graph,
}

/// Why a file is no graph's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadGraphFile {
    /// Too short, or of something else.
    #[error("no graph file of this version")]
    Foreign,
    /// Its checksum is wrong.
    #[error("damaged: the checksum does not match")]
    Damaged,
    /// It doesn't decode.
    #[error("damaged: {0}")]
    Undecodable(#[from] postcard::Error),
    /// It names nodes that aren't there.
    #[error("damaged: a node it names is not there")]
    Inconsistent,
}

impl GraphFile {
    /// As bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = Vec::with_capacity(HEADER + self.graph.level0.len() * 3 + self.members.len() * 24);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut bytes = postcard::to_extend(self, bytes)?;
        let checksum = crc32c::crc32c(&bytes[HEADER..]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// From bytes, checked so far that a search in it can't leave its bounds.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadGraphFile> {
        let (header, body) = bytes.split_at_checked(HEADER).ok_or(BadGraphFile::Foreign)?;
        if &header[..8] != MAGIC || header[8..12] != VERSION.to_le_bytes() {
            return Err(BadGraphFile::Foreign);
        }
        if header[12..] != crc32c::crc32c(body).to_le_bytes() {
            return Err(BadGraphFile::Damaged);
        }
        let file: Self = postcard::from_bytes(body)?;
        if file.is_consistent() { Ok(file) } else { Err(BadGraphFile::Inconsistent) }
    }

    fn is_consistent(&self) -> bool {
        let (nodes, members) = (self.graph.nodes(), self.members.len());
        let node = |node: &u32| (*node as usize) < nodes;
        nodes > 0
            && nodes <= members
            && self.stride > 0
            && self.graph.level0.len() == nodes * LEVEL0
            && node(&self.graph.entry)
            && self.graph.level0.iter().all(|near| *near == NONE || node(near))
            && self.graph.upper.iter().flatten().all(|(from, near)| node(from) && near.iter().all(node))
            && self.graph.loose.iter().all(node)
            && self.graph.twins.iter().all(|(of, twins)| {
                node(of) && twins.iter().all(|twin| (nodes..members).contains(&(*twin as usize)))
            })
    }
}
