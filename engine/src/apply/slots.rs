//! Tells the shard which slots it holds (protocol PE4).

use lacuna_model::command::SetSlots;
use lacuna_model::outcome::CommandOutcome;

use super::Transaction;
use crate::state::Slots;

/// Takes a table's slots unless a newer table's are there.
pub(super) fn apply(transaction: &mut Transaction<'_>, set: &SetSlots) -> CommandOutcome {
    if set.epoch >= transaction.slots().epoch {
        transaction.set_slots(Slots::new(set.epoch, &set.slots));
    }
    CommandOutcome::Done
}
