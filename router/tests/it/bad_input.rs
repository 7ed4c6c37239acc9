//! Requests that are refused: with a code, with words, and without any effect.

use axum::body::Body;
use http::Request;
use lacuna_router::RouterConfig;
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, On, nodes};
use crate::http::Client;

/// Verb, body, status, code, and a part of the message.
type Case = (&'static str, Value, u16, &'static str, &'static str);

fn wrong_writes() -> Vec<Case> {
    let one = |record: Value| json!({"records": [{"id": "ok", "vector": [1, 2, 3]}, record]});
    vec![
        ("upsert", json!({"records": []}), 400, "invalid_argument", "at least one"),
        ("upsert", json!({}), 400, "invalid_argument", "missing field `records`"),
        ("upsert", json!({"records": [], "x": 1}), 400, "unknown_field", "unknown field `x`"),
        ("upsert", one(json!({"id": "a", "colour": 1})), 400, "unknown_field", "records[1]"),
        ("upsert", one(json!(["a", [1, 2, 3]])), 400, "invalid_argument", "records[1]: invalid type: a list"),
        (
            "upsert",
            json!({"records": {}}),
            400,
            "invalid_argument",
            "records: invalid type: an object, expected a list;",
        ),
        ("upsert", one(json!({"id": ""})), 400, "invalid_argument", "records[1].id"),
        ("upsert", one(json!({"id": 7})), 400, "invalid_argument", "records[1].id"),
        ("upsert", one(json!({"id": "x".repeat(4097)})), 400, "invalid_argument", "4097 bytes"),
        (
            "upsert",
            one(json!({"id": "a", "vector": [1, 2]})),
            400,
            "invalid_vector",
            "records[1].vector has 2",
        ),
        ("upsert", one(json!({"id": "a", "vector": []})), 400, "invalid_vector", "records[1].vector"),
        (
            "upsert",
            one(json!({"id": "a", "vector": [1, 1e39, 1]})),
            400,
            "invalid_vector",
            "records[1].vector[1]",
        ),
        (
            "upsert",
            one(json!({"id": "a", "vector": [1, "x", 1]})),
            400,
            "invalid_argument",
            "records[1].vector[1]",
        ),
        (
            "upsert",
            one(json!({"id": "a", "metadata": {"k": null}})),
            400,
            "invalid_argument",
            "records[1].metadata",
        ),
        (
            "upsert",
            one(json!({"id": "a", "metadata": {"k": {"l": 1}}})),
            400,
            "invalid_argument",
            "nested object",
        ),
        ("upsert", one(json!({"id": "a", "metadata": {"k": [1, "x"]}})), 400, "invalid_argument", "kind"),
        ("upsert", one(json!({"id": "a", "metadata": {"k": "x".repeat(41_000)}})), 413, "too_large", "40960"),
        ("upsert", one(json!({"id": "a", "document": "x".repeat(5 << 20)})), 413, "too_large", "document"),
        ("upsert", json!({"records": vec![json!({"id": "a"}); 10_001]}), 413, "too_large", "at most 10000"),
        (
            "upsert",
            json!({"namespace": "a\u{7}", "records": [{"id": "a"}]}),
            400,
            "invalid_argument",
            "namespace",
        ),
        ("update", one(json!({"id": "a", "vector": [1]})), 400, "invalid_vector", "records[1].vector has 1"),
    ]
}

fn wrong_deletes() -> Vec<Case> {
    vec![
        ("delete", json!({}), 400, "empty_selector", "no selector"),
        ("delete", json!(["", ["r0"]]), 400, "invalid_argument", "expected an object"),
        ("delete", json!({"ids": []}), 400, "empty_selector", "empty list"),
        ("delete", json!({"ids": null, "filter": {"a": 1}}), 400, "empty_selector", "ids: null"),
        ("delete", json!({"filter": {}}), 400, "empty_selector", "empty filter"),
        ("delete", json!({"filter": null}), 400, "empty_selector", "filter: null"),
        ("delete", json!({"delete_all": false}), 400, "empty_selector", "no selector"),
        ("delete", json!({"ids": ["a"], "delete_all": true}), 400, "invalid_argument", "delete_all"),
        ("delete", json!({"ids": ["a"], "limit": 1}), 400, "invalid_argument", "limit"),
        ("delete", json!({"filter": {"a": 1}, "limit": 0}), 400, "invalid_argument", "limit"),
        ("delete", json!({"filter": {"a": 1}, "limit": -1}), 400, "invalid_argument", "limit"),
        ("delete", json!({"filter": {"a": {"$like": "x"}}}), 400, "invalid_filter", "$like"),
        ("delete", json!({"filter": {"a": {"$in": []}}}), 400, "invalid_filter", "$in"),
        ("delete", json!({"filter": {"$and": []}}), 400, "invalid_filter", "$and"),
        ("delete", json!({"filter": deep(40)}), 400, "invalid_filter", "nested too deep"),
        ("delete", json!({"where": {"a": 1}}), 400, "unknown_field", "unknown field `where`"),
        ("delete", json!({"ids": vec!["a"; 10_001]}), 413, "too_large", "at most 10000"),
        ("delete/preview", json!({"filter": {}}), 400, "empty_selector", "empty filter"),
        ("delete/preview", json!({"ids": ["a"], "filter": {"a": 1}}), 400, "invalid_argument", "one of"),
    ]
}

fn wrong_reads() -> Vec<Case> {
    vec![
        ("query", json!({"vector": [1, 2], "top_k": 1}), 400, "invalid_vector", "2 components, expected 3"),
        ("query", json!({"vector": [1, 2, 3]}), 400, "invalid_argument", "top_k"),
        ("query", json!({"vector": [1, 2, 3], "top_k": 0}), 400, "invalid_argument", "top_k"),
        ("query", json!({"vector": [1, 2, 3], "top_k": 10_001}), 400, "invalid_argument", "top_k"),
        ("query", json!({"top_k": 1}), 400, "invalid_argument", "either vector or vectors"),
        ("query", json!({"vectors": [], "top_k": 1}), 400, "invalid_argument", "vectors"),
        ("query", json!({"vectors": vec![[1, 2, 3]; 101], "top_k": 1}), 400, "invalid_argument", "1 to 100"),
        ("query", json!({"vector": [1, 2, 3], "top_k": 1, "ef": 0}), 400, "invalid_argument", "ef"),
        (
            "query",
            json!({"vector": [1, 2, 3], "top_k": 1, "include": ["all"]}),
            400,
            "invalid_argument",
            "include[0]",
        ),
        ("get", json!({"ids": []}), 400, "invalid_argument", "ids"),
        ("get", json!({"ids": ["a"], "limit": 1}), 400, "invalid_argument", "ids"),
        ("get", json!({"cursor": "?"}), 400, "invalid_argument", "cursor"),
        ("list", json!({"limit": 1_001}), 400, "invalid_argument", "limit"),
        ("count", json!({"filter": []}), 400, "invalid_filter", "filter"),
    ]
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({"a": 1}), |inner, _| json!({"$not": inner}))
}

