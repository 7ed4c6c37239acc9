//! What replicas of a group say to each other: frames around openraft's own messages.

use bytes::Bytes;
use lacuna_proto::codec::{self, CodecError};
use lacuna_proto::wire::GroupFrame;
use openraft::raft::{StreamAppendError, StreamAppendResult};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::types::{LogId, SnapshotMeta, TypeConfig, Vote};

/// Name of the metadata entry that carries a stream's group.
pub(crate) const GROUP_HEADER: &str = "lacuna-group";
/// Bytes of a snapshot in one frame.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// Kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Vote = 1,
    PreVote = 2,
    Append = 3,
    Transfer = 4,
    SnapshotHead = 5,
    SnapshotPiece = 6,
    SnapshotTail = 7,
}

impl Kind {
    pub(crate) fn of(frame: &GroupFrame) -> Option<Self> {
        [
            Self::Vote,
            Self::PreVote,
            Self::Append,
            Self::Transfer,
            Self::SnapshotHead,
            Self::SnapshotPiece,
            Self::SnapshotTail,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == frame.kind)
    }
}

/// A frame around a message.
pub(crate) fn frame<T: Serialize>(group: u32, kind: Kind, message: &T) -> Result<GroupFrame, CodecError> {
    Ok(raw_frame(group, kind, codec::encode(message)?))
}

/// A frame around bytes.
pub(crate) fn raw_frame(group: u32, kind: Kind, body: Bytes) -> GroupFrame {
    GroupFrame { version: codec::VERSION, group, kind: kind as u32, body }
}

/// The message in a frame.
pub(crate) fn unframe<T: DeserializeOwned>(frame: &GroupFrame) -> Result<T, CodecError> {
    if frame.version != codec::VERSION {
        return Err(CodecError::Version(frame.version));
    }
    codec::decode(&frame.body)
}

/// Answer to one append of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AppendAnswer {
    /// Flushed up to here.
    Matching(Option<LogId>),
    /// The follower has another entry there.
    Conflict(LogId),
    /// The follower has seen a higher vote.
    HigherVote(Vote),
}

impl From<StreamAppendResult<TypeConfig>> for AppendAnswer {
    fn from(result: StreamAppendResult<TypeConfig>) -> Self {
        match result {
            Ok(matching) => Self::Matching(matching),
            Err(StreamAppendError::Conflict(at)) => Self::Conflict(at),
            Err(StreamAppendError::HigherVote(vote)) => Self::HigherVote(vote),
        }
    }
}

impl From<AppendAnswer> for StreamAppendResult<TypeConfig> {
    fn from(answer: AppendAnswer) -> Self {
        match answer {
            AppendAnswer::Matching(matching) => Ok(matching),
            AppendAnswer::Conflict(at) => Err(StreamAppendError::Conflict(at)),
            AppendAnswer::HigherVote(vote) => Err(StreamAppendError::HigherVote(vote)),
        }
    }
}

/// First frame of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotHead {
    /// The sending leader's vote.
    pub(crate) vote: Vote,
    /// What the snapshot holds.
    pub(crate) meta: SnapshotMeta,
    /// Bytes that follow.
    pub(crate) bytes: u64,
}

/// Last frame of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotTail {
    /// CRC-32C over all pieces.
    pub(crate) crc: u32,
}
