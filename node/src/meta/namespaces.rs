//! Open incarnations of namespaces, under their collections' ids (protocol PN1).

use std::collections::BTreeMap;

use lacuna_model::{CollectionId, Incarnation, NamespaceName};
use serde::{Deserialize, Serialize};

/// Each namespace with contents, and the counter that numbers contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Namespaces {
    open: BTreeMap<CollectionId, BTreeMap<NamespaceName, Incarnation>>,
    /// Incarnations given so far; never reused.
    given: u64,
    /// Where each open incarnation is.
    places: BTreeMap<Incarnation, (CollectionId, NamespaceName)>,
}

impl Namespaces {
    /// The open incarnation, if there is one.
    pub(super) fn current(&self, collection: CollectionId, name: &NamespaceName) -> Option<Incarnation> {
        self.open.get(&collection)?.get(name).copied()
    }

    /// Whose open contents these are.
    pub(super) fn place(&self, incarnation: Incarnation) -> Option<&(CollectionId, NamespaceName)> {
        self.places.get(&incarnation)
    }

    /// Gives a namespace without contents a new incarnation.
    pub(super) fn open(&mut self, collection: CollectionId, name: NamespaceName) -> Incarnation {
        self.given += 1;
        let incarnation = Incarnation(self.given);
        self.places.insert(incarnation, (collection, name.clone()));
        self.open.entry(collection).or_default().insert(name, incarnation);
        incarnation
    }

    /// Ends a namespace's contents.
    pub(super) fn close(&mut self, collection: CollectionId, name: &NamespaceName) -> Option<Incarnation> {
        let names = self.open.get_mut(&collection)?;
        let ended = names.remove(name);
        if let Some(incarnation) = ended {
            self.places.remove(&incarnation);
        }
        if names.is_empty() {
            self.open.remove(&collection);
        }
        ended
    }

    /// Ends all contents of a collection; ascending.
    pub(super) fn close_all(&mut self, collection: CollectionId) -> Vec<Incarnation> {
        let mut ended: Vec<_> = self.open.remove(&collection).unwrap_or_default().into_values().collect();
        ended.sort_unstable();
        for incarnation in &ended {
            self.places.remove(incarnation);
        }
        ended
    }

    /// Open namespaces of a collection, by name.
    pub(super) fn list(&self, collection: CollectionId) -> Vec<(NamespaceName, Incarnation)> {
        let names = self.open.get(&collection).into_iter().flatten();
        names.map(|(name, incarnation)| (name.clone(), *incarnation)).collect()
    }
}
