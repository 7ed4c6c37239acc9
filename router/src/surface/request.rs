//! Requests as they come in: media type, size, JSON, deadline, name. What doesn't fit is refused here, in words.

use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use lacuna_model::error::ErrorCode;
use lacuna_model::op_id::{OpId, RequestDigest};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::app::Router;
use crate::deadline::{Deadline, MAX_MS, MIN_MS};
use crate::error::{Verb, VerbError};
use crate::surface::manners::{Manners, MaxWeight, NATIVE};
use crate::surface::misfit;
use crate::verb::call::Trace;
use crate::verb::caller::Caller;
use crate::verb::{Call, Respond};

const NOTHING: &str = "nothing was changed";

/// A request with a JSON body.
pub(crate) struct Posted<T> {
    pub(crate) body: T,
    pub(crate) call: Call,
}

/// A request whose JSON body may be left out.
pub(crate) struct Offered<T> {
    pub(crate) body: Option<T>,
    pub(crate) call: Call,
}

/// A request without one.
pub(crate) struct Plain(pub(crate) Call);

/// `Prefer: respond-async`.
pub(crate) struct Preference(pub(crate) Respond);

/// A request whose JSON body is a bare list.
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) call: Call,
}

/// The bytes of a JSON body, and the request's context.
async fn received(request: Request, router: &Router) -> Verb<(Bytes, Call)> {
    let (parts, body) = request.into_parts();
    let deadline = deadline(&parts, router)?;
    check_media_type(&parts.headers)?;
    let bytes = read_body(&parts, body).await?;
    let digest = digest(&parts, &bytes);
    let (caller, trace) = (caller(&parts)?, trace(&parts));
    Ok((bytes, Call { caller, deadline, key: key(&parts.headers)?, digest, trace }))
}

impl<T: DeserializeOwned> FromRequest<Router> for Listed<T> {
    type Rejection = VerbError;

    async fn from_request(request: Request, router: &Router) -> Verb<Self> {
        let (bytes, call) = received(request, router).await?;
        let items = serde_json::from_slice(&bytes).map_err(|error| explain::<Vec<T>>(&bytes, &error))?;
        Ok(Self { items, call })
    }
}

impl<T: DeserializeOwned> FromRequest<Router> for Posted<T> {
    type Rejection = VerbError;

    async fn from_request(request: Request, router: &Router) -> Verb<Self> {
        let (bytes, call) = received(request, router).await?;
        let body = parse(&bytes)?;
        call.trace.mark("parse");
        Ok(Self { body, call })
    }
}

impl<T: DeserializeOwned> FromRequest<Router> for Offered<T> {
    type Rejection = VerbError;

    async fn from_request(request: Request, router: &Router) -> Verb<Self> {
        if request.body().is_end_stream() {
            let Plain(call) = Plain::from_request_parts(&mut request.into_parts().0, router).await?;
            return Ok(Self { body: None, call });
        }
        let Posted { body, call } = Posted::from_request(request, router).await?;
        Ok(Self { body: Some(body), call })
    }
}

impl FromRequestParts<Router> for Plain {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Verb<Self> {
        let deadline = deadline(parts, router)?;
        let digest = digest(parts, &[]);
        let (caller, trace) = (caller(parts)?, trace(parts));
        Ok(Self(Call { caller, deadline, key: key(&parts.headers)?, digest, trace }))
    }
}

impl FromRequestParts<Router> for Preference {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, _router: &Router) -> Verb<Self> {
        let prefers = parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let asynchronous = prefers
            .flat_map(|value| value.split(','))
            .any(|wish| wish.trim().eq_ignore_ascii_case("respond-async"));
        Ok(Self(if asynchronous { Respond::Async } else { Respond::Wait }))
    }
}

fn manners(parts: &Parts) -> Manners {
    parts.extensions.get::<Manners>().copied().unwrap_or(NATIVE)
}

fn caller(parts: &Parts) -> Verb<Caller> {
    parts.extensions.get::<Caller>().cloned().ok_or_else(Caller::unknown)
}

fn trace(parts: &Parts) -> Trace {
    parts.extensions.get::<Trace>().cloned().unwrap_or_default()
}

