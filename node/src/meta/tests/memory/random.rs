//! Random commands of users in two accounts against the naive model, with repeats of any earlier entry, snapshots, and
//! restarts from an old one among the steps.

use std::collections::BTreeSet;

use lacuna_model::memory::command::{
    Forget, ForgetWhat, Keep, MemoryChange, MemoryCommand, MemoryOutcome, MemoryRefusal,
};
use lacuna_model::memory::counts::{Fates, ReleaseCounts};
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody, MemoryQuery};
use lacuna_model::memory::rights::Permission;
use lacuna_model::memory::words::{Asker, Memory};
use lacuna_model::{DatasetId, ItemId, ItemNumber, Principal, ReceiptId};
use proptest::prelude::*;

use super::naive::{Forgot, Leaving, Naive, Receipt, Told};
use super::{asker, facts};
use crate::meta::tests::*;

const SHARDS: u32 = 3;

/// What happens: an action by number, and what it is done with; so that a failing history shrinks to a short one.
#[derive(Clone, Copy, Debug)]
struct Step {
    action: u8,
    by: u8,
    with: [u8; 3],
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..40_u8, any::<u8>(), any::<[u8; 3]>());
    proptest::collection::vec(step.prop_map(|(action, by, with)| Step { action, by, with }), 1..160)
}

/// Two replicas, the naive model, and every entry since a snapshot.
struct History {
    log: Log,
    naive: Naive,
    asked: Vec<(Asker, MemoryChange)>,
    saved: Vec<u8>,
    since: Vec<(u64, MetaEntry)>,
    made: u128,
}

fn pick<T: Clone>(from: &[T], at: u8) -> Option<T> {
    from.get(usize::from(at) % from.len().max(1)).cloned()
}

impl History {
    fn new() -> Self {
        let log = Log::new(SHARDS);
        let saved = postcard::to_stdvec(&log.state).unwrap();
        let mut history =
            Self { log, naive: Naive::default(), asked: Vec::new(), saved, since: Vec::new(), made: 0 };
        for account in 0..2 {
            for user in 1..4 {
                let email = format!("u{user}");
                history.ask(asker(account, 0), MemoryChange::MakeUser { id: Principal(user), email });
            }
            let by = |user| asker(account, user);
            history.ask(by(1), MemoryChange::MakeTenant { id: Principal(11), name: "t".to_owned() });
            history.ask(by(1), MemoryChange::AddToTenant { user: Principal(2), tenant: Principal(11) });
            history.ask(by(2), MemoryChange::SelectTenant(Some(Principal(11))));
            for user in 1..4 {
                let change = history.make_dataset("d");
                history.ask(by(user), change);
            }
            history.ask(by(1), MemoryChange::MakeRole { id: Principal(21), name: "r".to_owned() });
            history.ask(by(1), MemoryChange::GiveRole { user: Principal(2), role: Principal(21) });
            let datasets = history.naive.alive(&by(1)).take(1).map(|there| there.id).collect();
            let (to, permission) = (Principal(21), Permission::Share);
            history.ask(by(1), MemoryChange::Grant { to, permission, datasets });
        }
        history
    }

    fn fresh(&mut self) -> u128 {
        self.made += 1;
        1_000 + self.made
    }

    fn make_dataset(&mut self, name: &str) -> MemoryChange {
        MemoryChange::MakeDataset { id: DatasetId(self.fresh()), name: name.to_owned() }
    }

    /// Runs an entry, and notes it for a restart.
    fn run(&mut self, command: MetaCommand) -> MetaOutcome {
        let outcome = self.log.run(command.clone());
        self.since.push((self.log.index, MetaEntry { stamp: Stamp(self.log.stamp), command }));
        outcome
    }

    /// A change, by both; what it takes out is what the recorded operation takes.
    fn ask(&mut self, by: Asker, change: MemoryChange) {
        let next = OpNumber(self.newest().map_or(1, |operation| operation.number.0 + 1));
        let left = self.naive.leaving.len();
        let expected = self.naive.apply(&by, &change, next);
        let outcome = self.run(MetaCommand::Memory(MemoryCommand { by: by.clone(), change: change.clone() }));
        assert_eq!(told(&outcome), expected, "{by:?} {change:?}");
        let recorded = self.newest().filter(|operation| operation.number == next);
        let taken = recorded.map(|operation| match operation.kind {
            OperationKind::Release { items, .. } => items.iter().map(|item| item.0).collect(),
            other => panic!("{other:?}"),
        });
        let expected = self.naive.leaving.get(left).map(|leaving| leaving.owners.clone());
        assert_eq!(taken.filter(|owners: &BTreeSet<u64>| !owners.is_empty()), expected, "{change:?}");
        self.asked.push((by, change));
    }

