//! Insertion order over several shards.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::catalog::{CollectionRef, Home};
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::{FieldTest, Filter, Look};
use lacuna_model::ids::Account;
use lacuna_model::read::Include;
use lacuna_model::record::{NewRecord, Ordinal};
use lacuna_model::value::{MetaValue, Scalar};
use lacuna_model::{NamespaceName, RecordId};
use lacuna_router::deadline::Deadline;
use lacuna_router::verb::by_age::AgePage;
use lacuna_router::verb::{Call, Target};
use lacuna_router::{Router, RouterConfig};
use serde_json::json;

use crate::fake::{FakeConnector, Fault, On, call, nodes};
use crate::http::Client;

fn target() -> Target {
    let account = Account::default();
    let collection = CollectionRef::Name(Home::native(account.clone()), "c".to_owned());
    Target { account, collection, namespace: NamespaceName::default() }
}

fn page(filter: Option<Filter>, offset: usize, limit: Option<usize>) -> AgePage {
    AgePage { filter, offset, limit, include: Include { metadata: true, ..Include::default() } }
}

fn even() -> Filter {
    Filter::field("even", FieldTest::OneOf { values: vec![Scalar::Bool(true)], look: Look::Scalar })
}

/// A router before a cluster with so many records: the ids run against the order, and three share each ordinal.
async fn loaded(count: u64) -> (Client, Router, Vec<String>) {
    let client = Client::new().await;
    let router = Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Arc::clone(&client.fake))));
    let id = |n: u64| format!("r{:04}", 9_999 - n);
    let record = |n: u64| NewRecord {
        position: n as u32,
        id: RecordId::new(id(n)).expect("an id"),
        vector: None,
        document: None,
        metadata: [("even".to_owned(), MetaValue::Scalar(Scalar::Bool(n.is_multiple_of(2))))].into(),
        ordinal: Ordinal { micros: n / 3, position: 0 },
        sparse: None,
    };
    let write = WriteVerb::Upsert((0..count).map(record).collect());
    router.write(&target(), &call(), write).await.expect("written");
    let mut order: Vec<(u64, String)> = (0..count).map(|n| (n / 3, id(n))).collect();
    order.sort();
    (client, router, order.into_iter().map(|(_, id)| id).collect())
}

async fn list(router: &Router, page: &AgePage) -> Vec<String> {
    let records = router.list_by_age(&target(), &call(), page).await.expect("records");
    records.into_iter().map(|record| record.id.into_string()).collect()
}

#[tokio::test]
async fn offset_and_limit_cut_what_all_shards_hold_in_insertion_order() {
    let (_client, router, order) = loaded(200).await;
    for offset in [0, 1, 2, 3, 50, 199, 200, 500] {
        for limit in [Some(0), Some(1), Some(10), Some(150), Some(1_000), None] {
            let end = limit.map_or(order.len(), |limit| order.len().min(offset + limit));
            let expected = order.get(offset.min(end)..end).unwrap_or_default();
            assert_eq!(list(&router, &page(None, offset, limit)).await, expected, "{offset} {limit:?}");
        }
    }
    let is_even = |id: &&String| (9_999 - id[1..].parse::<u64>().expect("a number")).is_multiple_of(2);
    let even_ones: Vec<String> = order.iter().filter(is_even).cloned().collect();
    for (offset, limit) in [(0, None), (7, Some(10)), (99, Some(10)), (100, Some(1))] {
        let end = limit.map_or(even_ones.len(), |limit| even_ones.len().min(offset + limit));
        let found = list(&router, &page(Some(even()), offset, limit)).await;
        assert_eq!(found, even_ones[offset..end], "{offset} {limit:?}");
    }
}

#[tokio::test]
async fn a_missing_shard_is_no_shorter_list_and_ended_contents_are_not_an_empty_one() {
    let (client, router, order) = loaded(60).await;
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    let short = Call { deadline: Deadline::within(Duration::from_millis(300)), ..call() };
    let missing =
        router.list_by_age(&target(), &short, &page(None, 0, None)).await.expect_err("a shard is away");
    assert_eq!(missing.code, ErrorCode::Unavailable);
    client.fake.heal();
    assert_eq!(list(&router, &page(None, 0, None)).await, order);

    // Another router empties the namespace and writes anew; this one has the old contents cached.
    client.records("delete", &json!({"delete_all": true})).await;
    assert_eq!(
        client.records("upsert", &json!({"records": [{"id": "new", "vector": [1, 2, 3]}]})).await.status,
        200
    );
    assert_eq!(list(&router, &page(None, 0, Some(5))).await, ["new"]);
}
