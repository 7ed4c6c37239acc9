//! A record as a file gives it and as the server takes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A record on its way in. Its fields are those of the native API's upsert; others are refused by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputRecord {
    /// 1 to 4,096 bytes of UTF-8.
    pub(crate) id: String,
    /// The vector, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vector: Option<Vec<f32>>,
    /// The document, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<String>,
    /// The metadata, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Map<String, Value>>,
}

impl InputRecord {
    /// About how many bytes it takes in a request.
    pub(crate) fn weight(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |map| {
            map.iter().map(|(key, value)| key.len() + 8 + value.as_str().map_or(24, str::len)).sum::<usize>()
        });
        let vector = self.vector.as_ref().map_or(0, |vector| vector.len() * 14);
        64 + self.id.len()
            + vector
            + self.document.as_ref().map_or(0, |text| text.len() + text.len() / 8)
            + metadata
    }
}

/// A record, and where in the file it stands (line or row, counted from 1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    /// Line (JSONL, CSV) or row (npy).
    pub(crate) place: u64,
    /// The record.
    pub(crate) record: InputRecord,
}