    /// The newest operation of either account.
    fn newest(&self) -> Option<Operation> {
        let of = |account| {
            let query = MetaQuery::Operations { account: asker(account, 0).account, limit: 1 };
            match self.log.state.query(&query).body {
                MetaBody::Operations(mut operations) => operations.pop(),
                other => panic!("{other:?}"),
            }
        };
        (0..2).filter_map(of).max_by_key(|operation| operation.number)
    }

    fn step(&mut self, step: Step) {
        let by = asker(usize::from(step.by / 4 % 2), u128::from(step.by % 4));
        match step.action {
            0..32 => {
                if let Some(change) = self.change(&by, step) {
                    self.ask(by.clone(), change);
                }
            }
            32..34 => {
                if let Some((by, change)) = pick(&self.asked, step.with[0]) {
                    self.ask(by, change);
                }
            }
            34 => self.snapshot(),
            35 => self.restart(),
            _ => self.finish(step.with),
        }
        self.check(&by);
    }

    /// Mostly one on which the asker may do something: else nearly all would be refused.
    fn dataset(&self, by: &Asker, (at, how): (u8, u8), all: &[DatasetId]) -> Option<DatasetId> {
        let may = self.naive.alive(by).filter(|there| self.naive.granted(by, there, Permission::Write));
        let may: Vec<DatasetId> = may.map(|there| there.id).collect();
        if may.is_empty() || how % 5 == 0 { pick(all, at) } else { pick(&may, at) }
    }

    fn change(&mut self, by: &Asker, step: Step) -> Option<MemoryChange> {
        let Step { action, with: [a, b, c], .. } = step;
        let user = Principal(u128::from(a % 4));
        let tenant = Principal(11 + u128::from(b % 4 / 3));
        let role = Principal(21 + u128::from(b % 4 / 3));
        let anybody = pick(&[user, tenant, role], c)?;
        let datasets: Vec<DatasetId> = self.naive.datasets.iter().map(|there| there.id).collect();
        let dataset = self.dataset(by, (a, c), &datasets)?;
        let permission = pick(&Permission::ALL, b)?;
        Some(match action {
            0 => MemoryChange::MakeTenant { id: tenant, name: format!("t{}", c % 2) },
            1 => MemoryChange::SelectTenant((c % 3 > 0).then_some(tenant)),
            2 => MemoryChange::AddToTenant { user, tenant },
            3 => MemoryChange::RemoveFromTenant { user, tenant },
            4 => MemoryChange::MakeRole { id: role, name: format!("r{}", c % 2) },
            5 if c % 3 == 0 => MemoryChange::DropRole(role),
            5 | 6 => MemoryChange::GiveRole { user, role },
            7 => MemoryChange::TakeRole { user, role },
            8 => self.make_dataset(if c % 2 == 0 { "d" } else { "e" }),
            9..12 => MemoryChange::Grant { to: anybody, permission, datasets: vec![dataset] },
            12 => MemoryChange::Revoke {
                from: anybody,
                permission,
                datasets: datasets.iter().copied().rev().take(usize::from(a % 3)).collect(),
            },
            13..19 => {
                let receipt = ReceiptId(self.fresh());
                MemoryChange::BeginAdd { dataset, facts: facts(b, c), give_up: Stamp(u64::MAX), receipt }
            }
            19..25 => {
                let number =
                    ItemNumber(pick(&self.naive.adds.iter().map(|add| add.number).collect::<Vec<_>>(), a)?);
                MemoryChange::Open { number, records: 1, op_id: key(&format!("replaced-{number}")) }
            }
            25 => {
                let number =
                    ItemNumber(pick(&self.naive.adds.iter().map(|add| add.number).collect::<Vec<_>>(), a)?);
                MemoryChange::GiveUp { number, op_id: key(&format!("given-up-{number}")) }
            }
            _ => MemoryChange::Forget(self.forget(step, dataset)),
        })
    }

    fn forget(&mut self, step: Step, dataset: DatasetId) -> Forget {
        let [_, b, c] = step.with;
        let item = ItemId(u128::from(b % 4));
        let keep = if c % 2 == 0 { Keep::Nothing } else { Keep::Dataset };
        let what = match step.action {
            26..29 => ForgetWhat::Item(dataset, item, keep),
            29 => ForgetWhat::ItemMemory(dataset, item),
            30 if c % 4 == 0 => ForgetWhat::DatasetMemory(dataset),
            30 => ForgetWhat::Dataset(dataset, keep),
            _ => ForgetWhat::Everything,
        };
        let made = self.fresh();
        Forget {
            what,
            receipt: ReceiptId(made),
            op_id: key(&format!("forget-{made}")),
            digest: RequestDigest(made),
        }
    }

