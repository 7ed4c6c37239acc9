//! Collections and namespaces.

use lacuna_model::meta::Changed;

use super::*;

fn changes(log: &Log, since: u64) -> Option<Vec<Changed>> {
    match log.state.query(&MetaQuery::Changes(since)).body {
        MetaBody::Changes(changes) => changes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn before_init_nothing_can_be_made_and_a_second_init_changes_nothing() {
    let mut log = Log::bare();
    assert_eq!(log.refused(create("a")), MetaRefusal::NotReady);
    assert_eq!(log.refused(MetaCommand::Record(drop_of("k", by_name("a")))), MetaRefusal::NotReady);
    assert_eq!(log.state.query(&MetaQuery::Cluster).body, MetaBody::Cluster(None));
    log.run(MetaCommand::Init(cluster(2)));
    let first = log.state.cluster().cloned();
    log.run(MetaCommand::Init(cluster(5)));
    assert_eq!(log.state.cluster().cloned(), first);
    assert_eq!(log.state.version(), 3, "the second one is no change");
}

#[test]
fn a_name_is_unique_in_its_home_only() {
    let mut log = Log::new(2);
    let id = log.create("a");
    assert!(matches!(log.refused(create("a")), MetaRefusal::Exists(there) if there.id == id));
    let other = Home { database: "t/d".to_owned(), ..home() };
    let elsewhere = MetaCommand::CreateCollection {
        home: other.clone(),
        name: "a".to_owned(),
        schema: schema(),
        extra: "{}".to_owned(),
    };
    assert!(
        matches!(log.run(elsewhere), MetaOutcome::Collection(made) if made.id != id && made.extra == "{}")
    );
    let list =
        |home| match log.state.query(&MetaQuery::Collections { account: Account::default(), home }).body {
            MetaBody::Collections(list) => list.len(),
            other => panic!("{other:?}"),
        };
    assert_eq!((list(None), list(Some(other)), list(Some(home()))), (2, 1, 1));
}

#[test]
fn a_namespace_gets_one_incarnation_and_keeps_it() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let first = log.open(id, "x");
    assert_eq!(log.open(id, "x"), first);
    assert_ne!(log.open(id, "y"), first);
    let gone = MetaCommand::OpenNamespace { collection: CollectionId(99), namespace: named("") };
    assert_eq!(log.refused(gone), MetaRefusal::NoCollection);
    assert_eq!(log.resolve(by_name("a"), "x").unwrap().1, Some(first));
    assert_eq!(log.resolve(by_name("a"), "z").unwrap().1, None);
    let MetaBody::Namespaces(list) = log.state.query(&MetaQuery::Namespaces(id)).body else { panic!() };
    assert_eq!(list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn a_dimension_is_fixed_once() {
    let mut log = Log::new(2);
    let collection = log.create("a");
    let fix = |collection, dimension| MetaCommand::FixDimension { collection, dimension };
    assert!(
        matches!(log.run(fix(collection, 8)), MetaOutcome::Collection(c) if c.schema.dimension == Some(8))
    );
    let version = log.state.version();
    assert!(
        matches!(log.run(fix(collection, 8)), MetaOutcome::Collection(c) if c.schema.dimension == Some(8))
    );
    assert_eq!(log.state.version(), version, "the same again is no change");
    assert_eq!(log.refused(fix(collection, 9)), MetaRefusal::Dimension(8));
    assert_eq!(log.refused(fix(CollectionId(99), 9)), MetaRefusal::NoCollection);
}

#[test]
fn an_id_of_another_account_is_no_such_collection() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let foreign = CollectionRef::Id(Account("other".to_owned()), id);
    assert_eq!(log.resolve(foreign.clone(), ""), None);
    assert_eq!(log.refused(MetaCommand::Record(drop_of("k", foreign))), MetaRefusal::NoCollection);
}

#[test]
fn changes_name_what_a_cache_must_drop() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let version = log.state.version();
    log.open(id, "x");
    log.record(delete_all("k", by_id(id), "x"));
    log.record(drop_of("l", by_id(id)));
    let names =
        [Changed::Namespace(id, named("x")), Changed::Namespace(id, named("x")), Changed::Collection(id)];
    assert_eq!(changes(&log, version), Some(names.to_vec()));
    assert_eq!(changes(&log, log.state.version()), Some(Vec::new()));
    assert_eq!(changes(&log, 0).map(|all| all[0].clone()), Some(Changed::Cluster));
}

#[test]
fn the_stamp_never_goes_back() {
    let mut log = Log::new(2);
    log.stamp = 5_000_000;
    log.run(MetaCommand::Tick);
    let stamp = log.state.stamp();
    log.stamp = 3_000_000;
    log.run(MetaCommand::Tick);
    assert_eq!(log.state.stamp(), stamp);
}
