//! Ended incarnations and released items in the store: 512 bits a key, so that a fence or a release writes little
//! and the bytes (and with them the digest) depend on the members alone.

use crate::store::keys::CHUNK;

const BYTES: usize = (CHUNK / 8) as usize;

/// One key's bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberChunk([u8; BYTES]);

impl NumberChunk {
    /// Reads a chunk; `None` stands for one not yet there.
    pub(crate) fn read(bytes: Option<&[u8]>) -> Option<Self> {
        match bytes {
            None => Some(Self([0; BYTES])),
            Some(bytes) => bytes.try_into().ok().map(Self),
        }
    }

    pub(crate) fn insert(&mut self, number: u64) {
        let bit = (number % CHUNK) as usize;
        self.0[bit / 8] |= 1 << (bit % 8);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// The numbers in a chunk, ascending.
pub(crate) fn chunk_members(number: u64, chunk: &NumberChunk) -> Vec<u64> {
    let first = number.saturating_mul(CHUNK);
    (0..CHUNK)
        .filter(|bit| chunk.0[(bit / 8) as usize] & (1 << (bit % 8)) != 0)
        .map(|bit| first + bit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_gives_back_its_members_up_to_the_largest_number() {
        for first in [0, 512, u64::MAX - 511] {
            let mut chunk = NumberChunk::read(None).unwrap();
            for offset in [0, 7, 8, 511] {
                chunk.insert(first + offset);
            }
            let chunk = NumberChunk::read(Some(&chunk.bytes())).unwrap();
            assert_eq!(chunk_members(first / 512, &chunk), vec![first, first + 7, first + 8, first + 511]);
        }
        assert!(NumberChunk::read(Some(&[0; 3])).is_none());
    }
}
