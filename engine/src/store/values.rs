//! Values: one version byte, then postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Bytes, StoreError};

/// Version of every value written.
pub(crate) const VERSION: u8 = 1;

/// Encodes a value.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, StoreError> {
    postcard::to_extend(value, vec![VERSION])
        .map(Bytes::from)
        .map_err(|error| StoreError::corrupt(format!("a value can't be encoded: {error}")))
}

/// Decodes a value; `what` names it in the error.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    postcard::from_bytes(body(bytes, what)?)
        .map_err(|error| StoreError::corrupt(format!("{what} can't be read: {error}")))
}

/// What follows the version byte.
pub(crate) fn body<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8], StoreError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((version, _)) => {
            Err(StoreError::corrupt(format!("{what} has version {version}, this is version {VERSION}")))
        }
        None => Err(StoreError::corrupt(format!("{what} is empty"))),
    }
}
