//! How references come and go on a record: which contribution is its value, what is left when one goes. Pure
//! functions of what is kept, the same on every replica (INV-2).

use serde::{Deserialize, Serialize};

use crate::ids::{DatasetNumber, ItemNumber};
use crate::memory::contribution::{Content, Facts, MemoryPart, Owner};
use crate::memory::counts::MemoryKind;
use crate::record::{Ordinal, StoredRecord, Written};
use crate::value::{MetaValue, Metadata, Scalar};

/// Metadata key of a memory record: numbers of the datasets that refer to it. No client can write it: keys with
/// control characters are refused at the door.
pub const DATASETS_KEY: &str = "\u{1}datasets";
/// Metadata key of a memory record of which different readers may see different things: it has several
/// contents, or an owner that says nothing of it.
pub const SEVERAL_KEY: &str = "\u{1}several";

/// A reference to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOwner {
    /// The item.
    pub item: ItemNumber,
    /// Its dataset.
    pub dataset: DatasetNumber,
}

/// What an item brings to a record.
#[derive(Clone, Copy, Debug)]
pub struct Brings<'a> {
    /// What it says of it; `None`: nothing, it only holds it.
    pub content: Option<&'a Content>,
    /// An edge of the item holds it.
    pub holds: bool,
}

/// What of its items a release takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Takes {
    /// All of their references.
    #[default]
    All,
    /// What they say of nodes and edges, and what their edges hold.
    Graph,
    /// What they say of records of kind vector, and the vectors of their nodes and edges.
    Vectors,
}

/// A record taken apart: owners with what they say, each distinct content once.
struct Apart {
    owners: Vec<Owner>,
    contents: Vec<Content>,
    /// What it is, should no content be left.
    bare: Facts,
    ordinal: Ordinal,
}

/// Adds what an item brings to a record, or makes the record.
/// A record can't be made by being held only: then the answer is `None`.
pub fn attach(
    old: Option<StoredRecord>,
    owner: NewOwner,
    Brings { content, holds }: Brings<'_>,
    (written, ordinal): (Written, Ordinal),
) -> Option<StoredRecord> {
    let mut apart = match (old, content) {
        (Some(old), _) => Apart::of(old)?,
        (None, Some(content)) => {
            let bare = Facts::bare(content.facts.kind, content.facts.type_name.clone());
            Apart { owners: Vec::new(), contents: Vec::new(), bare, ordinal }
        }
        (None, None) => return None,
    };
    let says = content.map(|content| apart.place(content));
    match apart.owners.binary_search_by_key(&owner.item, |there| there.item) {
        Ok(at) => {
            let there = &mut apart.owners[at];
            there.says = says.or(there.says);
            there.holds |= holds;
        }
        Err(at) => {
            apart.owners.insert(at, Owner { item: owner.item, dataset: owner.dataset, says, holds });
        }
    }
    apart.together(written)
}

/// What is left of a record without some of its owners.
#[derive(Debug)]
pub struct Detached {
    /// The record; `None`: its last owner went.
    pub left: Option<StoredRecord>,
    /// The owners that went.
    pub gone: Vec<Owner>,
    /// What it was.
    pub kind: MemoryKind,
    /// It was the first piece of a raw file, or no piece at all.
    pub counts: bool,
    /// Owners that stay say less of it, or hold it no more.
    pub lessened: bool,
}

/// Takes owners off a record, or a part of what they say. `None`: it isn't a memory record.
pub fn detach(
    old: StoredRecord,
    takes: Takes,
    goes: impl Fn(ItemNumber) -> bool,
    written: Written,
) -> Option<Detached> {
    let mut apart = Apart::of(old)?;
    let newest = apart.newest().map_or(&apart.bare, |content| &content.facts);
    let (kind, counts) = (newest.kind, newest.blob.as_ref().is_none_or(|piece| piece.number == 0));
    apart.bare = Facts::bare(kind, newest.type_name.clone());
    let (mut gone, mut lessened) = (Vec::new(), false);
    for owner in std::mem::take(&mut apart.owners) {
        let left = if goes(owner.item) { apart.less(owner, takes) } else { Some(owner) };
        match left {
            Some(left) => {
                lessened |= left != owner;
                apart.owners.push(left);
            }
            None => gone.push(owner),
        }
    }
    Some(Detached { left: apart.together(written), gone, kind, counts, lessened })
}

impl Apart {
    fn of(record: StoredRecord) -> Option<Self> {
        let part = record.memory?;
        let bare = Facts::bare(part.facts.kind, part.facts.type_name.clone());
        let newest = Content { vector: record.vector, text: record.document, facts: part.facts };
        let contents = std::iter::once(newest).chain(part.others).collect();
        Some(Self { owners: part.owners, contents, bare, ordinal: record.ordinal })
    }

