//! Bodies of frames: a version, then postcard.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::Frame;

/// Version of every body; an older process refuses what it doesn't know.
pub const VERSION: u32 = 1;

/// Largest message on the wire, bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Another version wrote it.
    #[error("a message of version {0}, this process speaks version {VERSION}")]
    Version(u32),
    /// The body is damaged or of another type.
    #[error("unreadable message: {0}")]
    Body(#[from] postcard::Error),
}

/// Encodes a body.
pub fn encode<T: Serialize>(value: &T) -> Result<Bytes, CodecError> {
    Ok(Bytes::from(postcard::to_stdvec(value)?))
}

/// Decodes a body.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    Ok(postcard::from_bytes(body)?)
}

/// A frame around a value.
pub fn frame<T: Serialize>(value: &T) -> Result<Frame, CodecError> {
    Ok(Frame { version: VERSION, body: encode(value)? })
}

/// The value in a frame.
pub fn unframe<T: DeserializeOwned>(frame: &Frame) -> Result<T, CodecError> {
    if frame.version != VERSION {
        return Err(CodecError::Version(frame.version));
    }
    decode(&frame.body)
}
