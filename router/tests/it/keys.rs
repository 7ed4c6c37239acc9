//! Keys at the door, rights and reach in the verbs, accounts apart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use lacuna_model::access::SecretHash;
use lacuna_router::RouterConfig;
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, On, nodes};
use crate::http::{Answer, Client, many};

const ROOT: &str = "the-root-key-of-these-tests";

fn guarded(fake: Arc<Fake>) -> Client {
    let root_key = Some(SecretHash::of(ROOT));
    Client::with(fake, RouterConfig { root_key, ..RouterConfig::new(nodes()) })
}

/// What is sent with a request besides its body.
#[derive(Clone, Copy)]
struct As<'a> {
    key: Option<&'a str>,
    account: Option<&'a str>,
}

const OVER: As<'static> = As { key: Some(ROOT), account: None };

fn by(key: &str) -> As<'_> {
    As { key: Some(key), account: None }
}

async fn ask(client: &Client, who: As<'_>, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = who.key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    if let Some(account) = who.account {
        request = request.header("lacuna-account", account);
    }
    let body = match body {
        None => Body::empty(),
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
    };
    client.send(request.body(body).expect("a request")).await
}

async fn post(client: &Client, who: As<'_>, path: &str, body: Value) -> Answer {
    ask(client, who, "POST", path, Some(&body)).await
}

/// A key's id and its secret.
async fn key(client: &Client, who: As<'_>, body: Value) -> (String, String) {
    let made = post(client, who, "/v1/keys", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&made.body["key"]["id"]), text(&made.body["secret"]))
}

async fn with_rights(client: &Client, rights: &[&str]) -> String {
    key(client, OVER, json!({"name": "k", "rights": rights})).await.1
}

/// A router with keys on before a new cluster with records in `c`.
async fn loaded() -> Client {
    let client = guarded(Fake::new());
    make(&client, OVER, "c").await;
    let path = "/v1/collections/c/records/upsert";
    let written = post(&client, OVER, path, json!({"records": many(8)})).await;
    assert_eq!(written.status, 200, "{written:?}");
    client
}

async fn make(client: &Client, who: As<'_>, name: &str) {
    let body = json!({"name": name, "dimension": 3, "metric": "l2"});
    let made = post(client, who, "/v1/collections", body).await;
    assert_eq!(made.status, 201, "{made:?}");
}

fn refused(answer: &Answer, status: u16, code: &str, detail: (&str, &str)) {
    let error = &answer.body["error"];
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(error["details"][detail.0].as_str(), Some(detail.1), "{answer:?}");
}

#[tokio::test]
async fn with_a_root_key_every_request_needs_a_key_but_health_needs_none() {
    let client = loaded().await;
    let count = |who| post(&client, who, "/v1/collections/c/records/count", json!({}));
    assert_eq!(count(OVER).await.body["count"], 8);
    refused(&count(As { key: None, account: None }).await, 401, "unauthenticated", ("key", "missing"));
    let wrong = format!("lacuna_{}", "0".repeat(64));
    for key in ["x", "lacuna_", wrong.as_str(), &ROOT[1..]] {
        refused(&count(by(key)).await, 401, "unauthenticated", ("key", "unknown"));
    }
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/openapi.json").await.status, 200);
}