    /// Where a content stands among the distinct ones.
    fn place(&mut self, content: &Content) -> u32 {
        let at = self.contents.iter().position(|there| there == content).unwrap_or_else(|| {
            self.contents.push(content.clone());
            self.contents.len() - 1
        });
        at as u32
    }

    /// What is left of an owner; `None`: nothing.
    fn less(&mut self, owner: Owner, takes: Takes) -> Option<Owner> {
        let said = owner.says.and_then(|says| self.contents.get(says as usize));
        match (takes, said.map(|said| said.facts.kind)) {
            (Takes::All, _) | (Takes::Graph, None | Some(MemoryKind::Node | MemoryKind::Edge)) => None,
            // Its edge is gone, what it says stays.
            (Takes::Graph, Some(MemoryKind::Vector)) => Some(Owner { holds: false, ..owner }),
            // An edge must not dangle: the end stays, and nothing is said of it.
            (Takes::Vectors, Some(MemoryKind::Vector)) => {
                owner.holds.then_some(Owner { says: None, ..owner })
            }
            (Takes::Vectors, Some(MemoryKind::Node | MemoryKind::Edge)) => {
                let bare = said.filter(|said| said.vector.is_some()).cloned();
                let bare = bare.map(|said| self.place(&Content { vector: None, ..said }));
                Some(Owner { says: bare.or(owner.says), ..owner })
            }
            (Takes::Vectors, None) | (Takes::Graph | Takes::Vectors, Some(MemoryKind::Blob)) => Some(owner),
        }
    }

    /// The content of the newest owner that says something.
    fn newest(&self) -> Option<&Content> {
        let says = self.owners.iter().rev().find_map(|owner| owner.says)?;
        self.contents.get(says as usize)
    }

    /// The record again; `None` without owners.
    fn together(mut self, written: Written) -> Option<StoredRecord> {
        if self.owners.is_empty() {
            return None;
        }
        // The newest comes first; what nobody says any more is let go.
        let mut kept: Vec<u32> = Vec::new();
        for owner in self.owners.iter_mut().rev() {
            if let Some(says) = owner.says {
                let at = kept.iter().position(|there| *there == says).unwrap_or_else(|| {
                    kept.push(says);
                    kept.len() - 1
                });
                owner.says = Some(at as u32);
            }
        }
        let mut contents: Vec<Option<Content>> = self.contents.into_iter().map(Some).collect();
        let mut kept = kept.into_iter().filter_map(|at| contents.get_mut(at as usize).and_then(Option::take));
        let newest = kept.next().unwrap_or(Content { vector: None, text: None, facts: self.bare });
        let others: Vec<Content> = kept.collect();
        let metadata = narrowing(&self.owners, &others);
        Some(StoredRecord {
            written,
            ordinal: self.ordinal,
            vector: newest.vector,
            document: newest.text,
            metadata,
            holds: 0,
            expires: None,
            memory: Some(Box::new(MemoryPart { facts: newest.facts, owners: self.owners, others })),
            sparse: None,
        })
    }
}

