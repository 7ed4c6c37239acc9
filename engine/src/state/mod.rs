//! The small state of a replica, held in memory as the store holds it: everything but records and outcomes.

mod closed;
mod delta;
mod load;
mod numbers;
mod rows;
mod slots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lacuna_model::record::Schema;
use lacuna_model::{Incarnation, LogPosition, OpNumber, Stamp};
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

pub(crate) use closed::Closed;
pub(crate) use delta::Delta;
pub(crate) use load::load;
pub(crate) use numbers::{NumberChunk, chunk_members};
pub(crate) use rows::{Judge, RowState};
pub(crate) use slots::Slots;

use crate::digest::{self, Digest};

/// Position, stamp, digests and totals: one key, rewritten by each batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Last entry applied.
    pub(crate) applied: LogPosition,
    /// Largest stamp seen (protocol PE6).
    pub(crate) stamp: Stamp,
    /// Digest over live records.
    pub(crate) records: u128,
    /// Digest over all other state but the stamp.
    pub(crate) rest: u128,
    /// Live records of all incarnations.
    pub(crate) live: u64,
}

impl Head {
    /// Digest over all other state, the stamp included.
    pub(crate) fn rest_digest(&self) -> u128 {
        let mut digest = Digest(self.rest);
        digest.add(digest::of_stamp(self.stamp));
        digest.0
    }
}

/// What a shard keeps of an open incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IncarnationState {
    /// Stored with the first write (protocol PE5).
    pub(crate) schema: Schema,
    /// Live records.
    pub(crate) live: u64,
    /// Digest over them.
    pub(crate) digest: u128,
}

/// The state.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) sidecar: Option<Arc<[u8]>>,
    pub(crate) slots: Slots,
    /// Incarnations that ended here, for ever (protocol PN4).
    pub(crate) ended: RoaringTreemap,
    pub(crate) closed: Closed,
    /// Items that were released here: nothing is written for them, for ever (protocol PM2).
    pub(crate) released: RoaringTreemap,
    pub(crate) incarnations: BTreeMap<Incarnation, IncarnationState>,
    pub(crate) rows: BTreeMap<OpNumber, RowState>,
    /// Ended incarnations that may still have records in the store; no state, found anew when loading.
    pub(crate) garbage: BTreeSet<Incarnation>,
    /// No kept outcome expires before this: spares looking for one. Derived, never stored.
    pub(crate) none_expires_before: Stamp,
}

impl State {
    /// Has it ended here?
    pub(crate) fn is_ended(&self, incarnation: Incarnation) -> bool {
        self.ended.contains(incarnation.0)
    }

    /// Live records of an incarnation; 0 for one never seen.
    pub(crate) fn live(&self, incarnation: Incarnation) -> u64 {
        self.incarnations.get(&incarnation).map_or(0, |state| state.live)
    }
}
