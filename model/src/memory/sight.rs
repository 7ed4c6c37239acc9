//! What a reader may see of a record: the one rule for get, list, search and graph.

use serde::{Deserialize, Serialize};

use crate::ids::{DatasetNumber, ItemNumber, RecordId};
use crate::memory::contribution::{Content, Facts, Owner};
use crate::memory::counts::MemoryKind;
use crate::memory::query::MemoryView;
use crate::record::StoredRecord;

/// What a read may show, as a shard needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Records of these datasets are asked for, ascending.
    pub chosen: Vec<DatasetNumber>,
    /// What items of these datasets say may be shown, ascending.
    pub readable: Vec<DatasetNumber>,
    /// Items that nobody may see: not open yet, or forgotten; ascending.
    pub hidden: Vec<ItemNumber>,
    /// Items from this number on began after the view was made.
    pub next: ItemNumber,
    /// Nodes and edges of items below this number are being pruned.
    pub graph_from: ItemNumber,
}

/// A record as a reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// Its id.
    pub id: RecordId,
    /// The newest contribution that the reader may see; bare without one.
    pub content: Content,
    /// References of items that anybody may see.
    pub references: u64,
    /// Those of datasets that the reader can read.
    pub owners: Vec<(DatasetNumber, ItemNumber)>,
}

impl From<&MemoryView> for Sight {
    fn from(view: &MemoryView) -> Self {
        let mut chosen: Vec<DatasetNumber> = view.chosen.iter().map(|dataset| dataset.number).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let MemoryView { readable, hidden, next, graph_from, .. } = view;
        Self {
            chosen,
            readable: readable.clone(),
            hidden: hidden.clone(),
            next: *next,
            graph_from: *graph_from,
        }
    }
}

impl Sight {
    /// Is the item one that anybody may see?
    pub fn sees(&self, item: ItemNumber) -> bool {
        item < self.next && self.hidden.binary_search(&item).is_err()
    }

    /// Is it a reference that a prune of the graph is taking?
    fn prunes(&self, record: &StoredRecord, owner: &Owner) -> bool {
        owner.item < self.graph_from && kind_said(record, owner).is_none_or(MemoryKind::is_graph)
    }

    fn reads(&self, dataset: DatasetNumber) -> bool {
        self.readable.binary_search(&dataset).is_ok()
    }

    fn chose(&self, dataset: DatasetNumber) -> bool {
        self.chosen.binary_search(&dataset).is_ok()
    }

    /// The record as the reader sees it; `None`: it sees none.
    pub fn show(&self, id: &RecordId, record: &StoredRecord) -> Option<MemoryRecord> {
        let part = record.memory.as_ref()?;
        let seen = part.owners.iter().filter(|owner| self.sees(owner.item) && !self.prunes(record, owner));
        let seen: Vec<&Owner> = seen.collect();
        if !seen.iter().any(|owner| self.chose(owner.dataset)) {
            return None;
        }
        let readable: Vec<&Owner> = seen.iter().copied().filter(|owner| self.reads(owner.dataset)).collect();
        let says = |owner: &&Owner| owner.says;
        let newest = readable.iter().rev().find_map(says);
        let mut content = newest.and_then(|says| content(record, says)).unwrap_or_else(|| Content {
            vector: None,
            text: None,
            facts: Facts::bare(part.facts.kind, part.facts.type_name.clone()),
        });
        content.facts.node_sets = node_sets(record, &readable);
        Some(MemoryRecord {
            id: id.clone(),
            content,
            references: seen.len() as u64,
            owners: readable.iter().map(|owner| (owner.dataset, owner.item)).collect(),
        })
    }
}

/// Sets of nodes of every contribution that the reader may see, united.
fn node_sets(record: &StoredRecord, readable: &[&Owner]) -> Vec<String> {
    let Some(part) = &record.memory else { return Vec::new() };
    let mut said: Vec<u32> = readable.iter().filter_map(|owner| owner.says).collect();
    said.sort_unstable();
    said.dedup();
    let of = |says: u32| match says.checked_sub(1) {
        None => Some(&part.facts),
        Some(at) => part.others.get(at as usize).map(|content| &content.facts),
    };
    let mut sets: Vec<String> =
        said.into_iter().filter_map(of).flat_map(|facts| facts.node_sets.iter().cloned()).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// What an owner says the record is; `None`: it says nothing of it.
fn kind_said(record: &StoredRecord, owner: &Owner) -> Option<MemoryKind> {
    let part = record.memory.as_ref()?;
    match owner.says?.checked_sub(1) {
        None => Some(part.facts.kind),
        Some(at) => part.others.get(at as usize).map(|content| content.facts.kind),
    }
}

/// What an owner says, by its number.
fn content(record: &StoredRecord, says: u32) -> Option<Content> {
    let part = record.memory.as_ref()?;
    match says.checked_sub(1) {
        None => Some(Content {
            vector: record.vector.clone(),
            text: record.document.clone(),
            facts: part.facts.clone(),
        }),
        Some(at) => part.others.get(at as usize).cloned(),
    }
}
