//! Datasets and who may do what with them.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::memory::command::MemoryRefusal;
use lacuna_model::memory::rights::{Permission, Permissions};
use lacuna_model::memory::words::{Asker, Dataset, User};
use lacuna_model::op_id::RequestDigest;
use lacuna_model::{Account, DatasetId, DatasetNumber, Principal, ReceiptId, Stamp};
use serde::{Deserialize, Serialize};

use super::principals::Principals;

/// A dataset with its grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    account: Account,
    dataset: Dataset,
    grants: BTreeMap<Principal, Permissions>,
}

/// What is remembered of a dataset that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Gone {
    account: Account,
    owner: Principal,
    receipt: ReceiptId,
    tenant: Option<Principal>,
    number: DatasetNumber,
    /// Of its name, which itself is forgotten: a repeat by name finds it.
    name: RequestDigest,
}

fn digest(name: &str) -> RequestDigest {
    RequestDigest::of(&[name.as_bytes()])
}

/// The datasets that exist, and which were forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Datasets {
    kept: BTreeMap<DatasetId, Kept>,
    gone: BTreeMap<DatasetId, Gone>,
    /// Numbers given so far; never reused.
    given: u64,
}

/// An asker with everything whose grants reach it.
pub(super) struct Sight<'a> {
    by: &'a Asker,
    user: User,
    reach: BTreeSet<Principal>,
}

impl<'a> Sight<'a> {
    pub(super) fn of(by: &'a Asker, principals: &Principals) -> Self {
        let user = principals.asker(by);
        Self { by, user, reach: principals.reach(&by.account, by.user) }
    }

    /// Its current space.
    pub(super) fn space(&self) -> Principal {
        self.user.tenant.unwrap_or(self.user.id)
    }

    fn granted(&self, kept: &Kept) -> Permissions {
        if kept.dataset.tenant != self.user.tenant {
            return Permissions::NONE;
        }
        let grants = self.reach.iter().filter_map(|principal| kept.grants.get(principal));
        grants.fold(Permissions::NONE, |sum, more| sum.or(*more))
    }

    fn effective(&self, kept: &Kept) -> Permissions {
        if self.by.is_root() { Permissions::ALL } else { self.granted(kept) }
    }
}

impl Datasets {
    /// Makes a dataset, or returns the asker's of that name in its current tenant.
    pub(super) fn make(
        &mut self,
        sight: &Sight<'_>,
        (id, name): (DatasetId, String),
        now: Stamp,
    ) -> Result<Dataset, MemoryRefusal> {
        let (owner, tenant) = (sight.user.id, sight.user.tenant);
        let same = self.of(&sight.by.account).find(|kept| {
            kept.dataset.owner == owner && kept.dataset.tenant == tenant && kept.dataset.name == name
        });
        if let Some(there) = same {
            return Ok(there.dataset.clone());
        }
        if self.kept.contains_key(&id) || self.gone.contains_key(&id) {
            return Err(MemoryRefusal::Taken(format!("the id {id}")));
        }
        self.given += 1;
        let number = DatasetNumber(self.given);
        let dataset = Dataset { id, number, name, owner, tenant, created: now, updated: None };
        let grants = BTreeMap::from([(owner, Permissions::ALL)]);
        self.kept.insert(id, Kept { account: sight.by.account.clone(), dataset: dataset.clone(), grants });
        Ok(dataset)
    }

    fn of<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Kept> {
        self.kept.values().filter(move |kept| kept.account == *account)
    }

    /// A dataset of the account, whoever asks.
    pub(super) fn get(&self, account: &Account, id: DatasetId) -> Option<&Dataset> {
        self.kept.get(&id).filter(|kept| kept.account == *account).map(|kept| &kept.dataset)
    }

    /// A dataset with what the asker may do, if the permission is among it.
    pub(super) fn allowed(
        &self,
        sight: &Sight<'_>,
        id: DatasetId,
        permission: Permission,
    ) -> Result<(&Dataset, Permissions), MemoryRefusal> {
        let kept = self.kept.get(&id).filter(|kept| kept.account == sight.by.account);
        let kept = kept.ok_or(MemoryRefusal::NoDataset(id))?;
        let may = sight.effective(kept);
        if may.has(permission) { Ok((&kept.dataset, may)) } else { Err(MemoryRefusal::Lacks(permission, id)) }
    }

    /// Datasets on which the asker has a permission, by name and then by age.
    pub(super) fn with(&self, sight: &Sight<'_>, permission: Permission) -> Vec<(Dataset, Permissions)> {
        let mut found: Vec<_> = self
            .of(&sight.by.account)
            .map(|kept| (kept.dataset.clone(), sight.effective(kept)))
            .filter(|(_, may)| may.has(permission))
            .collect();
        found.sort_by(|(a, _), (b, _)| (&a.name, a.number).cmp(&(&b.name, b.number)));
        found
    }

