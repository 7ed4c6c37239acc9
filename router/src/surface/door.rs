//! The door: how many may be inside, how long they took, and what a panic looks like outside.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lacuna_model::error::ErrorCode;
use tokio::sync::Semaphore;

use crate::app::Router;
use crate::deadline::Deadline;
use crate::error::VerbError;
use crate::surface::leftover::Leftover;
use crate::surface::manners::Manners;
use crate::surface::request::asked_deadline;
use crate::verb::admit::Shown;
use crate::verb::call::Trace;

/// In which account the root key works; without it in the default one.
const ACCOUNT: &str = "lacuna-account";

/// Who may come in, shared by all requests of all surfaces.
#[derive(Clone)]
pub(crate) struct Door {
    router: Router,
    places: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new(router: Router) -> Self {
        let places = Arc::new(Semaphore::new(router.config().max_concurrent));
        Self { router, places }
    }
}

/// Passes the request through, and reads what is left of its body before the answer goes out.
pub(crate) async fn pass(
    State((door, manners)): State<(Door, Manners)>,
    request: Request,
    next: Next,
) -> Response {
    let (request, leftover) = Leftover::of(request);
    let response = inside((&door, manners), request, next).await;
    leftover.settle(response).await
}

/// Takes a place, or answers 429; says who asks; gives the request its trace, words its failure as the surface
/// does, and logs it if it was slow.
async fn inside((door, manners): (&Door, Manners), mut request: Request, next: Next) -> Response {
    if (manners.is_open)(request.uri().path()) {
        return worded(manners, next.run(request).await);
    }
    let Ok(_place) = door.places.try_acquire() else { return (manners.failure)(&full()) };
    let caller =
        match door.router.admit(shown(manners, &request), wait(manners, &request, &door.router)).await {
            Ok(caller) => caller,
            Err(refusal) => return (manners.failure)(&refusal),
        };
    let trace = Trace::default();
    request.extensions_mut().insert(trace.clone());
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(manners);
    let route = request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| format!("unknown of {}", manners.name));
    let method = request.method().clone();
    let began = Instant::now();
    let response = worded(manners, next.run(request).await);
    let took = began.elapsed();
    let status = response.status();
    metrics::histogram!("lacuna_request_seconds", "route" => route.clone(), "method" => method.to_string())
        .record(took.as_secs_f64());
    metrics::counter!("lacuna_requests_total", "route" => route.clone(), "status" => status.as_u16().to_string())
        .increment(1);
    if took >= door.router.config().slow_request {
        log_slow(&trace, (&method, &route), status, took);
    }
    response
}

/// What the request shows: the key where this surface's clients put it, and the account it asks for.
fn shown(manners: Manners, request: &Request) -> Shown {
    let headers = request.headers();
    let account = headers.get(ACCOUNT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Shown { secret: (manners.secret)(headers), account }
}

/// Until when a key may be looked up. A wrong deadline is refused later, in words.
fn wait(manners: Manners, request: &Request, router: &Router) -> Deadline {
    let default = manners.deadline.unwrap_or(router.config().default_deadline);
    asked_deadline(request.headers()).ok().flatten().unwrap_or_else(|| Deadline::within(default))
}

/// A failure in the words of the surface.
fn worded(manners: Manners, mut response: Response) -> Response {
    match response.extensions_mut().remove::<VerbError>() {
        Some(error) => (manners.failure)(&error),
        None => response,
    }
}

fn log_slow(trace: &Trace, (method, route): (&http::Method, &str), status: StatusCode, took: Duration) {
    let (shards, phases) = trace.summary();
    let op_id = trace.op_id().map(|op_id| op_id.to_string()).unwrap_or_default();
    tracing::warn!(
        %method,
        route,
        op_id,
        shards,
        phases,
        status = status.as_u16(),
        took_ms = took.as_millis() as u64,
        "slow request"
    );
}

fn full() -> VerbError {
    let message = "too many requests are being worked on; nothing was changed. Repeat in a moment";
    VerbError::new(ErrorCode::TooMany, message)
}

/// A panic is our fault; what it did is said by no one, so the client is told to ask.
#[allow(clippy::needless_pass_by_value)] // the layer hands it over
pub(crate) fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = words, "a request's handler panicked");
    let message = "an internal fault; whether the request had an effect is not known. A repeat under the same \
                   Idempotency-Key is safe";
    VerbError::new(ErrorCode::Internal, message).into_response()
}
