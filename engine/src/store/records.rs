//! A record's value: exactly the postcard of [`StoredRecord`], written and read by hand around the vector,
//! so that a vector is one copy and a filter's verdict needn't decode it.

use lacuna_model::Stamp;
use lacuna_model::memory::contribution::MemoryPart;
use lacuna_model::record::{Ordinal, StoredRecord, Written};
use lacuna_model::value::Metadata;

use super::values::{VERSION, body};
use super::{Bytes, StoreError};

const WHAT: &str = "a record";

type Tail = (Option<String>, Metadata, u32, Option<Stamp>, Option<Box<MemoryPart>>);

/// Encodes a record.
pub(crate) fn encode(record: &StoredRecord) -> Result<Bytes, StoreError> {
    let failed = |error: postcard::Error| StoreError::corrupt(format!("a record can't be encoded: {error}"));
    let room = record.vector.as_ref().map_or(0, |vector| vector.len() * 4);
    let mut bytes = Vec::with_capacity(64 + room + record.document.as_ref().map_or(0, String::len));
    bytes.push(VERSION);
    let mut bytes = postcard::to_extend(&(record.written, record.ordinal), bytes).map_err(failed)?;
    match &record.vector {
        None => bytes.push(0),
        Some(vector) => {
            bytes.push(1);
            push_varint(&mut bytes, vector.len());
            bytes.extend(vector.iter().flat_map(|component| component.to_le_bytes()));
        }
    }
    let (memory, sparse) = (&record.memory, &record.sparse);
    let tail = (&record.document, &record.metadata, record.holds, record.expires, memory, sparse);
    postcard::to_extend(&tail, bytes).map(Bytes::from).map_err(failed)
}

fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Should the vector be decoded?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vector {
    /// Yes.
    Read,
    /// No: it comes out as `None`, as does the sparse one.
    Skip,
}

/// Decodes a record.
pub(crate) fn decode(bytes: &[u8], vector: Vector) -> Result<StoredRecord, StoreError> {
    let (written, ordinal, rest) = split_head(bytes)?;
    let (raw, rest) = split_vector(rest)?;
    let ((document, metadata, holds, expires, memory), rest): (Tail, &[u8]) =
        postcard::take_from_bytes(rest).map_err(|error| unreadable(&error))?;
    let (vector, sparse) = match vector {
        Vector::Skip => (None, None),
        Vector::Read => (raw.map(floats), postcard::from_bytes(rest).map_err(|error| unreadable(&error))?),
    };
    Ok(StoredRecord { written, ordinal, vector, document, metadata, holds, expires, memory, sparse })
}

/// Which write wrote a record, and its insertion order.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<(Written, Ordinal), StoreError> {
    let (written, ordinal, _) = split_head(bytes)?;
    Ok((written, ordinal))
}

fn split_head(bytes: &[u8]) -> Result<(Written, Ordinal, &[u8]), StoreError> {
    let ((written, ordinal), rest) =
        postcard::take_from_bytes(body(bytes, WHAT)?).map_err(|error| unreadable(&error))?;
    Ok((written, ordinal, rest))
}

fn split_vector(bytes: &[u8]) -> Result<(Option<&[u8]>, &[u8]), StoreError> {
    let cut = || StoreError::corrupt("a record's vector is cut short");
    match bytes.split_first().ok_or_else(cut)? {
        (0, rest) => Ok((None, rest)),
        (1, rest) => {
            let (length, rest): (u32, &[u8]) =
                postcard::take_from_bytes(rest).map_err(|error| unreadable(&error))?;
            let (vector, rest) = rest.split_at_checked(length as usize * 4).ok_or_else(cut)?;
            Ok((Some(vector), rest))
        }
        (tag, _) => Err(StoreError::corrupt(format!("a record's vector has tag {tag}"))),
    }
}

fn floats(raw: &[u8]) -> Vec<f32> {
    raw.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
}

fn unreadable(error: &postcard::Error) -> StoreError {
    StoreError::corrupt(format!("a record can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use lacuna_model::ShardId;
    use lacuna_model::record::SparseVector;
    use lacuna_model::value::{MetaValue, Scalar};

    use super::*;

    fn sample(vector: Option<Vec<f32>>) -> StoredRecord {
        StoredRecord {
            written: Written { index: 300, place: 2, shard: ShardId(7) },
            ordinal: Ordinal { micros: u64::MAX, position: 3 },
            vector,
            document: Some("dök".to_owned()),
            metadata: Metadata::from([("n".to_owned(), MetaValue::Scalar(Scalar::Int(-5)))]),
            holds: 0,
            expires: None,
            memory: None,
            sparse: Some(SparseVector::new(vec![7, 3], vec![0.5, -1.0]).unwrap()),
        }
    }

    #[test]
    fn a_record_is_encoded_exactly_as_postcard_would() {
        for vector in [None, Some(vec![]), Some(vec![1.5, -0.0, f32::MIN_POSITIVE]), Some(vec![0.25; 300])] {
            let record = sample(vector);
            let bytes = encode(&record).unwrap();
            assert_eq!(&bytes[1..], postcard::to_stdvec(&record).unwrap().as_slice());
            assert_eq!(decode(&bytes, Vector::Read).unwrap(), record);
            assert_eq!(
                decode(&bytes, Vector::Skip).unwrap(),
                StoredRecord { vector: None, sparse: None, ..record.clone() }
            );
            assert_eq!(decode_head(&bytes).unwrap(), (record.written, record.ordinal));
        }
    }

    #[test]
    fn a_cut_record_is_an_error_not_a_panic() {
        let bytes = encode(&sample(Some(vec![1.0; 9]))).unwrap();
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], Vector::Read).is_err(), "cut at {end}");
        }
    }
}
