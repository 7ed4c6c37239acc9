//! Digests over a replica's state (protocol PE2): a keyed 128-bit hash of each key and its value, summed, so
//! that a change costs the same however much is stored, and order doesn't matter.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use lacuna_model::Stamp;

const RECORD_KEYS: (u64, u64) = (0x6c61_6375_6e61_2d72, 0x6563_6f72_642d_6431);
const REST_KEYS: (u64, u64) = (0x6c61_6375_6e61_2d72, 0x6573_742d_6467_7331);

/// A sum of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) u128);

impl Digest {
    pub(crate) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    pub(crate) fn remove(&mut self, hash: u128) {
        self.0 = self.0.wrapping_sub(hash);
    }
}

fn hash(keys: (u64, u64), key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(keys.0, keys.1);
    hasher.write(&(key.len() as u64).to_be_bytes());
    hasher.write(key);
    hasher.write(value);
    hasher.finish128().as_u128()
}

/// Hash of one record.
pub(crate) fn of_record(key: &[u8], value: &[u8]) -> u128 {
    hash(RECORD_KEYS, key, value)
}

/// Hash of one piece of other state.
pub(crate) fn of_rest(key: &[u8], value: &[u8]) -> u128 {
    hash(REST_KEYS, key, value)
}

/// Hash of the state's stamp, which is under the digest of the rest.
pub(crate) fn of_stamp(stamp: Stamp) -> u128 {
    hash(REST_KEYS, b"stamp", &stamp.0.to_be_bytes())
}
