//! Accounts and keys of the meta group in memory.

use std::collections::BTreeMap;

use lacuna_model::access::{AccessRefusal, AccountInfo, Key, Previous, SecretHash};
use lacuna_model::meta::{Changed, MetaOutcome, NewKey};
use lacuna_model::uuid::KeyId;
use lacuna_model::{Account, Stamp};

#[derive(Default)]
pub(crate) struct Keys {
    accounts: BTreeMap<Account, Stamp>,
    keys: BTreeMap<KeyId, Key>,
}

fn refused(refusal: AccessRefusal) -> MetaOutcome {
    MetaOutcome::Refused(refusal.into())
}

fn told(key: &Key) -> MetaOutcome {
    MetaOutcome::Key(Box::new(key.clone()))
}

impl Keys {
    pub(crate) fn account(&self, name: &Account) -> Option<AccountInfo> {
        let default = (*name == Account::default()).then_some(Stamp(0));
        let created = self.accounts.get(name).copied().or(default)?;
        Some(AccountInfo { name: name.clone(), created })
    }

    pub(crate) fn accounts(&self) -> Vec<AccountInfo> {
        let default = Account::default();
        self.accounts.keys().chain([&default]).filter_map(|name| self.account(name)).collect()
    }

    pub(crate) fn by_hash(&self, hash: &SecretHash) -> Option<Key> {
        let has =
            |key: &&Key| key.hash == *hash || key.previous.is_some_and(|previous| previous.hash == *hash);
        self.keys.values().find(has).cloned()
    }

    pub(crate) fn of(&self, account: &Account) -> Vec<Key> {
        self.keys.values().filter(|key| key.account == *account).cloned().collect()
    }

    pub(crate) fn create_account(&mut self, name: &Account, stamp: Stamp) -> MetaOutcome {
        if self.account(name).is_some() {
            return refused(AccessRefusal::AccountExists);
        }
        self.accounts.insert(name.clone(), stamp);
        MetaOutcome::Account(AccountInfo { name: name.clone(), created: stamp })
    }

    pub(crate) fn create(&mut self, new: &NewKey, stamp: Stamp) -> MetaOutcome {
        let key = self.keys.entry(new.id).or_insert_with(|| Key {
            id: new.id,
            account: new.account.clone(),
            principal: new.principal,
            label: new.label.clone(),
            hash: new.hash,
            rights: new.rights,
            reach: new.reach.clone(),
            created: stamp,
            expires: new.life_micros.map(|micros| stamp.after(micros)),
            rotated: None,
            previous: None,
            revoked: None,
        });
        told(key)
    }

    /// What it did, and what a router must drop.
    pub(crate) fn rotate(
        &mut self,
        (account, id): (&Account, KeyId),
        (hash, grace_micros): (SecretHash, u64),
        stamp: Stamp,
    ) -> (MetaOutcome, Option<Changed>) {
        match self.keys.get_mut(&id).filter(|key| key.account == *account) {
            None => (refused(AccessRefusal::NoKey), None),
            Some(key) if key.revoked.is_some() => (refused(AccessRefusal::KeyEnded), None),
            Some(key) => {
                let old = std::mem::replace(&mut key.hash, hash);
                key.previous =
                    (grace_micros > 0).then(|| Previous { hash: old, until: stamp.after(grace_micros) });
                key.rotated = Some(stamp);
                (told(key), Some(Changed::Key(id)))
            }
        }
    }

    pub(crate) fn revoke(
        &mut self,
        account: &Account,
        id: KeyId,
        stamp: Stamp,
    ) -> (MetaOutcome, Option<Changed>) {
        match self.keys.get_mut(&id).filter(|key| key.account == *account) {
            None => (refused(AccessRefusal::NoKey), None),
            Some(key) => {
                key.revoked = key.revoked.or(Some(stamp));
                (told(key), Some(Changed::Key(id)))
            }
        }
    }
}
