//! Records as they are asked for and as they are kept.

use serde::{Deserialize, Serialize};

use crate::ids::{RecordId, ShardId, Stamp};
use crate::memory::contribution::MemoryPart;
pub use crate::sparse::SparseVector;
use crate::value::{MetaValue, Metadata};

/// Distance function of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Cosine similarity; best is highest.
    Cosine,
    /// Squared Euclidean distance; best is lowest.
    L2,
    /// Dot product; best is highest.
    Dot,
}

/// What a collection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Vectors given by the client.
    Vector,
    /// Text embedded by Lacuna (Moorcheh's text namespaces).
    Text,
    /// Sparse vectors alone: a dense one is refused.
    Sparse,
}

/// Schema of an incarnation, carried by every write and judged at apply (protocol PE5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Schema {
    /// Components of each vector; `None` until the first vector fixes it.
    pub dimension: Option<u32>,
    /// Distance function.
    pub metric: Metric,
    /// What the records hold.
    pub kind: Kind,
}

/// Insertion order where a surface promises it (protocol PR0); kept by upserts, carries no correctness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ordinal {
    /// Router's clock, µs.
    pub micros: u64,
    /// Position in the request.
    pub position: u32,
}

/// Which write last wrote a record: its shard, entry and place in the entry (protocol PE3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Written {
    /// Index of the entry.
    pub index: u64,
    /// The command's place in the entry.
    pub place: u32,
    /// The shard that applied it.
    pub shard: ShardId,
}

/// A record to write, with its position in the client's request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// Position in the client's request; outcomes name it instead of the id (protocol PE8).
    pub position: u32,
    /// The record's id.
    pub id: RecordId,
    /// The vector; `None` = none.
    pub vector: Option<Vec<f32>>,
    /// The document; `None` = none.
    pub document: Option<String>,
    /// The metadata.
    pub metadata: Metadata,
    /// Insertion order if the record is new.
    pub ordinal: Ordinal,
    /// The sparse vector; `None` = none. Only where the metric is the dot product.
    pub sparse: Option<SparseVector>,
}

/// A change to one field of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change<T> {
    /// Leave as it is.
    Keep,
    /// Set to this.
    Set(T),
    /// Remove it.
    Remove,
}

/// A change to an existing record; metadata merges by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordPatch {
    /// Position in the client's request.
    pub position: u32,
    /// The record's id.
    pub id: RecordId,
    /// Change of the vector.
    pub vector: Change<Vec<f32>>,
    /// Change of the document.
    pub document: Change<String>,
    /// Keys to set (`Some`) or to remove (`None`); the others stay.
    pub metadata: Vec<(String, Option<MetaValue>)>,
    /// Insertion order if a merging upsert makes the record new.
    pub ordinal: Ordinal,
    /// Change of the sparse vector.
    pub sparse: Change<SparseVector>,
}

/// A record as a replica keeps it. The id is in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRecord {
    /// The write that last wrote it.
    pub written: Written,
    /// Insertion order.
    pub ordinal: Ordinal,
    /// The vector as given by the client (not normalised).
    pub vector: Option<Vec<f32>>,
    /// The document.
    pub document: Option<String>,
    /// The metadata.
    pub metadata: Metadata,
    /// Number of legal holds on it (place reserved; always 0 now).
    pub holds: u32,
    /// When it expires (place reserved; always `None` now).
    pub expires: Option<Stamp>,
    /// Owners and contributions, of a record of a memory collection.
    pub memory: Option<Box<MemoryPart>>,
    /// The sparse vector.
    pub sparse: Option<SparseVector>,
}
