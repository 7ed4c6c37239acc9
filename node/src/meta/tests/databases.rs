//! Tenants, databases, and changes to collections.

use lacuna_model::DatabaseId;
use lacuna_model::catalog::{CollectionChange, Database, DatabaseName, Protection, Surface};
use lacuna_model::meta::Changed;

use super::*;

fn named_in(tenant: &str, name: &str) -> DatabaseName {
    DatabaseName { account: Account::default(), tenant: tenant.to_owned(), name: name.to_owned() }
}

fn tenant(name: &str) -> MetaCommand {
    MetaCommand::CreateTenant { account: Account::default(), tenant: name.to_owned() }
}

fn make(log: &mut Log, tenant: &str, name: &str) -> Database {
    match log.run(MetaCommand::CreateDatabase(named_in(tenant, name))) {
        MetaOutcome::Database(made) => made,
        other => panic!("{other:?}"),
    }
}

fn create_in(database: &DatabaseName, name: &str) -> MetaCommand {
    MetaCommand::CreateCollection {
        home: database.home(Surface::Chroma),
        name: name.to_owned(),
        schema: schema(),
        extra: String::new(),
    }
}

fn databases(log: &Log, account: &Account, tenant: &str) -> Option<Vec<(u64, String)>> {
    let query = MetaQuery::Databases { account: account.clone(), tenant: tenant.to_owned() };
    let MetaBody::Databases(found) = log.state.query(&query).body else { panic!() };
    Some(found?.into_iter().map(|database| (database.id.0, database.named.name)).collect())
}

#[test]
fn every_account_has_a_default_database_that_nobody_made() {
    let mut log = Log::new(2);
    let default = vec![(0, "default_database".to_owned())];
    for account in [Account::default(), Account("other".to_owned())] {
        assert_eq!(databases(&log, &account, "default_tenant"), Some(default.clone()));
        assert_eq!(databases(&log, &account, "t"), None);
        let tenants = log.state.query(&MetaQuery::Tenants(account)).body;
        assert_eq!(tenants, MetaBody::Tenants(vec!["default_tenant".to_owned()]));
    }
    let named = named_in("default_tenant", "default_database");
    assert!(matches!(log.run(create_in(&named, "a")), MetaOutcome::Collection(_)));
    let exists = log.refused(MetaCommand::CreateDatabase(named.clone()));
    assert_eq!(exists, MetaRefusal::DatabaseExists(Database { id: DatabaseId(0), named }));
    assert_eq!(log.refused(tenant("default_tenant")), MetaRefusal::TenantExists);
}

#[test]
fn a_database_needs_its_tenant_and_a_collection_its_database() {
    let mut log = Log::new(2);
    let database = named_in("acme", "db1");
    assert_eq!(log.refused(create_in(&database, "a")), MetaRefusal::NoDatabase);
    assert_eq!(log.refused(MetaCommand::CreateDatabase(database.clone())), MetaRefusal::NoTenant);
    assert_eq!(log.run(tenant("acme")), MetaOutcome::Done);
    assert_eq!(log.refused(tenant("acme")), MetaRefusal::TenantExists);
    let made = make(&mut log, "acme", "db1");
    assert!(matches!(log.run(create_in(&database, "a")), MetaOutcome::Collection(_)));
    assert_eq!(databases(&log, &Account::default(), "acme"), Some(vec![(made.id.0, "db1".to_owned())]));
    assert_eq!(databases(&log, &Account("other".to_owned()), "acme"), None, "another account's are its own");
}

#[test]
fn a_database_goes_only_when_it_is_empty_and_only_the_one_that_was_meant() {
    let mut log = Log::new(2);
    log.run(tenant("acme"));
    let made = make(&mut log, "acme", "db1");
    let drop = |id| MetaCommand::DropDatabase { named: named_in("acme", "db1"), id };
    let MetaOutcome::Collection(held) = log.run(create_in(&made.named, "a")) else { panic!() };
    log.open(held.id, "");
    assert_eq!(log.refused(drop(made.id)), MetaRefusal::NotEmpty(1));
    let (operation, _) = log.record(drop_of("k", by_id(held.id)));
    let dropping = |log: &Log| log.state.query(&MetaQuery::Dropping(made.named.home(Surface::Chroma))).body;
    assert_eq!(dropping(&log), MetaBody::Dropping(vec![held.id]));
    assert_eq!(log.run(drop(made.id)), MetaOutcome::Done);
    log.finish(operation.number, 1);
    assert_eq!(dropping(&log), MetaBody::Dropping(Vec::new()));
    let again = make(&mut log, "acme", "db1");
    assert_ne!(again.id, made.id, "ids are never reused");
    assert_eq!(log.refused(drop(made.id)), MetaRefusal::NoDatabase);
    assert_eq!(log.run(drop(again.id)), MetaOutcome::Done);
    let default = named_in("default_tenant", "default_database");
    assert_eq!(log.run(MetaCommand::DropDatabase { named: default, id: DatabaseId(0) }), MetaOutcome::Done);
    assert!(databases(&log, &Account::default(), "default_tenant").is_some_and(|left| left.len() == 1));
}

