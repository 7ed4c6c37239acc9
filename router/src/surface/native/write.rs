//! `records/upsert` and `records/update`.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::{MAX_DOCUMENT_BYTES, MAX_METADATA_BYTES};
use lacuna_model::merge::{WriteAnswer, http_status};
use lacuna_model::record::{Change, NewRecord, Ordinal, RecordPatch};
use lacuna_model::value::{metadata_from_json, metadata_patch_from_json};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::native::bodies::{Given, PatchBody, RecordBody, UpdateBody, UpsertBody};
use crate::surface::native::parse::{NOTHING, check_finite, check_number, record_id, target};
use crate::surface::native::views::{UpdateView, UpsertView};
use crate::surface::repeated::last_of_each;
use crate::surface::request::Posted;

/// Writes whole records, whether they exist or not.
#[utoipa::path(post, path = "/v1/collections/{c}/records/upsert", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = UpsertBody,
    responses((status = 200, body = UpsertView), (status = 207, description = "Some shards wrote it", body = UpsertView),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn upsert(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<UpsertBody>,
) -> Verb<Response> {
    let target = target(&posted.call.caller, &c, posted.body.namespace)?;
    let records = new_records(posted.body.records)?;
    let answer = router.write(&target, &posted.call, WriteVerb::Upsert(records)).await?;
    Ok(respond(answer, UpsertView::from))
}

/// Changes records that exist; unknown ids are counted as absent.
#[utoipa::path(post, path = "/v1/collections/{c}/records/update", tag = "records",
    params(("c" = String, Path, description = "Id, or name of a native collection")), request_body = UpdateBody,
    responses((status = 200, body = UpdateView), (status = 207, description = "Some shards changed it", body = UpdateView),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn update(
    State(router): State<Router>,
    Path(c): Path<String>,
    posted: Posted<UpdateBody>,
) -> Verb<Response> {
    let target = target(&posted.call.caller, &c, posted.body.namespace)?;
    let patches = patches(posted.body.records)?;
    let answer = router.write(&target, &posted.call, WriteVerb::Update(patches)).await?;
    Ok(respond(answer, UpdateView::from))
}

fn respond<V: Serialize>(answer: WriteAnswer, view: impl Fn(WriteAnswer) -> V) -> Response {
    let status = answer.status;
    let code = StatusCode::from_u16(http_status(status)).unwrap_or(StatusCode::OK);
    let op_id = answer.op_id.clone();
    answer::named(answer::json(code, &view(answer)), &op_id, status.as_str())
}

/// Records with their positions; of a repeated id the last one counts.
fn new_records(bodies: Vec<RecordBody>) -> Verb<Vec<NewRecord>> {
    check_number("records", bodies.len())?;
    let micros = now_micros();
    let placed = bodies.into_iter().zip(0..);
    last_of_each(placed.map(|(body, position)| new_record(body, Ordinal { micros, position })))
}

fn new_record(body: RecordBody, ordinal: Ordinal) -> Verb<NewRecord> {
    let position = ordinal.position;
    let path = |field: &str| format!("records[{position}].{field}");
    if let Some(vector) = &body.vector {
        check_finite(vector, || path("vector"))?;
    }
    check_document(body.document.as_deref(), || path("document"))?;
    let metadata = body.metadata.as_ref().map(|json| {
        check_metadata(json, || path("metadata"))?;
        metadata_from_json(json).map_err(|error| bad_metadata(position, &error))
    });
    Ok(NewRecord {
        position,
        id: record_id(body.id, || path("id"))?,
        vector: body.vector,
        document: body.document,
        metadata: metadata.transpose()?.unwrap_or_default(),
        ordinal,
        sparse: None,
    })
}

/// Changes with their positions; those of a repeated id become one.
fn patches(bodies: Vec<PatchBody>) -> Verb<Vec<RecordPatch>> {
    check_number("records", bodies.len())?;
    let micros = now_micros();
    let mut places: HashMap<String, usize> = HashMap::with_capacity(bodies.len());
    let mut patches: Vec<RecordPatch> = Vec::with_capacity(bodies.len());
    for (position, body) in bodies.into_iter().enumerate() {
        let patch = patch(body, Ordinal { micros, position: position as u32 })?;
        if let Some(place) = places.get(patch.id.as_str()) {
            then(&mut patches[*place], patch);
        } else {
            places.insert(patch.id.as_str().to_owned(), patches.len());
            patches.push(patch);
        }
    }
    Ok(patches)
}

fn patch(body: PatchBody, ordinal: Ordinal) -> Verb<RecordPatch> {
    let position = ordinal.position;
    let path = |field: &str| format!("records[{position}].{field}");
    if let Some(vector) = body.vector.value() {
        check_finite(vector, || path("vector"))?;
    }
    check_document(body.document.value().map(String::as_str), || path("document"))?;
    let metadata = body.metadata.as_ref().map(|json| {
        check_metadata(json, || path("metadata"))?;
        metadata_patch_from_json(json).map_err(|error| bad_metadata(position, &error))
    });
    Ok(RecordPatch {
        position,
        id: record_id(body.id, || path("id"))?,
        vector: change(body.vector),
        document: change(body.document),
        metadata: metadata.transpose()?.unwrap_or_default(),
        ordinal,
        sparse: Change::Keep,
    })
}

fn change<T>(given: Given<T>) -> Change<T> {
    match given {
        Given::Missing => Change::Keep,
        Given::Null => Change::Remove,
        Given::Value(value) => Change::Set(value),
    }
}

/// One change after another, as one.
fn then(first: &mut RecordPatch, second: RecordPatch) {
    match second.vector {
        Change::Keep => {}
        change => first.vector = change,
    }
    match second.document {
        Change::Keep => {}
        change => first.document = change,
    }
    for (key, value) in second.metadata {
        first.metadata.retain(|(known, _)| *known != key);
        first.metadata.push((key, value));
    }
}

fn bad_metadata(position: u32, error: &lacuna_model::value::ValueError) -> VerbError {
    VerbError::argument(format!("records[{position}].metadata: {error}; {NOTHING}"))
        .with("position", position)
}

fn check_document(document: Option<&str>, path: impl Fn() -> String) -> Verb<()> {
    match document {
        Some(text) if text.len() > MAX_DOCUMENT_BYTES => {
            Err(too_large(&path(), text.len(), MAX_DOCUMENT_BYTES))
        }
        _ => Ok(()),
    }
}

fn check_metadata(json: &Map<String, Value>, path: impl Fn() -> String) -> Verb<()> {
    if json.is_empty() {
        return Ok(());
    }
    let bytes = serde_json::to_vec(json).map_or(0, |text| text.len());
    if bytes > MAX_METADATA_BYTES { Err(too_large(&path(), bytes, MAX_METADATA_BYTES)) } else { Ok(()) }
}

fn too_large(path: &str, got: usize, most: usize) -> VerbError {
    VerbError::new(ErrorCode::TooLarge, format!("{path}: {got} bytes, at most {most}; {NOTHING}"))
        .with("path", path)
        .with("max_bytes", most)
}