#[tokio::test]
async fn a_wrong_body_is_refused_by_what_is_wrong_with_it() {
    let client = Client::new().await;
    client.load(3).await;
    for (verb, body, status, code, words) in
        wrong_writes().into_iter().chain(wrong_deletes()).chain(wrong_reads())
    {
        let answer = client.records(verb, &body).await;
        let shown: String = body.to_string().chars().take(200).collect();
        assert_eq!(answer.status, status, "{verb} {shown}: {}", answer.text);
        let error = &answer.body["error"];
        assert_eq!(error["code"], code, "{verb} {shown}: {}", answer.text);
        assert!(error["message"].as_str().expect("words").contains(words), "{verb} {shown}: {}", answer.text);
        assert!(error["retry"] == "never" && error["details"].is_object(), "{}", answer.text);
    }
    assert_eq!(client.fake.live(), 3, "nothing was changed");
}

#[tokio::test]
async fn invalid_json_is_refused_with_its_place() {
    let client = Client::new().await;
    for (text, line, column) in [("{\"ids\": [}", 1, 10), ("{\n \"ids\": [\"a\",]}", 2, 14), ("", 1, 0)] {
        let request =
            Request::post("/v1/collections/c/records/delete").header("content-type", "application/json");
        let answer = client.send(request.body(Body::from(text)).expect("a request")).await;
        let error = &answer.body["error"];
        assert_eq!(
            (answer.status, error["code"].as_str()),
            (400, Some("invalid_json")),
            "{text}: {}",
            answer.text
        );
        assert_eq!(
            (&error["details"]["line"], &error["details"]["column"]),
            (&json!(line), &json!(column)),
            "{text}"
        );
    }
    let request =
        Request::post("/v1/collections/c/records/upsert").header("content-type", "application/json");
    let text = r#"{"records": [{"id": "a", "vector": [1, 1e999, 2]}]}"#;
    let answer = client.send(request.body(Body::from(text)).expect("a request")).await;
    let error = &answer.body["error"];
    assert_eq!((answer.status, error["code"].as_str()), (400, Some("invalid_vector")), "{}", answer.text);
    assert_eq!(error["details"]["path"], "records[0].vector[1]", "{}", answer.text);
}

