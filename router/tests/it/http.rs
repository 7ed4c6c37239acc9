//! A client of the router's app, without a socket.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use lacuna_router::{Router, RouterConfig};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fake::{Fake, FakeConnector, nodes};

pub(crate) struct Client {
    pub(crate) fake: Arc<Fake>,
    app: axum::Router,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) operation: Option<String>,
    pub(crate) says: Option<String>,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Client {
    /// A router before a new cluster with one collection `c` of three dimensions.
    pub(crate) async fn new() -> Self {
        let client = Self::on(Fake::new());
        let body = json!({"name": "c", "dimension": 3, "metric": "l2"});
        let made = client.post("/v1/collections", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        client
    }

    /// Another router before the same cluster.
    pub(crate) fn on(fake: Arc<Fake>) -> Self {
        Self::with(fake, RouterConfig::new(nodes()))
    }

    pub(crate) fn with(fake: Arc<Fake>, config: RouterConfig) -> Self {
        let router = Router::new(config, Arc::new(FakeConnector(Arc::clone(&fake))));
        Self { fake, app: router.app() }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        let (operation, says) = (header("lacuna-operation"), header("lacuna-status"));
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, operation, says, body, text }
    }

    /// One header of the answer.
    pub(crate) async fn header(&self, request: Request<Body>, name: &str) -> Option<String> {
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        response.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).expect("a request")).await
    }

    /// A verb on the records of `c`.
    pub(crate) async fn records(&self, verb: &str, body: &Value) -> Answer {
        self.post(&format!("/v1/collections/c/records/{verb}"), body).await
    }

    /// The same within so many ms.
    pub(crate) async fn within(&self, ms: u64, verb: &str, body: &Value) -> Answer {
        let path = format!("/v1/collections/c/records/{verb}");
        self.post_with(&path, body, &[("lacuna-deadline-ms", &ms.to_string())]).await
    }

    /// The same under an `Idempotency-Key`.
    pub(crate) async fn keyed(&self, key: &str, verb: &str, body: &Value) -> Answer {
        let path = format!("/v1/collections/c/records/{verb}");
        self.post_with(&path, body, &[("idempotency-key", key)]).await
    }

    /// Writes records `r0`… with metadata `{n, even}`.
    pub(crate) async fn load(&self, records: usize) {
        let answer = self.records("upsert", &json!({"records": many(records)})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

pub(crate) fn many(records: usize) -> Vec<Value> {
    let record = |n: usize| {
        json!({"id": format!("r{n}"), "vector": [n, 0, 1], "document": format!("text {n}"),
            "metadata": {"n": n, "even": n.is_multiple_of(2)}})
    };
    (0..records).map(record).collect()
}

/// The answer with op_ids and times masked, for snapshots.
pub(crate) fn masked(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    mask(&mut body);
    json!({"status": answer.status, "lacuna_status": answer.says, "body": body})
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match key.as_str() {
                    "op_id" if value.as_str().is_some_and(|id| id.starts_with("lop1_")) => {
                        *value = json!("[op_id]");
                    }
                    // An operation's end reaches the meta group behind the answer: null or a time.
                    "settles_by" | "created_ms" | "recorded_ms" | "finished_ms" => *value = json!("[ms]"),
                    _ => mask(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