#[tokio::test]
async fn each_verb_takes_its_right_and_no_other() {
    let client = loaded().await;
    let records = "/v1/collections/c/records";
    let one = json!({"id": "x", "vector": [1, 2, 3]});
    let verbs: Vec<(&str, &str, String, Option<Value>)> = vec![
        ("read", "POST", format!("{records}/count"), Some(json!({}))),
        ("read", "POST", format!("{records}/get"), Some(json!({"ids": ["r1"]}))),
        ("read", "POST", format!("{records}/list"), Some(json!({}))),
        ("read", "POST", format!("{records}/query"), Some(json!({"vector": [0, 0, 1], "top_k": 1}))),
        ("read", "GET", "/v1/collections/c/namespaces".to_owned(), None),
        ("write", "POST", format!("{records}/upsert"), Some(json!({"records": [one.clone()]}))),
        ("write", "POST", format!("{records}/update"), Some(json!({"records": [one]}))),
        ("delete", "POST", format!("{records}/delete"), Some(json!({"ids": ["x"]}))),
        ("delete", "POST", format!("{records}/delete"), Some(json!({"ids": ["x"], "filter": {"n": 1}}))),
        ("delete", "POST", format!("{records}/delete"), Some(json!({"filter": {"n": 77}}))),
        ("delete", "POST", format!("{records}/delete/preview"), Some(json!({"delete_all": true}))),
        ("delete", "POST", format!("{records}/delete"), Some(json!({"delete_all": true, "namespace": "n"}))),
        ("delete", "DELETE", "/v1/collections/c/namespaces/n".to_owned(), None),
        (
            "admin",
            "POST",
            "/v1/collections".to_owned(),
            Some(json!({"name": "d", "dimension": 3, "metric": "l2"})),
        ),
        ("admin", "DELETE", "/v1/collections/d".to_owned(), None),
        ("admin", "GET", "/v1/keys".to_owned(), None),
    ];
    let rights = ["read", "write", "delete", "admin"];
    for (needed, method, path, body) in &verbs {
        let others: Vec<&str> = rights.iter().copied().filter(|right| right != needed).collect();
        let (without, with) = (with_rights(&client, &others).await, with_rights(&client, &[needed]).await);
        let before = client.fake.world.lock().recorded.len();
        let denied = ask(&client, by(&without), method, path, body.as_ref()).await;
        refused(&denied, 403, "forbidden", ("needs", needed));
        assert_eq!(client.fake.world.lock().recorded.len(), before, "{method} {path}: nothing was recorded");
        let allowed = ask(&client, by(&with), method, path, body.as_ref()).await;
        assert!(allowed.status < 300, "{method} {path} with {needed}: {allowed:?}");
    }
    let everything = with_rights(&client, &rights).await;
    for path in ["/v1/cluster", "/v1/accounts"] {
        refused(&ask(&client, by(&everything), "GET", path, None).await, 403, "forbidden", ("needs", "root"));
        assert_eq!(ask(&client, OVER, "GET", path, None).await.status, 200);
    }
}

#[tokio::test]
async fn a_read_key_cannot_delete() {
    let client = loaded().await;
    let reader = with_rights(&client, &["read"]).await;
    for body in [json!({"ids": ["r1"]}), json!({"filter": {"even": true}}), json!({"delete_all": true})] {
        let told = post(&client, by(&reader), "/v1/collections/c/records/delete", body).await;
        refused(&told, 403, "forbidden", ("needs", "delete"));
    }
    let dropped = ask(&client, by(&reader), "DELETE", "/v1/collections/c", None).await;
    refused(&dropped, 403, "forbidden", ("needs", "admin"));
    assert_eq!(client.fake.live(), 8);
}

#[tokio::test]
async fn a_key_reaches_the_collections_it_names_also_made_anew_and_no_others() {
    let client = loaded().await;
    make(&client, OVER, "d").await;
    let rights = ["read", "write", "delete", "admin"];
    let only = json!({"name": "k", "rights": rights, "collections": [{"name": "d"}]});
    let (_, limited) = key(&client, OVER, only).await;
    let who = by(&limited);
    let listed = ask(&client, who, "GET", "/v1/collections", None).await;
    let names: Vec<&str> = listed.body["collections"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["name"].as_str())
        .collect();
    assert_eq!(names, ["d"]);
    for c in ["c", "1"] {
        for (method, path, body) in [
            ("GET", format!("/v1/collections/{c}"), None),
            ("POST", format!("/v1/collections/{c}/records/count"), Some(json!({}))),
            ("POST", format!("/v1/collections/{c}/records/upsert"), Some(json!({"records": many(1)}))),
            ("POST", format!("/v1/collections/{c}/records/delete"), Some(json!({"ids": ["r1"]}))),
            ("POST", format!("/v1/collections/{c}/records/delete"), Some(json!({"filter": {"n": 1}}))),
            ("POST", format!("/v1/collections/{c}/records/delete"), Some(json!({"delete_all": true}))),
            ("DELETE", format!("/v1/collections/{c}"), None),
        ] {
            let told = ask(&client, who, method, &path, body.as_ref()).await;
            refused(&told, 403, "forbidden", ("needs", "reach"));
        }
    }
    let foreign =
        post(&client, who, "/v1/collections", json!({"name": "e", "dimension": 3, "metric": "l2"})).await;
    refused(&foreign, 403, "forbidden", ("needs", "reach"));
    // An operation on what it doesn't reach is none of its business either.
    let all = post(&client, OVER, "/v1/collections/c/records/delete", json!({"filter": {"n": 1}})).await;
    let path = format!("/v1/operations/{}", all.body["op_id"].as_str().expect("a name"));
    refused(&ask(&client, who, "GET", &path, None).await, 403, "forbidden", ("needs", "reach"));
    let operations = ask(&client, who, "GET", "/v1/operations", None).await;
    assert_eq!(operations.body["operations"], json!([]), "{operations:?}");
    // Dropped and made anew under its name it is the same to the key.
    assert_eq!(ask(&client, who, "DELETE", "/v1/collections/d", None).await.status, 200);
    make(&client, who, "d").await;
    let counted = post(&client, who, "/v1/collections/d/records/count", json!({})).await;
    assert_eq!(counted.body["count"], 0, "{counted:?}");
    // It makes no keys: that takes a reach over everything.
    let told = post(&client, who, "/v1/keys", json!({"name": "k", "rights": ["read"]})).await;
    refused(&told, 403, "forbidden", ("needs", "reach"));
}

