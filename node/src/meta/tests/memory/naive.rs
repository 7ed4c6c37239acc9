//! The catalog's half of memory collections as plain lists, read through from the start for each question; written
//! from the contract, not from the code that it judges.

use std::collections::BTreeSet;

use lacuna_model::memory::command::MemoryChange;
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, Raw};
use lacuna_model::op_id::OpId;
use lacuna_model::{Account, DatasetId, ItemId, OpNumber, Principal, ReceiptId};

/// What a change came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Done,
    Made(Principal),
    Dataset(DatasetId),
    Adding(u64),
    /// The item, and whether something goes on its account.
    Opened(DatasetId, ItemId, bool),
    Forgot(Forgot),
    Refused(&'static str),
}

/// What a forget, or the end of an add, came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Forgot {
    pub(super) receipt: ReceiptId,
    pub(super) already: bool,
    pub(super) rows: u64,
    pub(super) reset: u64,
    pub(super) datasets: u64,
    pub(super) external: u64,
    pub(super) skipped: BTreeSet<DatasetId>,
}

pub(super) struct Dataset {
    pub(super) account: Account,
    pub(super) id: DatasetId,
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) owner: Principal,
    pub(super) tenant: Option<Principal>,
    pub(super) grants: BTreeSet<(Principal, Permission)>,
    pub(super) gone: Option<ReceiptId>,
}

impl Dataset {
    pub(super) fn space(&self) -> Principal {
        self.tenant.unwrap_or(self.owner)
    }
}

/// Where an owner of references stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stand {
    Coming,
    Held,
    Leaving(OpNumber),
    Gone,
}

/// An add, for ever: `stands` is that of its records' owner (`number`), and of its raw file's (`number + 1`).
pub(super) struct Add {
    pub(super) account: Account,
    pub(super) dataset: DatasetId,
    pub(super) item: ItemId,
    pub(super) number: u64,
    pub(super) receipt: ReceiptId,
    pub(super) raw: Raw,
    pub(super) is_open: bool,
    pub(super) stands: [Stand; 2],
}

/// What somebody may read of a forget.
pub(super) struct Receipt {
    pub(super) account: Account,
    pub(super) by: Principal,
    pub(super) owner: Option<Principal>,
    pub(super) told: Forgot,
    pub(super) op: OpNumber,
    pub(super) name: OpId,
    pub(super) everything: bool,
}

/// References on their way out.
pub(super) struct Leaving {
    pub(super) op: OpNumber,
    pub(super) account: Account,
    pub(super) spaces: BTreeSet<Principal>,
    pub(super) owners: BTreeSet<u64>,
}

#[derive(Default)]
pub(super) struct Naive {
    users: BTreeSet<(Account, Principal)>,
    emails: Vec<(Account, String, Principal)>,
    current: Vec<(Account, Principal, Principal)>,
    pub(super) members: BTreeSet<(Account, Principal, Principal)>,
    tenants: Vec<(Account, Principal, String, Principal)>,
    roles: Vec<(Account, Principal, String, Principal)>,
    pub(super) holders: BTreeSet<(Account, Principal, Principal)>,
    pub(super) datasets: Vec<Dataset>,
    pub(super) adds: Vec<Add>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) leaving: Vec<Leaving>,
    /// Of items; a dataset keeps its own.
    pub(super) tombstones: Vec<(DatasetId, ItemId, ReceiptId)>,
}

pub(super) type Judged<T> = Result<T, &'static str>;

