//! Which shard gets what: items by slot, then by size (protocol PE1).

use std::collections::BTreeMap;

use lacuna_model::catalog::ShardMap;
use lacuna_model::command::{IdAt, MAX_ENTRY_BYTES, WriteVerb};
use lacuna_model::memory::contribution::{Content, NewContribution};
use lacuna_model::record::{Change, NewRecord, RecordPatch, SparseVector};
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use lacuna_model::{Incarnation, RecordId, ShardId, slot_of};

/// Bytes of a command around its items, generously.
const COMMAND_OVERHEAD: usize = 1024;
/// Bits of a part's number that count pieces of one shard; the shard is above them.
const PIECE_BITS: u32 = 12;

/// One piece of a request: what one command carries to one shard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parcel {
    pub(crate) shard: ShardId,
    /// Its number: the same for every repeat under the same slot table, and another on every shard.
    pub(crate) part: u32,
    pub(crate) verb: WriteVerb,
}

/// The number of a shard's `piece`-th piece.
pub(crate) fn part_number(shard: ShardId, piece: u32) -> u32 {
    (shard.0 << PIECE_BITS) | piece
}

/// An item that lives in a slot.
trait Placed: Clone {
    fn id(&self) -> &RecordId;
    fn bytes(&self) -> usize;
}

impl Placed for NewRecord {
    fn id(&self) -> &RecordId {
        &self.id
    }
    fn bytes(&self) -> usize {
        let vector = self.vector.as_ref().map_or(0, |vector| vector.len() * 4);
        let document = self.document.as_ref().map_or(0, String::len);
        let sparse = self.sparse.as_ref().map_or(0, sparse_bytes);
        32 + self.id.as_str().len() + vector + sparse + document + metadata_bytes(&self.metadata)
    }
}

impl Placed for RecordPatch {
    fn id(&self) -> &RecordId {
        &self.id
    }
    fn bytes(&self) -> usize {
        let vector = if let Change::Set(vector) = &self.vector { vector.len() * 4 } else { 0 };
        let document = if let Change::Set(document) = &self.document { document.len() } else { 0 };
        let values =
            self.metadata.iter().map(|(key, value)| key.len() + 4 + value.as_ref().map_or(0, value_bytes));
        let sparse = if let Change::Set(sparse) = &self.sparse { sparse_bytes(sparse) } else { 0 };
        32 + self.id.as_str().len() + vector + sparse + document + values.sum::<usize>()
    }
}

impl Placed for IdAt {
    fn id(&self) -> &RecordId {
        &self.id
    }
    fn bytes(&self) -> usize {
        8 + self.id.as_str().len()
    }
}

impl Placed for NewContribution {
    fn id(&self) -> &RecordId {
        &self.id
    }
    fn bytes(&self) -> usize {
        let Content { vector, text, facts } = &self.content;
        let vector = vector.as_ref().map_or(0, |vector| vector.len() * 4);
        let words = [text, &facts.type_name, &facts.relationship];
        let words: usize = words.into_iter().flatten().map(String::len).sum();
        let ends = [&facts.source, &facts.target].into_iter().flatten();
        let ends: usize = ends.map(|end| end.collection.len() + end.id.len()).sum();
        let sets: usize = facts.node_sets.iter().map(|set| set.len() + 2).sum();
        let blob = facts.blob.as_ref().map_or(0, |piece| piece.bytes.len());
        64 + self.id.as_str().len() + vector + words + ends + sets + blob + facts.metadata.len()
    }
}

/// An index takes at most five bytes.
fn sparse_bytes(sparse: &SparseVector) -> usize {
    sparse.indices().len() * 9
}

fn metadata_bytes(metadata: &Metadata) -> usize {
    metadata.iter().map(|(key, value)| key.len() + 4 + value_bytes(value)).sum()
}

fn value_bytes(value: &MetaValue) -> usize {
    match value {
        MetaValue::Scalar(scalar) => scalar_bytes(scalar),
        MetaValue::List(list) => list.iter().map(scalar_bytes).sum::<usize>() + 4,
    }
}

