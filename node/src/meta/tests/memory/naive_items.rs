//! The naive model's datasets, items and forgets.

use std::collections::BTreeSet;

use lacuna_model::memory::command::{Forget, ForgetWhat, Keep};
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, ItemFacts, Raw};
use lacuna_model::{DatasetId, ItemId, OpNumber, Principal, ReceiptId};

use super::naive::{Add, Dataset, Forgot, Judged, Leaving, Naive, Receipt, Stand, Told};

/// Items, and datasets.
type Going = (Vec<(DatasetId, ItemId)>, Vec<DatasetId>);

impl Naive {
    pub(super) fn alive(&self, by: &Asker) -> impl Iterator<Item = &Dataset> {
        self.datasets.iter().filter(|dataset| dataset.account == by.account && dataset.gone.is_none())
    }

    /// Was it granted, root's passing of every check aside?
    pub(super) fn granted(&self, by: &Asker, dataset: &Dataset, permission: Permission) -> bool {
        let mine = |(account, user, what): &(_, Principal, Principal)| {
            (*account == by.account && *user == by.user).then_some(*what)
        };
        let mut reach = vec![by.user];
        reach.extend(self.members.iter().filter_map(mine));
        reach.extend(self.holders.iter().filter_map(mine));
        dataset.tenant == self.tenant_of(by)
            && reach.iter().any(|principal| dataset.grants.contains(&(*principal, permission)))
    }

    pub(super) fn may(&self, by: &Asker, dataset: &Dataset, permission: Permission) -> bool {
        by.is_root() || self.granted(by, dataset, permission)
    }

    pub(super) fn allowed(&self, by: &Asker, id: DatasetId, permission: Permission) -> Judged<&Dataset> {
        let there = self.alive(by).find(|dataset| dataset.id == id).ok_or("no dataset")?;
        if self.may(by, there, permission) { Ok(there) } else { Err("lacks") }
    }

    pub(super) fn make_dataset(&mut self, by: &Asker, id: DatasetId, name: &str) -> Judged<DatasetId> {
        let tenant = self.tenant_of(by);
        let own = self
            .alive(by)
            .find(|there| there.owner == by.user && there.tenant == tenant && there.name == name);
        if let Some(there) = own {
            return Ok(there.id);
        }
        if self.datasets.iter().any(|there| there.id == id) {
            return Err("taken");
        }
        let all = Permission::ALL.into_iter().map(|permission| (by.user, permission));
        self.datasets.push(Dataset {
            account: by.account.clone(),
            id,
            number: self.datasets.len() as u64 + 1,
            name: name.to_owned(),
            owner: by.user,
            tenant,
            grants: all.collect(),
            gone: None,
        });
        Ok(id)
    }

    pub(super) fn share(
        &mut self,
        by: &Asker,
        grant: (Principal, Permission),
        ids: &[DatasetId],
        give: bool,
    ) -> Judged<()> {
        if !self.exists(by, grant.0) {
            return Err("no principal");
        }
        for id in ids {
            self.allowed(by, *id, Permission::Share)?;
        }
        for dataset in self.datasets.iter_mut().filter(|dataset| ids.contains(&dataset.id)) {
            if give {
                dataset.grants.insert(grant);
            } else {
                dataset.grants.remove(&grant);
            }
        }
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        by: &Asker,
        dataset: DatasetId,
        (facts, receipt): (&ItemFacts, ReceiptId),
    ) -> Judged<u64> {
        self.allowed(by, dataset, Permission::Write)?;
        if let Some(there) = self.adds.iter().find(|add| add.is_coming() && add.receipt == receipt) {
            return Ok(there.number);
        }
        let elsewhere = |add: &Add| {
            add.account == by.account
                && add.item == facts.id
                && add.dataset != dataset
                && (add.is_coming() || add.is_open)
        };
        if self.adds.iter().any(elsewhere) {
            return Err("taken");
        }
        let number = self.adds.len() as u64 * 2 + 1;
        self.adds.push(Add {
            account: by.account.clone(),
            dataset,
            item: facts.id,
            number,
            receipt,
            raw: facts.raw.clone(),
            is_open: false,
            stands: [Stand::Coming; 2],
        });
        Ok(number)
    }

