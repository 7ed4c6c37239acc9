//! Records of memory collections as a reader sees them: by id, by item, counted, and what a release would take.

use std::collections::BTreeSet;

use lacuna_model::command::RecordKey;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::memory::counts::{MemoryKind, ReleaseCounts};
use lacuna_model::memory::part::{Takes, detach};
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::read::{MemoryStats, ReadBody};
use lacuna_model::record::{StoredRecord, Written};
use lacuna_model::{Incarnation, ItemNumber, RecordId};

use super::ReadError;
use crate::apply::count_release;
use crate::engine::Live;
use crate::store::keys;
use crate::store::records::{Vector, decode};

/// A record of the store.
pub(super) fn stored(
    live: &Live,
    incarnation: Incarnation,
    key: &RecordKey,
) -> Result<Option<StoredRecord>, ReadError> {
    if live.state.is_ended(incarnation) {
        return Ok(None);
    }
    let value = live.store.get(&keys::record(incarnation, key.slot, &key.id))?;
    Ok(value.map(|value| decode(&value, Vector::Read)).transpose()?)
}

/// A record as the reader sees it.
pub(super) fn shown(
    live: &Live,
    incarnation: Incarnation,
    key: &RecordKey,
    sight: &Sight,
) -> Result<Option<MemoryRecord>, ReadError> {
    let id = RecordId::new(key.id.as_str())?;
    Ok(stored(live, incarnation, key)?.and_then(|record| sight.show(&id, &record)))
}

/// Records by id, in the order asked, those that the reader doesn't see left out.
pub(super) fn get(
    live: &Live,
    incarnation: Incarnation,
    ids: &[RecordId],
    sight: &Sight,
) -> Result<ReadBody, ReadError> {
    if live.state.is_ended(incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        let key = RecordKey::of(incarnation, id.as_str());
        records.extend(shown(live, incarnation, &key, sight)?);
    }
    Ok(ReadBody::Memory(records))
}

/// Which references to follow.
pub(super) struct Held<'a> {
    pub(super) items: &'a [ItemNumber],
    pub(super) after: Option<&'a Holding>,
    pub(super) limit: usize,
    pub(super) sight: &'a Sight,
}

/// Records that items refer to.
pub(super) fn held(live: &Live, ask: &Held<'_>) -> Result<ReadBody, ReadError> {
    let mut records = Vec::new();
    let (mut left, mut last) = (ask.limit, None);
    let first = ask.after.map_or(0, |after| ask.items.partition_point(|item| *item < after.item));
    for item in &ask.items[first..] {
        for holding in references(live, *item, ask.after)? {
            if left == 0 {
                return Ok(ReadBody::Held { records, next: last });
            }
            let record = shown(live, holding.incarnation, &holding.key, ask.sight)?;
            records.extend(record.map(|record| (holding.incarnation, record)));
            left -= 1;
            last = Some(holding);
        }
    }
    Ok(ReadBody::Held { records, next: None })
}

/// An item's references, in the store's order.
pub(super) fn references(
    live: &Live,
    item: ItemNumber,
    after: Option<&Holding>,
) -> Result<Vec<Holding>, ReadError> {
    let start = keys::holdings_from(item);
    let end = keys::after_prefix(start.clone());
    let from = after.filter(|after| after.item == item).map(keys::holding);
    let behind = |key: &[u8]| from.as_ref().is_none_or(|from| key > from.as_slice());
    let mut found = Vec::new();
    for pair in live.store.range(from.as_ref().unwrap_or(&start), &end) {
        let (key, _) = pair?;
        found.extend(keys::parse_holding(&key).filter(|_| behind(&key)));
    }
    Ok(found)
}

/// What a release of these items would take now: each record counts once.
pub(super) fn preview(live: &Live, items: &[ItemNumber]) -> Result<ReadBody, ReadError> {
    let mut items = items.to_vec();
    items.sort_unstable();
    let goes = |item: ItemNumber| items.binary_search(&item).is_ok();
    let mut seen: BTreeSet<(Incarnation, RecordKey)> = BTreeSet::new();
    let mut counts = ReleaseCounts::default();
    for item in &items {
        for Holding { incarnation, key, .. } in references(live, *item, None)? {
            let place = (incarnation, key);
            let record = stored(live, incarnation, &place.1)?.filter(|_| !seen.contains(&place));
            if let Some(detached) =
                record.and_then(|record| detach(record, Takes::All, goes, Written::default()))
            {
                count_release(&mut counts, &detached);
            }
            seen.insert(place);
        }
    }
    Ok(ReadBody::Release(counts))
}

/// What is held of these collections, whether something refers to it or not.
pub(super) fn stats(live: &Live, incarnations: &[Incarnation]) -> Result<ReadBody, ReadError> {
    let mut stats = MemoryStats::default();
    for incarnation in incarnations {
        if live.state.is_ended(*incarnation) {
            continue;
        }
        stats.tombstones += live.index.dead_vectors(*incarnation) as u64;
        let from = keys::records_from(*incarnation);
        for pair in live.store.range(&from, &keys::after_prefix(from.clone())) {
            let record = decode(&pair?.1, Vector::Read)?;
            add(&mut stats, &record);
        }
    }
    Ok(ReadBody::MemoryStats(stats))
}

fn add(stats: &mut MemoryStats, record: &StoredRecord) {
    let Some(part) = &record.memory else { return };
    match part.facts.kind {
        MemoryKind::Blob => {
            let Some(piece) = &part.facts.blob else { return };
            stats.raw_files += u64::from(piece.number == 0);
            stats.raw_bytes += piece.bytes.len() as u64;
        }
        MemoryKind::Vector | MemoryKind::Node | MemoryKind::Edge => {
            stats.records += 1;
            let others = part.others.iter().filter(|content| content.vector.is_some()).count();
            stats.vectors += u64::from(record.vector.is_some()) + others as u64;
            stats.references += part.owners.len() as u64;
        }
    }
}
