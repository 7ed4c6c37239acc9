//! The naive model of memory collections: who says what of which record, nothing else.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::memory::contribution::{Content, Facts};
use lacuna_model::memory::counts::{MemoryKind, ReleaseCounts};
use lacuna_model::memory::part::{NewOwner, Takes};
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::outcome::Fate;
use lacuna_model::{DatasetNumber, ItemNumber};

use crate::making::id;

pub(crate) const DATASETS: u64 = 3;

/// An item belongs to one dataset.
fn dataset(item: u64) -> DatasetNumber {
    DatasetNumber(item % DATASETS)
}

pub(crate) fn owner(item: u64) -> NewOwner {
    NewOwner { item: ItemNumber(item), dataset: dataset(item) }
}

fn kind(what: u8) -> MemoryKind {
    [MemoryKind::Vector, MemoryKind::Node, MemoryKind::Edge][usize::from(what % 3)]
}

pub(crate) fn content(what: u8) -> Content {
    let mut facts = Facts::bare(kind(what), Some(format!("type {what}")));
    facts.node_sets = vec![format!("set {what}")];
    Content { vector: Some(vec![f32::from(what), 1.0]), text: Some(format!("text {what}")), facts }
}

type Place = (u64, &'static str);

/// One item's reference.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    what: Option<u8>,
    /// Its vector was taken.
    bare: bool,
    /// An edge of its ends there.
    holds: bool,
}

/// The naive model.
#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) said: BTreeMap<Place, BTreeMap<u64, Said>>,
    pub(crate) released: BTreeSet<u64>,
    /// Type and kind of what a record was last, for one that nothing is said of any more.
    was: BTreeMap<Place, u8>,
}

impl Naive {
    fn newest(&self, place: Place) -> Option<u8> {
        self.said.get(&place)?.values().rev().find_map(|said| said.what)
    }

    fn remember(&mut self, place: Place) {
        if let Some(what) = self.newest(place) {
            self.was.insert(place, what);
        }
    }

    pub(crate) fn contribute(&mut self, item: u64, place: Place, (what, holds): (u8, bool)) -> Fate {
        let there = self.said.contains_key(&place);
        let of_record = self.said.entry(place).or_default();
        let holds = holds || of_record.get(&item).is_some_and(|said| said.holds);
        of_record.insert(item, Said { what: Some(what), bare: false, holds });
        self.remember(place);
        if there { Fate::Updated } else { Fate::Inserted }
    }

    pub(crate) fn retain(&mut self, item: u64, place: Place) -> Fate {
        match self.said.get_mut(&place) {
            Some(said) => {
                said.entry(item).or_insert(Said { what: None, bare: false, holds: true }).holds = true;
                Fate::Retained
            }
            None => Fate::Absent,
        }
    }

    pub(crate) fn release(&mut self, items: &BTreeSet<u64>) -> ReleaseCounts {
        let (counts, _) = self.take(items, |_| None);
        self.released.extend(items);
        counts
    }

    /// A part of what items say goes; also how many references each lost.
    pub(crate) fn prune(
        &mut self,
        items: &BTreeSet<u64>,
        takes: Takes,
    ) -> (ReleaseCounts, Vec<(ItemNumber, u64)>) {
        let is_graph = |said: &Said| said.what.is_none_or(|what| kind(what) != MemoryKind::Vector);
        let (counts, lost) = self.take(items, |said| match takes {
            Takes::All => None,
            Takes::Graph => (!is_graph(&said)).then_some(Said { holds: false, ..said }),
            Takes::Vectors if is_graph(&said) => Some(Said { bare: true, ..said }),
            Takes::Vectors => said.holds.then_some(Said { what: None, ..said }),
        });
        (counts, lost.into_iter().map(|(item, lost)| (ItemNumber(item), lost)).collect())
    }

    fn take(
        &mut self,
        items: &BTreeSet<u64>,
        left: impl Fn(Said) -> Option<Said>,
    ) -> (ReleaseCounts, BTreeMap<u64, u64>) {
        let (mut counts, mut lost) = (ReleaseCounts::default(), BTreeMap::new());
        let places: Vec<Place> = self.said.keys().copied().collect();
        for place in places {
            self.remember(place);
            let said = self.said.get_mut(&place).unwrap();
            let mut gone = 0;
            for item in items {
                let Some(there) = said.remove(item) else { continue };
                if let Some(left) = left(there) {
                    said.insert(*item, left);
                } else {
                    gone += 1;
                    *lost.entry(*item).or_default() += 1;
                }
            }
            if gone == 0 {
                continue;
            }
            counts.references += gone;
            let of_kind = match kind(self.was[&place]) {
                MemoryKind::Node => &mut counts.nodes,
                MemoryKind::Edge => &mut counts.edges,
                MemoryKind::Vector | MemoryKind::Blob => &mut counts.vectors,
            };
            if said.is_empty() {
                of_kind.deleted += 1;
                self.said.remove(&place);
            } else {
                of_kind.released += 1;
            }
        }
        (counts, lost)
    }

    /// What a reader sees.
    pub(crate) fn show(&self, place: Place, sight: &Sight) -> Option<MemoryRecord> {
        let seen: Vec<(u64, Said)> = self
            .said
            .get(&place)?
            .iter()
            .filter(|(item, _)| **item < sight.next.0 && !sight.hidden.contains(&ItemNumber(**item)))
            .map(|(item, said)| (*item, *said))
            .collect();
        if !seen.iter().any(|(item, _)| sight.chosen.contains(&dataset(*item))) {
            return None;
        }
        let readable: Vec<_> =
            seen.iter().filter(|(item, _)| sight.readable.contains(&dataset(*item))).collect();
        let was = self.newest(place).unwrap_or(self.was[&place]);
        let newest = readable.iter().rev().find_map(|(_, said)| Some((said.what?, said.bare)));
        let mut shown = if let Some((what, bare)) = newest {
            let whole = content(what);
            Content { vector: whole.vector.filter(|_| !bare), ..whole }
        } else {
            let Facts { kind, type_name, .. } = content(was).facts;
            Content { vector: None, text: None, facts: Facts::bare(kind, type_name) }
        };
        let sets: BTreeSet<String> =
            readable.iter().filter_map(|(_, said)| said.what.map(|what| format!("set {what}"))).collect();
        shown.facts.node_sets = sets.into_iter().collect();
        Some(MemoryRecord {
            id: id(place.1),
            content: shown,
            references: seen.len() as u64,
            owners: readable.iter().map(|(item, _)| (dataset(*item), ItemNumber(*item))).collect(),
        })
    }
}