    /// Everything here that is held, or coming, begins to leave.
    fn send_off(&mut self, which: impl Fn(&Add) -> bool, op: OpNumber) -> BTreeSet<u64> {
        let mut owners = BTreeSet::new();
        for add in self.adds.iter_mut().filter(|add| which(add)) {
            for (stand, owner) in add.stands.iter_mut().zip([add.number, add.number + 1]) {
                if matches!(stand, Stand::Coming | Stand::Held) {
                    *stand = Stand::Leaving(op);
                    owners.insert(owner);
                }
            }
            add.is_open = false;
        }
        owners
    }

    /// An item is open under this number.
    pub(super) fn open(&mut self, number: u64, op: OpNumber) -> Judged<Told> {
        let Some(at) = self.adds.iter().position(|add| add.number == number) else { return Err("given up") };
        let place = (self.adds[at].dataset, self.adds[at].item);
        if self.adds[at].is_open {
            return Ok(Told::Opened(place.0, place.1, false));
        }
        if !self.adds[at].is_coming() {
            return Err("given up");
        }
        let earlier = |add: &Add| {
            (add.dataset, add.item) == place && add.number != number && (add.is_open || add.number < number)
        };
        let owners = self.send_off(earlier, op);
        self.tombstones.retain(|(dataset, item, _)| (*dataset, *item) != place);
        let add = &mut self.adds[at];
        let stored = matches!(add.raw, Raw::Stored { .. });
        add.stands = [Stand::Held, if stored { Stand::Held } else { Stand::Gone }];
        add.is_open = true;
        let account = add.account.clone();
        let releases = !owners.is_empty();
        if releases {
            let spaces =
                self.datasets.iter().filter(|dataset| dataset.id == place.0).map(Dataset::space).collect();
            self.leaving.push(Leaving { op, account, spaces, owners });
        }
        Ok(Told::Opened(place.0, place.1, releases))
    }

    pub(super) fn give_up(&mut self, number: u64, op: OpNumber) -> Judged<Forgot> {
        let found = self.adds.iter().find(|add| add.number == number && add.is_coming()).ok_or("given up")?;
        let (account, dataset, receipt) = (found.account.clone(), found.dataset, found.receipt);
        let owners = self.send_off(|add| add.number == number, op);
        let spaces = self.datasets.iter().filter(|there| there.id == dataset).map(Dataset::space).collect();
        self.leaving.push(Leaving { op, account, spaces, owners });
        Ok(Forgot { receipt, ..Forgot::default() })
    }

    pub(super) fn items(&self, dataset: DatasetId) -> Vec<&Add> {
        self.adds.iter().filter(|add| add.is_open && add.dataset == dataset).collect()
    }

    fn item(&self, dataset: DatasetId, item: ItemId) -> Judged<&Add> {
        self.items(dataset).into_iter().find(|add| add.item == item).ok_or("no item")
    }

    pub(super) fn skipped(&self, by: &Asker) -> BTreeSet<DatasetId> {
        let skipped = |there: &&Dataset| {
            self.may(by, there, Permission::Read) && !self.granted(by, there, Permission::Delete)
        };
        self.alive(by).filter(skipped).map(|there| there.id).collect()
    }

    /// The receipt of what is gone already, for who may know.
    fn already(&self, by: &Asker, what: ForgetWhat) -> Option<ReceiptId> {
        let of_dataset = |id| {
            let gone = self.datasets.iter().find(|there| there.id == id && there.account == by.account)?;
            gone.gone.filter(|_| gone.owner == by.user || by.is_root())
        };
        match what {
            ForgetWhat::Everything => None,
            ForgetWhat::Dataset(id, _) | ForgetWhat::DatasetMemory(id) => of_dataset(id),
            ForgetWhat::Item(id, item, _) | ForgetWhat::ItemMemory(id, item) => {
                let may = of_dataset(id).is_some() || self.allowed(by, id, Permission::Delete).is_ok();
                let found =
                    self.tombstones.iter().find(|(dataset, there, _)| (*dataset, *there) == (id, item));
                found.filter(|_| may).map(|(_, _, receipt)| *receipt)
            }
        }
    }

