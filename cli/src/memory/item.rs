//! An item on its way in, and its id.

use lacuna_model::{DatasetId, ItemId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::record::MemoryRecord;

/// An item with its records.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewItem {
    /// Unique in its dataset.
    pub(crate) name: String,
    /// Media type of its raw file.
    pub(crate) mime_type: &'static str,
    /// Its raw file.
    pub(crate) raw: Option<String>,
    /// Which embedder made vectors of it, if one did.
    pub(crate) embedder: Option<&'static str>,
    /// No two of one collection and id.
    pub(crate) records: Vec<MemoryRecord>,
}

impl NewItem {
    /// The request that adds it, or replaces what it was.
    pub(crate) fn body(&self, id: ItemId) -> Value {
        let mut body = json!({
            "id": id.to_string(),
            "name": self.name,
            "mimeType": self.mime_type,
            "records": self.records,
        });
        if let Some(text) = &self.raw {
            body["raw"] = json!({"content": text});
        }
        if let Some(embedder) = self.embedder {
            body["externalMetadata"] = json!({"embedder": embedder});
        }
        body
    }
}

/// An item's id, the same whenever its file is ingested into this dataset: a UUID of version 8 (RFC 9562), the first
/// 16 bytes of the SHA-256 of the dataset's 16 bytes and the item's name, with version and variant set.
pub(crate) fn item_id(dataset: DatasetId, name: &str) -> ItemId {
    let digest = Sha256::new().chain_update(dataset.0.to_be_bytes()).chain_update(name).finalize();
    let bits = digest.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let unmarked = bits & !(0xf << 76) & !(0x3 << 62);
    ItemId(unmarked | 0x8 << 76 | 0x2 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_dataset_and_name_and_is_a_uuid_of_version_8() {
        let id = item_id(DatasetId(0), "a.txt");
        // python3: sha256(bytes(16) + b"a.txt").hexdigest()[:32], with version and variant set
        assert_eq!(id.to_string(), "38648d24-2878-8b06-a981-569b2e9f9ae3");
        assert_ne!(id, item_id(DatasetId(1), "a.txt"));
        assert_ne!(id, item_id(DatasetId(0), "b.txt"));
    }
}
