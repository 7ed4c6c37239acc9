//! Items: being added, open, forgotten.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::memory::command::MemoryRefusal;
use lacuna_model::memory::words::{Item, ItemFacts, ItemNumbers, Memory, Raw};
use lacuna_model::{Account, DatasetId, ItemId, ItemNumber, Principal, ReceiptId, Stamp};
use serde::{Deserialize, Serialize};

/// An add that isn't open yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Adding {
    pub(super) account: Account,
    pub(super) by: Principal,
    pub(super) dataset: DatasetId,
    pub(super) facts: ItemFacts,
    pub(super) numbers: ItemNumbers,
    pub(super) give_up: Stamp,
    pub(super) receipt: ReceiptId,
}

/// The items that exist, are coming, or were forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Items {
    open: BTreeMap<(DatasetId, ItemId), Item>,
    /// In which dataset an id lives; an account has it once.
    places: BTreeMap<(Account, ItemId), DatasetId>,
    adding: BTreeMap<ItemNumber, Adding>,
    /// Open items by the owners of their records and raw files.
    by_number: BTreeMap<ItemNumber, (DatasetId, ItemId)>,
    gone: BTreeMap<(DatasetId, ItemId), ReceiptId>,
    /// Numbers given so far; never reused.
    given: u64,
}

/// What an add replaces: owners whose references go. Those of earlier adds of the same item are among them, if they
/// aren't open yet: a repeat of an add whose router is lost leaves nothing of the first, and what was said earlier
/// never comes after it.
pub(super) struct Opened {
    pub(super) item: Item,
    pub(super) replaced: Vec<ItemNumber>,
    pub(super) adding: Adding,
}

/// Owners that an item still has on records.
pub(super) fn owners(item: &Item) -> Vec<ItemNumber> {
    let records = (item.memory == Memory::Present).then_some(item.numbers.records);
    let raw = matches!(item.facts.raw, Raw::Stored { .. }).then_some(item.numbers.raw);
    records.into_iter().chain(raw).collect()
}

fn elsewhere(id: ItemId) -> MemoryRefusal {
    MemoryRefusal::Taken(format!("the item id {id}: it lives in another dataset, and"))
}

impl Items {
    /// Owners of the adds into a dataset that aren't open.
    pub(super) fn coming_to(&self, dataset: DatasetId) -> impl Iterator<Item = ItemNumber> {
        let here = self.adding.values().filter(move |adding| adding.dataset == dataset);
        here.flat_map(|adding| [adding.numbers.records, adding.numbers.raw])
    }

    /// Owners of the adds that would replace an item.
    pub(super) fn coming_as(&self, dataset: DatasetId, id: ItemId) -> impl Iterator<Item = ItemNumber> {
        let same = self.adding.values().filter(move |there| (there.dataset, there.facts.id) == (dataset, id));
        same.flat_map(|there| [there.numbers.records, there.numbers.raw])
    }

    /// The first number that isn't given yet.
    pub(super) fn next(&self) -> ItemNumber {
        ItemNumber(self.given + 1)
    }

    /// Begins an add; a repeat (same receipt) finds the first.
    pub(super) fn begin(
        &mut self,
        adding: impl FnOnce(ItemNumbers) -> Adding,
    ) -> Result<ItemNumbers, MemoryRefusal> {
        let numbers = ItemNumbers { records: ItemNumber(self.given + 1), raw: ItemNumber(self.given + 2) };
        let adding = adding(numbers);
        if let Some(first) = self.adding.values().find(|there| there.receipt == adding.receipt) {
            return Ok(first.numbers);
        }
        let place = self.places.get(&(adding.account.clone(), adding.facts.id));
        let coming = self.adding.values().find(|there| {
            there.facts.id == adding.facts.id
                && there.account == adding.account
                && there.dataset != adding.dataset
        });
        if coming.is_some() || place.is_some_and(|place| *place != adding.dataset) {
            return Err(elsewhere(adding.facts.id));
        }
        self.given += 2;
        self.adding.insert(numbers.records, adding);
        Ok(numbers)
    }

    /// Opens an add; `None`: it was given up.
    pub(super) fn open(&mut self, number: ItemNumber, records: u64, now: Stamp) -> Option<Opened> {
        let adding = self.adding.remove(&number)?;
        let key = (adding.dataset, adding.facts.id);
        let earlier =
            self.give_up_those(|other, there| other < number && (there.dataset, there.facts.id) == key);
        let old = self.open.get(&key);
        let item = Item {
            facts: adding.facts.clone(),
            dataset: adding.dataset,
            numbers: adding.numbers,
            records,
            memory: Memory::Present,
            created: old.map_or(now, |old| old.created),
            updated: old.map(|_| now),
        };
        let replaced = old.map(owners).unwrap_or_default().into_iter().chain(earlier).collect();
        self.places.insert((adding.account.clone(), adding.facts.id), adding.dataset);
        self.gone.remove(&key);
        if let Some(old) = self.open.insert(key, item.clone()) {
            self.unnumber(&old);
        }
        self.by_number.insert(item.numbers.records, key);
        self.by_number.insert(item.numbers.raw, key);
        Some(Opened { item, replaced, adding })
    }

    /// The open item that an add became.
    pub(super) fn opened_as(&self, number: ItemNumber) -> Option<&Item> {
        self.owner(number).and_then(|place| self.open.get(&place))
    }