    pub(super) fn forget(&mut self, by: &Asker, ask: &Forget, op: OpNumber) -> Judged<Forgot> {
        let repeat = |receipt: &&Receipt| receipt.account == by.account && receipt.name == ask.op_id;
        if let Some(first) = self.receipts.iter().find(repeat) {
            let skipped = if first.everything { self.skipped(by) } else { BTreeSet::new() };
            return Ok(Forgot { skipped, ..first.told.clone() });
        }
        if let Some(id) = self.already(by, ask.what) {
            let first =
                self.receipts.iter().find(|receipt| receipt.told.receipt == id).ok_or("no receipt")?;
            return Ok(Forgot { already: true, skipped: BTreeSet::new(), ..first.told.clone() });
        }
        let (items, datasets) = self.going(by, ask.what)?;
        let memory_only = matches!(ask.what, ForgetWhat::ItemMemory(..) | ForgetWhat::DatasetMemory(_));
        let everything = matches!(ask.what, ForgetWhat::Everything);
        let whole: Vec<DatasetId> = match ask.what {
            ForgetWhat::Dataset(id, _) => vec![id],
            _ => datasets.clone(),
        };
        let touched: Vec<DatasetId> = items
            .iter()
            .map(|(dataset, _)| *dataset)
            .chain(named(ask.what))
            .chain(datasets.iter().copied())
            .collect();
        let of = |id: &DatasetId| self.datasets.iter().find(|there| there.id == *id);
        let spaces = touched.iter().filter_map(of).map(Dataset::space).collect();
        let mut told = Forgot { receipt: ask.receipt, datasets: datasets.len() as u64, ..Forgot::default() };
        if everything {
            told.skipped = self.skipped(by);
        }
        let owner = named(ask.what).as_ref().and_then(of).map(|there| there.owner);
        let owners = if memory_only {
            let cleared = self.clear(&items, op);
            told.reset = cleared.len() as u64;
            cleared
        } else {
            let external = |add: &&Add| add.is_open && matches!(add.raw, Raw::External { .. });
            let open = self.adds.iter().filter(|add| items.contains(&(add.dataset, add.item)));
            told.external = open.filter(external).count() as u64;
            told.rows = items.len() as u64;
            self.tombstones.extend(items.iter().map(|(dataset, item)| (*dataset, *item, ask.receipt)));
            let goes = |add: &Add| items.contains(&(add.dataset, add.item)) || whole.contains(&add.dataset);
            self.send_off(goes, op)
        };
        for dataset in self.datasets.iter_mut().filter(|there| datasets.contains(&there.id)) {
            dataset.gone = Some(ask.receipt);
        }
        if !owners.is_empty() {
            self.leaving.push(Leaving { op, account: by.account.clone(), spaces, owners });
        }
        let (account, name) = (by.account.clone(), ask.op_id.clone());
        self.receipts.push(Receipt { account, by: by.user, owner, told: told.clone(), op, name, everything });
        Ok(told)
    }

    /// Items and datasets that go.
    fn going(&self, by: &Asker, what: ForgetWhat) -> Judged<Going> {
        let all = |id: DatasetId| self.items(id).into_iter().map(move |add| (id, add.item));
        if let Some(id) = named(what) {
            self.allowed(by, id, Permission::Delete)?;
        }
        Ok(match what {
            ForgetWhat::Item(id, item, keep) => {
                self.item(id, item)?;
                let other =
                    |add: &&Add| add.dataset == id && add.item != item && (add.is_open || add.is_coming());
                let last = keep == Keep::Nothing && !self.adds.iter().any(|add| other(&add));
                (vec![(id, item)], last.then_some(id).into_iter().collect())
            }
            ForgetWhat::ItemMemory(id, item) => {
                self.item(id, item)?;
                (vec![(id, item)], Vec::new())
            }
            ForgetWhat::Dataset(id, Keep::Nothing) => (all(id).collect(), vec![id]),
            ForgetWhat::Dataset(id, Keep::Dataset) | ForgetWhat::DatasetMemory(id) => {
                (all(id).collect(), Vec::new())
            }
            ForgetWhat::Everything => {
                let granted = self.alive(by).filter(|there| self.granted(by, there, Permission::Delete));
                let ids: Vec<DatasetId> = granted.map(|there| there.id).collect();
                (ids.iter().flat_map(|id| all(*id)).collect(), ids)
            }
        })
    }

