//! Records of ended incarnations: no state (protocol PE2), invisible since their fence, removed a few at a time.

use parking_lot::RwLockUpgradableReadGuard;

use crate::engine::Engine;
use crate::store::{StoreError, Writes, keys};

impl Engine {
    /// Removes at most `budget` records of ended incarnations; returns whether more are left. Applies wait for
    /// this one slice, reads don't.
    pub fn sweep_garbage(&self, budget: usize) -> Result<bool, StoreError> {
        let live = self.live.upgradable_read();
        let Some(incarnation) = live.state.garbage.first().copied() else { return Ok(false) };
        let from = keys::records_from(incarnation);
        let to = keys::after_prefix(from.clone());
        let mut writes = Writes::new();
        for pair in live.store.range(&from, &to).take(budget) {
            writes.insert(pair?.0.to_vec(), None);
        }
        let emptied = writes.len() < budget;
        metrics::counter!("lacuna_delete_garbage_records").increment(writes.len() as u64);
        let mut live = RwLockUpgradableReadGuard::upgrade(live);
        self.note_failure(live.store.commit(writes))?;
        if emptied {
            live.state.garbage.remove(&incarnation);
        }
        Ok(!live.state.garbage.is_empty())
    }
}
