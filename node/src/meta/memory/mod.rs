//! Memory collections' half of the catalog: who may do what, which items exist, what is being released. A
//! function of (state, entry) like all of the meta state; records and their references are the shards'.

mod datasets;
mod forget;
mod items;
mod preview;
mod principals;
mod prune;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::memory::command::{Forgotten, MemoryChange, MemoryCommand, MemoryOutcome, MemoryRefusal};
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::memory::part::Takes;
use lacuna_model::memory::rights::{Permission, Permissions};
use lacuna_model::memory::words::{Asker, Receipt, Scope};
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::{Account, DatasetId, ItemNumber, OpNumber, Principal, ReceiptId, Stamp};
use serde::{Deserialize, Serialize};

use datasets::{Datasets, Sight};
use items::{Adding, Items};
use principals::Principals;

/// What the meta group knows of memory collections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MemoryCatalog {
    principals: Principals,
    datasets: Datasets,
    items: Items,
    receipts: BTreeMap<ReceiptId, (Account, Receipt)>,
    by_operation: BTreeMap<OpNumber, ReceiptId>,
    /// Owners that shards may still hold, by the operation that releases them.
    releasing: BTreeMap<OpNumber, Releasing>,
}

/// Owners on their way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Releasing {
    account: Account,
    spaces: BTreeSet<Principal>,
    /// Whose references all go.
    items: Vec<ItemNumber>,
    /// Nodes and edges of items below this number are being pruned.
    graph_from: ItemNumber,
    /// Contents end with it.
    empties: Empties,
}

/// A durable operation that a change asks for: these owners' references go, on every shard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Release {
    pub(super) account: Account,
    pub(super) op_id: OpId,
    pub(super) digest: RequestDigest,
    pub(super) items: Vec<ItemNumber>,
    pub(super) takes: Takes,
    pub(super) empties: Empties,
    /// Users whose keys end.
    pub(super) users: BTreeSet<Principal>,
}

/// Which of the account's memory collections end with a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Empties {
    /// None.
    #[default]
    Nothing,
    /// Those of records.
    Records,
    /// Those of raw files too.
    Everything,
}

/// When an entry is applied, and the number that its operation gets if it makes one.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Stamp,
    pub(super) number: OpNumber,
}

/// An answer, and the operation it asks for.
pub(super) type Answered = (MemoryOutcome, Option<Release>);

fn plain(result: Result<(), MemoryRefusal>) -> Answered {
    (result.map_or_else(MemoryOutcome::Refused, |()| MemoryOutcome::Done), None)
}

impl MemoryCatalog {
    /// Applies a change.
    pub(super) fn apply(&mut self, command: MemoryCommand, at: Moment) -> Answered {
        let MemoryCommand { by, change } = command;
        match change {
            MemoryChange::MakeUser { id, email } => (self.principals.make_user(&by, id, email), None),
            MemoryChange::MakeTenant { id, name } => (self.principals.make_tenant(&by, id, name), None),
            MemoryChange::SelectTenant(tenant) => plain(self.principals.select(&by, tenant)),
            MemoryChange::AddToTenant { user, tenant } => {
                plain(self.principals.add_to_tenant(&by, user, tenant))
            }
            MemoryChange::RemoveFromTenant { user, tenant } => plain(self.leave(&by, user, tenant)),
            MemoryChange::MakeRole { id, name } => (self.principals.make_role(&by, id, name), None),
            MemoryChange::DropRole(role) => plain(self.drop_role(&by, role)),
            MemoryChange::GiveRole { user, role } => plain(self.principals.give_role(&by, user, role)),
            MemoryChange::TakeRole { user, role } => plain(self.principals.take_role(&by, user, role)),
            MemoryChange::MakeDataset { id, name } => {
                let sight = Sight::of(&by, &self.principals);
                let made = self.datasets.make(&sight, (id, name), at.now);
                (made.map_or_else(MemoryOutcome::Refused, MemoryOutcome::Dataset), None)
            }
            MemoryChange::Grant { to, permission, datasets } => {
                let give = |permissions: Permissions| permissions.with(permission);
                plain(self.share(&by, (to, give), &datasets))
            }
            MemoryChange::Revoke { from, permission, datasets } => {
                let take = |permissions: Permissions| permissions.without(permission);
                plain(self.share(&by, (from, take), &datasets))
            }
            MemoryChange::BeginAdd { dataset, facts, give_up, receipt } => {
                let account = by.account.clone();
                let adding =
                    |numbers| Adding { account, by: by.user, dataset, facts, numbers, give_up, receipt };
                let begun = self.begin(&by, dataset, adding);
                (begun.unwrap_or_else(MemoryOutcome::Refused), None)
            }
            MemoryChange::Open { number, records, op_id } => self.open((number, records), op_id, at),
            MemoryChange::GiveUp { number, op_id } => self.give_up(number, op_id, at),
            MemoryChange::Forget(ask) => self.forget(&by, ask, at),
            MemoryChange::Prune(ask) => self.prune(&by, ask, at),
        }
    }