impl Naive {
    /// What the change comes to, if its operation, should it make one, has this number.
    pub(super) fn apply(&mut self, by: &Asker, change: &MemoryChange, op: OpNumber) -> Told {
        let told = match change {
            MemoryChange::MakeUser { id, email } => self.make_user(by, *id, email).map(Told::Made),
            MemoryChange::MakeTenant { id, name } => self.make_tenant(by, *id, name).map(Told::Made),
            MemoryChange::SelectTenant(tenant) => self.select(by, *tenant).map(|()| Told::Done),
            MemoryChange::AddToTenant { user, tenant } => self.join(by, *user, *tenant).map(|()| Told::Done),
            MemoryChange::RemoveFromTenant { user, tenant } => {
                self.leave(by, *user, *tenant).map(|()| Told::Done)
            }
            MemoryChange::MakeRole { id, name } => self.make_role(by, *id, name).map(Told::Made),
            MemoryChange::DropRole(role) => self.drop_role(by, *role).map(|()| Told::Done),
            MemoryChange::GiveRole { user, role } => self.give(by, *user, *role).map(|()| Told::Done),
            MemoryChange::TakeRole { user, role } => self.take(by, *user, *role).map(|()| Told::Done),
            MemoryChange::MakeDataset { id, name } => self.make_dataset(by, *id, name).map(Told::Dataset),
            MemoryChange::Grant { to, permission, datasets } => {
                self.share(by, (*to, *permission), datasets, true).map(|()| Told::Done)
            }
            MemoryChange::Revoke { from, permission, datasets } => {
                self.share(by, (*from, *permission), datasets, false).map(|()| Told::Done)
            }
            MemoryChange::BeginAdd { dataset, facts, receipt, .. } => {
                self.begin(by, *dataset, (facts, *receipt)).map(Told::Adding)
            }
            MemoryChange::Open { number, .. } => self.open(number.0, op),
            MemoryChange::GiveUp { number, .. } => self.give_up(number.0, op).map(Told::Forgot),
            MemoryChange::Forget(ask) => self.forget(by, ask, op).map(Told::Forgot),
            MemoryChange::Prune(_) => panic!("no history prunes"),
        };
        told.unwrap_or_else(Told::Refused)
    }

    // --- who there is ---

    fn knows(&self, by: &Asker, id: Principal) -> bool {
        id == Principal::ROOT || self.users.contains(&(by.account.clone(), id))
    }

    pub(super) fn tenant_of(&self, by: &Asker) -> Option<Principal> {
        let own = |(account, user, _): &&(Account, Principal, Principal)| {
            (account, *user) == (&by.account, by.user)
        };
        self.current.iter().find(own).map(|(_, _, tenant)| *tenant)
    }

    fn work_in(&mut self, by: &Asker, user: Principal, tenant: Option<Principal>) {
        self.current.retain(|(account, other, _)| (account, *other) != (&by.account, user));
        self.current.extend(tenant.map(|tenant| (by.account.clone(), user, tenant)));
    }

    fn tenant(&self, by: &Asker, id: Principal) -> Option<&(Account, Principal, String, Principal)> {
        self.tenants.iter().find(|tenant| (&tenant.0, tenant.1) == (&by.account, id))
    }

    fn role(&self, by: &Asker, id: Principal) -> Option<&(Account, Principal, String, Principal)> {
        self.roles.iter().find(|role| (&role.0, role.1) == (&by.account, id))
    }

    pub(super) fn exists(&self, by: &Asker, id: Principal) -> bool {
        self.knows(by, id) || self.tenant(by, id).is_some() || self.role(by, id).is_some()
    }

    fn make_user(&mut self, by: &Asker, id: Principal, email: &str) -> Judged<Principal> {
        if !by.is_root() {
            return Err("only");
        }
        let same =
            self.emails.iter().find(|(account, other, _)| (account, other.as_str()) == (&by.account, email));
        if let Some((_, _, there)) = same {
            return if *there == id { Ok(id) } else { Err("taken") };
        }
        if self.exists(by, id) {
            return Err("taken");
        }
        self.users.insert((by.account.clone(), id));
        self.emails.push((by.account.clone(), email.to_owned(), id));
        Ok(id)
    }

    fn make_tenant(&mut self, by: &Asker, id: Principal, name: &str) -> Judged<Principal> {
        let same = self.tenants.iter().find(|tenant| (&tenant.0, tenant.2.as_str()) == (&by.account, name));
        match same {
            Some(there) if there.1 == id => return Ok(id),
            Some(_) => return Err("taken"),
            None if self.exists(by, id) => return Err("taken"),
            None => {}
        }
        self.tenants.push((by.account.clone(), id, name.to_owned(), by.user));
        self.users.insert((by.account.clone(), by.user));
        self.members.insert((by.account.clone(), by.user, id));
        self.work_in(by, by.user, Some(id));
        Ok(id)
    }