#[test]
fn a_tenant_goes_only_without_databases_and_the_default_one_never() {
    let mut log = Log::new(2);
    let drop = |name: &str| MetaCommand::DropTenant { account: Account::default(), tenant: name.to_owned() };
    assert_eq!(log.refused(drop("acme")), MetaRefusal::NoTenant);
    log.run(tenant("acme"));
    let made = make(&mut log, "acme", "db1");
    assert_eq!(log.refused(drop("acme")), MetaRefusal::NotEmpty(1));
    log.run(MetaCommand::DropDatabase { named: made.named, id: made.id });
    assert_eq!(log.run(drop("acme")), MetaOutcome::Done);
    assert_eq!(databases(&log, &Account::default(), "acme"), None);
    assert_eq!(log.run(drop("default_tenant")), MetaOutcome::Done);
    assert!(databases(&log, &Account::default(), "default_tenant").is_some_and(|left| left.len() == 1));
}

fn change(collection: CollectionId, change: CollectionChange) -> MetaCommand {
    MetaCommand::AlterCollection { collection, change }
}

fn name(name: &str) -> CollectionChange {
    CollectionChange { name: Some(name.to_owned()), ..CollectionChange::default() }
}

#[test]
fn a_renamed_collection_is_found_by_its_new_name_alone_and_the_old_one_is_free() {
    let mut log = Log::new(2);
    let (a, b) = (log.create("a"), log.create("b"));
    let taken = CollectionChange { extra: Some("x".to_owned()), ..name("b") };
    assert!(matches!(log.refused(change(a, taken)), MetaRefusal::Exists(there) if there.id == b));
    assert_eq!(log.resolve(by_name("a"), "").unwrap().0.extra, "", "refused: nothing of it was done");
    let version = log.state.version();
    assert!(matches!(log.run(change(a, name("c"))), MetaOutcome::Collection(after) if after.name == "c"));
    let MetaBody::Changes(Some(changes)) = log.state.query(&MetaQuery::Changes(version)).body else {
        panic!()
    };
    assert_eq!(changes, [Changed::Collection(a)], "routers drop what they keep under the old name");
    assert_eq!(log.resolve(by_name("a"), ""), None);
    assert_eq!(log.resolve(by_name("c"), "").unwrap().0.id, a);
    assert!(matches!(log.run(change(a, name("c"))), MetaOutcome::Collection(_)), "its own name isn't taken");
    assert_ne!(log.create("a"), a);
    assert_eq!(log.refused(change(CollectionId(99), name("z"))), MetaRefusal::NoCollection);
}

#[test]
fn a_protected_collection_is_dropped_only_after_its_protection_is_off() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let contents = log.open(id, "");
    let protect = |protected| CollectionChange { protected: Some(protected), ..CollectionChange::default() };
    log.run(change(id, protect(Protection::On)));
    for (key, collection) in [("k", by_name("a")), ("l", by_id(id))] {
        let refused = log.refused(MetaCommand::Record(drop_of(key, collection)));
        assert_eq!(refused, MetaRefusal::Protected(id));
    }
    assert_eq!(log.resolve(by_name("a"), "").unwrap().1, Some(contents), "nothing of it was ended");
    log.run(change(id, name("b")));
    assert_eq!(log.refused(MetaCommand::Record(drop_of("k", by_id(id)))), MetaRefusal::Protected(id));
    log.run(change(id, protect(Protection::Off)));
    assert!(log.record(drop_of("k", by_id(id))).1, "a refused key was not used up");
}
