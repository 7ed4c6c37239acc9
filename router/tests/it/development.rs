//! Prune and Chroma's reset: refused, whatever they say, unless the server is in development mode.

use axum::body::Body;
use http::Request;
use lacuna_model::access::SecretHash;
use lacuna_router::{Mode, RouterConfig};
use serde_json::json;

use crate::fake::{Fake, nodes};
use crate::http::{Answer, Client};

const ROOT: &str = "root key, sixteen or more";

fn client(mode: Mode) -> Client {
    Client::with(Fake::new(), RouterConfig { mode, ..RouterConfig::new(nodes()) })
}

async fn raw(client: &Client, path: &str, key: Option<&str>, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    let request = match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    };
    client.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn outside_development_mode_prune_is_refused_before_anything_of_it_is_read() {
    let client = client(Mode::Production);
    assert_eq!(client.get("/health").await.body["dev_mode"], json!(false));
    for path in ["/api/v1/prune/data", "/api/v1/prune/system"] {
        for body in ["", "{}", "{\"graph\":true}", "{\"grph\":1}", "[]", "{"] {
            let answer = raw(&client, path, None, body).await;
            assert_eq!(answer.status, 403, "{path} {body}: {answer:?}");
            assert!(answer.text.contains("[PruneDisabledError]"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn in_development_mode_prune_is_for_root_alone() {
    let (root_key, mode) = (Some(SecretHash::of(ROOT)), Mode::Development);
    let client = Client::with(Fake::new(), RouterConfig { root_key, mode, ..RouterConfig::new(nodes()) });
    let rights = json!({"name": "k", "rights": ["read", "write", "delete", "admin"]}).to_string();
    let made = raw(&client, "/v1/keys", Some(ROOT), &rights).await;
    let key = made.body["secret"].as_str().expect("a secret");
    for path in ["/api/v1/prune/data", "/api/v1/prune/system"] {
        for body in ["", "{\"grph\":1}"] {
            let answer = raw(&client, path, Some(key), body).await;
            assert_eq!(answer.status, 403, "{answer:?}");
            assert!(answer.text.contains("[PermissionDeniedError]"), "{answer:?}");
        }
    }
    for wrong in ["{\"grph\":true}", "{\"graph\":\"yes\"}", "{\"cache\":1}", "[]", "{"] {
        assert_eq!(raw(&client, "/api/v1/prune/system", Some(ROOT), wrong).await.status, 400, "{wrong}");
    }
    let nothing = json!({"graph": false, "vector": false, "cache": false}).to_string();
    let answer = raw(&client, "/api/v1/prune/system", Some(ROOT), &nothing).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"status": "success", "pruned": []})));
}

#[tokio::test]
async fn chromas_reset_leaves_the_default_tenant_and_database_and_other_surfaces_data() {
    let base = "/api/v2/tenants";
    for (mode, status) in [(Mode::Production, 403), (Mode::Development, 200)] {
        let client = client(mode);
        assert_eq!(
            client
                .post("/v1/collections", &json!({"name": "c", "dimension": 3, "metric": "l2"}))
                .await
                .status,
            201
        );
        client.load(3).await;
        let default = format!("{base}/default_tenant/databases/default_database/collections");
        assert_eq!(client.post(base, &json!({"name": "acme"})).await.status, 200);
        let made = client.post(&format!("{base}/acme/databases"), &json!({"name": "acme_db"})).await;
        assert_eq!(made.status, 200, "{made:?}");
        for path in [default.clone(), format!("{base}/acme/databases/acme_db/collections")] {
            let made = client.post(&path, &json!({"name": "things"})).await;
            assert_eq!(made.status, 200, "{made:?}");
        }
        let answer = client.post("/api/v2/reset", &json!({})).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let (left, tenant) = match mode {
            Mode::Production => (1, 200),
            Mode::Development => {
                assert_eq!(answer.body, json!(true));
                (0, 404)
            }
        };
        assert_eq!(client.get(&default).await.body.as_array().map(Vec::len), Some(left));
        assert_eq!(client.get(&format!("{base}/acme")).await.status, tenant);
        assert_eq!(client.fake.live(), 3, "the native collection's");
    }
}
