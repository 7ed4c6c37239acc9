//! An embedder behind HTTP: batches, a bounded number of them in flight, all within the request's deadline.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lacuna_model::error::ErrorCode;
use lacuna_proto::tls::https::Https;
use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};

use crate::deadline::Deadline;
use crate::embed::EndpointConfig;
use crate::error::{Verb, VerbError};

/// Texts in one call.
const BATCH: usize = 32;
/// Bytes of text in one call, unless one text alone is longer.
const BATCH_BYTES: usize = 128 << 10;
/// Calls at the same time, of all requests.
const IN_FLIGHT: usize = 8;
/// Calls at the same time, of one request.
const AT_ONCE: usize = 4;
/// Most bytes of an answer that are shown in an error.
const SHOWN: usize = 200;

/// Largest answer, bytes.
const MAX_ANSWER: usize = 64 << 20;
/// Idle connections are kept for so long: shorter than usual servers keep them.
const IDLE: Duration = Duration::from_secs(20);

/// The endpoint.
pub(crate) struct Endpoint {
    config: EndpointConfig,
    name: String,
    client: Client<Https, Full<Bytes>>,
    places: Semaphore,
    learnt: OnceCell<u32>,
}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answered {
    data: Vec<Embedded>,
}

#[derive(Deserialize)]
struct Embedded {
    index: usize,
    embedding: Vec<f32>,
}

impl Endpoint {
    pub(crate) fn new(config: &EndpointConfig) -> Self {
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        Self {
            name: format!("endpoint:{}", config.model),
            client: client.build(config.dial.clone()),
            places: Semaphore::new(IN_FLIGHT),
            learnt: OnceCell::new_with(config.dimension),
            config: config.clone(),
        }
    }

    /// The model's name, which is what its vectors depend on.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As configured, or learnt by embedding a word.
    pub(crate) async fn dimension(&self, deadline: Deadline) -> Verb<u32> {
        let learn = async {
            let vectors = self.call(&["dimension".to_owned()], deadline).await?;
            Ok(vectors.first().map_or(0, |vector| vector.len() as u32))
        };
        self.learnt.get_or_try_init(|| learn).await.copied()
    }

    pub(crate) async fn embed(&self, texts: &[String], deadline: Deadline) -> Verb<Vec<Vec<f32>>> {
        let dimension = self.dimension(deadline).await? as usize;
        let calls: Vec<_> = batches(texts).into_iter().map(|batch| self.call(batch, deadline)).collect();
        let answers: Vec<Vec<Vec<f32>>> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
        let vectors: Vec<Vec<f32>> = answers.into_iter().flatten().collect();
        match vectors.iter().find(|vector| vector.len() != dimension) {
            None => Ok(vectors),
            Some(odd) => Err(failed(&format!("a vector of {} components, expected {dimension}", odd.len()))),
        }
    }

    /// One call, one vector for each text.
    async fn call(&self, texts: &[String], deadline: Deadline) -> Verb<Vec<Vec<f32>>> {
        let answer = tokio::time::timeout(deadline.left(), self.ask(texts)).await;
        let data = answer.map_err(|_| failed("no answer within the request's deadline"))??.data;
        let mut vectors = vec![Vec::new(); texts.len()];
        for Embedded { index, embedding } in data {
            if let Some(place) = vectors.get_mut(index) {
                *place = embedding;
            }
        }
        if vectors.iter().any(Vec::is_empty) {
            return Err(failed("a text without a vector in its answer"));
        }
        if vectors.iter().flatten().any(|component| !component.is_finite()) {
            return Err(failed("a vector with a component that isn't finite"));
        }
        Ok(vectors)
    }

    async fn ask(&self, texts: &[String]) -> Verb<Answered> {
        let asked = Asked { model: &self.config.model, input: texts, encoding_format: "float" };
        let asked = serde_json::to_vec(&asked).map_err(|error| failed(&error.to_string()))?;
        let _place = self.places.acquire().await.map_err(|error| failed(&error.to_string()))?;
        let mut request = Request::post(self.config.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(key) = &self.config.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.0));
        }
        let request = request.body(Full::from(asked)).map_err(|error| failed(&error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| failed(&reason(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| failed(&error.to_string()))?.to_bytes();
        if !status.is_success() {
            let shown: String = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
            return Err(failed(&format!("status {}: {shown}", status.as_u16())));
        }
        serde_json::from_slice(&body).map_err(|error| failed(&format!("an odd answer: {error}")))
    }
}

/// The cause that says most: the library's own words hide it.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Texts in runs of at most [`BATCH`] and [`BATCH_BYTES`].
fn batches(texts: &[String]) -> Vec<&[String]> {
    let (mut batches, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (place, text) in texts.iter().enumerate() {
        if place > begin && (place - begin == BATCH || bytes + text.len() > BATCH_BYTES) {
            batches.push(&texts[begin..place]);
            (begin, bytes) = (place, 0);
        }
        bytes += text.len();
    }
    if begin < texts.len() {
        batches.push(&texts[begin..]);
    }
    batches
}

fn failed(why: &str) -> VerbError {
    VerbError::new(
        ErrorCode::Unavailable,
        format!(
            "the embedding endpoint didn't embed the text ({why}); nothing was changed and nothing will be"
        ),
    )
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
