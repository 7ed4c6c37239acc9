//! Users, tenants and roles of every account.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::memory::command::{MemoryOutcome, MemoryRefusal};
use lacuna_model::memory::words::{Asker, Role, Tenant, User};
use lacuna_model::{Account, Principal};
use serde::{Deserialize, Serialize};

type Named = (Account, Principal);

/// Who there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Principals {
    users: BTreeMap<Named, User>,
    tenants: BTreeMap<Named, Tenant>,
    roles: BTreeMap<Named, Role>,
}

/// Root exists in every account without being made.
fn root() -> User {
    User {
        id: Principal::ROOT,
        email: String::new(),
        tenant: None,
        tenants: BTreeSet::new(),
        roles: BTreeSet::new(),
    }
}

fn only(who: &str) -> MemoryRefusal {
    MemoryRefusal::Only(who.to_owned())
}

impl Principals {
    /// The user who asks: whoever holds a key of the account is one, made here or not.
    pub(super) fn asker(&self, by: &Asker) -> User {
        self.user(&by.account, by.user).unwrap_or_else(|| User { id: by.user, ..root() })
    }

    fn asker_mut(&mut self, by: &Asker) -> &mut User {
        let new = User { id: by.user, ..root() };
        self.users.entry((by.account.clone(), by.user)).or_insert(new)
    }

    fn user(&self, account: &Account, id: Principal) -> Option<User> {
        let known = self.users.get(&(account.clone(), id)).cloned();
        known.or_else(|| (id == Principal::ROOT).then(root))
    }

    fn user_mut(&mut self, account: &Account, id: Principal) -> Option<&mut User> {
        let key = (account.clone(), id);
        if id == Principal::ROOT {
            return Some(self.users.entry(key).or_insert_with(root));
        }
        self.users.get_mut(&key)
    }

    /// Is there such a user, role or tenant in the account?
    pub(super) fn exists(&self, account: &Account, id: Principal) -> bool {
        let key = (account.clone(), id);
        id == Principal::ROOT
            || self.users.contains_key(&key)
            || self.roles.contains_key(&key)
            || self.tenants.contains_key(&key)
    }

    /// Takes all users, tenants and roles of an account out, root being there without having been made; returns the
    /// users that were made here.
    pub(super) fn clear(&mut self, account: &Account) -> BTreeSet<Principal> {
        let made = self.users.iter().filter(|((of, _), user)| of == account && !user.email.is_empty());
        let made = made.map(|((_, id), _)| *id).collect();
        self.users.retain(|(of, _), _| of != account);
        self.tenants.retain(|(of, _), _| of != account);
        self.roles.retain(|(of, _), _| of != account);
        made
    }

    /// Everything whose grants reach a principal: itself; a user's tenants and roles too.
    pub(super) fn reach(&self, account: &Account, id: Principal) -> BTreeSet<Principal> {
        let mut reach = BTreeSet::from([id]);
        if let Some(user) = self.user(account, id) {
            reach.extend(user.tenants);
            reach.extend(user.roles);
        }
        reach
    }

    /// Makes a user.
    pub(super) fn make_user(&mut self, by: &Asker, id: Principal, email: String) -> MemoryOutcome {
        if !by.is_root() {
            return MemoryOutcome::Refused(only("root"));
        }
        let of_account = |(account, _): &&Named| *account == by.account;
        let same = self.users.iter().find(|(key, user)| of_account(key) && user.email == email);
        if let Some((_, there)) = same {
            // A repeat of the command itself: the answer to the first was lost.
            if there.id == id {
                return MemoryOutcome::User(there.clone());
            }
            return MemoryOutcome::Refused(MemoryRefusal::Taken(format!("the email {email}")));
        }
        if self.exists(&by.account, id) {
            return MemoryOutcome::Refused(MemoryRefusal::Taken(format!("the id {id}")));
        }
        let user = User { id, email, ..root() };
        self.users.insert((by.account.clone(), id), user.clone());
        MemoryOutcome::User(user)
    }

    /// Makes a tenant of the asker's, which becomes its current one.
    pub(super) fn make_tenant(&mut self, by: &Asker, id: Principal, name: String) -> MemoryOutcome {
        let key = (by.account.clone(), id);
        if let Some(there) = self.tenants.get(&key).filter(|there| there.name == name) {
            return MemoryOutcome::Tenant(there.clone());
        }
        let taken =
            self.tenants.iter().any(|((account, _), tenant)| *account == by.account && tenant.name == name);
        if taken || self.exists(&by.account, id) {
            return MemoryOutcome::Refused(MemoryRefusal::Taken(format!("the tenant name {name:?}")));
        }
        let tenant = Tenant { id, name, owner: by.user };
        self.tenants.insert(key, tenant.clone());
        let user = self.asker_mut(by);
        user.tenants.insert(id);
        user.tenant = Some(id);
        MemoryOutcome::Tenant(tenant)
    }

    /// Changes the asker's current tenant.
    pub(super) fn select(&mut self, by: &Asker, tenant: Option<Principal>) -> Result<(), MemoryRefusal> {
        let user = self.asker(by);
        if let Some(id) = tenant {
            self.tenant(by, id)?;
            if !user.tenants.contains(&id) {
                return Err(only("a member of the tenant"));
            }
        }
        self.asker_mut(by).tenant = tenant;
        Ok(())
    }