    /// Out of a tenant: grants on its datasets go along.
    fn leave(&mut self, by: &Asker, user: Principal, tenant: Principal) -> Result<(), MemoryRefusal> {
        self.principals.remove_from_tenant(by, user, tenant)?;
        self.datasets.ungrant(&by.account, user, Some(tenant));
        Ok(())
    }

    fn drop_role(&mut self, by: &Asker, role: Principal) -> Result<(), MemoryRefusal> {
        self.principals.drop_role(by, role)?;
        self.datasets.ungrant(&by.account, role, None);
        Ok(())
    }

    fn share(
        &mut self,
        by: &Asker,
        (whom, change): (Principal, impl Fn(Permissions) -> Permissions),
        datasets: &[DatasetId],
    ) -> Result<(), MemoryRefusal> {
        let sight = Sight::of(by, &self.principals);
        if !self.principals.exists(&by.account, whom) {
            return Err(MemoryRefusal::NoPrincipal(whom));
        }
        self.datasets.share(&sight, datasets, |grants| {
            let permissions = grants.entry(whom).or_default();
            *permissions = change(*permissions);
        })
    }

    fn begin(
        &mut self,
        by: &Asker,
        dataset: DatasetId,
        adding: impl FnOnce(lacuna_model::memory::words::ItemNumbers) -> Adding,
    ) -> Result<MemoryOutcome, MemoryRefusal> {
        let sight = Sight::of(by, &self.principals);
        let dataset = self.datasets.allowed(&sight, dataset, Permission::Write)?.0.clone();
        let ends = |leaving: &Releasing| leaving.account == by.account && leaving.empties != Empties::Nothing;
        if self.releasing.values().any(ends) {
            // A shard that is behind would take the add's records into contents that end there.
            return Err(MemoryRefusal::Pruning);
        }
        let numbers = self.items.begin(adding)?;
        Ok(MemoryOutcome::Adding { numbers, dataset })
    }

    /// An operation has ended: its receipt is complete, its owners are nowhere, and of others so much was `lost`.
    pub(super) fn completed(
        &mut self,
        number: OpNumber,
        (counts, lost): (ReleaseCounts, &[(ItemNumber, u64)]),
        now: Stamp,
    ) {
        self.releasing.remove(&number);
        for (item, references) in lost {
            self.items.lost(*item, *references);
        }
        let receipt = self.by_operation.get(&number).and_then(|id| self.receipts.get_mut(id));
        if let Some((_, receipt)) = receipt {
            receipt.completed = Some(now);
            receipt.counts = Some(counts);
        }
    }

    /// The receipt of an operation.
    pub(super) fn receipt_of(&self, number: OpNumber) -> Option<&Receipt> {
        self.by_operation.get(&number).and_then(|id| self.receipts.get(id)).map(|(_, receipt)| receipt)
    }

    /// The answer to a forget that is repeated under its name.
    pub(super) fn repeated(&self, by: &Asker, receipt: Receipt) -> MemoryOutcome {
        let skipped = match receipt.scope {
            Scope::Everything => self.skipped(by),
            Scope::Item(..)
            | Scope::Dataset(_)
            | Scope::Items(_)
            | Scope::ItemMemory(..)
            | Scope::DatasetMemory(_)
            | Scope::Add(_)
            | Scope::Replaced(..)
            | Scope::Pruned => Vec::new(),
        };
        let dataset_removed = receipt.datasets_removed > 0;
        MemoryOutcome::Forgotten(Box::new(Forgotten { receipt, already: false, skipped, dataset_removed }))
    }

    /// Datasets that the asker can read, and may not delete.
    fn skipped(&self, by: &Asker) -> Vec<DatasetId> {
        let sight = Sight::of(by, &self.principals);
        let deletable = self.datasets.deletable(&sight);
        let stays = |id: &DatasetId| deletable.iter().all(|other| other.id != *id);
        let readable = self.datasets.with(&sight, Permission::Read);
        readable.iter().map(|(dataset, _)| dataset.id).filter(stays).collect()
    }

    /// Adds whose router is lost: each with whose it was.
    pub(super) fn overdue(&self, now: Stamp) -> Vec<(ItemNumber, Asker)> {
        let asker = |adding: &Adding| Asker { account: adding.account.clone(), user: adding.by };
        self.items.overdue(now).map(|(number, adding)| (number, asker(adding))).collect()
    }

    /// Is this a scope whose receipt only we read?
    fn is_internal(scope: Scope) -> bool {
        match scope {
            Scope::Add(_) | Scope::Replaced(..) | Scope::Pruned => true,
            Scope::Item(..)
            | Scope::Dataset(_)
            | Scope::Items(_)
            | Scope::Everything
            | Scope::ItemMemory(..)
            | Scope::DatasetMemory(_) => false,
        }
    }
}