    /// A shard, or all of them, report of a release.
    fn finish(&mut self, with: [u8; 3]) {
        let ops: Vec<OpNumber> = self.naive.leaving.iter().map(|leaving: &Leaving| leaving.op).collect();
        let Some(number) = pick(&ops, with[0]) else { return };
        let one = |at: u32| (shard(at), released(number));
        if with[1].is_multiple_of(3) {
            self.run(MetaCommand::Report { number, shards: vec![one(u32::from(with[2]) % SHARDS)] });
            if self.log.get(number).finished.is_none() {
                return;
            }
        } else {
            self.run(MetaCommand::Report { number, shards: (0..SHARDS).map(one).collect() });
        }
        assert!(self.log.get(number).finished.is_some());
        self.naive.finished(number);
    }

    /// One replica goes on from the other's snapshot.
    fn snapshot(&mut self) {
        self.saved = postcard::to_stdvec(&self.log.state).unwrap();
        self.since.clear();
        self.log.twin = postcard::from_bytes(&self.saved).unwrap();
    }

    /// One starts again from an old snapshot and the log since.
    fn restart(&mut self) {
        let mut state: MetaState = postcard::from_bytes(&self.saved).unwrap();
        for (index, entry) in &self.since {
            state.apply(*index, entry.clone());
        }
        assert_eq!(state, self.log.twin, "from a snapshot and the log after it");
        self.log.state = state;
    }

    fn query(&self, by: &Asker, ask: MemoryAsk) -> MemoryBody {
        match self.log.state.query(&MetaQuery::Memory(MemoryQuery { by: by.clone(), ask })).body {
            MetaBody::Memory(body) => body,
            other => panic!("{other:?}"),
        }
    }

    /// All that an asker can ask.
    fn check(&self, by: &Asker) {
        for permission in Permission::ALL {
            let expected: BTreeSet<DatasetId> = self
                .naive
                .alive(by)
                .filter(|there| self.naive.may(by, there, permission))
                .map(|there| there.id)
                .collect();
            let MemoryBody::Datasets(found) = self.query(by, MemoryAsk::Datasets { of: None, permission })
            else {
                panic!()
            };
            assert_eq!(
                found.iter().map(|(found, _)| found.id).collect::<BTreeSet<_>>(),
                expected,
                "{by:?} {permission:?}"
            );
        }
        self.check_view(by);
        for dataset in &self.naive.datasets {
            self.check_items(by, dataset.id);
        }
        for receipt in &self.naive.receipts {
            self.check_receipt(by, receipt);
        }
        for name in ["d", "e"] {
            let found = match self.query(by, MemoryAsk::ToForget(name.to_owned())) {
                MemoryBody::ToForget(found) => Ok(found),
                MemoryBody::Refused(refusal) => Err(word(&refusal)),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, self.naive.to_forget(by, name), "{by:?} {name}");
        }
    }

    fn check_view(&self, by: &Asker) {
        let MemoryBody::View(view) = self.query(by, MemoryAsk::View(Chosen::All)) else { panic!() };
        let readable: BTreeSet<u64> = self
            .naive
            .alive(by)
            .filter(|there| self.naive.may(by, there, Permission::Read))
            .map(|there| there.number)
            .collect();
        assert_eq!(view.readable.iter().map(|number| number.0).collect::<BTreeSet<_>>(), readable);
        let hidden: Vec<u64> = view.hidden.iter().map(|number| number.0).collect();
        assert_eq!(
            hidden,
            self.naive.hidden(by).into_iter().collect::<Vec<_>>(),
            "ascending, for shards search it"
        );
        assert_eq!(view.next.0, self.naive.adds.len() as u64 * 2 + 1);
        let MemoryBody::Totals(space, totals) = self.query(by, MemoryAsk::Totals) else { panic!() };
        assert_eq!(space, self.naive.tenant_of(by).unwrap_or(by.user));
        assert_eq!((totals.datasets, totals.items, totals.pending_receipts), self.naive.totals(by));
        let every = (0..view.next.0 + 2).map(ItemNumber).collect();
        let MemoryBody::Owners(owners) = self.query(by, MemoryAsk::Owners(every)) else { panic!() };
        let found: BTreeSet<_> =
            owners.iter().map(|(number, dataset, item)| (number.0, *dataset, *item)).collect();
        let open = self.naive.adds.iter().filter(|add| add.is_open && add.account == by.account);
        let expected =
            open.flat_map(|add| add.owners().map(|owner| (owner, add.dataset, add.item))).collect();
        assert_eq!(found, expected);
    }

