//! Pinecone's surface before a cluster with scripted failures: never a false success, and the truth in its words.

use http::Request;
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, On};
use crate::http::{Answer, Client};

const RECORDS: usize = 12;

/// A router before a new cluster with one index `i` of three dimensions.
async fn index() -> Client {
    let client = Client::on(Fake::new());
    let body = json!({"name": "i", "dimension": 3, "metric": "euclidean",
        "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}});
    let made = client.post("/pinecone/indexes", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    client
}

async fn load(client: &Client, namespace: &str) {
    let vectors: Vec<Value> = (0..RECORDS)
        .map(|n| json!({"id": format!("r{n}"), "values": [n, 0, 1], "metadata": {"even": n.is_multiple_of(2)}}))
        .collect();
    let answer = call(client, "vectors/upsert", &json!({"vectors": vectors, "namespace": namespace})).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"upsertedCount": RECORDS})), "{answer:?}");
}

async fn call(client: &Client, path: &str, body: &Value) -> Answer {
    client.post_with(&format!("/pc.v1/i/{path}"), body, &[("lacuna-deadline-ms", "150")]).await
}

async fn delete(client: &Client, body: &Value) -> Answer {
    call(client, "vectors/delete", body).await
}

async fn count(client: &Client, namespace: &str) -> Value {
    client.get("/pc.v1/i/describe_index_stats").await.body["namespaces"][namespace]["vectorCount"].clone()
}

fn all_ids() -> Vec<String> {
    (0..RECORDS).map(|n| format!("r{n}")).collect()
}

/// 503 that names the shard that hasn't applied it, with the headers of every surface.
fn unfinished(answer: &Answer, shard: u32) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["code"], 14);
    let details = answer.body["details"].as_array().expect("details");
    assert!(details.iter().any(|part| part["shard"] == shard && part["state"] != "applied"), "{answer:?}");
    let message = answer.body["message"].as_str().expect("a message");
    let operation = answer.operation.as_deref().expect("an operation");
    assert!(
        message.contains(operation) && message.contains(&format!("not yet on shards [{shard}]")),
        "{message}"
    );
    assert!(matches!(answer.says.as_deref(), Some("partial" | "pending")), "{answer:?}");
}

#[tokio::test]
async fn a_delete_that_is_not_done_on_every_shard_is_503_and_its_repeat_completes_it() {
    for selector in [json!({"ids": all_ids()}), json!({"filter": {"even": {"$exists": true}}})] {
        let client = index().await;
        load(&client, "").await;
        client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
        unfinished(&delete(&client, &selector).await, 1);
        client.fake.heal();
        let again = delete(&client, &selector).await;
        assert_eq!((again.status, again.text.as_str()), (200, "{}"), "{again:?}");
        assert_eq!(again.says.as_deref(), Some("complete"));
        assert_eq!(count(&client, "__default__").await, 0);
    }
}

#[tokio::test]
async fn a_delete_all_that_is_not_done_is_joined_by_its_repeat_and_is_no_404_meanwhile() {
    let client = index().await;
    load(&client, "n").await;
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let body = json!({"deleteAll": true, "namespace": "n"});
    let first = delete(&client, &body).await;
    unfinished(&first, 1);
    let second = delete(&client, &body).await;
    unfinished(&second, 1);
    assert_eq!(first.operation, second.operation, "it joins the one that is under way");
    let ids = delete(&client, &json!({"ids": ["r1"], "namespace": "n"})).await;
    assert_eq!(ids.status, 404, "what is being deleted is no namespace any more: {ids:?}");
    client.fake.heal();
    assert_eq!(delete(&client, &body).await.status, 200);
    let gone = delete(&client, &json!({"filter": {"even": true}, "namespace": "n"})).await;
    assert_eq!(gone.body, json!({"code": 5, "message": "Namespace not found", "details": []}));
}

#[tokio::test]
async fn an_index_that_is_not_gone_everywhere_is_503_in_the_control_planes_body() {
    let client = index().await;
    load(&client, "").await;
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let request = Request::delete("/pinecone/indexes/i").header("lacuna-deadline-ms", "150");
    let answer = client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, &answer.body["status"]), (503, &json!(503)), "{answer:?}");
    assert_eq!(answer.body["error"]["code"], "UNAVAILABLE");
    assert!(
        answer.body["error"]["message"].as_str().is_some_and(|words| words.contains("not yet on shards [1]"))
    );
    assert_eq!(client.get("/pinecone/indexes/i").await.status, 404, "its name is gone at once");
    client.fake.heal();
    assert_eq!(client.delete("/pinecone/indexes/i").await.status, 202, "the repeat joins it");
}

#[tokio::test]
async fn writes_and_counts_that_are_not_whole_are_503() {
    let client = index().await;
    load(&client, "").await;
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    for (path, body) in [
        ("query", json!({"vector": [1, 0, 1], "topK": 3})),
        ("vectors/fetch_by_metadata", json!({"filter": {"even": true}})),
        ("vectors/update", json!({"filter": {"even": true}, "setMetadata": {"a": "b"}, "dryRun": true})),
        ("describe_index_stats", json!({})),
    ] {
        let answer = call(&client, path, &body).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!(14)), "{path}: {answer:?}");
    }
    client.fake.heal();
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let vectors: Vec<Value> =
        (0..RECORDS).map(|n| json!({"id": format!("r{n}"), "values": [n, 0, 1]})).collect();
    unfinished(&call(&client, "vectors/upsert", &json!({"vectors": vectors})).await, 1);
    let patch = json!({"filter": {"even": true}, "setMetadata": {"a": "b"}});
    unfinished(&call(&client, "vectors/update", &patch).await, 1);
}

#[tokio::test]
async fn a_refused_upsert_makes_no_namespace() {
    let client = index().await;
    let vectors = json!([{"id": "a", "values": [1, 2]}]);
    let refused = call(&client, "vectors/upsert", &json!({"vectors": vectors, "namespace": "n"})).await;
    assert_eq!(refused.status, 400);
    let words = refused.body["message"].as_str().expect("a message");
    assert!(words.contains("Vector dimension 2 does not match the dimension of the index 3"), "{words}");
    assert_eq!(client.get("/pc.v1/i/namespaces/n").await.status, 404);
}

#[tokio::test]
async fn a_path_is_matched_as_it_came() {
    let client = index().await;
    load(&client, "..").await;
    load(&client, "").await;
    for path in [
        "/pc.v1/i",
        "/pc.v1/i/",
        "/pc.v1/i/namespaces/",
        "/pc.v1/i/namespaces/../..",
        "/pc.v1/i/namespaces/%2E%2E/",
    ] {
        assert_eq!(client.delete(path).await.status, 404, "{path}");
    }
    assert_eq!(count(&client, "..").await, RECORDS);
    assert_eq!(client.delete("/pc.v1/i/namespaces/%2E%2E").await.status, 200);
    assert_eq!(
        (count(&client, "..").await, count(&client, "__default__").await),
        (Value::Null, json!(RECORDS))
    );
    assert_eq!(client.get("/pinecone/indexes/i").await.status, 200);
}
