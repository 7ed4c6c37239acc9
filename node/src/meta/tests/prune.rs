//! Pruning memory collections: which rows go, which live on, what the operation carries, and what shards told of it.

use std::collections::BTreeSet;

use lacuna_model::ItemNumber;
use lacuna_model::access::{Reach, Rights, SecretHash};
use lacuna_model::catalog::Surface;
use lacuna_model::memory::RAW_COLLECTION;
use lacuna_model::memory::command::{
    Forgotten, MemoryChange, MemoryCommand, MemoryOutcome, MemoryRefusal, Prune, PruneWhat,
};
use lacuna_model::memory::part::Takes;
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody, MemoryQuery, MemoryView};
use lacuna_model::memory::words::{Asker, Dataset, Item, ItemFacts, ItemNumbers, Memory, Raw, Scope};
use lacuna_model::meta::NewKey;
use lacuna_model::uuid::{DatasetId, ItemId, KeyId, Principal, ReceiptId};

use super::*;

const USER: Principal = Principal(77);

fn asker(user: Principal) -> Asker {
    Asker { account: Account::default(), user }
}

fn change(log: &mut Log, user: Principal, change: MemoryChange) -> MemoryOutcome {
    match log.run(MetaCommand::Memory(MemoryCommand { by: asker(user), change })) {
        MetaOutcome::Memory(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

fn dataset(log: &mut Log, user: Principal, id: u128) -> Dataset {
    match change(log, user, MemoryChange::MakeDataset { id: DatasetId(id), name: format!("d{id}") }) {
        MemoryOutcome::Dataset(made) => made,
        other => panic!("{other:?}"),
    }
}

fn begin(log: &mut Log, user: Principal, dataset: u128, id: u128) -> MemoryOutcome {
    let facts = ItemFacts {
        id: ItemId(id),
        name: String::new(),
        label: None,
        external_metadata: "{}".to_owned(),
        mime_type: String::new(),
        extension: String::new(),
        raw: Raw::Stored { sha256: [id as u8; 32], bytes: 3 },
    };
    let (dataset, receipt) = (DatasetId(dataset), ReceiptId(1_000 + id));
    change(log, user, MemoryChange::BeginAdd { dataset, facts, give_up: Stamp(u64::MAX), receipt })
}

fn begun(log: &mut Log, user: Principal, dataset: u128, id: u128) -> ItemNumbers {
    match begin(log, user, dataset, id) {
        MemoryOutcome::Adding { numbers, .. } => numbers,
        other => panic!("{other:?}"),
    }
}

fn open(log: &mut Log, number: ItemNumber) -> MemoryOutcome {
    let op_id = key(&format!("replaced-{number}"));
    change(log, Principal::ROOT, MemoryChange::Open { number, records: 5, op_id })
}

fn add(log: &mut Log, user: Principal, dataset: u128, id: u128) -> ItemNumbers {
    let numbers = begun(log, user, dataset, id);
    assert!(matches!(open(log, numbers.records), MemoryOutcome::Opened(..)));
    numbers
}

fn collection(log: &mut Log, surface: Surface, name: &str) -> (CollectionId, Incarnation) {
    let home = Home { account: Account::default(), surface, database: String::new() };
    let home = if surface == Surface::Chroma {
        Home { database: "default_tenant/default_database".to_owned(), ..home }
    } else {
        home
    };
    let command =
        MetaCommand::CreateCollection { home, name: name.to_owned(), schema: schema(), extra: String::new() };
    match log.run(command) {
        MetaOutcome::Collection(made) => (made.id, log.open(made.id, "")),
        other => panic!("{other:?}"),
    }
}

fn ask_prune(what: PruneWhat, name: &str) -> MemoryChange {
    let receipt = ReceiptId(RequestDigest::of(&[name.as_bytes()]).0);
    MemoryChange::Prune(Prune { what, receipt, op_id: key(name), digest: RequestDigest::of(&[b"body"]) })
}

fn prune(log: &mut Log, what: PruneWhat, name: &str) -> (Forgotten, Operation) {
    match change(log, Principal::ROOT, ask_prune(what, name)) {
        MemoryOutcome::Forgotten(forgotten) => {
            let operation = log.get(forgotten.receipt.operation);
            (*forgotten, operation)
        }
        other => panic!("{other:?}"),
    }
}

fn query(log: &Log, user: Principal, ask: MemoryAsk) -> MemoryBody {
    match log.state.query(&MetaQuery::Memory(MemoryQuery { by: asker(user), ask })).body {
        MetaBody::Memory(body) => body,
        other => panic!("{other:?}"),
    }
}

fn item(log: &Log, dataset: u128, id: u128) -> Item {
    match query(log, Principal::ROOT, MemoryAsk::Item(DatasetId(dataset), ItemId(id))) {
        MemoryBody::Item(item) => *item,
        other => panic!("{other:?}"),
    }
}

fn view(log: &Log) -> MemoryView {
    match query(log, Principal::ROOT, MemoryAsk::View(Chosen::All)) {
        MemoryBody::View(view) => view,
        other => panic!("{other:?}"),
    }
}

fn released(operation: &Operation) -> (Takes, BTreeSet<ItemNumber>) {
    match &operation.kind {
        OperationKind::Release { items, takes } => (*takes, items.iter().copied().collect()),
        other => panic!("{other:?}"),
    }
}

/// Each shard reports that its items lost so much, one shard after another.
fn report(log: &mut Log, number: OpNumber, lost: &[(ItemNumber, u64)]) {
    for (shard, _) in log.get(number).shards {
        let ShardProgress::Row(row) = done(number, 9, 0) else { panic!() };
        let row = ShardProgress::Row(RowView { lost: lost.to_vec(), ..row });
        log.run(MetaCommand::Report { number, shards: vec![(shard, row)] });
    }
}

#[test]
fn only_root_prunes() {
    let mut log = Log::new(2);
    dataset(&mut log, USER, 1);
    add(&mut log, USER, 1, 1);
    for what in [PruneWhat::RawFiles, PruneWhat::Graph, PruneWhat::Records, PruneWhat::Metadata] {
        let before = log.state.operation(OpNumber(1)).cloned();
        let refused = change(&mut log, USER, ask_prune(what, "k"));
        assert_eq!(refused, MemoryOutcome::Refused(MemoryRefusal::Only("root".to_owned())));
        assert_eq!(log.state.operation(OpNumber(1)).cloned(), before);
    }
    assert_eq!(item(&log, 1, 1).records, 5);
}

#[test]
fn raw_files_go_from_the_items_that_live_on() {
    let mut log = Log::new(2);
    dataset(&mut log, USER, 1);
    let (open, coming) = (add(&mut log, USER, 1, 1), begun(&mut log, USER, 1, 2));
    let (_, operation) = prune(&mut log, PruneWhat::RawFiles, "k");
    assert_eq!(released(&operation), (Takes::All, BTreeSet::from([open.raw])));
    let shown = item(&log, 1, 1);
    assert_eq!((shown.facts.raw, shown.records, shown.memory), (Raw::None, 5, Memory::Present));
    assert!(view(&log).hidden.contains(&open.raw) && !view(&log).hidden.contains(&open.records));
    report(&mut log, operation.number, &[]);
    assert_eq!(view(&log).hidden, [coming.records, coming.raw]);
    // The same name again is the same prune; there is nothing left for another.
    assert_eq!(prune(&mut log, PruneWhat::RawFiles, "k").1.number, operation.number);
    assert!(prune(&mut log, PruneWhat::RawFiles, "l").1.finished.is_some());
}

#[test]
fn a_layer_alone_lets_items_live_on_with_what_they_did_not_lose() {
    for (what, takes) in [(PruneWhat::Graph, Takes::Graph), (PruneWhat::Vectors, Takes::Vectors)] {
        let mut log = Log::new(2);
        dataset(&mut log, USER, 1);
        let (first, second) = (add(&mut log, USER, 1, 1), add(&mut log, USER, 1, 2));
        let (kept, contents) = collection(&mut log, Surface::Cognee, "default");
        let (_, operation) = prune(&mut log, what, "k");
        assert_eq!(released(&operation), (takes, BTreeSet::from([first.records, second.records])));
        assert!(operation.incarnations.is_empty());
        let graph_from = if takes == Takes::Graph { second.raw.0 + 1 } else { 0 };
        assert_eq!((view(&log).hidden, view(&log).graph_from), (Vec::new(), ItemNumber(graph_from)));
        assert_eq!(item(&log, 1, 1).records, 5, "nothing is known of it yet");
        // An item that is replaced meanwhile has other numbers: what the old one lost is nothing to it.
        add(&mut log, USER, 1, 2);
        report(&mut log, operation.number, &[(first.records, 1), (second.records, 2)]);
        let shown = item(&log, 1, 1);
        assert_eq!((shown.records, shown.memory), (3, Memory::Present), "both shards' losses");
        assert_eq!(item(&log, 1, 2).records, 5);
        assert_eq!(view(&log).graph_from, ItemNumber(0));
        assert_eq!(log.resolve(by_id(kept), "").unwrap().1, Some(contents));
    }
}

#[test]
fn all_records_end_with_their_contents_and_adds_that_were_under_way_are_given_up() {
    let mut log = Log::new(2);
    dataset(&mut log, USER, 1);
    let (open_item, coming) = (add(&mut log, USER, 1, 1), begun(&mut log, USER, 1, 2));
    let (gone, contents) = collection(&mut log, Surface::Cognee, "default");
    let (raw, raw_contents) = collection(&mut log, Surface::Cognee, RAW_COLLECTION);
    let others: Vec<_> = [Surface::Native, Surface::Pinecone, Surface::Moorcheh]
        .into_iter()
        .map(|surface| collection(&mut log, surface, "default"))
        .collect();
    let (_, operation) = prune(&mut log, PruneWhat::Records, "k");
    let items = BTreeSet::from([open_item.records, coming.records, coming.raw]);
    assert_eq!(released(&operation), (Takes::All, items));
    assert_eq!(operation.incarnations, [contents]);
    assert_eq!(log.resolve(by_id(gone), ""), None);
    for (id, contents) in others.iter().chain([&(raw, raw_contents)]) {
        assert_eq!(log.resolve(by_id(*id), "").unwrap().1, Some(*contents));
    }
    let shown = item(&log, 1, 1);
    assert_eq!((shown.records, shown.memory), (0, Memory::Cleared));
    assert!(matches!(shown.facts.raw, Raw::Stored { .. }));
    assert_eq!(open(&mut log, coming.records), MemoryOutcome::Refused(MemoryRefusal::GivenUp));
    assert_eq!(begin(&mut log, USER, 1, 3), MemoryOutcome::Refused(MemoryRefusal::Pruning));
    report(&mut log, operation.number, &[]);
    begun(&mut log, USER, 1, 3);
}

#[test]
fn metadata_goes_with_all_that_items_held_and_users_keys_end() {
    let mut log = Log::new(2);
    let made =
        change(&mut log, Principal::ROOT, MemoryChange::MakeUser { id: USER, email: "a@b".to_owned() });
    assert!(matches!(made, MemoryOutcome::User(_)));
    for (id, principal) in [(1_u128, USER), (2, Principal(5))] {
        let hash = SecretHash::of(&format!("s{id}"));
        log.run(MetaCommand::CreateKey(Box::new(NewKey {
            id: KeyId(id),
            account: Account::default(),
            principal,
            label: String::new(),
            hash,
            rights: Rights::ALL,
            reach: Reach::All,
            life_micros: None,
        })));
    }
    change(&mut log, USER, MemoryChange::MakeTenant { id: Principal(9), name: "acme".to_owned() });
    dataset(&mut log, USER, 1);
    let held = add(&mut log, USER, 1, 1);
    let (_, contents) = collection(&mut log, Surface::Cognee, "default");
    let (_, raw_contents) = collection(&mut log, Surface::Cognee, RAW_COLLECTION);
    let (forgotten, operation) = prune(&mut log, PruneWhat::Metadata, "k");
    assert_eq!(forgotten.receipt.scope, Scope::Pruned);
    assert_eq!(released(&operation), (Takes::All, BTreeSet::from([held.records, held.raw])));
    assert_eq!(operation.incarnations, [contents, raw_contents]);
    let gone = query(&log, Principal::ROOT, MemoryAsk::Items(DatasetId(1)));
    assert_eq!(gone, MemoryBody::Refused(MemoryRefusal::NoDataset(DatasetId(1))));
    assert!(view(&log).chosen.is_empty());
    let MetaBody::Keys(keys) = log.state.query(&MetaQuery::Keys(Account::default())).body else { panic!() };
    let ended: Vec<_> = keys.iter().map(|key| (key.id, key.revoked.is_some())).collect();
    assert_eq!(ended, [(KeyId(1), true), (KeyId(2), false)]);
    report(&mut log, operation.number, &[]);
    // Ids, names and the email are free again.
    change(&mut log, Principal::ROOT, MemoryChange::MakeUser { id: Principal(78), email: "a@b".to_owned() });
    let tenant = MemoryChange::MakeTenant { id: Principal(9), name: "acme".to_owned() };
    assert!(matches!(change(&mut log, Principal(78), tenant), MemoryOutcome::Tenant(_)));
    dataset(&mut log, Principal::ROOT, 1);
    add(&mut log, Principal::ROOT, 1, 1);
    assert_eq!(item(&log, 1, 1).records, 5);
}

#[test]
fn another_accounts_memory_stays() {
    let mut log = Log::new(2);
    dataset(&mut log, USER, 1);
    add(&mut log, USER, 1, 1);
    let other = Asker { account: Account("other".to_owned()), user: Principal::ROOT };
    for what in [PruneWhat::RawFiles, PruneWhat::Records, PruneWhat::Metadata] {
        let change = ask_prune(what, &format!("{what:?}"));
        let pruned = log.run(MetaCommand::Memory(MemoryCommand { by: other.clone(), change }));
        assert!(matches!(pruned, MetaOutcome::Memory(MemoryOutcome::Forgotten(_))));
    }
    let shown = item(&log, 1, 1);
    assert_eq!((shown.records, shown.memory), (5, Memory::Present));
    assert!(matches!(shown.facts.raw, Raw::Stored { .. }));
}