    fn select(&mut self, by: &Asker, tenant: Option<Principal>) -> Judged<()> {
        if let Some(id) = tenant {
            self.tenant(by, id).ok_or("no principal")?;
            if !self.members.contains(&(by.account.clone(), by.user, id)) {
                return Err("only");
            }
        }
        self.users.insert((by.account.clone(), by.user));
        self.work_in(by, by.user, tenant);
        Ok(())
    }

    /// The tenant's owner, if it or root asks.
    fn owned(&self, by: &Asker, tenant: Principal) -> Judged<Principal> {
        let owner = self.tenant(by, tenant).ok_or("no principal")?.3;
        if owner == by.user || by.is_root() { Ok(owner) } else { Err("only") }
    }

    fn join(&mut self, by: &Asker, user: Principal, tenant: Principal) -> Judged<()> {
        self.owned(by, tenant)?;
        if !self.knows(by, user) {
            return Err("no principal");
        }
        self.members.insert((by.account.clone(), user, tenant));
        Ok(())
    }

    fn leave(&mut self, by: &Asker, user: Principal, tenant: Principal) -> Judged<()> {
        if self.owned(by, tenant)? == user {
            return Err("wrong");
        }
        if !self.members.remove(&(by.account.clone(), user, tenant)) {
            return Err("no principal");
        }
        let there: Vec<Principal> = self
            .roles
            .iter()
            .filter(|role| role.0 == by.account && role.3 == tenant)
            .map(|role| role.1)
            .collect();
        self.holders.retain(|(account, holder, role)| {
            *account != by.account || *holder != user || !there.contains(role)
        });
        if self.tenant_of(&Asker { user, ..by.clone() }) == Some(tenant) {
            self.work_in(by, user, None);
        }
        for dataset in self.datasets.iter_mut().filter(|dataset| dataset.account == by.account) {
            if dataset.tenant == Some(tenant) {
                dataset.grants.retain(|(principal, _)| *principal != user);
            }
        }
        Ok(())
    }

    fn make_role(&mut self, by: &Asker, id: Principal, name: &str) -> Judged<Principal> {
        let tenant = self.tenant_of(by).ok_or("only")?;
        self.owned(by, tenant)?;
        let same =
            self.roles.iter().find(|role| (&role.0, role.2.as_str(), role.3) == (&by.account, name, tenant));
        match same {
            Some(there) if there.1 == id => return Ok(id),
            Some(_) => return Err("taken"),
            None if self.exists(by, id) => return Err("taken"),
            None => {}
        }
        self.roles.push((by.account.clone(), id, name.to_owned(), tenant));
        Ok(id)
    }

    fn owned_role(&self, by: &Asker, role: Principal) -> Judged<Principal> {
        let tenant = self.role(by, role).ok_or("no principal")?.3;
        self.owned(by, tenant).map(|_| tenant)
    }

    fn drop_role(&mut self, by: &Asker, role: Principal) -> Judged<()> {
        self.owned_role(by, role)?;
        self.roles.retain(|there| (&there.0, there.1) != (&by.account, role));
        self.holders.retain(|(account, _, other)| (account, *other) != (&by.account, role));
        for dataset in self.datasets.iter_mut().filter(|dataset| dataset.account == by.account) {
            dataset.grants.retain(|(principal, _)| *principal != role);
        }
        Ok(())
    }

    fn give(&mut self, by: &Asker, user: Principal, role: Principal) -> Judged<()> {
        let tenant = self.owned_role(by, role)?;
        if !self.members.contains(&(by.account.clone(), user, tenant)) {
            return Err("no principal");
        }
        self.holders.insert((by.account.clone(), user, role));
        Ok(())
    }

    fn take(&mut self, by: &Asker, user: Principal, role: Principal) -> Judged<()> {
        self.owned_role(by, role)?;
        if !self.knows(by, user) {
            return Err("no principal");
        }
        self.holders.remove(&(by.account.clone(), user, role));
        Ok(())
    }
}