    /// Which open item an owner is.
    pub(super) fn owner(&self, number: ItemNumber) -> Option<(DatasetId, ItemId)> {
        self.by_number.get(&number).copied()
    }

    fn unnumber(&mut self, item: &Item) {
        self.by_number.remove(&item.numbers.records);
        self.by_number.remove(&item.numbers.raw);
    }

    /// Takes out an add that isn't open.
    pub(super) fn give_up(&mut self, number: ItemNumber) -> Option<Adding> {
        self.adding.remove(&number)
    }

    /// Takes out all adds into a dataset.
    pub(super) fn give_up_all(&mut self, dataset: DatasetId) -> Vec<ItemNumber> {
        self.give_up_those(|_, adding| adding.dataset == dataset)
    }

    /// Takes out the adds of which this is true; returns their owners.
    fn give_up_those(&mut self, which: impl Fn(ItemNumber, &Adding) -> bool) -> Vec<ItemNumber> {
        let these = self.adding.iter().filter(|(number, adding)| which(**number, adding));
        let these: Vec<ItemNumber> = these.map(|(number, _)| *number).collect();
        let given_up = these.into_iter().filter_map(|number| self.adding.remove(&number));
        given_up.flat_map(|adding| [adding.numbers.records, adding.numbers.raw]).collect()
    }

    /// Adds whose time is over.
    pub(super) fn overdue(&self, now: Stamp) -> impl Iterator<Item = (ItemNumber, &Adding)> {
        self.adding
            .iter()
            .filter(move |(_, adding)| adding.give_up < now)
            .map(|(number, adding)| (*number, adding))
    }

    /// Numbers of an account's adds that aren't open, ascending.
    pub(super) fn coming(&self, account: &Account) -> impl Iterator<Item = ItemNumber> {
        self.adding
            .values()
            .filter(move |adding| adding.account == *account)
            .flat_map(|adding| [adding.numbers.records, adding.numbers.raw])
    }

    /// One item.
    pub(super) fn get(&self, dataset: DatasetId, id: ItemId) -> Option<&Item> {
        self.open.get(&(dataset, id))
    }

    /// Items of a dataset, by id.
    fn within(&self, dataset: DatasetId) -> impl Iterator<Item = &Item> {
        let all = (dataset, ItemId(0))..=(dataset, ItemId(u128::MAX));
        self.open.range(all).map(|(_, item)| item)
    }

    /// Items of a dataset, by age.
    pub(super) fn of(&self, dataset: DatasetId) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.within(dataset).collect();
        items.sort_by_key(|item| (item.created, item.numbers.records));
        items
    }

    /// How many items a dataset has.
    pub(super) fn count(&self, dataset: DatasetId) -> usize {
        self.within(dataset).count()
    }

    /// Is nothing in the dataset, nor coming?
    pub(super) fn is_empty(&self, dataset: DatasetId) -> bool {
        self.within(dataset).next().is_none() && self.coming_to(dataset).next().is_none()
    }

    /// Takes an item out, with the adds that would replace it; returns it with the owners whose references go.
    pub(super) fn forget(
        &mut self,
        account: &Account,
        (dataset, id): (DatasetId, ItemId),
        receipt: ReceiptId,
    ) -> Option<(Item, Vec<ItemNumber>)> {
        let item = self.open.remove(&(dataset, id))?;
        self.places.remove(&(account.clone(), id));
        self.gone.insert((dataset, id), receipt);
        self.unnumber(&item);
        let coming = self.give_up_those(|_, there| (there.dataset, there.facts.id) == (dataset, id));
        let owners = owners(&item).into_iter().chain(coming).collect();
        Some((item, owners))
    }

    /// Clears an item's records; returns the owner whose references go, if they hadn't gone before.
    pub(super) fn clear(&mut self, dataset: DatasetId, id: ItemId, now: Stamp) -> Option<ItemNumber> {
        let item = self.open.get_mut(&(dataset, id)).filter(|item| item.memory == Memory::Present)?;
        item.memory = Memory::Cleared;
        item.records = 0;
        item.updated = Some(now);
        Some(item.numbers.records)
    }

    /// Takes the raw files that are stored from a dataset's items; returns the owners whose pieces go.
    pub(super) fn drop_raw(&mut self, dataset: DatasetId, now: Stamp) -> Vec<ItemNumber> {
        let all = (dataset, ItemId(0))..=(dataset, ItemId(u128::MAX));
        let stored =
            self.open.range_mut(all).filter(|(_, item)| matches!(item.facts.raw, Raw::Stored { .. }));
        let dropped = stored.map(|(_, item)| {
            item.facts.raw = Raw::None;
            item.updated = Some(now);
            item.numbers.raw
        });
        dropped.collect()
    }

    /// An item's records lost so many references; one that is gone, or replaced since, is left alone.
    pub(super) fn lost(&mut self, number: ItemNumber, references: u64) {
        let place = self.owner(number);
        if let Some(item) = place.and_then(|place| self.open.get_mut(&place)) {
            item.records = item.records.saturating_sub(references);
        }
    }

    /// Forgets that items of these datasets were ever forgotten.
    pub(super) fn unremember(&mut self, datasets: &BTreeSet<DatasetId>) {
        self.gone.retain(|(dataset, _), _| !datasets.contains(dataset));
    }

    /// The receipt of an item that was forgotten.
    pub(super) fn forgotten(&self, dataset: DatasetId, id: ItemId) -> Option<ReceiptId> {
        self.gone.get(&(dataset, id)).copied()
    }
}