    fn clear(&mut self, items: &[(DatasetId, ItemId)], op: OpNumber) -> BTreeSet<u64> {
        let mut owners = BTreeSet::new();
        let these = |add: &&mut Add| add.is_open && items.contains(&(add.dataset, add.item));
        for add in self.adds.iter_mut().filter(these) {
            if add.stands[0] == Stand::Held {
                add.stands[0] = Stand::Leaving(op);
                owners.insert(add.number);
            }
        }
        owners
    }

    /// Every shard has released what this operation takes.
    pub(super) fn finished(&mut self, op: OpNumber) {
        self.leaving.retain(|leaving| leaving.op != op);
        for stand in self.adds.iter_mut().flat_map(|add| &mut add.stands) {
            if *stand == Stand::Leaving(op) {
                *stand = Stand::Gone;
            }
        }
    }

    // --- questions ---

    /// Owners that nobody may see.
    pub(super) fn hidden(&self, by: &Asker) -> BTreeSet<u64> {
        let of = |add: &Add| [(add.stands[0], add.number), (add.stands[1], add.number + 1)];
        let mine = self.adds.iter().filter(|add| add.account == by.account).flat_map(of);
        mine.filter(|(stand, _)| matches!(stand, Stand::Coming | Stand::Leaving(_)))
            .map(|(_, owner)| owner)
            .collect()
    }

    /// Datasets, items and receipts on their way, of the asker's current space.
    pub(super) fn totals(&self, by: &Asker) -> (u64, u64, u64) {
        let space = self.tenant_of(by).unwrap_or(by.user);
        let here: Vec<DatasetId> =
            self.alive(by).filter(|there| there.space() == space).map(|there| there.id).collect();
        let leaving = self
            .leaving
            .iter()
            .filter(|leaving| leaving.account == by.account && leaving.spaces.contains(&space));
        (here.len() as u64, here.iter().map(|id| self.items(*id).len() as u64).sum(), leaving.count() as u64)
    }

    /// May the asker read this receipt?
    pub(super) fn tells(receipt: &Receipt, by: &Asker) -> bool {
        let may = receipt.by == by.user || receipt.owner == Some(by.user) || by.is_root();
        receipt.account == by.account && may
    }

    /// The dataset that a forget by name means.
    pub(super) fn to_forget(&self, by: &Asker, name: &str) -> Judged<DatasetId> {
        let mut usable: Vec<&Dataset> = self
            .alive(by)
            .filter(|there| there.name == name && self.may(by, there, Permission::Delete))
            .collect();
        usable.sort_by_key(|there| (there.owner != by.user, there.number));
        let tenant = self.tenant_of(by);
        let mine =
            |there: &&Dataset| there.account == by.account && there.owner == by.user && there.name == name;
        let gone = self
            .datasets
            .iter()
            .rev()
            .find(|there| mine(there) && there.tenant == tenant && there.gone.is_some());
        match (usable.first(), gone) {
            (Some(own), _) if own.owner == by.user => Ok(own.id),
            (_, Some(gone)) => Ok(gone.id),
            (Some(usable), None) => Ok(usable.id),
            (None, None) if self.alive(by).any(|there| there.tenant == tenant && there.name == name) => {
                Err("lacks")
            }
            (None, None) => Err("no dataset"),
        }
    }
}

impl Add {
    fn is_coming(&self) -> bool {
        self.stands == [Stand::Coming; 2]
    }

    pub(super) fn is_cleared(&self) -> bool {
        self.is_open && self.stands[0] != Stand::Held
    }

    /// What is seen of it is its records, and its raw file.
    pub(super) fn owners(&self) -> [u64; 2] {
        [self.number, self.number + 1]
    }
}

/// The dataset that is named.
fn named(what: ForgetWhat) -> Option<DatasetId> {
    match what {
        ForgetWhat::Item(id, ..)
        | ForgetWhat::ItemMemory(id, _)
        | ForgetWhat::Dataset(id, _)
        | ForgetWhat::DatasetMemory(id) => Some(id),
        ForgetWhat::Everything => None,
    }
}
