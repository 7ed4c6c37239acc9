//! A client of the native API that knows what each answer promises.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::{Client as Http, RequestBuilder};
use serde_json::{Value, json};

use crate::history::End;

/// Every write's deadline.
const DEADLINE: Duration = Duration::from_secs(4);
/// How long an operation is followed until its outcome is known.
const FOLLOW: Duration = Duration::from_secs(60);

/// A client of one router.
#[derive(Clone)]
pub struct Client {
    http: Http,
    base: String,
    collection: String,
}

/// An answer: status, operation id, body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Lacuna-Operation`.
    pub operation: Option<String>,
    /// The body.
    pub body: Value,
}

impl Client {
    /// A client of `base` (such as `http://127.0.0.1:8000`) for one collection.
    pub fn new(base: &str, collection: &str) -> Result<Self> {
        let http = Http::builder().timeout(DEADLINE + Duration::from_secs(6)).build()?;
        Ok(Self { http, base: base.to_owned(), collection: collection.to_owned() })
    }

    /// POSTs a body to a native path.
    pub async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Result<Answer> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        let request = request.header("Lacuna-Deadline-Ms", DEADLINE.as_millis().to_string());
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        send(request).await
    }

    /// GETs a native path.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Path of a verb of the collection's records.
    pub fn records(&self, verb: &str) -> String {
        format!("/v1/collections/{}/records/{verb}", self.collection)
    }

    /// Makes the collection; it may be there.
    pub async fn create(&self, dimension: usize) -> Result<()> {
        let body = json!({"name": self.collection, "dimension": dimension, "metric": "l2"});
        let answer = self.post("/v1/collections", None, &body).await?;
        anyhow::ensure!(matches!(answer.status, 201 | 409), "create answered {answer:?}");
        Ok(())
    }

    /// Writes, repeating under the same op_id while the fate isn't known.
    pub async fn upsert(&self, records: &Value, key: &str) -> End {
        match self.settle("upsert", key, &json!({"records": records})).await {
            Some(answer) if answer.status == 200 => End::Written,
            Some(answer) if certain_nothing(answer.status) => End::Refused,
            Some(_) | None => End::Unknown,
        }
    }

    /// Deletes by any selector, following the operation until it is complete.
    pub async fn delete(&self, selector: &Value, key: &str) -> End {
        match self.settle("delete", key, selector).await {
            Some(answer) if answer.status == 200 => match answer.body["deleted"].as_u64() {
                Some(deleted) => End::Deleted { deleted },
                None => End::Unknown,
            },
            Some(answer) if certain_nothing(answer.status) => End::Refused,
            Some(_) | None => End::Unknown,
        }
    }

    /// Reads values by id.
    pub async fn values(&self, ids: &[String]) -> End {
        let body = json!({"ids": ids, "include": ["metadata"]});
        match self.post(&self.records("get"), None, &body).await {
            Ok(answer) if answer.status == 200 => End::Seen(values_in(&answer.body)),
            Ok(_) | Err(_) => End::Unknown,
        }
    }

    /// The last answer for a key: definite, or `None` if its fate stayed unknown. Each repeat joins the first
    /// call (INV-7), so the count is the first's whatever was lost in between.
    async fn settle(&self, verb: &str, key: &str, body: &Value) -> Option<Answer> {
        let until = Instant::now() + FOLLOW;
        let mut maybe_done = false;
        loop {
            let begun = Instant::now();
            match self.post(&self.records(verb), Some(key), body).await {
                Ok(answer)
                    if answer.status == 200
                        || (400..500).contains(&answer.status) && answer.status != 429 =>
                {
                    return Some(answer);
                }
                Ok(answer) if certain_nothing(answer.status) => {
                    if !maybe_done {
                        return Some(answer);
                    }
                }
                Ok(_) => maybe_done = true,
                Err(_) => {
                    maybe_done = true;
                    // Its deadline must pass before the client goes on: until then it may still be proposed.
                    tokio::time::sleep(DEADLINE.saturating_sub(begun.elapsed())).await;
                }
            }
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn certain_nothing(status: u16) -> bool {
    matches!(status, 429 | 503 | 507)
}

fn values_in(body: &Value) -> BTreeMap<String, u64> {
    let records = body["records"].as_array().cloned().unwrap_or_default();
    let pair =
        |record: &Value| Some((record["id"].as_str()?.to_owned(), record["metadata"]["value"].as_u64()?));
    records.iter().filter_map(pair).collect()
}

async fn send(request: RequestBuilder) -> Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let operation =
        answer.headers().get("Lacuna-Operation").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let text = answer.text().await?;
    Ok(Answer { status, operation, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}
