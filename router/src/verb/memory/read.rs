//! Records of memory collections, as the caller may see them.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::access::Right;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody, MemoryView};
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::memory::words::{Dataset, Item, Memory, MemoryTotals};
use lacuna_model::read::{MemoryStats, ReadBody, ReadRequest};
use lacuna_model::{DatasetId, DatasetNumber, Incarnation, ItemId, ItemNumber, Principal, RecordId, ShardId};

use super::names::target;
use super::odd;
use crate::app::Router;
use crate::error::Verb;
use crate::fanout;
use crate::plan::ids_by_shard;
use crate::verb::Call;
use crate::verb::scatter::{self, complete, ended, for_all, gather, scatter};

/// References looked at in one question to a shard.
const PAGE: usize = 1_000;

/// A record with the name of its collection.
#[derive(Clone, Debug, PartialEq)]
pub struct InCollection {
    /// The collection.
    pub collection: String,
    /// The record.
    pub record: MemoryRecord,
}

/// An item that refers to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// Its dataset.
    pub dataset: DatasetId,
    /// The item.
    pub item: ItemId,
}

impl Router {
    /// Datasets that the caller can read.
    pub async fn readable_datasets(&self, call: &Call) -> Verb<Vec<Dataset>> {
        call.caller.need(Right::Read)?;
        let ask = MemoryAsk::Datasets { of: None, permission: Permission::Read };
        match self.memory(call, ask).await? {
            MemoryBody::Datasets(found) => Ok(found.into_iter().map(|(dataset, _)| dataset).collect()),
            _ => Err(odd()),
        }
    }

    /// Items of a dataset, oldest first.
    pub async fn items(&self, call: &Call, dataset: DatasetId) -> Verb<Vec<Item>> {
        call.caller.need(Right::Read)?;
        match self.memory(call, MemoryAsk::Items(dataset)).await? {
            MemoryBody::Items(items) => Ok(items),
            _ => Err(odd()),
        }
    }

    /// Records by id in a space's collection; of a collection that doesn't exist there are none.
    pub(super) async fn memory_records(
        &self,
        call: &Call,
        (space, collection): (Principal, &str),
        (ids, sight): (Vec<RecordId>, &Sight),
    ) -> Verb<Vec<MemoryRecord>> {
        let target = target(&call.caller.account, space, collection);
        let asked = scatter(self.core(), &target, (call, Right::Read), |_, incarnation, cluster| {
            let by_shard = ids_by_shard(&cluster.map, incarnation, &ids);
            let ask =
                |(shard, ids)| (shard, ReadRequest::MemoryGet { incarnation, ids, sight: sight.clone() });
            by_shard.into_iter().map(ask).collect()
        })
        .await;
        let scattered = match asked {
            Err(error) if error.code == lacuna_model::error::ErrorCode::NotFound => return Ok(Vec::new()),
            asked => asked?.1,
        };
        let mut records = Vec::new();
        for (_, reply) in complete(scattered)? {
            let ReadBody::Memory(found) = reply.body else { return Err(scatter::odd(&reply.body)) };
            records.extend(found);
        }
        Ok(records)
    }

    /// One record, if an item of the dataset refers to it.
    pub async fn memory_record(
        &self,
        call: &Call,
        dataset: DatasetId,
        (collection, id): (&str, RecordId),
    ) -> Verb<Option<(InCollection, Vec<Referrer>)>> {
        call.caller.need(Right::Read)?;
        let view = self.memory_view(call, Chosen::Ids(vec![dataset])).await?;
        let space = view.chosen.first().map(Dataset::space).unwrap_or_default();
        let sight = Sight::from(&view);
        let found = self.memory_records(call, (space, collection), (vec![id], &sight)).await?;
        let Some(record) = found.into_iter().next() else { return Ok(None) };
        let referrers = self.referrers(call, std::slice::from_ref(&record)).await?;
        let referrers = of(&referrers, &record);
        Ok(Some((InCollection { collection: collection.to_owned(), record }, referrers)))
    }

    /// The open items behind owners.
    pub(super) async fn referrers(
        &self,
        call: &Call,
        records: &[MemoryRecord],
    ) -> Verb<BTreeMap<ItemNumber, Referrer>> {
        let numbers: BTreeSet<ItemNumber> =
            records.iter().flat_map(|record| record.owners.iter().map(|(_, item)| *item)).collect();
        if numbers.is_empty() {
            return Ok(BTreeMap::new());
        }
        match self.memory(call, MemoryAsk::Owners(numbers.into_iter().collect())).await? {
            MemoryBody::Owners(owners) => Ok(owners
                .into_iter()
                .map(|(number, dataset, item)| (number, Referrer { dataset, item }))
                .collect()),
            _ => Err(odd()),
        }
    }

