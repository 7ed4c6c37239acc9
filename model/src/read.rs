//! Questions to one shard, and its answers.

use serde::{Deserialize, Serialize};

use crate::command::CallRef;
use crate::filter::Filter;
use crate::ids::{Incarnation, ItemNumber, LogPosition, OpNumber, RecordId, Stamp};
use crate::memory::contribution::Holding;
use crate::memory::counts::ReleaseCounts;
use crate::memory::sight::{MemoryRecord, Sight};
use crate::outcome::{RowView, WriteOutcome};
use crate::record::{Metric, Ordinal, SparseVector, Written};
use crate::value::Metadata;

/// Which parts of a record to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// The vector, dense and sparse.
    pub vector: bool,
    /// The document.
    pub document: bool,
    /// The metadata.
    pub metadata: bool,
}

/// A question to one shard, asked at a read index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReadRequest {
    /// Records by id, in the order given, unknown ones left out.
    Get {
        /// Whose.
        incarnation: Incarnation,
        /// Which.
        ids: Vec<RecordId>,
        /// What of them.
        include: Include,
    },
    /// Records in id order (by bytes).
    Scan {
        /// Whose.
        incarnation: Incarnation,
        /// Only ids that begin so.
        prefix: String,
        /// Only those that match.
        filter: Option<Filter>,
        /// Only ids greater than this.
        after: Option<String>,
        /// At most so many.
        limit: usize,
        /// What of them.
        include: Include,
    },
    /// Nearest neighbours of each vector.
    Search {
        /// Whose.
        incarnation: Incarnation,
        /// The collection's metric.
        metric: Metric,
        /// The query vectors.
        vectors: Vec<Vec<f32>>,
        /// Hits for each.
        top_k: usize,
        /// Candidates kept while searching a graph; larger is more exact. `None`: the default.
        ef: Option<usize>,
        /// Scan every vector instead.
        exact: bool,
        /// Only records that match.
        filter: Option<Filter>,
        /// What of them.
        include: Include,
    },
    /// Live records, all or those that match.
    Count {
        /// Whose (several are added up).
        incarnations: Vec<Incarnation>,
        /// Only those that match.
        filter: Option<Filter>,
    },
    /// What a where-delete would take now.
    Preview {
        /// Whose.
        incarnation: Incarnation,
        /// What would go.
        filter: Filter,
        /// Ids to show at most.
        sample: usize,
    },
    /// The outcome kept under a call, if any.
    Outcome(CallRef),
    /// A row, if it is there.
    Row(OpNumber),
    /// Digests and counters.
    Digest,
    /// Records in insertion order, ties by id (protocol PR0).
    Oldest {
        /// Whose.
        incarnation: Incarnation,
        /// Only those that match.
        filter: Option<Filter>,
        /// Only those behind this place.
        after: Option<AgePlace>,
        /// At most so many; fewer, with `more`, if they are large.
        limit: usize,
        /// What of them.
        include: Include,
    },
    /// The first ordinals in insertion order.
    Ordinals {
        /// Whose.
        incarnation: Incarnation,
        /// At most so many.
        limit: usize,
    },
    /// Records of a memory collection by id, as a reader sees them, unknown ones left out.
    MemoryGet {
        /// Whose.
        incarnation: Incarnation,
        /// Which.
        ids: Vec<RecordId>,
        /// What the reader may see.
        sight: Sight,
    },
    /// Records that items refer to, item after item.
    MemoryHeld {
        /// The items, ascending.
        items: Vec<ItemNumber>,
        /// Only references after this one.
        after: Option<Holding>,
        /// At most so many references are looked at.
        limit: usize,
        /// What the reader may see.
        sight: Sight,
    },
    /// Nearest neighbours among what a reader sees.
    MemorySearch {
        /// Whose.
        incarnation: Incarnation,
        /// The query vector.
        vector: Vec<f32>,
        /// Hits.
        top_k: usize,
        /// What the reader may see.
        sight: Sight,
    },
    /// What is physically held of these memory collections, references or none.
    MemoryStats(Vec<Incarnation>),
    /// What a release of these items would take now.
    ReleasePreview(Vec<ItemNumber>),
    /// Best dot products with a sparse vector, alone or added to those with a dense one; one list of hits.
    Hybrid {
        /// Whose.
        incarnation: Incarnation,
        /// The dense part: with it every record with a dense vector is a candidate.
        dense: Option<Vec<f32>>,
        /// The sparse part: without a dense one only records that share an index with it are candidates.
        sparse: SparseVector,
        /// Hits.
        top_k: usize,
        /// Only records that match.
        filter: Option<Filter>,
        /// What of them.
        include: Include,
    },
}