    fn check_items(&self, by: &Asker, dataset: DatasetId) {
        let expected = self.naive.allowed(by, dataset, Permission::Read).map(|_| {
            let items = self.naive.items(dataset).into_iter();
            items.map(|add| (add.item, add.number, add.is_cleared())).collect::<BTreeSet<_>>()
        });
        let found = match self.query(by, MemoryAsk::Items(dataset)) {
            MemoryBody::Items(items) => Ok(items
                .iter()
                .map(|item| (item.facts.id, item.numbers.records.0, item.memory == Memory::Cleared))
                .collect()),
            MemoryBody::Refused(refusal) => Err(word(&refusal)),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{by:?}");
    }

    fn check_receipt(&self, by: &Asker, receipt: &Receipt) {
        let MemoryBody::Receipt(found) = self.query(by, MemoryAsk::Receipt(receipt.told.receipt)) else {
            panic!()
        };
        assert_eq!(found.is_some(), Naive::tells(receipt, by), "{by:?}");
        let Some(found) = found else { return };
        let leaving = self.naive.leaving.iter().any(|leaving| leaving.op == receipt.op);
        assert_eq!((found.items_forgotten, found.completed.is_none()), (receipt.told.rows, leaving));
        // Each of the shards reported the same; a release of nothing asked none.
        let sum = found.counts.map(|counts| counts.nodes.deleted);
        assert!(if leaving { sum.is_none() } else { matches!(sum, Some(0 | 6)) }, "{found:?}");
    }
}

fn released(number: OpNumber) -> ShardProgress {
    let ShardProgress::Row(mut view) = done(number, 9, 0) else { panic!() };
    view.released = ReleaseCounts { nodes: Fates { released: 1, deleted: 2 }, ..ReleaseCounts::default() };
    ShardProgress::Row(view)
}

/// An outcome in the naive model's words.
fn told(outcome: &MetaOutcome) -> Told {
    let MetaOutcome::Memory(outcome) = outcome else { panic!("{outcome:?}") };
    match outcome {
        MemoryOutcome::Done => Told::Done,
        MemoryOutcome::User(user) => Told::Made(user.id),
        MemoryOutcome::Tenant(tenant) => Told::Made(tenant.id),
        MemoryOutcome::Role(role) => Told::Made(role.id),
        MemoryOutcome::Dataset(dataset) => Told::Dataset(dataset.id),
        MemoryOutcome::Adding { numbers, .. } => {
            assert_eq!(numbers.raw.0, numbers.records.0 + 1);
            Told::Adding(numbers.records.0)
        }
        MemoryOutcome::Opened(item, release) => Told::Opened(item.dataset, item.facts.id, release.is_some()),
        MemoryOutcome::Forgotten(forgotten) => Told::Forgot(Forgot {
            receipt: forgotten.receipt.id,
            already: forgotten.already,
            rows: forgotten.receipt.items_forgotten,
            reset: forgotten.receipt.items_reset,
            datasets: forgotten.receipt.datasets_removed,
            external: forgotten.receipt.raw_external,
            skipped: forgotten.skipped.iter().copied().collect(),
        }),
        MemoryOutcome::Refused(refusal) => Told::Refused(word(refusal)),
    }
}

fn word(refusal: &MemoryRefusal) -> &'static str {
    match refusal {
        MemoryRefusal::NoDataset(_) | MemoryRefusal::NoDatasetNamed(_) => "no dataset",
        MemoryRefusal::NoItem(_) => "no item",
        MemoryRefusal::NoPrincipal(_) => "no principal",
        MemoryRefusal::Lacks(..) => "lacks",
        MemoryRefusal::Only(_) => "only",
        MemoryRefusal::Taken(_) => "taken",
        MemoryRefusal::Wrong(_) => "wrong",
        MemoryRefusal::GivenUp => "given up",
        MemoryRefusal::Pruning => "pruning",
    }
}

#[test]
fn random_histories_of_memory_leave_what_a_naive_model_says() {
    let config =
        ProptestConfig { cases: rounds(200), failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        let mut history = History::new();
        for step in &steps {
            history.step(*step);
        }
        for (account, user) in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)] {
            history.check(&asker(account, user));
        }
    });
}
