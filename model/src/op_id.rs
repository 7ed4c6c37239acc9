//! Names of operations. A router-made one carries what any router needs to plan a repeat as the first
//! call was (protocol PC3).

use std::fmt;
use std::hash::Hasher;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::ids::{Incarnation, MapEpoch, Stamp};

/// Name of an operation: a client's `Idempotency-Key`, or made by a router.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId(String);

/// Why a string is no operation name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOpId {
    /// Empty or too long.
    #[error("an operation id must be 1 to {max} printable ASCII characters, got {got} bytes")]
    Length {
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Something else than printable ASCII.
    #[error("an operation id must be printable ASCII without spaces")]
    Characters,
    /// It begins like a router-made one but isn't.
    #[error("an operation id beginning with \"{PREFIX}\" must be one that Lacuna made")]
    Forged,
}

/// Digest of a request: verb, names and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestDigest(pub u128);

impl RequestDigest {
    /// Digest of the parts, each framed by its length.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0x7265_7175_6573_7431, 0x6c61_6375_6e61_6f70);
        for part in parts {
            hasher.write(&(part.len() as u64).to_be_bytes());
            hasher.write(part);
        }
        Self(hasher.finish128().as_u128())
    }
}

/// What a router-made op_id carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpIdParts {
    /// Tells operations apart.
    pub random: u128,
    /// Largest stamp the router had heard.
    pub born: Stamp,
    /// The contents the call was planned for.
    pub incarnation: Incarnation,
    /// The slot table it was planned with.
    pub epoch: MapEpoch,
    /// Digest of the request.
    pub digest: RequestDigest,
}

/// How a router-made op_id begins.
pub const PREFIX: &str = "lop1_";
const RAW_BYTES: usize = 16 + 8 + 8 + 8 + 16;

impl OpId {
    /// Longest name in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Checks and takes a client's string.
    pub fn new(text: impl Into<String>) -> Result<Self, BadOpId> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(BadOpId::Length { got: text.len(), max: Self::MAX_BYTES });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadOpId::Characters);
        }
        let id = Self(text);
        if id.0.starts_with(PREFIX) && id.parts().is_none() {
            return Err(BadOpId::Forged);
        }
        Ok(id)
    }

    /// Makes a router's op_id.
    pub fn from_parts(parts: &OpIdParts) -> Self {
        let mut raw = Vec::with_capacity(RAW_BYTES);
        raw.extend(parts.random.to_be_bytes());
        raw.extend(parts.born.0.to_be_bytes());
        raw.extend(parts.incarnation.0.to_be_bytes());
        raw.extend(parts.epoch.0.to_be_bytes());
        raw.extend(parts.digest.0.to_be_bytes());
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(raw)))
    }

    /// What it carries, if a router made it.
    pub fn parts(&self) -> Option<OpIdParts> {
        let raw = URL_SAFE_NO_PAD.decode(self.0.strip_prefix(PREFIX)?).ok()?;
        let raw: [u8; RAW_BYTES] = raw.try_into().ok()?;
        let u64_at = |at: usize| raw[at..at + 8].try_into().map(u64::from_be_bytes).ok();
        let u128_at = |at: usize| raw[at..at + 16].try_into().map(u128::from_be_bytes).ok();
        Some(OpIdParts {
            random: u128_at(0)?,
            born: Stamp(u64_at(16)?),
            incarnation: Incarnation(u64_at(24)?),
            epoch: MapEpoch(u64_at(32)?),
            digest: RequestDigest(u128_at(40)?),
        })
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_op_id_gives_back_what_it_carries() {
        let parts = OpIdParts {
            random: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
            born: Stamp(u64::MAX),
            incarnation: Incarnation(7),
            epoch: MapEpoch(1),
            digest: RequestDigest::of(&[b"delete", b"{}"]),
        };
        let id = OpId::from_parts(&parts);
        assert_eq!(id.parts(), Some(parts));
        assert!(OpId::new(id.as_str()).is_ok());
    }

    #[test]
    fn a_clients_key_is_checked() {
        assert!(OpId::new("order-17").is_ok_and(|id| id.parts().is_none()));
        assert!(matches!(OpId::new(""), Err(BadOpId::Length { .. })));
        assert!(matches!(OpId::new("a b"), Err(BadOpId::Characters)));
        assert!(matches!(OpId::new("lop1_abc"), Err(BadOpId::Forged)));
    }

    #[test]
    fn a_digest_frames_its_parts() {
        assert_ne!(RequestDigest::of(&[b"ab", b"c"]), RequestDigest::of(&[b"a", b"bc"]));
    }
}
