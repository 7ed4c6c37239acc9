//! Accounts and keys. Of a secret there is only its hash.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::access::{AccessRefusal, AccountInfo, Key, Previous, SecretHash};
use lacuna_model::limits::{KEPT_REVOKED_KEYS, MAX_ACCOUNTS, MAX_KEYS};
use lacuna_model::meta::{Changed, MetaOutcome, MetaRefusal, NewKey};
use lacuna_model::uuid::KeyId;
use lacuna_model::{Account, Principal, Stamp};
use serde::{Deserialize, Serialize};

use super::state::MetaState;

/// Every account and key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Access {
    /// The accounts that were made; the default one is always there.
    accounts: BTreeMap<Account, Stamp>,
    keys: BTreeMap<KeyId, Key>,
    by_hash: BTreeMap<SecretHash, KeyId>,
}

impl Access {
    /// The key with a secret, good or not.
    pub(super) fn by_hash(&self, hash: &SecretHash) -> Option<&Key> {
        self.by_hash.get(hash).and_then(|id| self.keys.get(id))
    }

    /// Keys of an account, oldest first.
    pub(super) fn keys_of(&self, account: &Account) -> Vec<Key> {
        let mut keys: Vec<Key> = self.keys.values().filter(|key| key.account == *account).cloned().collect();
        keys.sort_by_key(|key| (key.created, key.id));
        keys
    }

    /// One account.
    pub(super) fn account(&self, name: &Account) -> Option<AccountInfo> {
        let created = match self.accounts.get(name) {
            Some(created) => *created,
            None if *name == Account::default() => Stamp(0),
            None => return None,
        };
        Some(AccountInfo { name: name.clone(), created })
    }

    /// Accounts, by name.
    pub(super) fn accounts(&self) -> Vec<AccountInfo> {
        let default = Account::default();
        let mut names: Vec<&Account> = self.accounts.keys().chain([&default]).collect();
        names.sort();
        names.into_iter().filter_map(|name| self.account(name)).collect()
    }

    fn create_account(&mut self, name: Account, now: Stamp) -> Result<AccountInfo, AccessRefusal> {
        if self.account(&name).is_some() {
            return Err(AccessRefusal::AccountExists);
        }
        if self.accounts.len() >= MAX_ACCOUNTS {
            return Err(AccessRefusal::TooMany(MAX_ACCOUNTS));
        }
        self.accounts.insert(name.clone(), now);
        Ok(AccountInfo { name, created: now })
    }

    fn create(&mut self, new: NewKey, now: Stamp) -> Result<&Key, AccessRefusal> {
        if self.account(&new.account).is_none() {
            return Err(AccessRefusal::NoAccount);
        }
        let id = new.id;
        if let Some(known) = self.keys.get(&id) {
            // Ours: an earlier attempt whose answer was lost.
            let same = known.hash == new.hash && known.account == new.account;
            return if same { Ok(&self.keys[&id]) } else { Err(AccessRefusal::KeyEnded) };
        }
        if self.by_hash.contains_key(&new.hash) {
            return Err(AccessRefusal::KeyEnded);
        }
        self.forget_ended(&new.account, now);
        let good = self.keys.values().filter(|key| key.account == new.account && ended(key, now).is_none());
        if good.count() >= MAX_KEYS {
            return Err(AccessRefusal::TooMany(MAX_KEYS));
        }
        let key = Key {
            id,
            account: new.account,
            principal: new.principal,
            label: new.label,
            hash: new.hash,
            rights: new.rights,
            reach: new.reach,
            created: now,
            expires: new.life_micros.map(|micros| now.after(micros)),
            rotated: None,
            previous: None,
            revoked: None,
        };
        self.by_hash.insert(key.hash, id);
        Ok(self.keys.entry(id).or_insert(key))
    }

    /// Forgets the oldest of an account's keys that are no good any more, beyond those that stay listed.
    fn forget_ended(&mut self, account: &Account, now: Stamp) {
        let ended = |key: &Key| Some((ended(key, now)?, key.id));
        let mut gone: Vec<(Stamp, KeyId)> =
            self.keys.values().filter(|key| key.account == *account).filter_map(ended).collect();
        gone.sort_unstable();
        let beyond = gone.len().saturating_sub(KEPT_REVOKED_KEYS);
        for (_, id) in gone.into_iter().take(beyond) {
            if let Some(key) = self.keys.remove(&id) {
                self.by_hash.remove(&key.hash);
                if let Some(previous) = key.previous {
                    self.by_hash.remove(&previous.hash);
                }
            }
        }
    }

