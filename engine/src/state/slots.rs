//! The slots a shard holds (protocol PE4).

use lacuna_model::{MapEpoch, SLOTS, Slot};
use serde::{Deserialize, Serialize};

/// Epoch and slots, as stored and as asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) epoch: MapEpoch,
    held: Vec<bool>,
}

/// As stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredSlots {
    epoch: MapEpoch,
    slots: Vec<Slot>,
}

impl Slots {
    pub(crate) fn new(epoch: MapEpoch, slots: &[Slot]) -> Self {
        let mut held = vec![false; usize::from(SLOTS)];
        for slot in slots {
            if let Some(place) = held.get_mut(usize::from(slot.0)) {
                *place = true;
            }
        }
        Self { epoch, held }
    }

    /// Does the shard hold it?
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        self.held.get(usize::from(slot.0)).copied().unwrap_or(false)
    }

    /// Does it hold none, as before its first `SetSlots`?
    pub(crate) fn is_empty(&self) -> bool {
        !self.held.contains(&true)
    }

    pub(crate) fn to_stored(&self) -> StoredSlots {
        let slots =
            self.held.iter().zip(0..).filter(|(held, _)| **held).map(|(_, slot)| Slot(slot)).collect();
        StoredSlots { epoch: self.epoch, slots }
    }

    pub(crate) fn from_stored(stored: &StoredSlots) -> Self {
        Self::new(stored.epoch, &stored.slots)
    }
}
