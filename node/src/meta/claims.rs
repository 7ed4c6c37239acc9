//! Who holds an `op_id` or `Idempotency-Key`: an operation, or a claim (protocol PC4).

use std::collections::BTreeMap;

use lacuna_model::command::Window;
use lacuna_model::meta::Claim;
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::{Account, OpNumber, Stamp};
use serde::{Deserialize, Serialize};

/// A key inside its account.
pub(super) type Key = (Account, OpId);

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Holder {
    /// It names an operation, or was joined to it by a request with this digest.
    Operation(OpNumber, RequestDigest),
    /// A claim that nobody drives.
    Claim(Claim),
}

/// Every key in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keys {
    holders: BTreeMap<Key, Holder>,
    /// Claims by the stamp past which they are evicted.
    expiring: BTreeMap<(Stamp, OpNumber), Key>,
}

impl Keys {
    /// What a key was used for.
    pub(super) fn holder(&self, account: &Account, op_id: &OpId) -> Option<&Holder> {
        self.holders.get(&(account.clone(), op_id.clone()))
    }

    /// Gives a free key to an operation.
    pub(super) fn hold(&mut self, key: Key, number: OpNumber, digest: RequestDigest) {
        self.holders.insert(key, Holder::Operation(number, digest));
    }

    /// Gives a free key to a claim.
    pub(super) fn claim(&mut self, key: Key, claim: Claim) {
        self.expiring.insert((expiry(&claim), claim.number), key.clone());
        self.holders.insert(key, Holder::Claim(claim));
    }

    /// Frees a key.
    pub(super) fn free(&mut self, key: &Key) {
        self.holders.remove(key);
    }

    /// Evicts at most `most` claims whose window has passed.
    pub(super) fn evict(&mut self, stamp: Stamp, most: usize) {
        for _ in 0..most {
            let Some(oldest) = self.expiring.first_entry().filter(|entry| entry.key().0 < stamp) else {
                return;
            };
            let key = oldest.remove();
            self.holders.remove(&key);
        }
    }

    /// Is there a claim to evict at this stamp?
    pub(super) fn evictable(&self, stamp: Stamp) -> bool {
        self.expiring.first_key_value().is_some_and(|((expires, _), _)| *expires < stamp)
    }
}

/// The same window as the outcomes of its commands: shards and meta group forget by the same comparison (PC3).
fn expiry(claim: &Claim) -> Stamp {
    claim.born.after(Window::Claim.micros())
}
