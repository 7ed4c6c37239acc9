//! Questions on memory collections.

use std::collections::BTreeSet;

use lacuna_model::memory::command::MemoryRefusal;
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody, MemoryQuery, MemoryView};
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, Dataset, MemoryTotals, Receipt};
use lacuna_model::{DatasetId, ItemNumber, ReceiptId};

use super::MemoryCatalog;
use super::datasets::Sight;

impl MemoryCatalog {
    /// Answers a question.
    pub(in crate::meta) fn query(&self, query: &MemoryQuery) -> MemoryBody {
        self.answer(&query.by, &query.ask).unwrap_or_else(MemoryBody::Refused)
    }

    fn answer(&self, by: &Asker, ask: &MemoryAsk) -> Result<MemoryBody, MemoryRefusal> {
        let sight = Sight::of(by, &self.principals);
        Ok(match ask {
            MemoryAsk::Datasets { of: None, permission } => {
                MemoryBody::Datasets(self.datasets.with(&sight, *permission))
            }
            MemoryAsk::Datasets { of: Some(principal), permission } => {
                if !self.principals.exists(&by.account, *principal) {
                    return Err(MemoryRefusal::NoPrincipal(*principal));
                }
                let reach = self.principals.reach(&by.account, *principal);
                if *principal != by.user
                    && !by.is_root()
                    && !self.principals.reach(&by.account, by.user).contains(principal)
                {
                    return Err(MemoryRefusal::Only("the principal itself, or root,".to_owned()));
                }
                MemoryBody::Datasets(self.datasets.granted_to(&by.account, &reach, *permission))
            }
            MemoryAsk::ToForget(name) => MemoryBody::ToForget(self.to_forget(&sight, by, name)?),
            MemoryAsk::Items(id) => {
                self.datasets.allowed(&sight, *id, Permission::Read)?;
                MemoryBody::Items(self.items.of(*id).into_iter().cloned().collect())
            }
            MemoryAsk::Item(id, item) => {
                self.datasets.allowed(&sight, *id, Permission::Read)?;
                let found = self.items.get(*id, *item).ok_or(MemoryRefusal::NoItem(*item))?;
                MemoryBody::Item(Box::new(found.clone()))
            }
            MemoryAsk::View(chosen) => MemoryBody::View(self.view(&sight, by, chosen)?),
            MemoryAsk::Receipt(id) => MemoryBody::Receipt(self.receipt(by, *id).cloned().map(Box::new)),
            MemoryAsk::Owners(numbers) => {
                let one = |number: &ItemNumber| {
                    let (dataset, item) = self.items.owner(*number)?;
                    self.datasets.get(&by.account, dataset)?;
                    Some((*number, dataset, item))
                };
                MemoryBody::Owners(numbers.iter().filter_map(one).collect())
            }
            MemoryAsk::WouldForget(what) => MemoryBody::WouldForget(self.would_forget(by, *what)?),
            MemoryAsk::Totals => MemoryBody::Totals(sight.space(), self.totals(&sight, by)),
        })
    }

    /// The asker's own dataset of a name in its current tenant, else one that it may use so.
    fn named(
        &self,
        sight: &Sight<'_>,
        by: &Asker,
        name: &str,
        permission: Permission,
    ) -> Result<Dataset, MemoryRefusal> {
        let usable = self.datasets.with(sight, permission);
        let mut of_name = usable.into_iter().map(|(dataset, _)| dataset).filter(|found| found.name == name);
        let own = of_name.clone().find(|found| found.owner == by.user);
        if let Some(found) = own.or_else(|| of_name.next()) {
            return Ok(found);
        }
        match self.datasets.in_sight(sight, name) {
            Some(id) => Err(MemoryRefusal::Lacks(permission, id)),
            None => Err(MemoryRefusal::NoDatasetNamed(name.to_owned())),
        }
    }

    /// The dataset that a forget by name means. After the asker's own is forgotten that is what the name means, so
    /// that a repeat finds its receipt, and never takes somebody else's dataset of the same name.
    fn to_forget(&self, sight: &Sight<'_>, by: &Asker, name: &str) -> Result<DatasetId, MemoryRefusal> {
        let found = self.named(sight, by, name, Permission::Delete);
        if found.as_ref().is_ok_and(|dataset| dataset.owner == by.user) {
            return found.map(|dataset| dataset.id);
        }
        self.datasets.forgotten_named(sight, name).map_or_else(|| found.map(|dataset| dataset.id), Ok)
    }

    fn view(&self, sight: &Sight<'_>, by: &Asker, chosen: &Chosen) -> Result<MemoryView, MemoryRefusal> {
        let readable: Vec<Dataset> =
            self.datasets.with(sight, Permission::Read).into_iter().map(|(dataset, _)| dataset).collect();
        let chosen = match chosen {
            Chosen::All => readable.clone(),
            Chosen::Ids(ids) => {
                let one = |id| {
                    self.datasets.allowed(sight, id, Permission::Read).map(|(dataset, _)| dataset.clone())
                };
                ids.iter().map(|id| one(*id)).collect::<Result<_, _>>()?
            }
            Chosen::Names(names) => {
                let one = |name: &String| self.named(sight, by, name, Permission::Read);
                names.iter().map(one).collect::<Result<_, _>>()?
            }
        };
        let readable: BTreeSet<_> = readable.iter().map(|dataset| dataset.number).collect();
        Ok(MemoryView {
            chosen,
            readable: readable.into_iter().collect(),
            hidden: self.hidden(by),
            next: self.items.next(),
            graph_from: self.graph_from(by),
        })
    }

    /// Owners whose contributions nobody may see: not open yet, or forgotten and perhaps not gone everywhere.
    fn hidden(&self, by: &Asker) -> Vec<ItemNumber> {
        let leaving = self.releasing.values().filter(|leaving| leaving.account == by.account);
        let leaving = leaving.flat_map(|leaving| leaving.items.iter().copied());
        let hidden: BTreeSet<_> = self.items.coming(&by.account).chain(leaving).collect();
        hidden.into_iter().collect()
    }

    /// Below which number items' nodes and edges are being pruned.
    fn graph_from(&self, by: &Asker) -> ItemNumber {
        let leaving = self.releasing.values().filter(|leaving| leaving.account == by.account);
        leaving.map(|leaving| leaving.graph_from).max().unwrap_or(ItemNumber(0))
    }

    /// A receipt for who asked for it, the dataset's owner, and root.
    fn receipt(&self, by: &Asker, id: ReceiptId) -> Option<&Receipt> {
        let (account, receipt) = self.receipts.get(&id)?;
        let may = receipt.requested_by == by.user || receipt.owner == Some(by.user) || by.is_root();
        (*account == by.account && may && !Self::is_internal(receipt.scope)).then_some(receipt)
    }

    fn totals(&self, sight: &Sight<'_>, by: &Asker) -> MemoryTotals {
        let datasets = self.datasets.of_space(&by.account, sight.space());
        let pending = self
            .releasing
            .values()
            .filter(|leaving| leaving.account == by.account && leaving.spaces.contains(&sight.space()));
        MemoryTotals {
            datasets: datasets.len() as u64,
            items: datasets.iter().map(|id| self.items.count(*id) as u64).sum(),
            pending_receipts: pending.count() as u64,
        }
    }
}
