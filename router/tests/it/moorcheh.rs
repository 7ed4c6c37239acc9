//! Moorcheh's surface over shards that fail as told: what its clients are told then.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, On};
use crate::http::{Answer, Client};

const V1: &str = "/moorcheh/v1";

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client.post(&format!("{V1}{path}"), body).await
}

async fn within(client: &Client, ms: u64, path: &str, body: &Value) -> Answer {
    client.post_with(&format!("{V1}{path}"), body, &[("lacuna-deadline-ms", &ms.to_string())]).await
}

/// A router with the text namespace `docs` and the vector namespace `vecs`.
async fn client() -> Client {
    let client = Client::on(Fake::new());
    for body in [
        json!({"namespace_name": "docs", "type": "text", "vector_dimension": null}),
        json!({"namespace_name": "vecs", "type": "vector", "vector_dimension": 2}),
    ] {
        let made = post(&client, "/namespaces", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    client
}

async fn with_documents(documents: usize) -> Client {
    let client = client().await;
    let documents: Vec<Value> =
        (0..documents).map(|n| json!({"id": n, "text": format!("text {n}"), "n": n})).collect();
    let stored = post(&client, "/namespaces/docs/documents", &json!({"documents": documents})).await;
    assert_eq!(stored.status, 202, "{stored:?}");
    client
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn count(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

async fn retry_after(client: &Client, path: &str, body: &Value) -> Option<String> {
    let request = Request::post(format!("{V1}{path}"))
        .header("content-type", "application/json")
        .header("lacuna-deadline-ms", "300")
        .body(Body::from(body.to_string()))
        .expect("a request");
    client.header(request, "retry-after").await
}

#[tokio::test]
async fn a_delete_with_a_shard_away_names_its_ids_and_counts_what_it_last_told() {
    let client = with_documents(20).await;
    client.fake.fail(On::Shard(2), Fault::Unavailable, usize::MAX);
    let mut sent: Vec<Value> = ids(20).into_iter().map(Value::from).collect();
    sent.push(json!("never"));
    sent.push(json!(0));
    let answer = within(&client, 500, "/namespaces/docs/documents/delete", &json!({"ids": sent})).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    let body = &answer.body;
    let open = count(&body["unprocessed_ids"]);
    let deleted = body["actual_deletions"].as_u64().expect("a number") as usize;
    assert!(open > 0 && deleted > 0, "{body}");
    assert_eq!(body["status"], "partial");
    assert_eq!(body["requested_deletions"], 22);
    assert_eq!(count(&body["requested_ids"]), 22, "repeats are kept");
    assert_eq!(count(&body["errors"]), open);
    assert_eq!(body["errors"][0]["id"], body["unprocessed_ids"][0]);
    assert_eq!(body["remaining_items_exact"], false);
    assert_eq!(body["remaining_items"], 20 - deleted, "what the shard told at the upload: {body}");
    assert_eq!(client.fake.live(), 20 - deleted);
    assert_eq!(answer.says.as_deref(), Some("partial"));
    // In the order sent, each once.
    let open: Vec<&str> =
        body["unprocessed_ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    let order: Vec<String> = ids(20).into_iter().chain(["never".to_owned()]).collect();
    let expected: Vec<&str> = order.iter().map(String::as_str).filter(|id| open.contains(id)).collect();
    assert_eq!(open, expected);

    client.fake.heal();
    let again = post(&client, "/namespaces/docs/documents/delete", &json!({"ids": open})).await;
    assert_eq!((again.status, &again.body["remaining_items"]), (200, &json!(0)), "{again:?}");
    assert!(again.body.get("unprocessed_ids").is_none() && again.body.get("errors").is_none());
    assert!(again.body.get("remaining_items_exact").is_none(), "{again:?}");
    assert_eq!(client.fake.live(), 0);
}

#[tokio::test]
async fn a_shard_that_took_no_part_and_is_away_makes_the_number_inexact_and_nothing_else() {
    let client = with_documents(20).await;
    let one = post(&client, "/namespaces/docs/documents/delete", &json!({"ids": ["0"]})).await;
    assert_eq!((one.status, &one.body["remaining_items"]), (200, &json!(19)), "{one:?}");
    client.fake.fail(On::ShardReads(0), Fault::Unavailable, usize::MAX);
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    client.fake.fail(On::ShardReads(2), Fault::Unavailable, usize::MAX);
    client.fake.fail(On::ShardReads(3), Fault::Unavailable, usize::MAX);
    let answer = within(&client, 300, "/namespaces/docs/documents/delete", &json!({"ids": [1]})).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("success")), "{answer:?}");
    assert_eq!(answer.body["remaining_items"], 18);
    assert_eq!(answer.body["remaining_items_exact"], false);
}

#[tokio::test]
async fn a_delete_that_no_shard_confirms_is_503_and_claims_nothing() {
    for fault in [Fault::Unavailable, Fault::LostAfter, Fault::Stopped] {
        let client = with_documents(8).await;
        for shard in 0..4 {
            client.fake.fail(On::Shard(shard), fault.clone(), usize::MAX);
        }
        let body = json!({"ids": [0, "1", 1, "gone"]});
        let began = Instant::now();
        let answer = within(&client, 300, "/namespaces/docs/documents/delete", &body).await;
        assert_eq!(answer.status, 503, "{fault:?}: {answer:?}");
        assert_eq!(answer.body["unprocessed_ids"], json!(["0", "1", "gone"]));
        assert_eq!(answer.body["actual_deletions"], 0);
        assert_eq!(answer.body["status"], "failure");
        assert_eq!(answer.body["error_code"], "UNAVAILABLE");
        assert!(!answer.body["message"].as_str().expect("words").contains("nothing"), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        let again = retry_after(&client, "/namespaces/docs/documents/delete", &body).await;
        assert_eq!(again.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn a_repeat_after_a_lost_answer_counts_what_it_did_itself() {
    let client = with_documents(8).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::LostAfter, 1);
    }
    let answer = post(&client, "/namespaces/docs/documents/delete", &json!({"ids": ids(8)})).await;
    assert_eq!((answer.status, &answer.body["actual_deletions"]), (200, &json!(8)), "{answer:?}");
    let answer = post(&client, "/namespaces/docs/documents/delete", &json!({"ids": ids(8)})).await;
    assert_eq!((answer.status, &answer.body["actual_deletions"]), (200, &json!(0)), "{answer:?}");
}

#[tokio::test]
async fn an_upload_of_documents_that_a_shard_did_not_take_is_sent_again_whole() {
    let client = client().await;
    let documents: Vec<Value> = (0..20).map(|n| json!({"id": n, "text": "t"})).collect();
    let body = json!({"documents": documents});
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let answer = within(&client, 300, "/namespaces/docs/documents", &body).await;
    assert_eq!((answer.status, &answer.body["error_code"]), (503, &json!("UNAVAILABLE")), "{answer:?}");
    client.fake.heal();
    let answer = post(&client, "/namespaces/docs/documents", &body).await;
    assert_eq!((answer.status, &answer.body["documents_processed"]), (202, &json!(20)), "{answer:?}");
    assert_eq!(client.fake.live(), 20);
}

#[tokio::test]
async fn vectors_that_are_bad_or_whose_shard_is_away_are_named() {
    let client = client().await;
    let mut vectors: Vec<Value> = (0..20).map(|n| json!({"id": n, "vector": [1, n]})).collect();
    vectors.extend([
        json!({"id": "short", "vector": [1]}),
        json!({"id": "huge", "vector": [1, 1e39]}),
        json!({"id": "words", "vector": [1, "x"]}),
        json!({"id": true, "vector": [1, 1]}),
        json!({"id": "none"}),
        json!([]),
    ]);
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let answer = within(&client, 300, "/namespaces/vecs/vectors", &json!({"vectors": vectors})).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    let (stored, errors) = (&answer.body["vector_ids_processed"], &answer.body["errors"]);
    assert_eq!(count(stored) + count(errors), 26);
    assert_eq!(answer.body["vectors_processed"], count(stored));
    assert_eq!(client.fake.live(), count(stored));
    let of = |index: usize| {
        errors.as_array().expect("errors").iter().find(|error| error["index"] == index).expect("an error")
    };
    assert_eq!(of(20)["id"], "short");
    assert_eq!(of(23)["id"], Value::Null);
    for (index, words) in [
        (20, "1 components"),
        (21, "finite"),
        (22, "finite"),
        (23, "a bool"),
        (24, "missing"),
        (25, "a list"),
    ] {
        assert!(of(index)["error"].as_str().expect("words").contains(words), "{errors}");
    }
    let bad = json!({"vectors": [{"id": "a", "vector": [1]}, {"id": "b", "vector": "x"}]});
    let answer = post(&client, "/namespaces/vecs/vectors", &bad).await;
    assert_eq!(
        (answer.status, &answer.body["error_code"]),
        (400, &json!("DIMENSION_MISMATCH")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_search_that_misses_a_shard_is_no_answer() {
    let client = with_documents(20).await;
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    for query in ["text 1", "#text"] {
        let body = json!({"namespaces": ["docs"], "query": query});
        let answer = within(&client, 300, "/search", &body).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (503, &json!("UNAVAILABLE")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_namespace_dropped_with_a_shard_away_is_gone_at_once_and_its_name_starts_empty() {
    let client = with_documents(20).await;
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let request = Request::delete(format!("{V1}/namespaces/docs"))
        .header("lacuna-deadline-ms", "300")
        .body(Body::empty())
        .expect("a request");
    let answer = client.send(request).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("partial")), "{answer:?}");
    assert_eq!(answer.body["pending_shards"], json!([1]));
    let get = post(&client, "/namespaces/docs/documents/get", &json!({"ids": [1]})).await;
    assert_eq!((get.status, &get.body["error_code"]), (404, &json!("NAMESPACE_NOT_FOUND")), "{get:?}");
    let made = json!({"namespace_name": "docs", "type": "vector", "vector_dimension": 2});
    assert_eq!(post(&client, "/namespaces", &made).await.status, 201);
    client.fake.heal();
    let get = post(&client, "/namespaces/docs/documents/get", &json!({"ids": [1]})).await;
    assert_eq!((get.status, &get.body["found_items"]), (200, &json!(0)), "{get:?}");
    let list = client.get(&format!("{V1}/namespaces/")).await;
    assert_eq!(list.body["namespaces"][0]["item_count"], 0, "{list:?}");
    assert_eq!(list.body["namespaces"][0]["type"], "vector");
}

/// A router whose lease is older than the name's new meaning: it works on the new one, or says no, but never
/// puts an item of one type into a namespace of the other.
#[tokio::test]
async fn a_stale_router_does_not_mix_an_old_namespace_with_a_new_one_of_its_name() {
    let stale = with_documents(4).await;
    let other = Client::on(std::sync::Arc::clone(&stale.fake));
    assert_eq!(other.delete(&format!("{V1}/namespaces/docs")).await.status, 200);
    let made = json!({"namespace_name": "docs", "type": "vector", "vector_dimension": 512});
    assert_eq!(post(&other, "/namespaces", &made).await.status, 201);
    let upload = json!({"documents": [{"id": 1, "text": "t"}]});
    let answer = post(&stale, "/namespaces/docs/documents", &upload).await;
    assert_eq!(
        (answer.status, &answer.body["error_code"]),
        (400, &json!("WRONG_NAMESPACE_TYPE")),
        "{answer:?}"
    );
    let vector = vec![0.5; 512];
    let upload = json!({"vectors": [{"id": 1, "vector": vector}]});
    let answer = post(&stale, "/namespaces/docs/vectors", &upload).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(stale.fake.live(), 1);
}

#[tokio::test]
async fn the_whole_list_is_counted_with_what_an_absent_shard_told_last() {
    let client = with_documents(20).await;
    client.fake.fail(On::ShardReads(1), Fault::Unavailable, usize::MAX);
    let request = Request::get(format!("{V1}/namespaces"))
        .header("lacuna-deadline-ms", "300")
        .body(Body::empty())
        .expect("a request");
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["namespaces"][0]["item_count"], 20);
    assert_eq!(answer.body["namespaces"][0]["item_count_exact"], false);
}

#[tokio::test]
async fn refusals_have_this_surfaces_words_and_statuses() {
    let client = with_documents(3).await;
    let many: Vec<usize> = (0..1_001).collect();
    for (path, body, status, code) in [
        ("/namespaces/docs/documents/delete", json!({"ids": many}), 400, "TOO_MANY_IDS"),
        ("/namespaces/docs/documents/delete", json!({"ids": []}), 400, "INVALID_FIELD"),
        ("/namespaces/docs/documents/delete", json!({"ids": [true]}), 400, "INVALID_FIELD"),
        ("/namespaces/docs/documents/delete", json!({"ids": "a"}), 400, "INVALID_FIELD"),
        ("/namespaces/docs/documents/delete", json!({}), 400, "INVALID_FIELD"),
        ("/namespaces/docs/documents/delete", json!([]), 400, "INVALID_FIELD"),
        ("/namespaces/docs/vectors/delete", json!({"ids": [1]}), 400, "WRONG_NAMESPACE_TYPE"),
        ("/namespaces/vecs/documents/delete", json!({"ids": [1]}), 400, "WRONG_NAMESPACE_TYPE"),
        ("/namespaces/none/documents/delete", json!({"ids": [1]}), 404, "NAMESPACE_NOT_FOUND"),
        ("/namespaces/n%C3%A4/documents/delete", json!({"ids": [1]}), 404, "NAMESPACE_NOT_FOUND"),
        ("/namespaces/none/documents/delete", json!({"ids": []}), 400, "INVALID_FIELD"),
        ("/namespaces", json!({"namespace_name": "docs", "type": "text"}), 409, "NAMESPACE_EXISTS"),
        ("/namespaces", json!({"namespace_name": "a b", "type": "text"}), 400, "INVALID_FIELD"),
        ("/namespaces", json!({"namespace_name": "v", "type": "vector"}), 400, "INVALID_FIELD"),
        (
            "/namespaces",
            json!({"namespace_name": "v", "type": "vector", "vector_dimension": 65_536}),
            400,
            "INVALID_FIELD",
        ),
        (
            "/namespaces",
            json!({"namespace_name": "v", "type": "text", "vector_dimension": 3}),
            400,
            "INVALID_FIELD",
        ),
        ("/search", json!({"namespaces": ["docs", "vecs"], "query": "x"}), 400, "WRONG_NAMESPACE_TYPE"),
        ("/search", json!({"namespaces": ["vecs"], "query": [1, 2, 3]}), 400, "DIMENSION_MISMATCH"),
        ("/search", json!({"namespaces": ["none"], "query": "x"}), 404, "NAMESPACE_NOT_FOUND"),
        ("/search", json!({"namespaces": ["docs"], "query": "x", "kiosk_mode": true}), 400, "INVALID_FIELD"),
        ("/search", json!({"namespaces": ["docs"], "query": "x", "top_k": 0}), 400, "INVALID_FIELD"),
        ("/search", json!({"namespaces": ["docs"], "query": true}), 400, "INVALID_FIELD"),
        ("/answer", json!({"namespace": "docs", "query": "x"}), 422, "UNSUPPORTED"),
        ("/answer", json!({"namespace": "none", "query": "x"}), 404, "NAMESPACE_NOT_FOUND"),
        ("/namespaces/docs/upload-url", json!({"fileName": "x"}), 422, "UNSUPPORTED"),
        ("/nonsense", json!({}), 404, "UNSUPPORTED"),
        ("/namespaces/docs", json!({}), 405, "UNSUPPORTED"),
    ] {
        let answer = post(&client, path, &body).await;
        let got = (answer.status, answer.body["error_code"].as_str().unwrap_or_default());
        assert_eq!(got, (status, code), "{path} {body}: {answer:?}");
        assert_eq!(answer.body["status"], "failure");
    }
    assert_eq!(client.fake.live(), 3, "nothing was changed");
    let request = Request::put(format!("{V1}/namespaces/docs/documents/delete/"));
    let allow = client.header(request.body(Body::empty()).expect("a request"), "allow").await;
    assert_eq!(allow.as_deref(), Some("POST"));
    let no_json =
        Request::post(format!("{V1}/search")).header("content-type", "application/json; charset=utf-8");
    let answer = client.send(no_json.body(Body::from("{")).expect("a request")).await;
    assert_eq!((answer.status, &answer.body["error_code"]), (400, &json!("INVALID_JSON")), "{answer:?}");
    let form = Request::post(format!("{V1}/search")).header("content-type", "text/plain");
    let answer = client.send(form.body(Body::from("{}")).expect("a request")).await;
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[tokio::test]
async fn texts_of_another_embedder_are_not_searched_or_added_to_but_deleted() {
    use lacuna_router::embed::{EmbeddingConfig, EndpointConfig};
    let client = with_documents(3).await;
    let endpoint = EndpointConfig::new("http://127.0.0.1:9", "m", None).expect("an endpoint");
    let endpoint = endpoint.with_dimension(3).expect("a dimension");
    let config = lacuna_router::RouterConfig {
        embedding: EmbeddingConfig::Endpoint(endpoint),
        ..lacuna_router::RouterConfig::new(crate::fake::nodes())
    };
    let other = Client::with(std::sync::Arc::clone(&client.fake), config);
    let upload = json!({"documents": [{"id": 9, "text": "t"}]});
    let search = json!({"namespaces": ["docs"], "query": "x"});
    for (path, body) in [("/namespaces/docs/documents", &upload), ("/search", &search)] {
        let answer = post(&other, path, body).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (422, &json!("UNSUPPORTED")), "{answer:?}");
        assert!(answer.body["message"].as_str().expect("words").contains("lexical-1"), "{answer:?}");
    }
    let answer = post(&other, "/namespaces/docs/documents/delete", &json!({"ids": [0]})).await;
    assert_eq!((answer.status, &answer.body["remaining_items"]), (200, &json!(2)), "{answer:?}");
    // Its own namespace needs the endpoint, which is away: nothing is stored.
    let made = json!({"namespace_name": "far", "type": "text"});
    assert_eq!(post(&other, "/namespaces", &made).await.status, 201);
    let answer = within(&other, 500, "/namespaces/far/documents", &upload).await;
    assert_eq!((answer.status, &answer.body["error_code"]), (503, &json!("UNAVAILABLE")), "{answer:?}");
    assert_eq!(client.fake.live(), 2);
}

#[tokio::test]
async fn with_keys_on_no_key_is_401_and_one_that_is_not_known_403() {
    use lacuna_model::access::SecretHash;
    let root = "root-key-of-at-least-twenty";
    let config = lacuna_router::RouterConfig {
        root_key: Some(SecretHash::of(root)),
        ..lacuna_router::RouterConfig::new(crate::fake::nodes())
    };
    let client = Client::with(Fake::new(), config);
    for (key, status, code) in [
        (None, 401, "UNAUTHENTICATED"),
        (Some(""), 401, "UNAUTHENTICATED"),
        (Some("nobody's"), 403, "FORBIDDEN"),
        (Some(root), 200, ""),
    ] {
        let mut request = Request::get(format!("{V1}/namespaces"));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let answer = client.send(request.body(Body::empty()).expect("a request")).await;
        let got = (answer.status, answer.body["error_code"].as_str().unwrap_or_default());
        assert_eq!(got, (status, code), "{key:?}: {answer:?}");
    }
}