/// Metadata that lets an index narrow a read to datasets.
fn narrowing(owners: &[Owner], others: &[Content]) -> Metadata {
    let mut datasets: Vec<u64> = owners.iter().map(|owner| owner.dataset.0).collect();
    datasets.sort_unstable();
    datasets.dedup();
    let datasets = datasets.into_iter().map(|number| Scalar::Int(number.cast_signed())).collect();
    let mut metadata = Metadata::from([(DATASETS_KEY.to_owned(), MetaValue::List(datasets))]);
    if !others.is_empty() || owners.iter().any(|owner| owner.says.is_none()) {
        metadata.insert(SEVERAL_KEY.to_owned(), MetaValue::Scalar(Scalar::Bool(true)));
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        Content {
            vector: Some(vec![text.len() as f32]),
            text: Some(text.to_owned()),
            facts: Facts::bare(MemoryKind::Node, Some("Person".to_owned())),
        }
    }

    fn owner(item: u64) -> NewOwner {
        NewOwner { item: ItemNumber(item), dataset: DatasetNumber(item % 2) }
    }

    fn at() -> (Written, Ordinal) {
        (Written::default(), Ordinal::default())
    }

    fn with(contributions: &[(u64, Option<&str>)]) -> Option<StoredRecord> {
        contributions.iter().fold(None, |record, (item, text)| {
            let content = text.map(content);
            let brings = Brings { content: content.as_ref(), holds: text.is_none() };
            attach(record, owner(*item), brings, at())
        })
    }

    #[test]
    fn the_newest_contribution_is_the_value_in_whatever_order_they_came() {
        let record = with(&[(5, Some("new")), (3, Some("old")), (4, None)]).unwrap();
        assert_eq!(record.document.as_deref(), Some("new"));
        let part = record.memory.clone().unwrap();
        assert_eq!(part.owners.iter().map(|owner| owner.item.0).collect::<Vec<_>>(), [3, 4, 5]);
        let left = detach(record, Takes::All, |item| item.0 == 5, Written::default()).unwrap().left.unwrap();
        assert_eq!((left.document.as_deref(), left.vector), (Some("old"), Some(vec![3.0])));
        assert!(left.memory.unwrap().others.is_empty());
    }

    #[test]
    fn the_same_content_is_kept_once() {
        let record =
            with(&[(1, Some("same")), (2, Some("same")), (3, Some("other")), (4, Some("same"))]).unwrap();
        let part = record.memory.unwrap();
        assert_eq!((part.others.len(), part.owners.len()), (1, 4));
        assert_eq!(
            part.owners.iter().map(|owner| owner.says).collect::<Vec<_>>(),
            [Some(0), Some(0), Some(1), Some(0)]
        );
    }

    #[test]
    fn an_end_held_only_by_an_edge_keeps_its_type_and_nothing_else() {
        let record = with(&[(1, Some("text")), (2, None)]).unwrap();
        assert!(record.metadata.contains_key(SEVERAL_KEY));
        let left = detach(record, Takes::All, |item| item.0 == 1, Written::default()).unwrap().left.unwrap();
        assert_eq!((left.document, left.vector), (None, None));
        let part = left.memory.unwrap();
        assert_eq!(part.facts, Facts::bare(MemoryKind::Node, Some("Person".to_owned())));
        assert_eq!(part.owners.len(), 1);
    }

    #[test]
    fn the_last_owner_takes_the_record_along_and_being_held_makes_none() {
        let record = with(&[(1, Some("a")), (2, Some("b"))]).unwrap();
        let detached = detach(record, Takes::All, |_| true, Written::default()).unwrap();
        assert!(detached.left.is_none());
        assert_eq!(detached.gone.len(), 2);
        assert!(with(&[(1, None)]).is_none());
    }

    #[test]
    fn without_its_vectors_a_node_keeps_what_else_is_said_of_it_and_contents_that_differed_by_them_are_one() {
        let other = Content { vector: Some(vec![9.0]), ..content("same") };
        let record = with(&[(1, Some("same")), (3, Some("old"))]);
        let brings = Brings { content: Some(&other), holds: false };
        let record = attach(record, owner(2), brings, at()).unwrap();
        let less = detach(record.clone(), Takes::Vectors, |_| true, Written::default()).unwrap();
        assert!(less.lessened && less.gone.is_empty());
        let left = less.left.unwrap();
        assert_eq!((left.document.as_deref(), &left.vector), (Some("old"), &None));
        let part = left.memory.clone().unwrap();
        assert_eq!((part.owners.len(), part.others.len()), (3, 1));
        assert_eq!((part.others[0].text.as_deref(), &part.others[0].vector), (Some("same"), &None));
        let again = detach(left, Takes::Vectors, |_| true, Written::default()).unwrap();
        assert!(!again.lessened && again.gone.is_empty(), "there is nothing more to take");
        // Of others' contributions nothing goes.
        let less =
            detach(record, Takes::Vectors, |item| item.0 == 3, Written::default()).unwrap().left.unwrap();
        assert_eq!(less.vector, None);
        assert!(less.memory.unwrap().others.iter().all(|content| content.vector.is_some()));
    }

    #[test]
    fn a_prune_of_the_graph_takes_nodes_and_what_edges_hold_and_leaves_records_of_kind_vector() {
        let detached =
            |record: StoredRecord, takes| detach(record, takes, |_| true, Written::default()).unwrap();
        let node = with(&[(1, Some("a")), (2, None)]).unwrap();
        let gone = detached(node, Takes::Graph);
        assert!(gone.left.is_none());
        assert_eq!(gone.gone.len(), 2);
        let text = Content { facts: Facts::bare(MemoryKind::Vector, None), ..content("text") };
        let says = |holds| Brings { content: Some(&text), holds };
        let record = attach(None, owner(1), says(true), at());
        let record = attach(record, owner(2), Brings { content: None, holds: true }, at());
        let record = attach(record, owner(3), says(false), at()).unwrap();
        let graph = detached(record.clone(), Takes::Graph);
        assert_eq!(graph.gone.iter().map(|owner| owner.item.0).collect::<Vec<_>>(), [2]);
        let left = graph.left.unwrap();
        assert_eq!(left.document.as_deref(), Some("text"));
        assert!(detached(left, Takes::Vectors).left.is_none(), "no edge holds it any more");
        // The vectors go first: what edges hold stays, and nothing is said of it.
        let vectors = detached(record, Takes::Vectors);
        assert_eq!(vectors.gone.iter().map(|owner| owner.item.0).collect::<Vec<_>>(), [3]);
        let left = vectors.left.unwrap();
        assert_eq!((left.document.clone(), left.vector.clone()), (None, None));
        assert!(detached(left, Takes::Graph).left.is_none());
    }
}
