//! Outcomes past their window go, as an effect of apply (protocol PE2, PC3).

use lacuna_model::Stamp;

use super::Transaction;
use crate::store::StoreError;
use crate::store::keys;

/// Most outcomes evicted by one entry: more than an entry can add, so that they never pile up.
const MOST: usize = 512;

/// Evicts outcomes whose `expires < stamp`, oldest first, a bounded number. Whether a call is `forgotten` is
/// decided by the same comparison, never by whether this came to it.
pub(super) fn outcomes(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let stamp = transaction.stamp();
    if stamp <= transaction.none_expires_before {
        return Ok(());
    }
    let expired = transaction.first_in(&keys::outcomes_from(Stamp(0)), &keys::outcomes_from(stamp), MOST)?;
    let more = expired.len() == MOST;
    for (key, value) in expired {
        transaction.set_rest(key, Some(&value), None);
    }
    if !more {
        transaction.none_expires_before = next_expiry(transaction, stamp)?;
    }
    Ok(())
}

fn next_expiry(transaction: &Transaction<'_>, stamp: Stamp) -> Result<Stamp, StoreError> {
    let end = keys::after_prefix(keys::single(keys::Kind::Outcome));
    let next = transaction.first_in(&keys::outcomes_from(stamp), &end, 1)?;
    Ok(next.first().and_then(|(key, _)| keys::outcome_expires(key)).unwrap_or(Stamp(u64::MAX)))
}
