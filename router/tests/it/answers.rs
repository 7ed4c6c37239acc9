//! The shape of each HTTP answer.

use serde_json::json;

use crate::fake::{Fault, On};
use crate::http::{Client, many, masked};

macro_rules! shape {
    ($name:literal, $answer:expr) => {
        insta::assert_json_snapshot!($name, masked(&$answer));
    };
}

#[tokio::test]
async fn collections_are_made_listed_described_and_dropped() {
    let client = Client::new().await;
    let body = json!({"name": "other", "dimension": 2, "metric": "cosine"});
    shape!("collection_created", client.post("/v1/collections", &body).await);
    shape!("collection_exists", client.post("/v1/collections", &body).await);
    shape!("collections", client.get("/v1/collections").await);
    shape!("collection", client.get("/v1/collections/other").await);
    assert_eq!(client.get("/v1/collections/1").await.body["name"], "c");
    client.load(5).await;
    shape!("collection_dropped", client.delete("/v1/collections/c").await);
    shape!("collection_unknown", client.get("/v1/collections/c").await);
}

#[tokio::test]
async fn writes_say_what_each_shard_did() {
    let client = Client::new().await;
    let body = json!({"records": many(4)});
    let first = client.records("upsert", &body).await;
    assert_eq!(first.operation.as_deref(), first.body["op_id"].as_str());
    shape!("upsert", first);
    let body = json!({"records": [{"id": "r1", "metadata": {"n": null, "new": "x"}}, {"id": "unknown", "document": null}]});
    shape!("update", client.records("update", &body).await);
    shape!(
        "update_of_nothing",
        client.records("update", &json!({"namespace": "empty", "records": [{"id": "a"}]})).await
    );
}

#[tokio::test]
async fn deletes_have_one_shape() {
    let client = Client::new().await;
    client.load(12).await;
    shape!("delete_ids", client.records("delete", &json!({"ids": ["r1", "r2", "r1", "no"]})).await);
    shape!(
        "delete_ids_where",
        client.records("delete", &json!({"ids": ["r3", "r4"], "filter": {"even": true}})).await
    );
    shape!(
        "preview",
        client.records("delete/preview", &json!({"filter": {"even": true}, "sample": 2})).await
    );
    shape!("preview_ids", client.records("delete/preview", &json!({"ids": ["r5", "no"]})).await);
    let filtered = client.records("delete", &json!({"filter": {"even": true}})).await;
    shape!("delete_where", filtered);
    let operation = filtered.operation.expect("a name");
    shape!("operation", client.get(&format!("/v1/operations/{operation}")).await);
    shape!(
        "delete_where_limit",
        client.records("delete", &json!({"filter": {"n": {"$gte": 0}}, "limit": 3})).await
    );
    shape!("delete_all", client.records("delete", &json!({"delete_all": true})).await);
    // Until its end is reported, behind its answer, another one joins it (protocol PN3).
    while client.fake.world.lock().meta.operations.iter().any(|(operation, _)| operation.finished.is_none()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    shape!("delete_all_of_nothing", client.records("delete", &json!({"delete_all": true})).await);
    shape!("delete_ids_of_nothing", client.records("delete", &json!({"ids": ["a", "b"]})).await);
    shape!("delete_namespace", client.delete("/v1/collections/c/namespaces/__default__").await);
    let all = client.get("/v1/operations?limit=2").await;
    assert_eq!(all.body["operations"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn reads_have_their_shapes() {
    let client = Client::new().await;
    client.load(6).await;
    shape!(
        "get",
        client.records("get", &json!({"ids": ["r4", "no", "r1"], "include": ["vector", "metadata"]})).await
    );
    shape!("get_page", client.records("get", &json!({"filter": {"even": true}, "limit": 2})).await);
    shape!("list", client.records("list", &json!({"prefix": "r", "limit": 4})).await);
    shape!(
        "query",
        client.records("query", &json!({"vector": [2, 0, 1], "top_k": 2, "include": ["metadata"]})).await
    );
    shape!("queries", client.records("query", &json!({"vectors": [[2, 0, 1], [0, 0, 0]], "top_k": 1})).await);
    shape!("count", client.records("count", &json!({"filter": {"even": false}})).await);
    shape!("namespaces", client.get("/v1/collections/c/namespaces").await);
}

#[tokio::test]
async fn a_missing_shard_is_said_in_every_read() {
    let client = Client::new().await;
    client.load(6).await;
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    shape!("query_partial", client.within(150, "query", &json!({"vector": [2, 0, 1], "top_k": 1})).await);
    shape!("count_partial", client.within(150, "count", &json!({})).await);
    shape!("preview_partial", client.within(150, "delete/preview", &json!({"delete_all": true})).await);
    shape!("list_unavailable", client.within(150, "list", &json!({})).await);
}

#[tokio::test]
async fn failures_of_writes_have_their_shapes() {
    let client = Client::new().await;
    client.load(6).await;
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let ids = json!({"ids": ["r0", "r1", "r2", "r3", "r4", "r5"]});
    let mut partial = client.within(150, "delete", &ids).await;
    for shard in partial.body["shards"].as_array_mut().expect("shards") {
        assert!(shard["status"] == "applied" || shard["deleted"].is_null(), "{shard}");
    }
    shape!("delete_ids_partial", partial);
    for shard in [0, 2, 3] {
        client.fake.fail(On::Shard(shard), Fault::LostBefore, usize::MAX);
    }
    shape!("delete_ids_unknown", client.within(150, "delete", &ids).await);
    client.fake.heal();
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::Unavailable, usize::MAX);
    }
    shape!("delete_ids_unavailable", client.within(150, "delete", &ids).await);
    shape!("delete_where_partial", client.within(150, "delete", &json!({"filter": {"even": true}})).await);
}

#[tokio::test]
async fn the_cluster_is_described() {
    let client = Client::new().await;
    shape!("cluster", client.get("/v1/cluster?digests=true").await);
    assert_eq!(client.get("/healthz").await.status, 200);
}