    /// Records that an item refers to, or that all items of a dataset do, with who else does.
    pub async fn records_of_items(
        &self,
        call: &Call,
        dataset: DatasetId,
        item: Option<ItemId>,
    ) -> Verb<Vec<(InCollection, Vec<Referrer>)>> {
        call.caller.need(Right::Read)?;
        let numbers = self.numbers_of(call, dataset, item).await?;
        let view = self.memory_view(call, Chosen::Ids(vec![dataset])).await?;
        let space = view.chosen.first().map(Dataset::space).unwrap_or_default();
        let contents = self.memory_contents(call, space).await?;
        let held = self.held(call, &numbers, &Sight::from(&view)).await?;
        let records: Vec<MemoryRecord> = held.values().cloned().collect();
        let referrers = self.referrers(call, &records).await?;
        let named = held.into_iter().filter_map(|((incarnation, _), record)| {
            let collection = contents.get(&incarnation)?.clone();
            let who = of(&referrers, &record);
            Some((InCollection { collection, record }, who))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by(|(a, _), (b, _)| (&a.collection, &a.record.id).cmp(&(&b.collection, &b.record.id)));
        Ok(named)
    }

    /// Owners of the records of one item, or of all of a dataset.
    async fn numbers_of(
        &self,
        call: &Call,
        dataset: DatasetId,
        item: Option<ItemId>,
    ) -> Verb<Vec<ItemNumber>> {
        let items = match item {
            Some(item) => match self.memory(call, MemoryAsk::Item(dataset, item)).await? {
                MemoryBody::Item(item) => vec![*item],
                _ => return Err(odd()),
            },
            None => self.items(call, dataset).await?,
        };
        let present = items.iter().filter(|item| item.memory == Memory::Present);
        let mut numbers: Vec<ItemNumber> = present.map(|item| item.numbers.records).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Records that these owners refer to, each once.
    async fn held(
        &self,
        call: &Call,
        numbers: &[ItemNumber],
        sight: &Sight,
    ) -> Verb<BTreeMap<(Incarnation, String), MemoryRecord>> {
        let cluster = self.core().cluster(call.deadline).await?;
        let mut records = BTreeMap::new();
        let mut open: Vec<(ShardId, Option<Holding>)> =
            cluster.map.shards.iter().map(|placement| (placement.shard, None)).collect();
        while !open.is_empty() && !numbers.is_empty() {
            let ask = |(shard, after): &(ShardId, Option<Holding>)| {
                let (items, after) = (numbers.to_vec(), after.clone());
                (*shard, ReadRequest::MemoryHeld { items, after, limit: PAGE, sight: sight.clone() })
            };
            let asked: Vec<_> = open.iter().map(ask).collect();
            let replies = fanout::read_all(self.core(), &cluster, &asked, call.deadline).await;
            let Some(scattered) = gather(replies)? else { return Err(ended()) };
            open = Vec::new();
            for (shard, reply) in complete(scattered)? {
                let ReadBody::Held { records: found, next } = reply.body else {
                    return Err(scatter::odd(&reply.body));
                };
                for (incarnation, record) in found {
                    records.insert((incarnation, record.id.as_str().to_owned()), record);
                }
                open.extend(next.map(|next| (shard, Some(next))));
            }
        }
        Ok(records)
    }

    /// What is physically held of the caller's current space, with the meta group's counts.
    pub async fn memory_stats(&self, call: &Call) -> Verb<(Principal, MemoryTotals, MemoryStats)> {
        call.caller.need(Right::Read)?;
        let MemoryBody::Totals(space, totals) = self.memory(call, MemoryAsk::Totals).await? else {
            return Err(odd());
        };
        let contents: Vec<Incarnation> = self.memory_contents(call, space).await?.into_keys().collect();
        let cluster = self.core().cluster(call.deadline).await?;
        let asked = for_all(&cluster, &ReadRequest::MemoryStats(contents));
        let replies = fanout::read_all(self.core(), &cluster, &asked, call.deadline).await;
        let Some(scattered) = gather(replies)? else { return Err(ended()) };
        let mut sum = MemoryStats::default();
        for (_, reply) in complete(scattered)? {
            let ReadBody::MemoryStats(stats) = reply.body else { return Err(scatter::odd(&reply.body)) };
            sum = add(sum, stats);
        }
        Ok((space, totals, sum))
    }
}

fn add(a: MemoryStats, b: MemoryStats) -> MemoryStats {
    MemoryStats {
        records: a.records + b.records,
        vectors: a.vectors + b.vectors,
        references: a.references + b.references,
        raw_files: a.raw_files + b.raw_files,
        raw_bytes: a.raw_bytes + b.raw_bytes,
        tombstones: a.tombstones + b.tombstones,
    }
}

/// The items of a record's owners.
pub(super) fn of(referrers: &BTreeMap<ItemNumber, Referrer>, record: &MemoryRecord) -> Vec<Referrer> {
    let mut who: Vec<Referrer> =
        record.owners.iter().filter_map(|(_, item)| referrers.get(item).copied()).collect();
    who.sort_unstable();
    who.dedup();
    who
}

/// The readable datasets of a record's owners, by their ids.
pub(super) fn datasets_of(view: &MemoryView, record: &MemoryRecord) -> Vec<DatasetId> {
    let numbers: BTreeSet<DatasetNumber> = record.owners.iter().map(|(dataset, _)| *dataset).collect();
    let mut ids: Vec<DatasetId> = view
        .chosen
        .iter()
        .filter(|dataset| numbers.contains(&dataset.number))
        .map(|dataset| dataset.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
