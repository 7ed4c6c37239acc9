use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::*;
use crate::embed::Secret;

/// Of so many texts.
type Answer = fn(usize) -> Response;

/// What the fake endpoint does.
#[derive(Default)]
struct Fake {
    calls: AtomicUsize,
    largest: AtomicUsize,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    answer: Option<Answer>,
}

async fn answer(State(fake): State<Arc<Fake>>, headers: HeaderMap, body: String) -> Response {
    fake.calls.fetch_add(1, Ordering::SeqCst);
    let inside = fake.inside.fetch_add(1, Ordering::SeqCst) + 1;
    fake.most_inside.fetch_max(inside, Ordering::SeqCst);
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["model"], "small");
    assert_eq!(headers["authorization"], "Bearer hush");
    let texts = body["input"].as_array().expect("texts").clone();
    fake.largest.fetch_max(texts.len(), Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(5)).await;
    fake.inside.fetch_sub(1, Ordering::SeqCst);
    if let Some(answer) = fake.answer {
        return answer(texts.len());
    }
    // In reverse, as the order is said by the index.
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .rev()
        .map(|(index, text)| {
            json!({"index": index, "embedding": [text.as_str().expect("text").len(), 1.0, -0.5]})
        })
        .collect();
    axum::Json(json!({"data": data})).into_response()
}

async fn serve(fake: Arc<Fake>, dimension: Option<u32>) -> Endpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = axum::Router::new().route("/v1/embeddings", axum::routing::post(answer)).with_state(fake);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let config = EndpointConfig::new(&format!("http://{address}/v1/"), "small", None).expect("an endpoint");
    let config = config.with_key(Secret("hush".to_owned())).expect("a key");
    Endpoint::new(&match dimension {
        Some(dimension) => config.with_dimension(dimension).expect("a dimension"),
        None => config,
    })
}

fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(5))
}

#[tokio::test]
async fn texts_are_embedded_in_batches_in_their_order() {
    let fake = Arc::new(Fake::default());
    let endpoint = serve(Arc::clone(&fake), None).await;
    let texts: Vec<String> = (0..300).map(|n| "x".repeat(n % 50 + 1)).collect();
    let vectors = endpoint.embed(&texts, soon()).await.expect("vectors");
    assert_eq!(vectors.len(), 300);
    assert!(vectors.iter().zip(&texts).all(|(vector, text)| vector[0] as usize == text.len()));
    assert_eq!(
        fake.calls.load(Ordering::SeqCst),
        1 + 300_usize.div_ceil(BATCH),
        "one to learn the dimension"
    );
    assert_eq!(fake.largest.load(Ordering::SeqCst), BATCH);
    assert!(fake.most_inside.load(Ordering::SeqCst) <= AT_ONCE);
    assert_eq!(endpoint.dimension(soon()).await, Ok(3), "learnt once");
    assert_eq!(endpoint.name(), "endpoint:small");
}

#[tokio::test]
async fn every_failure_says_that_nothing_was_changed_and_never_the_key() {
    let failures: [(Answer, &str); 5] = [
        (|_| http::StatusCode::INTERNAL_SERVER_ERROR.into_response(), "status 500"),
        (|_| (http::StatusCode::UNAUTHORIZED, "who?").into_response(), "status 401: who?"),
        (|_| "no JSON".into_response(), "didn't embed"),
        (|_| axum::Json(json!({"data": []})).into_response(), "without a vector"),
        (
            |n| {
                let data: Vec<Value> =
                    (0..n).map(|index| json!({"index": index, "embedding": [1.0, 2.0]})).collect();
                axum::Json(json!({"data": data})).into_response()
            },
            "2 components, expected 3",
        ),
    ];
    for (answer, words) in failures {
        let endpoint = serve(Arc::new(Fake { answer: Some(answer), ..Fake::default() }), Some(3)).await;
        let error = endpoint.embed(&["text".to_owned()], soon()).await.expect_err("a failure");
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert!(error.message.contains(words) && error.message.contains("nothing was changed"), "{error}");
        assert!(!error.message.contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_silent_endpoint_is_waited_for_until_the_deadline_and_no_longer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let config = EndpointConfig::new(&url, "small", None).expect("an endpoint");
    let endpoint = Endpoint::new(&config.with_dimension(3).expect("a dimension"));
    let began = std::time::Instant::now();
    let error = endpoint.embed(&["text".to_owned()], Deadline::within(Duration::from_millis(200))).await;
    assert_eq!(error.expect_err("a failure").code, ErrorCode::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn batches_keep_to_bytes_and_number() {
    let texts = vec!["x".repeat(BATCH_BYTES / 2 + 1); 3];
    assert_eq!(batches(&texts).len(), 3);
    assert_eq!(batches(&vec![String::new(); BATCH + 1]).len(), 2);
    assert!(batches(&[]).is_empty());
}

#[test]
fn an_endpoint_that_cannot_be_one_is_refused_and_its_key_is_never_shown() {
    for bad in ["api.openai.com", "ftp://x", "https://", "", "http://"] {
        assert!(EndpointConfig::new(bad, "small", None).is_err(), "{bad}");
    }
    assert!(EndpointConfig::new("http://x", "", None).is_err());
    let good = || EndpointConfig::new("http://x/v1/embeddings", "small", None).expect("an endpoint");
    assert_eq!(good().url.to_string(), "http://x/v1/embeddings");
    assert!(good().with_key(Secret("a\nb".to_owned())).is_err());
    assert!(good().with_dimension(0).is_err());
    let shown = format!("{:?}", good().with_key(Secret("hush".to_owned())).expect("a key"));
    assert!(!shown.contains("hush") && shown.contains("small"), "{shown}");
}
