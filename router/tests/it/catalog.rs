//! Collections that are altered and protected, and databases that go with their collections.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::catalog::{Collection, CollectionChange, CollectionRef, Home, Protection, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::merge::DeleteStatus;
use lacuna_model::record::{Kind, Metric, Schema};
use lacuna_model::{CollectionId, NamespaceName};
use lacuna_router::deadline::Deadline;
use lacuna_router::verb::collections::NewCollection;
use lacuna_router::verb::{Call, Respond, Target};
use lacuna_router::{Router, RouterConfig};

use crate::fake::{Fake, FakeConnector, Fault, On, call, nodes};

fn router(fake: &Arc<Fake>) -> Router {
    Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Arc::clone(fake))))
}

fn by_id(id: CollectionId) -> CollectionRef {
    CollectionRef::Id(Account::default(), id)
}

fn target(id: CollectionId) -> Target {
    Target { account: Account::default(), collection: by_id(id), namespace: NamespaceName::default() }
}

async fn make(router: &Router, home: Home, name: &str) -> Collection {
    let schema = Schema { dimension: Some(3), metric: Metric::L2, kind: Kind::Vector };
    let new = NewCollection { home, name: name.to_owned(), schema, extra: "{}".to_owned() };
    router.create_collection(&call(), new).await.expect("a collection")
}

#[tokio::test]
async fn a_rename_waits_until_no_router_uses_the_old_name() {
    let fake = Fake::new();
    let router = router(&fake);
    let made = make(&router, Home::native(Account::default()), "a").await;
    let change = CollectionChange { name: Some("b".to_owned()), ..CollectionChange::default() };
    let began = std::time::Instant::now();
    let after = router.alter_collection(&call(), &by_id(made.id), change.clone()).await.expect("altered");
    assert_eq!((after.name.as_str(), after.id), ("b", made.id));
    assert!(began.elapsed() >= Duration::from_secs(3), "records are reached by name on this surface");
    let named = |name: &str| CollectionRef::Name(Home::native(Account::default()), name.to_owned());
    let gone = router.describe_collection(&call(), &named("a")).await.expect_err("renamed");
    assert_eq!(gone.code, ErrorCode::NotFound);
    let began = std::time::Instant::now();
    router.alter_collection(&call(), &named("b"), change).await.expect("its own name");
    assert!(began.elapsed() < Duration::from_secs(2), "nothing was renamed");
    make(&router, Home::native(Account::default()), "a").await;
    let taken = CollectionChange { name: Some("a".to_owned()), ..CollectionChange::default() };
    let refused = router.alter_collection(&call(), &named("b"), taken).await.expect_err("taken");
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
}

#[tokio::test]
async fn a_protected_collection_is_not_dropped() {
    let fake = Fake::new();
    let router = router(&fake);
    let made = make(&router, Home::native(Account::default()), "a").await;
    let protect = |on| CollectionChange { protected: Some(on), ..CollectionChange::default() };
    router.alter_collection(&call(), &by_id(made.id), protect(Protection::On)).await.expect("protected");
    let refused =
        router.drop_collection(&target(made.id), &call(), Respond::Wait).await.expect_err("refused");
    assert_eq!((refused.code, &refused.details["protected"]), (ErrorCode::Forbidden, &true.into()));
    router.alter_collection(&call(), &by_id(made.id), protect(Protection::Off)).await.expect("not any more");
    let answer = router.drop_collection(&target(made.id), &call(), Respond::Wait).await.expect("dropped");
    assert_eq!(answer.status, DeleteStatus::Complete);
}

#[tokio::test]
async fn a_database_goes_with_its_collections_and_stays_while_a_shard_is_missing() {
    let fake = Fake::new();
    let router = router(&fake);
    router.create_tenant(&call(), "acme").await.expect("a tenant");
    let unknown = router.create_database(&call(), "nobody", "db1").await.expect_err("no tenant");
    assert_eq!(unknown.code, ErrorCode::NotFound);
    let slash = router.create_database(&call(), "acme", "a/b").await.expect_err("a name");
    assert_eq!(slash.code, ErrorCode::InvalidArgument);
    let made = router.create_database(&call(), "acme", "db1").await.expect("a database");
    let home = made.named.home(Surface::Chroma);
    let (a, _empty) = (make(&router, home.clone(), "a").await, make(&router, home.clone(), "b").await);
    let record = lacuna_model::record::NewRecord {
        position: 0,
        id: lacuna_model::RecordId::new("x").expect("an id"),
        vector: Some(vec![1.0, 2.0, 3.0]),
        document: None,
        metadata: std::collections::BTreeMap::default(),
        ordinal: lacuna_model::record::Ordinal::default(),
        sparse: None,
    };
    let write = lacuna_model::command::WriteVerb::Upsert(vec![record]);
    router.write(&target(a.id), &call(), write).await.expect("written");

    fake.fail(On::Shard(2), Fault::Unavailable, usize::MAX);
    let short = Call { deadline: Deadline::within(Duration::from_millis(400)), ..call() };
    let open = router.drop_database(&short, "acme", "db1").await.expect("recorded");
    assert!(open.open().is_some_and(|(id, answer)| *id == a.id && answer.status != DeleteStatus::Complete));
    router.describe_database(&call(), "acme", "db1").await.expect("it stays until its contents are gone");

    fake.heal();
    let done = router.drop_database(&call(), "acme", "db1").await.expect("joined");
    assert!(done.open().is_none() && done.collections.len() == 1, "{done:?}");
    let gone = router.describe_database(&call(), "acme", "db1").await.expect_err("gone");
    assert_eq!((gone.code, &gone.details["missing"]), (ErrorCode::NotFound, &"database".into()));
}