    fn tenant(&self, by: &Asker, id: Principal) -> Result<&Tenant, MemoryRefusal> {
        self.tenants.get(&(by.account.clone(), id)).ok_or(MemoryRefusal::NoPrincipal(id))
    }

    fn owned(&self, by: &Asker, tenant: Principal) -> Result<&Tenant, MemoryRefusal> {
        let tenant = self.tenant(by, tenant)?;
        if tenant.owner == by.user || by.is_root() { Ok(tenant) } else { Err(only("the tenant's owner")) }
    }

    /// The tenant of a role that the asker may change.
    fn tenant_of_role(&self, by: &Asker, id: Principal) -> Result<Principal, MemoryRefusal> {
        let role = self.roles.get(&(by.account.clone(), id)).ok_or(MemoryRefusal::NoPrincipal(id))?;
        self.owned(by, role.tenant)?;
        Ok(role.tenant)
    }

    /// Adds a user to a tenant; its current tenant stays as it is.
    pub(super) fn add_to_tenant(
        &mut self,
        by: &Asker,
        user: Principal,
        tenant: Principal,
    ) -> Result<(), MemoryRefusal> {
        self.owned(by, tenant)?;
        let member = self.user_mut(&by.account, user).ok_or(MemoryRefusal::NoPrincipal(user))?;
        member.tenants.insert(tenant);
        Ok(())
    }

    /// Takes a user out of a tenant, with its roles there.
    pub(super) fn remove_from_tenant(
        &mut self,
        by: &Asker,
        user: Principal,
        tenant: Principal,
    ) -> Result<(), MemoryRefusal> {
        let owner = self.owned(by, tenant)?.owner;
        if user == owner {
            return Err(MemoryRefusal::Wrong("the owner of a tenant can't be taken out of it".to_owned()));
        }
        let roles: BTreeSet<Principal> =
            self.roles.values().filter(|role| role.tenant == tenant).map(|role| role.id).collect();
        let member = self.user_mut(&by.account, user).ok_or(MemoryRefusal::NoPrincipal(user))?;
        if !member.tenants.remove(&tenant) {
            return Err(MemoryRefusal::NoPrincipal(user));
        }
        member.roles.retain(|role| !roles.contains(role));
        if member.tenant == Some(tenant) {
            member.tenant = None;
        }
        Ok(())
    }

    /// Makes a role in the asker's current tenant.
    pub(super) fn make_role(&mut self, by: &Asker, id: Principal, name: String) -> MemoryOutcome {
        let made = Ok(self.asker(by)).and_then(|user: User| {
            let tenant =
                user.tenant.ok_or_else(|| only("the owner of its current tenant, and none is selected,"))?;
            self.owned(by, tenant)?;
            Ok(Role { id, name, tenant })
        });
        let role = match made {
            Ok(role) => role,
            Err(refusal) => return MemoryOutcome::Refused(refusal),
        };
        let same = self.roles.iter().find(|((account, _), there)| {
            *account == by.account && there.tenant == role.tenant && there.name == role.name
        });
        match same {
            Some((_, there)) if there.id == id => return MemoryOutcome::Role(there.clone()),
            Some(_) => {
                return MemoryOutcome::Refused(MemoryRefusal::Taken(format!(
                    "the role name {:?}",
                    role.name
                )));
            }
            None if self.exists(&by.account, id) => {
                return MemoryOutcome::Refused(MemoryRefusal::Taken(format!("the id {id}")));
            }
            None => {}
        }
        self.roles.insert((by.account.clone(), id), role.clone());
        MemoryOutcome::Role(role)
    }

    /// Ends a role.
    pub(super) fn drop_role(&mut self, by: &Asker, id: Principal) -> Result<(), MemoryRefusal> {
        self.tenant_of_role(by, id)?;
        self.roles.remove(&(by.account.clone(), id));
        for ((account, _), user) in &mut self.users {
            if *account == by.account {
                user.roles.remove(&id);
            }
        }
        Ok(())
    }

    /// Gives a member of the role's tenant the role.
    pub(super) fn give_role(
        &mut self,
        by: &Asker,
        user: Principal,
        role: Principal,
    ) -> Result<(), MemoryRefusal> {
        let tenant = self.tenant_of_role(by, role)?;
        let member = self.user_mut(&by.account, user).filter(|member| member.tenants.contains(&tenant));
        member.ok_or(MemoryRefusal::NoPrincipal(user))?.roles.insert(role);
        Ok(())
    }

    /// Takes the role from a user; one that hasn't it is no error.
    pub(super) fn take_role(
        &mut self,
        by: &Asker,
        user: Principal,
        role: Principal,
    ) -> Result<(), MemoryRefusal> {
        self.tenant_of_role(by, role)?;
        let member = self.user_mut(&by.account, user).ok_or(MemoryRefusal::NoPrincipal(user))?;
        member.roles.remove(&role);
        Ok(())
    }
}
