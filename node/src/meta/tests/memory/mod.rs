//! Memory collections in the meta group: small histories here, random ones against a naive model beside.

mod naive;
mod naive_items;
mod random;

use lacuna_model::memory::command::{
    Forget, ForgetWhat, Forgotten, Keep, MemoryChange, MemoryCommand, MemoryOutcome, MemoryRefusal,
};
use lacuna_model::memory::query::{MemoryAsk, MemoryBody, MemoryQuery, WouldForget};
use lacuna_model::memory::words::{Asker, Item, ItemFacts, Raw};
use lacuna_model::{DatasetId, ItemId, ItemNumber, Principal, ReceiptId};

use super::*;

/// A user of one of two accounts; 0 is root.
fn asker(account: usize, user: u128) -> Asker {
    let account = if account == 0 { Account::default() } else { Account("other".to_owned()) };
    Asker { account, user: if user == 0 { Principal::ROOT } else { Principal(user) } }
}

/// One of four items, with no raw file, with one of ours, or with somebody else's.
fn facts(item: u8, raw: u8) -> ItemFacts {
    ItemFacts {
        id: ItemId(u128::from(item % 4)),
        name: "a.txt".to_owned(),
        label: None,
        external_metadata: String::new(),
        mime_type: "text/plain".to_owned(),
        extension: "txt".to_owned(),
        raw: match raw % 3 {
            0 => Raw::None,
            1 => Raw::Stored { sha256: [raw; 32], bytes: 1 },
            _ => Raw::External { uri: "file:///x".to_owned() },
        },
    }
}

const BY: u128 = 1;
const ITEM: u8 = 3;

