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

/// A record taken apart: owners with what they say, each distinct content once.
struct Apart {
    owners: Vec<Owner>,
    contents: Vec<Content>,
    /// What it is, should no content be left.
    bare: Facts,
    ordinal: Ordinal,
}

/// Adds an item's contribution (`None`: it only holds the record) to a record, or makes the record.
/// A record can't be made by being held only: then the answer is `None`.
pub fn attach(
    old: Option<StoredRecord>,
    owner: NewOwner,
    content: Option<&Content>,
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
        // To be held by one that says something already is nothing new.
        Ok(at) => apart.owners[at].says = says.or(apart.owners[at].says),
        Err(at) => apart.owners.insert(at, Owner { item: owner.item, dataset: owner.dataset, says }),
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
}

/// Takes owners off a record. `None`: it isn't a memory record.
pub fn detach(old: StoredRecord, goes: impl Fn(ItemNumber) -> bool, written: Written) -> Option<Detached> {
    let mut apart = Apart::of(old)?;
    let newest = apart.newest().map_or(&apart.bare, |content| &content.facts);
    let (kind, counts) = (newest.kind, newest.blob.as_ref().is_none_or(|piece| piece.number == 0));
    apart.bare = Facts::bare(kind, newest.type_name.clone());
    let (gone, stay): (Vec<Owner>, Vec<Owner>) = apart.owners.iter().partition(|owner| goes(owner.item));
    apart.owners = stay;
    Some(Detached { left: apart.together(written), gone, kind, counts })
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
        contributions
            .iter()
            .fold(None, |record, (item, text)| attach(record, owner(*item), text.map(content).as_ref(), at()))
    }

    #[test]
    fn the_newest_contribution_is_the_value_in_whatever_order_they_came() {
        let record = with(&[(5, Some("new")), (3, Some("old")), (4, None)]).unwrap();
        assert_eq!(record.document.as_deref(), Some("new"));
        let part = record.memory.clone().unwrap();
        assert_eq!(part.owners.iter().map(|owner| owner.item.0).collect::<Vec<_>>(), [3, 4, 5]);
        let left = detach(record, |item| item.0 == 5, Written::default()).unwrap().left.unwrap();
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
        let left = detach(record, |item| item.0 == 1, Written::default()).unwrap().left.unwrap();
        assert_eq!((left.document, left.vector), (None, None));
        let part = left.memory.unwrap();
        assert_eq!(part.facts, Facts::bare(MemoryKind::Node, Some("Person".to_owned())));
        assert_eq!(part.owners.len(), 1);
    }

    #[test]
    fn the_last_owner_takes_the_record_along_and_being_held_makes_none() {
        let record = with(&[(1, Some("a")), (2, Some("b"))]).unwrap();
        let detached = detach(record, |_| true, Written::default()).unwrap();
        assert!(detached.left.is_none());
        assert_eq!(detached.gone.len(), 2);
        assert!(with(&[(1, None)]).is_none());
    }
}