/// A place in insertion order: of a record, or with an empty id before all records of an ordinal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgePlace {
    /// The ordinal.
    pub ordinal: Ordinal,
    /// The id, by which equal ordinals are ordered.
    pub id: String,
}

/// What is physically held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStats {
    /// Records, pieces of raw files aside.
    pub records: u64,
    /// Those with a vector.
    pub vectors: u64,
    /// References on records, those on raw files aside.
    pub references: u64,
    /// Raw files.
    pub raw_files: u64,
    /// Bytes of raw files.
    pub raw_bytes: u64,
    /// Vectors of deleted records that indexes still hold.
    pub tombstones: u64,
}

/// A record sent to a reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordView {
    /// Its id.
    pub id: RecordId,
    /// Its vector, if asked for and there.
    pub vector: Option<Vec<f32>>,
    /// Its document, if asked for and there.
    pub document: Option<String>,
    /// Its metadata, if asked for.
    pub metadata: Option<Metadata>,
    /// Insertion order.
    pub ordinal: Ordinal,
    /// The write that last wrote it.
    pub written: Written,
    /// Its sparse vector, if its vector was asked for and it has one.
    pub sparse: Option<SparseVector>,
}

impl RecordView {
    /// A hit of which no part was asked for: it is named without being read, so ordinal and write are zero.
    pub fn bare(id: RecordId) -> Self {
        Self {
            id,
            vector: None,
            document: None,
            metadata: None,
            ordinal: Ordinal::default(),
            written: Written::default(),
            sparse: None,
        }
    }
}

/// A search hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Cosine or dot (best highest), squared distance for L2 (best lowest).
    pub score: f32,
    /// The record.
    pub record: RecordView,
}

/// A shard's digests and counters at an index (protocol PE2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestView {
    /// Digest over live records.
    pub records: u128,
    /// Digest over all other state.
    pub rest: u128,
    /// Live records of all incarnations.
    pub live: u64,
}

/// A shard's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadReply {
    /// The shard's applied position when it answered.
    pub at: LogPosition,
    /// The state's stamp.
    pub stamp: Stamp,
    /// The answer.
    pub body: ReadBody,
}

/// Body of a shard's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReadBody {
    /// Of `Get`, `Scan` and `Oldest`; one that met its limit says `more`.
    Records {
        /// The records.
        records: Vec<RecordView>,
        /// There may be more behind the last.
        more: bool,
    },
    /// Of `Search` and `Hybrid`: for each query vector its hits, best first, ties by id.
    Hits(Vec<Vec<Hit>>),
    /// Of `Count`.
    Count(u64),
    /// Of `Preview`.
    Preview {
        /// How many match.
        matched: u64,
        /// The first of them in id order.
        sample: Vec<RecordId>,
    },
    /// Of `Outcome`.
    Outcome(Option<WriteOutcome>),
    /// Of `Row`.
    Row(Option<RowView>),
    /// Of `Digest`.
    Digest(DigestView),
    /// The incarnation has ended here.
    Fenced,
    /// The query doesn't fit the contents (a vector of another dimension).
    Mismatch(String),
    /// Of `Ordinals`, ascending.
    Ordinals(Vec<Ordinal>),
    /// Of `MemoryGet`.
    Memory(Vec<MemoryRecord>),
    /// Of `MemoryHeld`: each record with its collection's contents.
    Held {
        /// The records.
        records: Vec<(Incarnation, MemoryRecord)>,
        /// Where to go on; `None`: that was all.
        next: Option<Holding>,
    },
    /// Of `MemorySearch`, best first, ties by id.
    MemoryHits(Vec<(f32, MemoryRecord)>),
    /// Of `MemoryStats`.
    MemoryStats(MemoryStats),
    /// Of `ReleasePreview`.
    Release(ReleaseCounts),
}
