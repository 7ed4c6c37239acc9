//! Collections: by id, and by name inside their homes.

use std::collections::BTreeMap;

use lacuna_model::catalog::{Collection, CollectionChange, CollectionRef, Home, Protection};
use lacuna_model::meta::MetaRefusal;
use lacuna_model::record::Schema;
use lacuna_model::{Account, CollectionId, Stamp};
use serde::{Deserialize, Serialize};

/// The collections that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Collections {
    by_id: BTreeMap<CollectionId, Collection>,
    by_name: BTreeMap<(Home, String), CollectionId>,
    /// Ids given so far; never reused.
    given: u64,
}

/// What a collection is made of.
pub(super) struct NewCollection {
    pub(super) home: Home,
    pub(super) name: String,
    pub(super) schema: Schema,
    pub(super) extra: String,
}

impl Collections {
    /// Makes a collection under a new id.
    pub(super) fn create(&mut self, new: NewCollection, created: Stamp) -> Result<&Collection, MetaRefusal> {
        let name = (new.home.clone(), new.name.clone());
        if let Some(there) = self.by_name.get(&name).and_then(|id| self.by_id.get(id)) {
            return Err(MetaRefusal::Exists(Box::new(there.clone())));
        }
        self.given += 1;
        let id = CollectionId(self.given);
        self.by_name.insert(name, id);
        let NewCollection { home, name, schema, extra } = new;
        let collection = Collection { id, home, name, schema, created, extra, protected: Protection::Off };
        Ok(self.by_id.entry(id).or_insert(collection))
    }

    /// Fixes the dimension if there is none yet; the same again is no change. Says whether it changed.
    pub(super) fn fix_dimension(
        &mut self,
        id: CollectionId,
        dimension: u32,
    ) -> Result<(&Collection, bool), MetaRefusal> {
        let collection = self.by_id.get_mut(&id).ok_or(MetaRefusal::NoCollection)?;
        match collection.schema.dimension {
            None => {
                collection.schema.dimension = Some(dimension);
                Ok((collection, true))
            }
            Some(fixed) if fixed == dimension => Ok((collection, false)),
            Some(fixed) => Err(MetaRefusal::Dimension(fixed)),
        }
    }

    /// Changes what the change names; all of it or, refused, nothing.
    pub(super) fn alter(
        &mut self,
        id: CollectionId,
        change: CollectionChange,
    ) -> Result<&Collection, MetaRefusal> {
        let collection = self.by_id.get(&id).ok_or(MetaRefusal::NoCollection)?;
        let CollectionChange { name, extra, protected } = change;
        if let Some(name) = &name {
            let (old, new) =
                ((collection.home.clone(), collection.name.clone()), (collection.home.clone(), name.clone()));
            let taken = self.by_name.get(&new).filter(|there| **there != id);
            if let Some(there) = taken.and_then(|there| self.by_id.get(there)) {
                return Err(MetaRefusal::Exists(Box::new(there.clone())));
            }
            self.by_name.remove(&old);
            self.by_name.insert(new, id);
        }
        let collection = self.by_id.get_mut(&id).ok_or(MetaRefusal::NoCollection)?;
        if let Some(name) = name {
            collection.name = name;
        }
        if let Some(extra) = extra {
            collection.extra = extra;
        }
        if let Some(protected) = protected {
            collection.protected = protected;
        }
        Ok(collection)
    }

    /// Takes a collection out of the catalog.
    pub(super) fn remove(&mut self, id: CollectionId) -> Option<Collection> {
        let gone = self.by_id.remove(&id)?;
        self.by_name.remove(&(gone.home.clone(), gone.name.clone()));
        Some(gone)
    }

    /// By id.
    pub(super) fn get(&self, id: CollectionId) -> Option<&Collection> {
        self.by_id.get(&id)
    }

    /// By what a request calls it; an id of another account is no such collection.
    pub(super) fn find(&self, named: &CollectionRef) -> Option<&Collection> {
        match named {
            CollectionRef::Id(account, id) => {
                self.by_id.get(id).filter(|found| found.home.account == *account)
            }
            CollectionRef::Name(home, name) => {
                self.by_name.get(&(home.clone(), name.clone())).and_then(|id| self.by_id.get(id))
            }
        }
    }

    /// Those of an account, or of one home in it, oldest first.
    pub(super) fn list(&self, account: &Account, home: Option<&Home>) -> Vec<Collection> {
        let wanted = |found: &&Collection| {
            found.home.account == *account && home.is_none_or(|home| found.home == *home)
        };
        self.by_id.values().filter(wanted).cloned().collect()
    }
}
