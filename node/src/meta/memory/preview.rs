//! What a forget would take now; nothing is changed.

use lacuna_model::memory::command::{ForgetWhat, Keep, MemoryRefusal};
use lacuna_model::memory::query::WouldForget;
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, Item, Memory, Raw};
use lacuna_model::{DatasetId, ItemId};

use super::MemoryCatalog;
use super::datasets::Sight;
use super::items::owners;

impl MemoryCatalog {
    /// What [`Self::forget`] would take.
    pub(super) fn would_forget(&self, by: &Asker, what: ForgetWhat) -> Result<WouldForget, MemoryRefusal> {
        if self.already(by, what).is_some() {
            return Ok(WouldForget { already: true, ..WouldForget::default() });
        }
        let sight = Sight::of(by, &self.principals);
        let may = |id| self.datasets.allowed(&sight, id, Permission::Delete).map(|_| ());
        let mut would = WouldForget::default();
        match what {
            ForgetWhat::Item(dataset, item, keep) => {
                may(dataset)?;
                would_take(&mut would, self.one(dataset, item)?);
                would.items.extend(self.items.coming_as(dataset, item));
                let coming = self.items.coming_to(dataset).count();
                let last =
                    self.items.count(dataset) == 1 && coming == self.items.coming_as(dataset, item).count();
                would.datasets = u64::from(keep == Keep::Nothing && last);
            }
            ForgetWhat::Dataset(dataset, keep) => {
                may(dataset)?;
                self.add_items(dataset, &mut would);
                would.datasets = u64::from(keep == Keep::Nothing);
            }
            ForgetWhat::Everything => {
                let deletable = self.datasets.deletable(&sight);
                would.datasets = deletable.len() as u64;
                for dataset in &deletable {
                    self.add_items(dataset.id, &mut would);
                }
                would.skipped = self.skipped(by);
            }
            ForgetWhat::ItemMemory(dataset, item) => {
                may(dataset)?;
                would_clear(&mut would, self.one(dataset, item)?);
            }
            ForgetWhat::DatasetMemory(dataset) => {
                may(dataset)?;
                for item in self.items.of(dataset) {
                    would_clear(&mut would, item);
                }
            }
        }
        would.items.sort_unstable();
        Ok(would)
    }

    fn one(&self, dataset: DatasetId, item: ItemId) -> Result<&Item, MemoryRefusal> {
        self.items.get(dataset, item).ok_or(MemoryRefusal::NoItem(item))
    }

    fn add_items(&self, dataset: DatasetId, would: &mut WouldForget) {
        for item in self.items.of(dataset) {
            would_take(would, item);
        }
        would.items.extend(self.items.coming_to(dataset));
    }
}

/// An item and all that it holds.
fn would_take(would: &mut WouldForget, item: &Item) {
    would.rows += 1;
    would.items.extend(owners(item));
    would.external += u64::from(matches!(item.facts.raw, Raw::External { .. }));
}

/// An item's records alone.
fn would_clear(would: &mut WouldForget, item: &Item) {
    if item.memory == Memory::Present {
        would.items.push(item.numbers.records);
        would.reset += 1;
    }
}
