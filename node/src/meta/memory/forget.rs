//! Forgetting: rows go in this entry, references by the operation that it records. And its like: the end of an
//! add that failed, and of what a replacement replaced.

use std::collections::BTreeSet;

use lacuna_model::memory::command::{Forget, ForgetWhat, Forgotten, Keep, MemoryOutcome, MemoryRefusal};
use lacuna_model::memory::part::Takes;
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, Dataset, Raw, Receipt, Scope};
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::{Account, DatasetId, ItemId, ItemNumber, Principal, ReceiptId, Stamp};

use super::datasets::Sight;
use super::items::Adding;
use super::{Answered, Empties, MemoryCatalog, Moment, Release, Releasing};

/// What a forget takes, gathered while its rows go.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) owner: Option<Principal>,
    spaces: BTreeSet<Principal>,
    pub(super) items: Vec<ItemNumber>,
    rows: u64,
    reset: u64,
    pub(super) datasets: u64,
    external: u64,
    skipped: Vec<DatasetId>,
    pub(super) takes: Takes,
    pub(super) empties: Empties,
    pub(super) users: BTreeSet<Principal>,
}

/// Who asks for a release, under which names.
pub(super) struct Names {
    pub(super) account: Account,
    pub(super) by: Principal,
    pub(super) receipt: ReceiptId,
    pub(super) op_id: OpId,
    pub(super) digest: RequestDigest,
}

impl Names {
    /// Of a request.
    pub(super) fn asked(by: &Asker, receipt: ReceiptId, (op_id, digest): (OpId, RequestDigest)) -> Self {
        Self { account: by.account.clone(), by: by.user, receipt, op_id, digest }
    }
}

/// A release that no request asked for has no body to digest.
const NO_REQUEST: RequestDigest = RequestDigest(0);

impl MemoryCatalog {
    /// `Forget`.
    pub(super) fn forget(&mut self, by: &Asker, ask: Forget, at: Moment) -> Answered {
        tracing::trace!(receipt = %ask.receipt, "forget");
        if let Some(receipt) = self.already(by, ask.what) {
            let forgotten = Forgotten { receipt, already: true, skipped: Vec::new(), dataset_removed: false };
            return (MemoryOutcome::Forgotten(Box::new(forgotten)), None);
        }
        let (scope, taken) = match self.take(by, &ask, at.now) {
            Ok(taken) => taken,
            Err(refusal) => return (MemoryOutcome::Refused(refusal), None),
        };
        let names = Names::asked(by, ask.receipt, (ask.op_id, ask.digest));
        self.release(scope, taken, (names, at))
    }

    /// The receipt of what was forgotten before, if this asker may know it.
    pub(super) fn already(&self, by: &Asker, what: ForgetWhat) -> Option<Receipt> {
        let id = match what {
            ForgetWhat::Item(dataset, item, _) | ForgetWhat::ItemMemory(dataset, item) => {
                let sight = Sight::of(by, &self.principals);
                let may = self.datasets.allowed(&sight, dataset, Permission::Delete).is_ok()
                    || self.datasets.forgotten(by, dataset).is_some();
                self.items.forgotten(dataset, item).filter(|_| may)
            }
            ForgetWhat::Dataset(dataset, _) | ForgetWhat::DatasetMemory(dataset) => {
                self.datasets.forgotten(by, dataset)
            }
            ForgetWhat::Everything => None,
        };
        self.receipts.get(&id?).map(|(_, receipt)| receipt.clone())
    }

    fn take(&mut self, by: &Asker, ask: &Forget, now: Stamp) -> Result<(Scope, Taken), MemoryRefusal> {
        let mut taken = Taken::default();
        let scope = match ask.what {
            ForgetWhat::Item(id, item, keep) => {
                let dataset = self.deletable(by, id)?;
                self.items.get(id, item).ok_or(MemoryRefusal::NoItem(item))?;
                taken.of(&dataset);
                self.take_item(by, (id, item), (ask.receipt, &mut taken));
                self.datasets.touch(id, now);
                if keep == Keep::Nothing && self.items.is_empty(id) {
                    self.datasets.remove(id, ask.receipt);
                    taken.datasets += 1;
                }
                Scope::Item(id, item)
            }
            ForgetWhat::Dataset(id, keep) => {
                let dataset = self.deletable(by, id)?;
                taken.of(&dataset);
                self.take_items(by, id, (ask.receipt, &mut taken));
                self.datasets.touch(id, now);
                if keep == Keep::Nothing {
                    self.datasets.remove(id, ask.receipt);
                    taken.datasets += 1;
                    Scope::Dataset(id)
                } else {
                    Scope::Items(id)
                }
            }
            ForgetWhat::Everything => {
                self.take_everything(by, (ask.receipt, &mut taken));
                Scope::Everything
            }
            ForgetWhat::ItemMemory(id, item) => {
                let dataset = self.deletable(by, id)?;
                self.items.get(id, item).ok_or(MemoryRefusal::NoItem(item))?;
                taken.of(&dataset);
                self.clear(id, &[item], (now, &mut taken));
                Scope::ItemMemory(id, item)
            }
            ForgetWhat::DatasetMemory(id) => {
                let dataset = self.deletable(by, id)?;
                taken.of(&dataset);
                let items: Vec<ItemId> = self.items.of(id).iter().map(|item| item.facts.id).collect();
                self.clear(id, &items, (now, &mut taken));
                Scope::DatasetMemory(id)
            }
        };
        Ok((scope, taken))
    }

    fn deletable(&self, by: &Asker, id: DatasetId) -> Result<Dataset, MemoryRefusal> {
        let sight = Sight::of(by, &self.principals);
        self.datasets.allowed(&sight, id, Permission::Delete).map(|(dataset, _)| dataset.clone())
    }

