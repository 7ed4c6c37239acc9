//! What an item brings to a record, and the record that all its contributions make together.

use serde::{Deserialize, Serialize};

use crate::command::RecordKey;
use crate::ids::{DatasetNumber, Incarnation, ItemNumber, RecordId};
use crate::memory::counts::MemoryKind;
use crate::record::Ordinal;

/// A record named by an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct End {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
}

/// What a record says of itself, besides vector and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What it is.
    pub kind: MemoryKind,
    /// A node's type.
    pub type_name: Option<String>,
    /// Where an edge begins.
    pub source: Option<End>,
    /// Where it ends.
    pub target: Option<End>,
    /// What it says.
    pub relationship: Option<String>,
    /// A JSON object, as text.
    pub metadata: String,
    /// Sets of nodes it belongs to.
    pub node_sets: Vec<String>,
    /// A piece of a raw file.
    pub blob: Option<Piece>,
}

/// A piece of a raw file (protocol PM4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its number, from 0.
    pub number: u32,
    /// Its bytes.
    pub bytes: bytes::Bytes,
}

impl Facts {
    /// Of a kind, and nothing more: what is left of a node that only somebody's edge still holds (protocol PM3).
    pub fn bare(kind: MemoryKind, type_name: Option<String>) -> Self {
        Self {
            kind,
            type_name,
            source: None,
            target: None,
            relationship: None,
            metadata: String::new(),
            node_sets: Vec::new(),
            blob: None,
        }
    }
}

/// What an item says of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Its vector.
    pub vector: Option<Vec<f32>>,
    /// Its text.
    pub text: Option<String>,
    /// The rest.
    pub facts: Facts,
}

/// A contribution to write, with its position in the client's request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewContribution {
    /// Position in the client's request.
    pub position: u32,
    /// The record's id.
    pub id: RecordId,
    /// What the item says of it.
    pub content: Content,
    /// Insertion order if the record is new.
    pub ordinal: Ordinal,
    /// An edge of the same request ends here.
    pub holds: bool,
}

/// One item's reference on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The item's number: the larger, the newer.
    pub item: ItemNumber,
    /// Its dataset.
    pub dataset: DatasetNumber,
    /// What it says of the record; `None`: nothing, an edge of its holds the record.
    pub says: Option<u32>,
    /// An edge of its holds the record.
    pub holds: bool,
}

/// The memory part of a record as a replica keeps it. The record's own vector and text, and the facts here, are
/// the newest contribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryPart {
    /// Of the newest contribution.
    pub facts: Facts,
    /// References, by item, ascending; never empty. What they say is 0: the newest, or `n`: `others[n - 1]`.
    pub owners: Vec<Owner>,
    /// Contributions with another content, each distinct one once.
    pub others: Vec<Content>,
}

/// A reference as it is found from its item: the index item → records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// The item.
    pub item: ItemNumber,
    /// The record's collection.
    pub incarnation: Incarnation,
    /// The record.
    pub key: RecordKey,
}