    fn owned(&mut self, account: &Account, id: KeyId) -> Result<&mut Key, AccessRefusal> {
        self.keys.get_mut(&id).filter(|key| key.account == *account).ok_or(AccessRefusal::NoKey)
    }

    /// Gives a key another secret; says whether anything changed.
    fn rotate(
        &mut self,
        (account, id): (&Account, KeyId),
        (hash, grace_micros): (SecretHash, u64),
        now: Stamp,
    ) -> Result<(Key, bool), AccessRefusal> {
        let taken = self.by_hash.contains_key(&hash);
        let key = self.owned(account, id)?;
        if key.hash == hash {
            return Ok((key.clone(), false));
        }
        if taken || ended(key, now).is_some() {
            return Err(AccessRefusal::KeyEnded);
        }
        let old = std::mem::replace(&mut key.hash, hash);
        let before = (grace_micros > 0).then(|| Previous { hash: old, until: now.after(grace_micros) });
        let dropped = std::mem::replace(&mut key.previous, before);
        key.rotated = Some(now);
        let key = key.clone();
        if let Some(previous) = dropped {
            self.by_hash.remove(&previous.hash);
        }
        if before.is_none() {
            self.by_hash.remove(&old);
        }
        self.by_hash.insert(hash, id);
        Ok((key, true))
    }

    /// Ends a key; says whether anything changed.
    fn revoke(&mut self, account: &Account, id: KeyId, now: Stamp) -> Result<(Key, bool), AccessRefusal> {
        let key = self.owned(account, id)?;
        let changed = key.revoked.is_none();
        key.revoked = key.revoked.or(Some(now));
        Ok((key.clone(), changed))
    }
}

/// Since when the key is no good, whatever the secret.
fn ended(key: &Key, now: Stamp) -> Option<Stamp> {
    key.revoked.or(key.expires.filter(|expires| *expires <= now))
}

impl MetaState {
    /// `CreateAccount`.
    pub(super) fn create_account(&mut self, name: Account) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        self.access
            .create_account(name, self.stamp)
            .map_or_else(|refusal| MetaOutcome::Refused(refusal.into()), MetaOutcome::Account)
    }

    /// `CreateKey`. No router has a cached absence of it, so nothing changed for them.
    pub(super) fn create_key(&mut self, new: NewKey) -> MetaOutcome {
        if self.cluster.is_none() {
            return MetaOutcome::Refused(MetaRefusal::NotReady);
        }
        match self.access.create(new, self.stamp) {
            Ok(key) => MetaOutcome::Key(Box::new(key.clone())),
            Err(refusal) => MetaOutcome::Refused(refusal.into()),
        }
    }

    /// `RotateKey`.
    pub(super) fn rotate_key(
        &mut self,
        index: u64,
        (account, key): (&Account, KeyId),
        (hash, grace_micros): (SecretHash, u64),
    ) -> MetaOutcome {
        let rotated = self.access.rotate((account, key), (hash, grace_micros), self.stamp);
        self.key_changed(index, rotated)
    }

    /// `RevokeKey`.
    pub(super) fn revoke_key(&mut self, index: u64, (account, key): (&Account, KeyId)) -> MetaOutcome {
        let revoked = self.access.revoke(account, key, self.stamp);
        self.key_changed(index, revoked)
    }

    /// Ends all keys of these users.
    pub(super) fn revoke_keys_of(&mut self, index: u64, account: &Account, users: &BTreeSet<Principal>) {
        let keys = self.access.keys_of(account).into_iter().filter(|key| users.contains(&key.principal));
        for key in keys.collect::<Vec<_>>() {
            self.revoke_key(index, (account, key.id));
        }
    }

    fn key_changed(&mut self, index: u64, changed: Result<(Key, bool), AccessRefusal>) -> MetaOutcome {
        match changed {
            Ok((key, changed)) => {
                if changed {
                    self.changes.note(index, Changed::Key(key.id));
                }
                MetaOutcome::Key(Box::new(key))
            }
            Err(refusal) => MetaOutcome::Refused(refusal.into()),
        }
    }
}
