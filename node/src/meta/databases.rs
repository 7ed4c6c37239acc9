//! Tenants and their databases, per account. Each account has a default tenant with a default database without
//! anybody having made them.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::catalog::{Database, DatabaseName};
use lacuna_model::meta::MetaRefusal;
use lacuna_model::{Account, DatabaseId};
use serde::{Deserialize, Serialize};

/// The tenants and databases that were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Databases {
    tenants: BTreeSet<(Account, String)>,
    ids: BTreeMap<DatabaseName, DatabaseId>,
    /// Ids given so far; never reused. 0 is every account's default database.
    given: u64,
}

impl Databases {
    /// Is there such a tenant?
    pub(super) fn has_tenant(&self, account: &Account, tenant: &str) -> bool {
        tenant == DatabaseName::DEFAULT_TENANT || self.tenants.contains(&(account.clone(), tenant.to_owned()))
    }

    /// The id of a database that exists.
    pub(super) fn find(&self, named: &DatabaseName) -> Option<DatabaseId> {
        if named.is_default() { Some(DatabaseId(0)) } else { self.ids.get(named).copied() }
    }

    /// Makes a tenant.
    pub(super) fn create_tenant(&mut self, account: Account, tenant: String) -> Result<(), MetaRefusal> {
        if self.has_tenant(&account, &tenant) {
            return Err(MetaRefusal::TenantExists);
        }
        self.tenants.insert((account, tenant));
        Ok(())
    }

    /// Makes a database under a new id.
    pub(super) fn create(&mut self, named: DatabaseName) -> Result<Database, MetaRefusal> {
        if !self.has_tenant(&named.account, &named.tenant) {
            return Err(MetaRefusal::NoTenant);
        }
        if let Some(id) = self.find(&named) {
            return Err(MetaRefusal::DatabaseExists(Database { id, named }));
        }
        self.given += 1;
        let id = DatabaseId(self.given);
        self.ids.insert(named.clone(), id);
        Ok(Database { id, named })
    }

    /// Takes a database away; the default one stays.
    pub(super) fn remove(&mut self, named: &DatabaseName) {
        self.ids.remove(named);
    }

    /// Takes a tenant without databases away; the default one stays.
    pub(super) fn remove_tenant(&mut self, account: &Account, tenant: &str) -> Result<(), MetaRefusal> {
        let held = self.list(account, tenant).ok_or(MetaRefusal::NoTenant)?;
        let made = held.iter().filter(|database| !database.named.is_default()).count();
        if made > 0 {
            return Err(MetaRefusal::NotEmpty(made as u64));
        }
        self.tenants.remove(&(account.clone(), tenant.to_owned()));
        Ok(())
    }

    /// Tenants of an account, by name.
    pub(super) fn tenants(&self, account: &Account) -> Vec<String> {
        let made = self.tenants.range((account.clone(), String::new())..);
        let made = made.take_while(|(owner, _)| owner == account).map(|(_, name)| name.clone());
        let mut names: Vec<_> = made.chain([DatabaseName::DEFAULT_TENANT.to_owned()]).collect();
        names.sort_unstable();
        names
    }

    /// Databases of a tenant, by name; `None`: there is no such tenant.
    pub(super) fn list(&self, account: &Account, tenant: &str) -> Option<Vec<Database>> {
        if !self.has_tenant(account, tenant) {
            return None;
        }
        let named = |name: &str| DatabaseName {
            account: account.clone(),
            tenant: tenant.to_owned(),
            name: name.to_owned(),
        };
        let made = self.ids.range(named("")..);
        let made = made.take_while(|(at, _)| at.account == *account && at.tenant == tenant);
        let mut all: Vec<_> = made.map(|(at, id)| Database { id: *id, named: at.clone() }).collect();
        let default = named(DatabaseName::DEFAULT_DATABASE);
        if default.is_default() {
            all.push(Database { id: DatabaseId(0), named: default });
        }
        all.sort_unstable_by(|a, b| a.named.cmp(&b.named));
        Some(all)
    }
}
