//! What groups ask of the log and what it knows of them.

use bytes::Bytes;

/// One step of a group; the log doesn't look into the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalOp {
    /// The group's vote; replaces the one before.
    Vote(Bytes),
    /// An entry. Its index follows the last one; into an empty log any index past the purged one goes.
    Append {
        /// Index of the entry.
        index: u64,
        /// Its bytes.
        body: Bytes,
    },
    /// Entries after this index go; `None`: all of them.
    TruncateAfter(Option<u64>),
    /// Entries up to and including this index go; `last` is what the group wants to remember of it.
    Purge {
        /// Last index that goes. A lower one than was purged before changes nothing.
        upto: u64,
        /// Opaque: for instance the id of that entry.
        last: Bytes,
    },
    /// A hint that needs no sync of its own: it rides along with the next batch and wakes nobody.
    Committed(Bytes),
    /// The group leaves this node: everything of it goes.
    Drop,
}

/// What the log knows of a group, entries aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The last vote.
    pub vote: Option<Bytes>,
    /// The last committed hint.
    pub committed: Option<Bytes>,
    /// Index and opaque bytes of the last purge.
    pub purged: Option<(u64, Bytes)>,
    /// Index of the first live entry.
    pub first: Option<u64>,
    /// Index of the last live entry.
    pub last: Option<u64>,
}

/// A group that keeps an old segment alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The group.
    pub group: u32,
    /// The oldest segment with a live entry of it.
    pub segment: u64,
    /// Bytes of all its live entries.
    pub bytes: u64,
}