    /// Datasets on which delete was granted to the asker; root's passing of every check doesn't count here.
    pub(super) fn deletable(&self, sight: &Sight<'_>) -> Vec<Dataset> {
        let deletable = |kept: &&Kept| sight.granted(kept).has(Permission::Delete);
        self.of(&sight.by.account).filter(deletable).map(|kept| kept.dataset.clone()).collect()
    }

    /// Datasets on which a principal itself was granted a permission.
    pub(super) fn granted_to(
        &self,
        account: &Account,
        reach: &BTreeSet<Principal>,
        permission: Permission,
    ) -> Vec<(Dataset, Permissions)> {
        let may = |kept: &Kept| {
            let grants = reach.iter().filter_map(|principal| kept.grants.get(principal));
            grants.fold(Permissions::NONE, |sum, more| sum.or(*more))
        };
        self.of(account)
            .map(|kept| (kept.dataset.clone(), may(kept)))
            .filter(|(_, may)| may.has(permission))
            .collect()
    }

    /// Gives or takes a permission on all of the datasets, or on none.
    pub(super) fn share(
        &mut self,
        sight: &Sight<'_>,
        ids: &[DatasetId],
        change: impl Fn(&mut BTreeMap<Principal, Permissions>),
    ) -> Result<(), MemoryRefusal> {
        for id in ids {
            self.allowed(sight, *id, Permission::Share)?;
        }
        for id in ids {
            if let Some(kept) = self.kept.get_mut(id) {
                change(&mut kept.grants);
                kept.grants.retain(|_, permissions| !permissions.is_empty());
            }
        }
        Ok(())
    }

    /// Drops every grant to a principal on datasets of a tenant (`None`: on all of the account).
    pub(super) fn ungrant(&mut self, account: &Account, principal: Principal, tenant: Option<Principal>) {
        for kept in self.kept.values_mut().filter(|kept| kept.account == *account) {
            if tenant.is_none() || kept.dataset.tenant == tenant {
                kept.grants.remove(&principal);
            }
        }
    }

    /// Notes that a dataset's items changed.
    pub(super) fn touch(&mut self, id: DatasetId, now: Stamp) {
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.dataset.updated = Some(now);
        }
    }

    /// Takes a dataset out, with its grants; remembers by which receipt.
    pub(super) fn remove(&mut self, id: DatasetId, receipt: ReceiptId) {
        if let Some(Kept { account, dataset, .. }) = self.kept.remove(&id) {
            let Dataset { owner, tenant, number, name, .. } = dataset;
            self.gone.insert(id, Gone { account, owner, receipt, tenant, number, name: digest(&name) });
        }
    }

    /// Datasets of an account.
    pub(super) fn all(&self, account: &Account) -> Vec<Dataset> {
        self.of(account).map(|kept| kept.dataset.clone()).collect()
    }

    /// Takes all of an account's datasets out, and forgets that others were there; returns all their ids.
    pub(super) fn clear(&mut self, account: &Account) -> BTreeSet<DatasetId> {
        let kept = self.kept.iter().filter(|(_, kept)| kept.account == *account).map(|(id, _)| *id);
        let gone = self.gone.iter().filter(|(_, gone)| gone.account == *account).map(|(id, _)| *id);
        let ids: BTreeSet<DatasetId> = kept.chain(gone).collect();
        self.kept.retain(|id, _| !ids.contains(id));
        self.gone.retain(|id, _| !ids.contains(id));
        ids
    }

    /// The receipt of a dataset that was forgotten, for its owner and root.
    pub(super) fn forgotten(&self, by: &Asker, id: DatasetId) -> Option<ReceiptId> {
        let gone = self.gone.get(&id).filter(|gone| gone.account == by.account)?;
        (gone.owner == by.user || by.is_root()).then_some(gone.receipt)
    }

    /// The asker's own dataset of this name in its current tenant that was forgotten last.
    pub(super) fn forgotten_named(&self, sight: &Sight<'_>, name: &str) -> Option<DatasetId> {
        let name = digest(name);
        let own = |gone: &Gone| {
            gone.account == sight.by.account
                && (gone.owner, gone.tenant, gone.name) == (sight.user.id, sight.user.tenant, name)
        };
        let own = self.gone.iter().filter(|(_, gone)| own(gone));
        own.max_by_key(|(_, gone)| gone.number).map(|(id, _)| *id)
    }

    /// A dataset of this name in the asker's current tenant, whatever it may do with it.
    pub(super) fn in_sight(&self, sight: &Sight<'_>, name: &str) -> Option<DatasetId> {
        let here = |kept: &&Kept| kept.dataset.tenant == sight.user.tenant && kept.dataset.name == name;
        self.of(&sight.by.account).find(here).map(|kept| kept.dataset.id)
    }

    /// Datasets of a space.
    pub(super) fn of_space(&self, account: &Account, space: Principal) -> Vec<DatasetId> {
        let here = |kept: &&Kept| kept.dataset.space() == space;
        self.of(account).filter(here).map(|kept| kept.dataset.id).collect()
    }
}
