//! What a batch changes in the state, kept apart until the store has taken it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lacuna_model::{Incarnation, ItemNumber, OpNumber, Stamp};

use super::{Closed, Head, IncarnationState, RowState, Slots, State};

/// Changes of one batch. `None` in a map = removed.
pub(crate) struct Delta {
    pub(crate) head: Head,
    pub(crate) sidecar: Arc<[u8]>,
    pub(crate) slots: Option<Slots>,
    pub(crate) ended: BTreeSet<Incarnation>,
    pub(crate) closed: Option<Closed>,
    pub(crate) released: BTreeSet<ItemNumber>,
    pub(crate) incarnations: BTreeMap<Incarnation, Option<IncarnationState>>,
    pub(crate) rows: BTreeMap<OpNumber, Option<RowState>>,
    pub(crate) none_expires_before: Stamp,
}

impl State {
    /// Takes a batch's changes over.
    pub(crate) fn merge(&mut self, delta: Delta) {
        self.head = delta.head;
        self.sidecar = Some(delta.sidecar);
        if let Some(slots) = delta.slots {
            self.slots = slots;
        }
        if let Some(closed) = delta.closed {
            self.closed = closed;
        }
        self.ended.extend(delta.ended.iter().map(|incarnation| incarnation.0));
        self.garbage.extend(delta.ended);
        self.released.extend(delta.released.iter().map(|item| item.0));
        put(&mut self.incarnations, delta.incarnations);
        put(&mut self.rows, delta.rows);
        self.none_expires_before = delta.none_expires_before;
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, changes: BTreeMap<K, Option<V>>) {
    for (key, change) in changes {
        match change {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}
