//! Keys through each vendor's surface: where its clients put them, what they are told, and accounts apart.

use axum::body::Body;
use http::Request;
use lacuna_model::access::SecretHash;
use lacuna_router::RouterConfig;
use serde_json::{Value, json};

use crate::fake::{Fake, nodes};
use crate::http::{Answer, Client};

const ROOT: &str = "the-root-key-of-these-tests";
const CHROMA: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

/// A surface as its clients use it: one collection of two dimensions, and two records in it.
struct Used {
    header: &'static str,
    make: (&'static str, Value),
    /// Is it called by its id in paths? Chroma's clients learn it.
    by_id: bool,
    write: (&'static str, Value),
    read: (&'static str, &'static str, Option<Value>),
    delete: (&'static str, Value),
    drop: &'static str,
    /// Status of a request without a key, with an unknown one, and without the right.
    told: (u16, u16, u16),
}

fn chroma() -> Used {
    Used {
        header: "x-chroma-token",
        make: (CHROMA, json!({"name": "same"})),
        by_id: true,
        write: ("{c}/add", json!({"ids": ["a", "b"], "embeddings": [[1, 2], [3, 4]]})),
        read: ("GET", "{c}/count", None),
        delete: ("{c}/delete", json!({"ids": ["a"]})),
        drop: "/api/v2/tenants/default_tenant/databases/default_database/collections/same",
        told: (401, 401, 403),
    }
}

fn pinecone() -> Used {
    let spec = json!({"serverless": {"cloud": "aws", "region": "us-east-1"}});
    Used {
        header: "api-key",
        make: (
            "/pinecone/indexes",
            json!({"name": "same", "dimension": 2, "metric": "cosine", "spec": spec}),
        ),
        by_id: false,
        write: (
            "/pc.v1/same/vectors/upsert",
            json!({"vectors": [{"id": "a", "values": [1, 2]}, {"id": "b", "values": [3, 4]}]}),
        ),
        read: ("POST", "/pc.v1/same/describe_index_stats", Some(json!({}))),
        delete: ("/pc.v1/same/vectors/delete", json!({"ids": ["a"]})),
        drop: "/pinecone/indexes/same",
        told: (401, 401, 403),
    }
}

fn moorcheh() -> Used {
    let namespace = json!({"namespace_name": "same", "type": "vector", "vector_dimension": 2});
    Used {
        header: "x-api-key",
        make: ("/moorcheh/v1/namespaces", namespace),
        by_id: false,
        write: (
            "/moorcheh/v1/namespaces/same/vectors",
            json!({"vectors": [{"id": "a", "vector": [1, 2]}, {"id": "b", "vector": [3, 4]}]}),
        ),
        read: ("GET", "/moorcheh/v1/namespaces", None),
        delete: ("/moorcheh/v1/namespaces/same/vectors/delete", json!({"ids": ["a"]})),
        drop: "/moorcheh/v1/namespaces/same",
        told: (401, 403, 403),
    }
}

/// One program: a surface with a key.
struct Program<'a> {
    client: &'a Client,
    used: &'a Used,
    key: Option<String>,
}

impl Program<'_> {
    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header(self.used.header, key);
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.client.send(request.body(body).expect("a request")).await
    }

    async fn make(&self) -> Answer {
        self.ask("POST", self.used.make.0, Some(&self.used.make.1)).await
    }

    /// A path of the collection; Chroma's has its id.
    async fn path(&self, path: &str) -> String {
        if !self.used.by_id {
            return path.to_owned();
        }
        let found = self.ask("GET", &format!("{CHROMA}/same"), None).await;
        let id = found.body["id"].as_str().unwrap_or("00000000-0000-0000-0000-000000000000");
        path.replace("{c}", &format!("{CHROMA}/{id}"))
    }

    async fn write(&self) -> Answer {
        self.ask("POST", &self.path(self.used.write.0).await, Some(&self.used.write.1)).await
    }

    async fn read(&self) -> Answer {
        let (method, path, body) = &self.used.read;
        self.ask(method, &self.path(path).await, body.as_ref()).await
    }