/// Digest of verb, names and body: a name that was used for another one is refused.
fn digest(parts: &Parts, body: &[u8]) -> RequestDigest {
    RequestDigest::of(&[parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), body])
}

fn key(headers: &HeaderMap) -> Verb<Option<OpId>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    OpId::new(text).map(Some).map_err(|error| {
        VerbError::argument(format!("Idempotency-Key: {error}; {NOTHING}")).with("header", "Idempotency-Key")
    })
}

fn deadline(parts: &Parts, router: &Router) -> Verb<Deadline> {
    let default = || Deadline::within(manners(parts).deadline.unwrap_or(router.config().default_deadline));
    Ok(asked_deadline(&parts.headers)?.unwrap_or_else(default))
}

/// The deadline that the client asks for, if it does.
pub(crate) fn asked_deadline(headers: &HeaderMap) -> Verb<Option<Deadline>> {
    let Some(value) = headers.get("lacuna-deadline-ms") else { return Ok(None) };
    let ms = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    match ms {
        Some(ms) if (MIN_MS..=MAX_MS).contains(&ms) => Ok(Some(Deadline::within(Duration::from_millis(ms)))),
        _ => Err(VerbError::argument(format!(
            "Lacuna-Deadline-Ms must be a whole number from {MIN_MS} to {MAX_MS}, got {:?}; {NOTHING}",
            String::from_utf8_lossy(value.as_bytes())
        ))
        .with("header", "Lacuna-Deadline-Ms")),
    }
}

fn check_media_type(headers: &HeaderMap) -> Verb<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let got = if given.is_empty() { "none".to_owned() } else { format!("\"{given}\"") };
    Err(VerbError::new(
        ErrorCode::UnsupportedMediaType,
        format!("the body must be declared as Content-Type: application/json, got {got}; {NOTHING}"),
    ))
}

/// The body, at most as large as the surface takes.
pub(crate) async fn read_body(parts: &Parts, body: axum::body::Body) -> Verb<Bytes> {
    let Manners { max_body: most, max_weight, .. } = manners(parts);
    let declared =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > most as u64) {
        return Err(too_large(most));
    }
    let bytes = axum::body::to_bytes(body, most).await.map_err(|error| {
        if error.to_string().contains("length limit") {
            too_large(most)
        } else {
            VerbError::new(ErrorCode::InvalidJson, format!("the body broke off: {error}; {NOTHING}"))
        }
    })?;
    match max_weight {
        // The usual body is small enough by its bytes, and isn't looked at.
        Some(MaxWeight { of, most }) if bytes.len() > most && of(&bytes) > most => Err(too_large(most)),
        Some(_) | None => Ok(bytes),
    }
}

fn too_large(most: usize) -> VerbError {
    VerbError::new(
        ErrorCode::TooLarge,
        format!("the body is larger than {most} bytes; split the request; {NOTHING}"),
    )
    .with("max_bytes", most)
}

/// Reads JSON at full speed; only a refused body is read again, to say where the fault is.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Verb<T> {
    // A struct can be read from a list by position: `["", ["a"]]` must not delete anything.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(VerbError::argument(format!("the body is a list; expected an object; {NOTHING}"))
            .with("path", "."));
    }
    serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))
}

fn explain<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> VerbError {
    let place = |refusal: VerbError| refusal.with("line", error.line()).with("column", error.column());
    let words = error.to_string();
    let no_float = words.starts_with("number out of range");
    if error.classify() != Category::Data && !no_float {
        let message = format!("{}; {NOTHING}", misfit::no_json(bytes, error));
        return place(VerbError::new(ErrorCode::InvalidJson, message));
    }
    let path = path_of::<T>(bytes);
    let code = if words.starts_with("unknown field") {
        ErrorCode::UnknownField
    } else if no_float && path.contains("vector") {
        ErrorCode::InvalidVector
    } else {
        ErrorCode::InvalidArgument
    };
    let at = if path == "." { String::new() } else { format!("{path}: ") };
    place(VerbError::new(code, format!("{at}{}; {NOTHING}", misfit::misfit(&words))).with("path", path))
}

/// Where a refused body has its fault, as in `records[1].id`.
fn path_of<T: DeserializeOwned>(bytes: &[u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => error.path().to_string(),
        Ok(_) => ".".to_owned(),
    }
}