impl Log {
    fn memory(&mut self, user: u128, change: MemoryChange) -> MemoryOutcome {
        match self.run(MetaCommand::Memory(MemoryCommand { by: asker(0, user), change })) {
            MetaOutcome::Memory(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn dataset(&mut self, user: u128, id: u128, name: &str) -> DatasetId {
        let change = MemoryChange::MakeDataset { id: DatasetId(id), name: name.to_owned() };
        match self.memory(user, change) {
            MemoryOutcome::Dataset(dataset) => dataset.id,
            other => panic!("{other:?}"),
        }
    }

    fn begin(&mut self, dataset: DatasetId) -> ItemNumber {
        let receipt = ReceiptId(u128::from(self.index) + 1_000);
        let change =
            MemoryChange::BeginAdd { dataset, facts: facts(ITEM, 0), give_up: Stamp(u64::MAX), receipt };
        match self.memory(BY, change) {
            MemoryOutcome::Adding { numbers, .. } => numbers.records,
            other => panic!("{other:?}"),
        }
    }

    fn open_add(&mut self, number: ItemNumber) -> Result<Item, MemoryRefusal> {
        let op_id = key(&format!("add-{number}-replaced"));
        match self.memory(BY, MemoryChange::Open { number, records: 1, op_id }) {
            MemoryOutcome::Opened(item, _) => Ok(*item),
            MemoryOutcome::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn forget(&mut self, user: u128, what: ForgetWhat) -> Result<Forgotten, MemoryRefusal> {
        let made = u128::from(self.index) + 1_000;
        let op_id = key(&format!("forget-{made}"));
        let ask = Forget { what, receipt: ReceiptId(made), op_id, digest: RequestDigest(made) };
        match self.memory(user, MemoryChange::Forget(ask)) {
            MemoryOutcome::Forgotten(forgotten) => Ok(*forgotten),
            MemoryOutcome::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Owners that the newest operation releases.
    fn releases(&self) -> Vec<u64> {
        let operation = self.state.unfinished().last().expect("an operation");
        match &operation.kind {
            OperationKind::Release { items, .. } => items.iter().map(|item| item.0).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn to_forget(&self, user: u128, name: &str) -> MemoryBody {
        let query = MemoryQuery { by: asker(0, user), ask: MemoryAsk::ToForget(name.to_owned()) };
        match self.state.query(&MetaQuery::Memory(query)).body {
            MetaBody::Memory(body) => body,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_add_that_opens_takes_the_earlier_ones_of_its_item_along() {
    let mut log = Log::new(2);
    let dataset = log.dataset(BY, 1, "d");
    let (first, second, third) = (log.begin(dataset), log.begin(dataset), log.begin(dataset));
    log.open_add(second).unwrap();
    assert_eq!(log.releases(), [first.0, first.0 + 1], "its router may be lost: nobody waits for it");
    assert_eq!(
        log.open_add(first),
        Err(MemoryRefusal::GivenUp),
        "what was said earlier never comes after it"
    );
    assert_eq!(log.open_add(third).unwrap().numbers.records, third);
    assert_eq!(log.releases(), [second.0]);
}

#[test]
fn a_forgotten_item_is_not_brought_back_by_an_add_that_began_before() {
    let mut log = Log::new(2);
    let dataset = log.dataset(BY, 1, "d");
    let first = log.begin(dataset);
    log.open_add(first).unwrap();
    let late = log.begin(dataset);
    let what = ForgetWhat::Item(dataset, ItemId(u128::from(ITEM)), Keep::Nothing);
    let query = MemoryQuery { by: asker(0, BY), ask: MemoryAsk::WouldForget(what) };
    let would = WouldForget {
        items: vec![first, late, ItemNumber(late.0 + 1)],
        rows: 1,
        datasets: 1,
        ..WouldForget::default()
    };
    assert_eq!(
        log.state.query(&MetaQuery::Memory(query)).body,
        MetaBody::Memory(MemoryBody::WouldForget(would))
    );
    let forgotten = log.forget(BY, what).unwrap();
    assert!(forgotten.dataset_removed);
    assert_eq!(log.releases(), [first.0, late.0, late.0 + 1]);
    assert_eq!(log.open_add(late), Err(MemoryRefusal::GivenUp));
}

#[test]
fn a_forgotten_dataset_answers_for_the_items_that_it_had_and_for_no_others() {
    let mut log = Log::new(2);
    let dataset = log.dataset(BY, 1, "d");
    let add = log.begin(dataset);
    log.open_add(add).unwrap();
    let item = ForgetWhat::Item(dataset, ItemId(u128::from(ITEM)), Keep::Dataset);
    let first = log.forget(BY, item).unwrap().receipt.id;
    log.forget(BY, ForgetWhat::Dataset(dataset, Keep::Nothing)).unwrap();
    let again = log.forget(BY, item).unwrap();
    assert_eq!(
        (again.already, again.receipt.id),
        (true, first),
        "the receipt of the item, not of its dataset"
    );
    let never = ForgetWhat::Item(dataset, ItemId(77), Keep::Dataset);
    assert_eq!(log.forget(BY, never), Err(MemoryRefusal::NoDataset(dataset)));
    assert_eq!(
        log.forget(2, item),
        Err(MemoryRefusal::NoDataset(dataset)),
        "others don't learn that it was there"
    );
}

#[test]
fn a_repeat_by_name_finds_the_own_dataset_that_is_gone_and_nobody_elses() {
    let mut log = Log::new(2);
    let own = log.dataset(BY, 1, "d");
    let theirs = log.dataset(2, 2, "d");
    let grant = MemoryChange::Grant {
        to: Principal(BY),
        permission: lacuna_model::memory::rights::Permission::Delete,
        datasets: vec![theirs],
    };
    log.memory(0, MemoryChange::MakeUser { id: Principal(BY), email: "one".to_owned() });
    assert_eq!(log.memory(2, grant), MemoryOutcome::Done);
    assert_eq!(log.to_forget(BY, "d"), MemoryBody::ToForget(own));
    log.forget(BY, ForgetWhat::Dataset(own, Keep::Nothing)).unwrap();
    assert_eq!(
        log.to_forget(BY, "d"),
        MemoryBody::ToForget(own),
        "a repeat must not take the other one of the name"
    );
    let anew = log.dataset(BY, 3, "d");
    assert_eq!(log.to_forget(BY, "d"), MemoryBody::ToForget(anew));
    assert!(matches!(log.to_forget(BY, "x"), MemoryBody::Refused(MemoryRefusal::NoDatasetNamed(_))));
}
