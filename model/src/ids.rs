//! Ids, each of its own type, and the hash that places a record.

use std::fmt;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id!(
    /// A node of the cluster; also its openraft node id.
    NodeId, u64
);
number_id!(
    /// A Raft group that holds a part of the slots.
    ShardId, u32
);
number_id!(
    /// A collection, for its whole life; never reused.
    CollectionId, u64
);
number_id!(
    /// A database of a tenant, for its whole life; never reused. 0 is each account's default one.
    DatabaseId, u64
);
number_id!(
    /// The identity of a namespace's contents (protocol PN1): deleteAll ends it, it is never reused.
    Incarnation, u64
);
number_id!(
    /// Version of the slot table.
    MapEpoch, u64
);
number_id!(
    /// Number of a durable operation or a claim, growing in the order of the meta log (protocol PW4).
    OpNumber, u64
);
number_id!(
    /// One of [`SLOTS`] parts of the hash space.
    Slot, u16
);
number_id!(
    /// Microseconds since the Unix epoch as a leader stamped them into an entry; state keeps the largest
    /// it has seen (protocol PE6). Decides only what expires or is forgotten, never who wins.
    Stamp, u64
);

number_id!(
    /// A dataset, for its whole life; never reused. Short form of its UUID, for references on records.
    DatasetNumber, u64
);
number_id!(
    /// What one add of a data item brought, or its raw file: the owner of references. Grows in the order of the
    /// meta log; never reused (protocol PM1).
    ItemNumber, u64
);

impl Stamp {
    /// This stamp moved forward by `micros`, saturating.
    #[must_use]
    pub fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// Number of slots of the hash space; part of the data format.
pub const SLOTS: u16 = 4096;

/// Keys of the placing hash. Part of the data format: changing them loses data (golden test below).
const SLOT_KEYS: (u64, u64) = (0x4c61_6375_6e61_2d73, 0x6c6f_742d_6861_7368);

/// Where a record lives: `SipHash-1-3(incarnation as 8 bytes big-endian, id's bytes) mod 4096` (design §3).
pub fn slot_of(incarnation: Incarnation, id: &str) -> Slot {
    let mut hasher = SipHasher13::new_with_keys(SLOT_KEYS.0, SLOT_KEYS.1);
    hasher.write(&incarnation.0.to_be_bytes());
    hasher.write(id.as_bytes());
    Slot((hasher.finish() % u64::from(SLOTS)) as u16)
}

/// The account that always exists. Where keys are off everything belongs to it, and everybody has all rights.
pub const DEFAULT_ACCOUNT: &str = "default";

/// Name of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account(pub String);

impl Default for Account {
    fn default() -> Self {
        Self(DEFAULT_ACCOUNT.to_owned())
    }
}

/// A record's id: 1 to 4,096 bytes of UTF-8. Parsed at the door, so inside no check is repeated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(String);

/// Why a string is no record id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id must be 1 to {max} bytes of UTF-8, got {got} bytes")]
pub struct BadRecordId {
    /// Bytes given.
    pub got: usize,
    /// Bytes allowed.
    pub max: usize,
}

impl RecordId {
    /// Largest id in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Checks and takes a string.
    pub fn new(id: impl Into<String>) -> Result<Self, BadRecordId> {
        let id = id.into();
        if id.is_empty() || id.len() > Self::MAX_BYTES {
            return Err(BadRecordId { got: id.len(), max: Self::MAX_BYTES });
        }
        Ok(Self(id))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, taken out.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RecordId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Name of a part of a collection; `""` is the default one, written `__default__` in paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceName(String);

/// Why a string is no namespace name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNamespaceName {
    /// Longer than the limit.
    #[error("a namespace name may have at most {max} bytes, got {got}")]
    TooLong {
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A control character.
    #[error("a namespace name may not contain control characters")]
    Control,
}

impl NamespaceName {
    /// Largest name in bytes.
    pub const MAX_BYTES: usize = 512;
    /// How the default namespace is written in paths, and accepted in bodies.
    pub const DEFAULT_WRITTEN: &'static str = "__default__";

    /// Checks and takes a string; `__default__` is the default namespace `""`.
    pub fn new(name: impl Into<String>) -> Result<Self, BadNamespaceName> {
        let name = name.into();
        if name == Self::DEFAULT_WRITTEN {
            return Ok(Self::default());
        }
        if name.len() > Self::MAX_BYTES {
            return Err(BadNamespaceName::TooLong { got: name.len(), max: Self::MAX_BYTES });
        }
        if name.chars().any(char::is_control) {
            return Err(BadNamespaceName::Control);
        }
        Ok(Self(name))
    }

    /// The name, `""` for the default one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the namespace that always exists?
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

/// A place in a Raft log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogPosition {
    /// Term of the leader that appended the entry.
    pub term: u64,
    /// Index of the entry.
    pub index: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_have_golden_values() {
        let golden = [(1, "a"), (1, "rec-1"), (2, "rec-1"), (u64::MAX, "ünïcode"), (7, "x\u{0}y")];
        let slots: Vec<u16> = golden.iter().map(|(i, id)| slot_of(Incarnation(*i), id).0).collect();
        assert_eq!(slots, GOLDEN, "changing the placing hash loses data");
    }

    const GOLDEN: [u16; 5] = [1958, 1394, 2702, 545, 2639];

    #[test]
    fn names_and_ids_are_checked_at_their_limits() {
        assert!(RecordId::new("").is_err());
        assert!(RecordId::new("x".repeat(4096)).is_ok());
        assert!(RecordId::new("x".repeat(4097)).is_err());
        assert!(NamespaceName::new("__default__").is_ok_and(|n| n.is_default()));
        assert!(NamespaceName::new("a\u{7}").is_err());
        assert!(NamespaceName::new("x".repeat(513)).is_err());
    }
}
