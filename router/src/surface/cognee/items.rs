//! Data items: added, listed, their raw files.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use lacuna_model::limits::{MAX_DIMENSION, MAX_DOCUMENT_BYTES, MAX_ITEMS, MAX_METADATA_BYTES};
use lacuna_model::memory::contribution::{Content, End, Facts};
use lacuna_model::memory::counts::MemoryKind;
use lacuna_model::memory::words::{ItemFacts, Raw};
use lacuna_model::{ItemId, RecordId};
use serde_json::{Map, Value};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::bodies::{EndBody, ItemBody, RawBody, RecordBody};
use crate::surface::cognee::datasets::{name, uuid};
use crate::surface::cognee::failure::{FailureView, combination};
use crate::surface::cognee::views::ItemView;
use crate::surface::request::{Plain, Posted};
use crate::verb::memory::{DEFAULT_COLLECTION, NewItem, NewMemory, sha256};

const NOTHING: &str = "nothing was changed";

/// Adds an item with its records, or replaces the one with its id.
#[utoipa::path(post, path = "/api/v1/datasets/{d}/data", tag = "memory", request_body = ItemBody,
    params(("d" = String, Path, description = "Id of the dataset")),
    responses((status = 201, body = ItemView), (status = 404, body = FailureView),
        (status = 422, description = "An edge ends nowhere", body = FailureView),
        (status = "default", body = FailureView)))]
pub(crate) async fn add(
    State(router): State<Router>,
    Path(d): Path<String>,
    posted: Posted<ItemBody>,
) -> Verb<Response> {
    let dataset = uuid("dataset", &d)?;
    let item = router.add_item(&posted.call, dataset, item(posted.body)?).await?;
    Ok(answer::json(StatusCode::CREATED, &ItemView::from(&item)))
}

fn item(body: ItemBody) -> Verb<NewItem> {
    let id = match &body.id {
        Some(text) => uuid("id", text)?,
        None => ItemId(rand::random()),
    };
    let (raw, bytes) = raw_of(body.raw)?;
    let name = match &body.name {
        Some(text) => name("name", text)?,
        None => id.to_string(),
    };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default();
    let facts = ItemFacts {
        id,
        label: body.label,
        external_metadata: json_text("externalMetadata", body.external_metadata)?,
        mime_type: mime_type(body.mime_type)?,
        extension,
        name,
        raw,
    };
    Ok(NewItem { facts, raw: bytes, records: records(body.records)? })
}

/// A media type must fit into a header: the raw file goes out under it.
fn mime_type(given: Option<String>) -> Verb<String> {
    let text = given.unwrap_or_else(|| "application/octet-stream".to_owned());
    match HeaderValue::from_str(&text) {
        Ok(_) if text.len() <= 256 => Ok(text),
        _ => Err(VerbError::argument(format!("mimeType: not a media type; {NOTHING}"))),
    }
}

fn json_text(field: &str, object: Option<Map<String, Value>>) -> Verb<String> {
    let object = object.unwrap_or_default();
    if object.is_empty() {
        return Ok(String::new());
    }
    let text = Value::Object(object).to_string();
    if text.len() > MAX_METADATA_BYTES {
        let message = format!("{field}: {} bytes, at most {MAX_METADATA_BYTES}; {NOTHING}", text.len());
        return Err(VerbError::argument(message));
    }
    Ok(text)
}

fn raw_of(raw: Option<RawBody>) -> Verb<(Raw, Option<Bytes>)> {
    let Some(raw) = raw else { return Ok((Raw::None, None)) };
    let bytes = match raw {
        RawBody { content: Some(text), content_base64: None, uri: None } => Bytes::from(text),
        RawBody { content: None, content_base64: Some(text), uri: None } => {
            let decoded = STANDARD.decode(text.as_bytes());
            let wrong = |error| VerbError::argument(format!("raw.contentBase64: {error}; {NOTHING}"));
            Bytes::from(decoded.map_err(wrong)?)
        }
        RawBody { content: None, content_base64: None, uri: Some(uri) } => {
            return Ok((Raw::External { uri }, None));
        }
        _ => return Err(combination("raw: exactly one of content, contentBase64 and uri")),
    };
    Ok((Raw::Stored { sha256: sha256(&bytes), bytes: bytes.len() as u64 }, Some(bytes)))
}