#[tokio::test]
async fn two_accounts_with_the_same_names_never_see_each_other() {
    let client = loaded().await;
    let made = post(&client, OVER, "/v1/accounts", json!({"name": "other"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(post(&client, OVER, "/v1/accounts", json!({"name": "other"})).await.status, 409);
    let there = As { key: Some(ROOT), account: Some("other") };
    let all = json!({"name": "k", "rights": ["read", "write", "delete", "admin"]});
    let ((_, mine), (_, theirs)) = (key(&client, OVER, all.clone()).await, key(&client, there, all).await);
    let (mine, theirs) = (by(&mine), by(&theirs));
    let count = |who| post(&client, who, "/v1/collections/c/records/count", json!({}));
    assert_eq!(count(theirs).await.status, 404, "there is no such name in this account yet");
    make(&client, theirs, "c").await;
    let upsert = post(&client, theirs, "/v1/collections/c/records/upsert", json!({"records": many(3)})).await;
    assert_eq!((upsert.status, upsert.body["inserted"].as_u64()), (200, Some(3)), "{upsert:?}");
    assert_eq!(
        (count(mine).await.body["count"].as_u64(), count(theirs).await.body["count"].as_u64()),
        (Some(8), Some(3))
    );
    // An id of the other account's is no id; an absent one looks the same but for its number.
    let foreign = ask(&client, theirs, "GET", "/v1/collections/1", None).await;
    let absent = ask(&client, theirs, "GET", "/v1/collections/99", None).await;
    assert_eq!((foreign.status, foreign.text.replace("id 1;", "id 99;")), (404, absent.text));
    for (method, path, body) in [
        ("POST", "/v1/collections/1/records/get", Some(json!({"ids": ["r1"]}))),
        ("POST", "/v1/collections/1/records/upsert", Some(json!({"records": many(1)}))),
        ("POST", "/v1/collections/1/records/delete", Some(json!({"delete_all": true}))),
        ("POST", "/v1/collections/1/records/delete", Some(json!({"filter": {"n": 1}}))),
        ("DELETE", "/v1/collections/1", None),
    ] {
        let told = ask(&client, theirs, method, path, body.as_ref()).await;
        assert_eq!(told.status, 404, "{method} {path}: {told:?}");
    }
    // Operations, keys and names of requests are each account's own.
    let removed = post(&client, mine, "/v1/collections/c/records/delete", json!({"filter": {"n": 1}})).await;
    let path = format!("/v1/operations/{}", removed.body["op_id"].as_str().expect("a name"));
    assert_eq!(ask(&client, mine, "GET", &path, None).await.status, 200);
    assert_eq!(ask(&client, theirs, "GET", &path, None).await.status, 404);
    let keys = ask(&client, theirs, "GET", "/v1/keys", None).await;
    assert_eq!(keys.body["keys"].as_array().map(Vec::len), Some(1), "{keys:?}");
    assert_eq!(
        post(&client, theirs, "/v1/collections/c/records/delete", json!({"delete_all": true})).await.status,
        200
    );
    assert_eq!(count(mine).await.body["count"], 7);
    refused(
        &ask(&client, As { account: Some("default"), ..theirs }, "GET", "/v1/collections", None).await,
        403,
        "forbidden",
        ("header", "Lacuna-Account"),
    );
    let nowhere = As { key: Some(ROOT), account: Some("nowhere") };
    assert_eq!(ask(&client, nowhere, "GET", "/v1/collections", None).await.status, 404);
}

#[tokio::test]
async fn a_forged_op_id_reaches_no_contents_of_another_account() {
    use lacuna_model::op_id::{OpId, OpIdParts, RequestDigest};
    let client = loaded().await;
    post(&client, OVER, "/v1/accounts", json!({"name": "other"})).await;
    let there = As { key: Some(ROOT), account: Some("other") };
    make(&client, there, "c").await;
    let path = "/v1/collections/c/records/delete";
    let body = json!({"ids": ["r1"]}).to_string();
    let (victim, stamp) = {
        let seen = client.fake.world.lock();
        let victim = seen.applied.iter().find_map(|(_, command)| match command {
            lacuna_model::command::Command::Write(write) => Some(write.incarnation),
            _ => None,
        });
        (victim, seen.stamp)
    };
    let digest = RequestDigest::of(&[b"POST", path.as_bytes(), body.as_bytes()]);
    let parts = OpIdParts {
        random: 1,
        born: lacuna_model::Stamp(stamp),
        incarnation: victim.expect("records were written"),
        epoch: lacuna_model::MapEpoch(1),
        digest,
    };
    let request = Request::post(path)
        .header("authorization", format!("Bearer {ROOT}"))
        .header("lacuna-account", "other")
        .header("content-type", "application/json")
        .header("idempotency-key", OpId::from_parts(&parts).as_str());
    let told = client.send(request.body(Body::from(body)).expect("a request")).await;
    assert_eq!((told.status, told.body["error"]["code"].as_str()), (409, Some("op_id_reused")), "{told:?}");
    assert_eq!(client.fake.live(), 8);
}

#[tokio::test]
async fn a_revoked_key_fails_on_a_second_router_once_the_answer_is_out() {
    let first = loaded().await;
    let second = guarded(Arc::clone(&first.fake));
    let (id, secret) = key(&first, OVER, json!({"name": "k", "rights": ["read", "admin"]})).await;
    let count = |client| post(client, by(&secret), "/v1/collections/c/records/count", json!({}));
    assert_eq!(count(&second).await.status, 200);
    // The second router hears nothing of the meta group from here on.
    first.fake.fail(On::MetaReads, Fault::Unavailable, usize::MAX);
    assert_eq!(count(&second).await.status, 200, "under the lease");
    let begun = Instant::now();
    let revoked = ask(&first, OVER, "DELETE", &format!("/v1/keys/{id}"), None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert!(begun.elapsed() >= Duration::from_millis(3_100), "not before the leases are over");
    let told = ask_within(&second, &secret).await;
    assert_eq!(told.status, 503, "it can't ask, so it gives up: {told:?}");
    first.fake.heal();
    for client in [&first, &second] {
        refused(&count(client).await, 401, "unauthenticated", ("key", "revoked"));
    }
    assert!(revoked.body["revoked_ms"].as_u64().is_some());
    let again = post(&first, OVER, &format!("/v1/keys/{id}/rotate"), json!({})).await;
    assert_eq!(again.status, 400, "a revoked key gets no new secret: {again:?}");
}

async fn ask_within(client: &Client, secret: &str) -> Answer {
    let request = Request::post("/v1/collections/c/records/count")
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "application/json")
        .header("lacuna-deadline-ms", "200");
    client.send(request.body(Body::from("{}")).expect("a request")).await
}

#[tokio::test]
async fn a_rotated_key_takes_its_new_secret_at_once_and_the_old_one_for_its_grace() {
    let client = loaded().await;
    let (id, old) = key(&client, OVER, json!({"name": "k", "rights": ["read"]})).await;
    let count = |secret: String| {
        let client = &client;
        async move { post(client, by(&secret), "/v1/collections/c/records/count", json!({})).await }
    };
    assert_eq!(count(old.clone()).await.status, 200);
    let rotated = post(&client, OVER, &format!("/v1/keys/{id}/rotate"), json!({"grace_s": 60})).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let new = rotated.body["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(new, old);
    for secret in [&old, &new] {
        assert_eq!(count(secret.clone()).await.status, 200);
    }
    client.fake.world.lock().stamp += 61_000_000;
    assert_eq!(count(new.clone()).await.status, 200);
    refused(&count(old).await, 401, "unauthenticated", ("key", "replaced"));
    let begun = Instant::now();
    let rotated = post(&client, OVER, &format!("/v1/keys/{id}/rotate"), json!({})).await;
    assert!(rotated.status == 200 && begun.elapsed() >= Duration::from_millis(3_100));
    refused(&count(new).await, 401, "unauthenticated", ("key", "unknown"));
}

#[tokio::test]
async fn an_expired_key_is_refused_by_the_clusters_clock() {
    let client = loaded().await;
    let (_, secret) = key(&client, OVER, json!({"name": "k", "rights": ["read"], "expires_in_s": 30})).await;
    let count = || post(&client, by(&secret), "/v1/collections/c/records/count", json!({}));
    assert_eq!(count().await.status, 200);
    client.fake.world.lock().stamp += 31_000_000;
    assert_eq!(post(&client, OVER, "/v1/collections/c/records/count", json!({})).await.status, 200);
    refused(&count().await, 401, "unauthenticated", ("key", "expired"));
}

#[tokio::test]
async fn a_key_makes_none_that_is_stronger_than_itself() {
    let client = loaded().await;
    let keeper = with_rights(&client, &["admin", "read"]).await;
    let strong = key(&client, OVER, json!({"name": "strong", "rights": ["delete"]})).await;
    let make = |body| post(&client, by(&keeper), "/v1/keys", body);
    refused(&make(json!({"name": "k", "rights": ["delete"]})).await, 403, "forbidden", ("needs", "rights"));
    let another = "123e4567-e89b-12d3-a456-426614174000";
    let body = json!({"name": "k", "rights": ["read"], "principal": another});
    refused(&make(body).await, 403, "forbidden", ("needs", "principal"));
    let path = format!("/v1/keys/{}/rotate", strong.0);
    let told = post(&client, by(&keeper), &path, json!({"grace_s": 60})).await;
    refused(&told, 403, "forbidden", ("needs", "rights"));
    let made = make(json!({"name": "k", "rights": ["read"], "collections": [{"name": "c"}]})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let body = json!({"name": "k", "rights": ["read"], "principal": "00000000-0000-0000-0000-000000000001"});
    assert_eq!(
        post(&client, OVER, "/v1/keys", body).await.status,
        400,
        "the root user has the root key only"
    );
}

#[tokio::test]
async fn where_keys_are_off_everybody_works_in_the_default_account_and_makes_no_keys() {
    let client = Client::new().await;
    let who = As { key: Some("whatever the client sends"), account: None };
    assert_eq!(ask(&client, who, "GET", "/v1/collections/c", None).await.status, 200);
    let told = post(&client, who, "/v1/keys", json!({"name": "k", "rights": ["read"]})).await;
    refused(&told, 403, "forbidden", ("needs", "root"));
    let told = ask(&client, As { account: Some("other"), ..who }, "GET", "/v1/collections", None).await;
    refused(&told, 403, "forbidden", ("header", "Lacuna-Account"));
}

#[tokio::test]
async fn a_key_that_cannot_be_looked_up_is_503_and_never_admitted() {
    let client = loaded().await;
    let secret = with_rights(&client, &["read"]).await;
    client.fake.fail(On::MetaReads, Fault::Unavailable, usize::MAX);
    let told = ask_within(&client, &secret).await;
    assert_eq!((told.status, told.body["error"]["code"].as_str()), (503, Some("unavailable")), "{told:?}");
    client.fake.heal();
    assert_eq!(ask_within(&client, &secret).await.status, 200);
}

#[tokio::test]
async fn bad_wishes_for_keys_are_refused_by_field() {
    let client = guarded(Fake::new());
    for (body, path) in [
        (json!({"name": "", "rights": ["read"]}), "name"),
        (json!({"name": "k", "rights": []}), "rights"),
        (json!({"name": "k", "rights": ["read"], "collections": []}), "collections"),
        (json!({"name": "k", "rights": ["read"], "expires_in_s": 0}), "expires_in_s"),
        (json!({"name": "k", "rights": ["read"], "principal": "x"}), "principal"),
        (json!({"name": "k", "rights": ["rule"]}), "rights[0]"),
    ] {
        let told = post(&client, OVER, "/v1/keys", body).await;
        let error = &told.body["error"];
        assert_eq!((told.status, error["details"]["path"].as_str()), (400, Some(path)), "{told:?}");
    }
    let bad = post(&client, OVER, "/v1/accounts", json!({"name": "a/b"})).await;
    assert_eq!(bad.status, 400, "{bad:?}");
    let nobody = ask(&client, OVER, "DELETE", "/v1/keys/00000000-0000-0000-0000-0000000000ff", None).await;
    assert_eq!(nobody.status, 404, "{nobody:?}");
}