    async fn delete(&self) -> Answer {
        self.ask("POST", &self.path(self.used.delete.0).await, Some(&self.used.delete.1)).await
    }

    async fn drop_it(&self) -> Answer {
        self.ask("DELETE", self.used.drop, None).await
    }
}

fn guarded() -> Client {
    let root_key = Some(SecretHash::of(ROOT));
    Client::with(Fake::new(), RouterConfig { root_key, ..RouterConfig::new(nodes()) })
}

async fn native(client: &Client, account: &str, path: &str, body: Value) -> Value {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {ROOT}"))
        .header("lacuna-account", account)
        .header("content-type", "application/json");
    let made = client.send(request.body(Body::from(body.to_string())).expect("a request")).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

async fn key(client: &Client, account: &str, rights: &[&str]) -> Option<String> {
    let made = native(client, account, "/v1/keys", json!({"name": "k", "rights": rights})).await;
    made["secret"].as_str().map(str::to_owned)
}

async fn apart(used: &Used) {
    let client = guarded();
    native(&client, "default", "/v1/accounts", json!({"name": "other"})).await;
    let all = ["read", "write", "delete", "admin"];
    let program = |key| Program { client: &client, used, key };
    let mine = program(key(&client, "default", &all).await);
    let theirs = program(key(&client, "other", &all).await);
    assert!(mine.make().await.status < 300 && mine.write().await.status < 300, "{}", used.header);
    // Nothing of it exists for the other account, which makes its own under the same name.
    for answer in [theirs.write().await, theirs.delete().await, theirs.drop_it().await] {
        assert_eq!(answer.status, 404, "{}: {answer:?}", used.header);
    }
    assert!(theirs.make().await.status < 300 && theirs.write().await.status < 300, "{}", used.header);
    assert_eq!(client.fake.live(), 4, "{}", used.header);
    assert!(theirs.delete().await.status < 300);
    assert!(theirs.drop_it().await.status < 300);
    assert_eq!(client.fake.live(), 2, "{}: the other account's are there", used.header);
    let read = mine.read().await;
    assert!(read.status == 200 && read.text.contains('2'), "{}: {read:?}", used.header);
}

async fn told(used: &Used) {
    let client = guarded();
    let program = |key| Program { client: &client, used, key };
    let owner = program(key(&client, "default", &["read", "write", "delete", "admin"]).await);
    assert!(owner.make().await.status < 300 && owner.write().await.status < 300, "{}", used.header);
    let (missing, unknown, forbidden) = used.told;
    assert_eq!(program(None).make().await.status, missing, "{}", used.header);
    let wrong = program(Some(format!("lacuna_{}", "1".repeat(64))));
    assert_eq!(wrong.make().await.status, unknown, "{}", used.header);
    let reader = program(key(&client, "default", &["read"]).await);
    for answer in [reader.write().await, reader.delete().await, reader.drop_it().await, reader.make().await] {
        assert_eq!(answer.status, forbidden, "{}: {answer:?}", used.header);
    }
    assert_eq!(reader.read().await.status, 200, "{}", used.header);
    let writer = program(key(&client, "default", &["read", "write"]).await);
    assert_eq!(writer.delete().await.status, forbidden, "{}", used.header);
    let cleaner = program(key(&client, "default", &["delete"]).await);
    assert!(cleaner.delete().await.status < 300, "{}", used.header);
    assert_eq!(cleaner.drop_it().await.status, forbidden, "{}", used.header);
    assert_eq!(client.fake.live(), 1, "{}", used.header);
}

#[tokio::test]
async fn through_each_surface_two_accounts_with_the_same_names_never_see_each_other() {
    for used in [chroma(), pinecone(), moorcheh()] {
        apart(&used).await;
    }
}

#[tokio::test]
async fn through_each_surface_a_key_does_what_it_may_and_refusals_are_its_contracts() {
    for used in [chroma(), pinecone(), moorcheh()] {
        told(&used).await;
    }
}
