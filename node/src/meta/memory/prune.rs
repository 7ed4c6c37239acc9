//! Pruning: whole layers of an account's memory collections go, as releases like any other. What asks for it is
//! root, through a router in development mode.

use lacuna_model::memory::command::{MemoryOutcome, MemoryRefusal, Prune, PruneWhat};
use lacuna_model::memory::part::Takes;
use lacuna_model::memory::words::{Asker, Memory, Scope};
use lacuna_model::{DatasetId, ItemId};

use super::forget::{Names, Taken};
use super::{Answered, Empties, MemoryCatalog, Moment};

impl MemoryCatalog {
    /// `Prune`.
    pub(super) fn prune(&mut self, by: &Asker, ask: Prune, at: Moment) -> Answered {
        tracing::trace!(receipt = %ask.receipt, what = ?ask.what, "prune");
        if !by.is_root() {
            let refusal = MemoryRefusal::Only("root".to_owned());
            return (MemoryOutcome::Refused(refusal), None);
        }
        let mut taken = Taken::default();
        for dataset in self.datasets.all(&by.account) {
            taken.of(&dataset);
            self.prune_dataset(by, dataset.id, (&ask, at, &mut taken));
        }
        // It was no one dataset's.
        taken.owner = None;
        match ask.what {
            PruneWhat::RawFiles => {}
            PruneWhat::Graph => taken.takes = Takes::Graph,
            PruneWhat::Vectors => taken.takes = Takes::Vectors,
            PruneWhat::Records => taken.empties = Empties::Records,
            PruneWhat::Metadata => {
                let datasets = self.datasets.clear(&by.account);
                self.items.unremember(&datasets);
                taken.users = self.principals.clear(&by.account);
                taken.empties = Empties::Everything;
            }
        }
        taken.items.sort_unstable();
        let names = Names::asked(by, ask.receipt, (ask.op_id, ask.digest));
        self.release(Scope::Pruned, taken, (names, at))
    }

    /// What goes of one dataset. Where contents end, adds that aren't open yet go too; else they come after the prune.
    fn prune_dataset(&mut self, by: &Asker, dataset: DatasetId, ask: (&Prune, Moment, &mut Taken)) {
        let (ask, at, taken) = ask;
        let of = |catalog: &Self| -> Vec<ItemId> {
            catalog.items.of(dataset).iter().map(|item| item.facts.id).collect()
        };
        match ask.what {
            PruneWhat::RawFiles => taken.items.extend(self.items.drop_raw(dataset, at.now)),
            PruneWhat::Graph | PruneWhat::Vectors => {
                let items = self.items.of(dataset).into_iter();
                let present = items.filter(|item| item.memory == Memory::Present);
                taken.items.extend(present.map(|item| item.numbers.records));
            }
            PruneWhat::Records => {
                self.clear(dataset, &of(self), (at.now, &mut *taken));
                taken.items.extend(self.items.give_up_all(dataset));
            }
            PruneWhat::Metadata => {
                self.take_items(by, dataset, (ask.receipt, &mut *taken));
                taken.datasets += 1;
            }
        }
    }
}