fn records(bodies: Vec<RecordBody>) -> Verb<Vec<NewMemory>> {
    if bodies.len() > MAX_ITEMS {
        let message = format!("records: {} of them, at most {MAX_ITEMS}; {NOTHING}", bodies.len());
        return Err(VerbError::argument(message));
    }
    let mut seen = BTreeSet::new();
    let mut records = Vec::with_capacity(bodies.len());
    for (at, body) in bodies.into_iter().enumerate() {
        let record = record(at, body)?;
        if !seen.insert((record.collection.clone(), record.id.clone())) {
            let message =
                format!("records[{at}]: the same collection and id twice in one request; {NOTHING}");
            return Err(VerbError::argument(message));
        }
        records.push(record);
    }
    Ok(records)
}

fn record(at: usize, body: RecordBody) -> Verb<NewMemory> {
    let path = |field: &str| format!("records[{at}].{field}");
    let collection = name(&path("collection"), body.collection.as_deref().unwrap_or(DEFAULT_COLLECTION))?;
    let id = RecordId::new(body.id)
        .map_err(|error| VerbError::argument(format!("{}: {error}; {NOTHING}", path("id"))))?;
    let kind = match body.kind.as_deref() {
        None | Some("vector") => MemoryKind::Vector,
        Some("node") => MemoryKind::Node,
        Some("edge") => MemoryKind::Edge,
        Some(_) => {
            let message = format!("{}: expected vector, node or edge; {NOTHING}", path("kind"));
            return Err(VerbError::argument(message));
        }
    };
    let ends = (body.source.is_some(), body.target.is_some());
    if (kind == MemoryKind::Edge) != (ends == (true, true)) || ends.0 != ends.1 {
        let message = format!("records[{at}]: an edge has source and target, nothing else has; {NOTHING}");
        return Err(VerbError::argument(message));
    }
    let vector = body.vector.map(|vector| checked(&path("vector"), vector)).transpose()?;
    if body.text.as_ref().is_some_and(|text| text.len() > MAX_DOCUMENT_BYTES) {
        let message = format!("{}: at most {MAX_DOCUMENT_BYTES} bytes; {NOTHING}", path("text"));
        return Err(VerbError::argument(message));
    }
    let facts = Facts {
        kind,
        type_name: body.type_name,
        source: body.source.map(|end| placed(end, &collection)),
        target: body.target.map(|end| placed(end, &collection)),
        relationship: body.relationship,
        metadata: json_text(&path("metadata"), body.metadata)?,
        node_sets: body.node_sets,
        blob: None,
    };
    Ok(NewMemory { collection, id, content: Content { vector, text: body.text, facts } })
}

fn placed(end: EndBody, collection: &str) -> End {
    match end {
        EndBody::Id(id) => End { collection: collection.to_owned(), id },
        EndBody::Placed { collection, id } => End { collection, id },
    }
}

pub(super) fn checked(path: &str, vector: Vec<f32>) -> Verb<Vec<f32>> {
    let fits = !vector.is_empty() && vector.len() <= MAX_DIMENSION as usize;
    if fits && vector.iter().all(|component| component.is_finite()) {
        return Ok(vector);
    }
    let message = format!("{path}: expected 1 to {MAX_DIMENSION} finite 32-bit floats; {NOTHING}");
    Err(VerbError::argument(message))
}

/// Items of a dataset, oldest first.
#[utoipa::path(get, path = "/api/v1/datasets/{d}/data", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset")),
    responses((status = 200, body = [ItemView]), (status = "default", body = FailureView)))]
pub(crate) async fn list(
    State(router): State<Router>,
    Path(d): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let items = router.items(&call, uuid("dataset", &d)?).await?;
    let views: Vec<ItemView> = items.iter().map(ItemView::from).collect();
    Ok(answer::json(StatusCode::OK, &views))
}

/// An item's raw file, if Lacuna holds it. No path and no URI is ever opened.
#[utoipa::path(get, path = "/api/v1/datasets/{d}/data/{i}/raw", tag = "memory",
    params(("d" = String, Path, description = "Id of the dataset"), ("i" = String, Path, description = "Id of the item")),
    responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = FailureView)))]
pub(crate) async fn raw(
    State(router): State<Router>,
    Path((d, i)): Path<(String, String)>,
    Plain(call): Plain,
) -> Verb<Response> {
    let (item, bytes) = router.raw_file(&call, uuid("dataset", &d)?, uuid("data", &i)?).await?;
    let kind = HeaderValue::from_str(&item.facts.mime_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // Somebody's upload is never a page of ours.
    let safe = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let apart = (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind), safe, apart], Body::from(bytes)).into_response())
}