    fn take_everything(&mut self, by: &Asker, (receipt, taken): (ReceiptId, &mut Taken)) {
        let sight = Sight::of(by, &self.principals);
        let deletable = self.datasets.deletable(&sight);
        taken.skipped = self.skipped(by);
        for dataset in deletable {
            taken.of(&dataset);
            self.take_items(by, dataset.id, (receipt, &mut *taken));
            self.datasets.remove(dataset.id, receipt);
            taken.datasets += 1;
        }
        taken.owner = None;
    }

    /// All items of a dataset, those that are coming included.
    pub(super) fn take_items(
        &mut self,
        by: &Asker,
        dataset: DatasetId,
        (receipt, taken): (ReceiptId, &mut Taken),
    ) {
        let items: Vec<ItemId> = self.items.of(dataset).iter().map(|item| item.facts.id).collect();
        for item in items {
            self.take_item(by, (dataset, item), (receipt, &mut *taken));
        }
        taken.items.extend(self.items.give_up_all(dataset));
    }

    fn take_item(
        &mut self,
        by: &Asker,
        place: (DatasetId, ItemId),
        (receipt, taken): (ReceiptId, &mut Taken),
    ) {
        let Some((item, owners)) = self.items.forget(&by.account, place, receipt) else { return };
        taken.rows += 1;
        taken.items.extend(owners);
        if matches!(item.facts.raw, Raw::External { .. }) {
            taken.external += 1;
        }
    }

    pub(super) fn clear(&mut self, dataset: DatasetId, items: &[ItemId], (now, taken): (Stamp, &mut Taken)) {
        for item in items {
            if let Some(owner) = self.items.clear(dataset, *item, now) {
                taken.items.push(owner);
                taken.reset += 1;
            }
        }
        self.datasets.touch(dataset, now);
    }

    /// `Open`: what the item held before is released.
    pub(super) fn open(&mut self, (number, records): (ItemNumber, u64), op_id: OpId, at: Moment) -> Answered {
        let Some(opened) = self.items.open(number, records, at.now) else {
            let outcome = match self.items.opened_as(number) {
                Some(item) => MemoryOutcome::Opened(Box::new(item.clone()), None),
                None => MemoryOutcome::Refused(MemoryRefusal::GivenUp),
            };
            return (outcome, None);
        };
        let (item, adding) = (opened.item, opened.adding);
        self.datasets.touch(item.dataset, at.now);
        if opened.replaced.is_empty() {
            return (MemoryOutcome::Opened(Box::new(item), None), None);
        }
        let scope = Scope::Replaced(item.dataset, item.facts.id);
        let (_, release) = self.release_of(adding, (scope, opened.replaced), (op_id, at));
        (MemoryOutcome::Opened(Box::new(item), Some(at.number)), release)
    }

    /// `GiveUp`: what an add brought is released.
    pub(super) fn give_up(&mut self, number: ItemNumber, op_id: OpId, at: Moment) -> Answered {
        let Some(adding) = self.items.give_up(number) else {
            return (MemoryOutcome::Refused(MemoryRefusal::GivenUp), None);
        };
        let items = vec![adding.numbers.records, adding.numbers.raw];
        self.release_of(adding, (Scope::Add(number), items), (op_id, at))
    }

    /// A release that an add asks for, under the receipt that it brought along.
    fn release_of(
        &mut self,
        adding: Adding,
        (scope, items): (Scope, Vec<ItemNumber>),
        (op_id, at): (OpId, Moment),
    ) -> Answered {
        let mut taken = Taken { items, ..Taken::default() };
        if let Some(dataset) = self.datasets.get(&adding.account, adding.dataset) {
            taken.of(dataset);
        }
        let Adding { account, by, receipt, .. } = adding;
        self.release(scope, taken, (Names { account, by, receipt, op_id, digest: NO_REQUEST }, at))
    }

    /// Writes the receipt and asks for the operation.
    pub(super) fn release(&mut self, scope: Scope, taken: Taken, (names, at): (Names, Moment)) -> Answered {
        let receipt = Receipt {
            id: names.receipt,
            scope,
            requested_by: names.by,
            owner: taken.owner,
            requested: at.now,
            completed: None,
            operation: at.number,
            items_forgotten: taken.rows,
            items_reset: taken.reset,
            datasets_removed: taken.datasets,
            raw_external: taken.external,
            counts: None,
        };
        let (leaving, graph_from) = match taken.takes {
            Takes::All => (taken.items.clone(), ItemNumber(0)),
            Takes::Graph => (Vec::new(), self.items.next()),
            Takes::Vectors => (Vec::new(), ItemNumber(0)),
        };
        let releasing = Releasing {
            account: names.account.clone(),
            spaces: taken.spaces,
            items: leaving,
            graph_from,
            empties: taken.empties,
        };
        self.releasing.insert(at.number, releasing);
        self.by_operation.insert(at.number, receipt.id);
        self.receipts.insert(receipt.id, (names.account.clone(), receipt.clone()));
        let forgotten = Forgotten {
            receipt,
            already: false,
            skipped: taken.skipped,
            dataset_removed: taken.datasets > 0,
        };
        let release = Release {
            account: names.account,
            op_id: names.op_id,
            digest: names.digest,
            items: taken.items,
            takes: taken.takes,
            empties: taken.empties,
            users: taken.users,
        };
        (MemoryOutcome::Forgotten(Box::new(forgotten)), Some(release))
    }
}

impl Taken {
    pub(super) fn of(&mut self, dataset: &Dataset) {
        self.owner = Some(dataset.owner);
        self.spaces.insert(dataset.space());
    }
}