#[tokio::test]
async fn routes_methods_types_and_sizes_are_refused_in_json() {
    let client = Client::new().await;
    let post = |path: &str, kind: &str, body: Vec<u8>| {
        Request::post(path).header("content-type", kind).body(Body::from(body)).expect("a request")
    };
    let path = "/v1/collections/c/records/delete";
    let large = vec![b' '; (32 << 20) + 1];
    for (request, status, code) in [
        (post("/v2/nothing", "application/json", vec![]), 404, "not_found"),
        (Request::put(path).body(Body::empty()).expect("a request"), 405, "method_not_allowed"),
        (post(path, "text/plain", vec![]), 415, "unsupported_media_type"),
        (post(path, "application/x-www-form-urlencoded", b"{}".to_vec()), 415, "unsupported_media_type"),
        (Request::post(path).body(Body::from("{}")).expect("a request"), 415, "unsupported_media_type"),
        (post(path, "application/json; charset=utf-8", large), 413, "too_large"),
        (
            post("/v1/collections/nope/records/delete", "application/json", br#"{"ids":["a"]}"#.to_vec()),
            404,
            "not_found",
        ),
        (post("/v1/collections/99/records/count", "application/json", b"{}".to_vec()), 404, "not_found"),
    ] {
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.body["error"]["code"].as_str()),
            (status, Some(code)),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn headers_and_names_are_checked() {
    let client = Client::new().await;
    let path = "/v1/collections/c/records/count";
    for (name, value) in [
        ("lacuna-deadline-ms", "99"),
        ("lacuna-deadline-ms", "60001"),
        ("lacuna-deadline-ms", "soon"),
        ("idempotency-key", "lop1_forged"),
        ("idempotency-key", "a b"),
    ] {
        let answer = client.post_with(path, &json!({}), &[(name, value)]).await;
        assert_eq!(answer.status, 400, "{name}: {value}: {}", answer.text);
    }
    for (name, dimension) in [("", 3), ("a/b", 3), ("42", 3), ("ok", 0), ("ok", 20_001)] {
        let body = json!({"name": name, "dimension": dimension, "metric": "dot"});
        let answer = client.post("/v1/collections", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    let body = json!({"name": "ok", "dimension": 3, "metric": "manhattan"});
    assert_eq!(client.post("/v1/collections", &body).await.status, 400);
    let query = client.post("/v1/collections/c/records/delete?remains=true", &json!({"ids": ["a"]})).await;
    assert_eq!(query.status, 400, "{}", query.text);
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_back() {
    let fake = Fake::new();
    fake.fail(On::MetaReads, Fault::Stopped, usize::MAX);
    let client = Client::with(fake, RouterConfig { max_concurrent: 1, ..RouterConfig::new(nodes()) });
    let body = json!({});
    let (first, second) = tokio::join!(client.within(300, "count", &body), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        client.within(300, "count", &body).await
    });
    assert_eq!((first.status, second.status), (503, 429), "{first:?} {second:?}");
    assert_eq!(second.body["error"]["retry"], "same_request");
}
