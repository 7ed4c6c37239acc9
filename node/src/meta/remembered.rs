//! Names whose contents are still being deleted: a repeated delete joins that operation (protocol PN3).

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::catalog::{Collection, CollectionRef, Home};
use lacuna_model::{CollectionId, NamespaceName, OpNumber};
use serde::{Deserialize, Serialize};

/// Open deleteAlls by namespace, and dropped collections until their operation ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    emptied: BTreeMap<(CollectionId, NamespaceName), BTreeSet<OpNumber>>,
    dropped: BTreeMap<CollectionId, (Home, OpNumber)>,
    dropped_names: BTreeMap<(Home, String), BTreeSet<OpNumber>>,
    /// What to forget with each operation.
    by_operation: BTreeMap<OpNumber, Names>,
}

/// The names that lead to one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    emptied: Option<(CollectionId, NamespaceName)>,
    dropped: Vec<(CollectionId, Home, String)>,
}

impl Remembered {
    /// A deleteAll of a namespace has begun.
    pub(super) fn emptied(&mut self, collection: CollectionId, name: NamespaceName, number: OpNumber) {
        self.emptied.entry((collection, name.clone())).or_default().insert(number);
        self.by_operation.entry(number).or_default().emptied = Some((collection, name));
    }

    /// A collection was dropped; its contents end with this operation.
    pub(super) fn dropped(&mut self, gone: Collection, number: OpNumber) {
        let Collection { id, home, name, .. } = gone;
        self.dropped.insert(id, (home.clone(), number));
        self.dropped_names.entry((home.clone(), name.clone())).or_default().insert(number);
        self.by_operation.entry(number).or_default().dropped.push((id, home, name));
    }

    /// The operation has ended: its names mean nothing any more.
    pub(super) fn forget(&mut self, number: OpNumber) {
        let Some(names) = self.by_operation.remove(&number) else { return };
        if let Some(key) = names.emptied {
            remove(&mut self.emptied, &key, number);
        }
        for (id, home, name) in names.dropped {
            self.dropped.remove(&id);
            remove(&mut self.dropped_names, &(home, name), number);
        }
    }

    /// Open deleteAlls of a namespace, ascending.
    pub(super) fn of_namespace(&self, collection: CollectionId, name: &NamespaceName) -> Vec<OpNumber> {
        self.emptied.get(&(collection, name.clone())).into_iter().flatten().copied().collect()
    }

    /// Open deletes that a drop of this collection waits for: of its namespaces, and drops of its name.
    pub(super) fn of_collection(&self, collection: &Collection) -> BTreeSet<OpNumber> {
        let first = (collection.id, NamespaceName::default());
        let emptied = self.emptied.range(first..).take_while(|((id, _), _)| *id == collection.id);
        let dropped = self.dropped_names.get(&(collection.home.clone(), collection.name.clone()));
        emptied.flat_map(|(_, numbers)| numbers).chain(dropped.into_iter().flatten()).copied().collect()
    }

    /// Dropped collections of a home whose contents are still being ended, ascending.
    pub(super) fn of_home(&self, home: &Home) -> Vec<CollectionId> {
        self.dropped.iter().filter(|(_, (from, _))| from == home).map(|(id, _)| *id).collect()
    }

    /// The open operation that ends a dropped collection's contents.
    pub(super) fn find(&self, named: &CollectionRef) -> Option<OpNumber> {
        match named {
            CollectionRef::Id(account, id) => {
                self.dropped.get(id).filter(|(home, _)| home.account == *account).map(|(_, number)| *number)
            }
            CollectionRef::Name(home, name) => {
                self.dropped_names.get(&(home.clone(), name.clone()))?.last().copied()
            }
        }
    }
}

/// Removes a number under a key, and the key with its last number.
fn remove<K: Ord>(map: &mut BTreeMap<K, BTreeSet<OpNumber>>, key: &K, number: OpNumber) {
    if let Some(numbers) = map.get_mut(key) {
        numbers.remove(&number);
        if numbers.is_empty() {
            map.remove(key);
        }
    }
}
