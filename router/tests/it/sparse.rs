//! Sparse vectors over several shards.

use std::sync::Arc;

use lacuna_model::catalog::{CollectionRef, Home};
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::read::Include;
use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema, SparseVector};
use lacuna_model::value::Metadata;
use lacuna_model::{NamespaceName, RecordId};
use lacuna_router::verb::Target;
use lacuna_router::verb::collections::NewCollection;
use lacuna_router::verb::sparse::SparseQuery;
use lacuna_router::{Router, RouterConfig};

use crate::fake::{Fake, FakeConnector, call, nodes};

async fn target(router: &Router, name: &str, schema: Schema) -> Target {
    let home = Home::native(Account::default());
    let new = NewCollection { home: home.clone(), name: name.to_owned(), schema, extra: "{}".to_owned() };
    router.create_collection(&call(), new).await.expect("a collection");
    let collection = CollectionRef::Name(home, name.to_owned());
    Target { account: Account::default(), collection, namespace: NamespaceName::default() }
}

fn record(n: u32, vector: Option<Vec<f32>>) -> NewRecord {
    NewRecord {
        position: n,
        id: RecordId::new(format!("r{n:02}")).expect("an id"),
        vector,
        document: None,
        metadata: Metadata::new(),
        ordinal: Ordinal::default(),
        sparse: Some(SparseVector::new(vec![n % 3, 100], vec![n as f32, 1.0]).expect("a vector")),
    }
}

#[tokio::test]
async fn the_best_sums_of_both_dot_products_come_first() {
    let router = Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Fake::new())));
    let schema = Schema { dimension: Some(1), metric: Metric::Dot, kind: Kind::Vector };
    let target = target(&router, "hybrid", schema).await;
    let records = (0..30).map(|n| record(n, Some(vec![-(n as f32)])));
    router.write(&target, &call(), WriteVerb::Upsert(records.collect())).await.expect("written");
    let query = |dense| SparseQuery {
        dense,
        sparse: SparseVector::new(vec![1, 100], vec![2.0, 0.5]).expect("a vector"),
        top_k: 2,
        filter: None,
        include: Include { vector: true, ..Include::default() },
    };
    let found = router.query_sparse(&target, &call(), query(None)).await.expect("hits");
    let best: Vec<_> = found.results[0].iter().map(|hit| (hit.record.id.as_str(), hit.score)).collect();
    assert_eq!(best, [("r28", 56.5), ("r25", 50.5)]);
    assert!(found.results[0][0].record.sparse.is_some());
    let found = router.query_sparse(&target, &call(), query(Some(vec![3.0]))).await.expect("hits");
    let best: Vec<_> = found.results[0].iter().map(|hit| (hit.record.id.as_str(), hit.score)).collect();
    assert_eq!(best, [("r00", 0.5), ("r01", -0.5)]);
    let wrong =
        router.query_sparse(&target, &call(), query(Some(vec![1.0, 2.0]))).await.expect_err("a dimension");
    assert_eq!(wrong.code, ErrorCode::InvalidVector);
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_at_the_door() {
    let router = Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Fake::new())));
    let dense = Schema { dimension: Some(1), metric: Metric::L2, kind: Kind::Vector };
    let dense = target(&router, "dense", dense).await;
    let refused = router.write(&dense, &call(), WriteVerb::Upsert(vec![record(4, None)])).await;
    assert_eq!(refused.expect_err("no dot product").code, ErrorCode::InvalidVector);
    let sparse = Schema { dimension: None, metric: Metric::Dot, kind: Kind::Sparse };
    let sparse = target(&router, "sparse", sparse).await;
    let refused = router.write(&sparse, &call(), WriteVerb::Upsert(vec![record(4, Some(vec![1.0]))])).await;
    assert_eq!(refused.expect_err("a dense vector").details["position"], 4);
    router.write(&sparse, &call(), WriteVerb::Upsert(vec![record(4, None)])).await.expect("a sparse one");
}