fn scalar_bytes(scalar: &Scalar) -> usize {
    match scalar {
        Scalar::Str(text) => text.len() + 6,
        Scalar::Int(_) | Scalar::Float(_) => 11,
        Scalar::Bool(_) => 2,
    }
}

/// Splits a write over the shards that hold its slots, each piece within an entry's size. A larger item is a
/// piece by itself.
pub(crate) fn plan(map: &ShardMap, incarnation: Incarnation, verb: &WriteVerb) -> Vec<Parcel> {
    tracing::trace!(incarnation = incarnation.0, items = verb.items(), "plan");
    match verb {
        WriteVerb::Upsert(items) => split(map, incarnation, items, WriteVerb::Upsert),
        WriteVerb::Insert(items) => split(map, incarnation, items, WriteVerb::Insert),
        WriteVerb::Merge(items) => split(map, incarnation, items, WriteVerb::Merge),
        WriteVerb::Update(items) => split(map, incarnation, items, WriteVerb::Update),
        WriteVerb::DeleteIds(items) => split(map, incarnation, items, WriteVerb::DeleteIds),
        WriteVerb::DeleteIdsWhere(items, filter) => {
            split(map, incarnation, items, |ids| WriteVerb::DeleteIdsWhere(ids, filter.clone()))
        }
        WriteVerb::Contribute(owner, items) => {
            split(map, incarnation, items, |items| WriteVerb::Contribute(*owner, items))
        }
        WriteVerb::Retain(retain, items) => {
            split(map, incarnation, items, |items| WriteVerb::Retain(retain.clone(), items))
        }
    }
}

fn split<T: Placed>(
    map: &ShardMap,
    incarnation: Incarnation,
    items: &[T],
    wrap: impl Fn(Vec<T>) -> WriteVerb,
) -> Vec<Parcel> {
    let mut shards: BTreeMap<ShardId, Vec<(usize, Vec<T>)>> = BTreeMap::new();
    let budget = MAX_ENTRY_BYTES - COMMAND_OVERHEAD;
    for item in items {
        let shard = map.shard_of(slot_of(incarnation, item.id().as_str()));
        let pieces = shards.entry(shard).or_default();
        let bytes = item.bytes();
        match pieces.last_mut() {
            Some((used, piece)) if *used + bytes <= budget => {
                *used += bytes;
                piece.push(item.clone());
            }
            _ => pieces.push((bytes, vec![item.clone()])),
        }
    }
    let numbered = shards.into_iter().flat_map(|(shard, pieces)| {
        pieces.into_iter().enumerate().map(move |(piece, (_, items))| (shard, piece, items))
    });
    numbered
        .map(|(shard, piece, items)| Parcel {
            shard,
            part: part_number(shard, piece as u32),
            verb: wrap(items),
        })
        .collect()
}

/// The ids of a write, in its order.
pub(crate) fn ids_of(verb: &WriteVerb) -> Vec<String> {
    fn texts<T: Placed>(items: &[T]) -> Vec<String> {
        items.iter().map(|item| item.id().as_str().to_owned()).collect()
    }
    match verb {
        WriteVerb::Upsert(items) | WriteVerb::Insert(items) => texts(items),
        WriteVerb::Merge(items) | WriteVerb::Update(items) => texts(items),
        WriteVerb::DeleteIds(items) | WriteVerb::DeleteIdsWhere(items, _) | WriteVerb::Retain(_, items) => {
            texts(items)
        }
        WriteVerb::Contribute(_, items) => texts(items),
    }
}

/// Ids grouped by the shard that holds them, each shard's in the given order.
pub(crate) fn ids_by_shard(
    map: &ShardMap,
    incarnation: Incarnation,
    ids: &[RecordId],
) -> BTreeMap<ShardId, Vec<RecordId>> {
    let mut shards: BTreeMap<ShardId, Vec<RecordId>> = BTreeMap::new();
    for id in ids {
        let shard = map.shard_of(slot_of(incarnation, id.as_str()));
        shards.entry(shard).or_default().push(id.clone());
    }
    shards
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
