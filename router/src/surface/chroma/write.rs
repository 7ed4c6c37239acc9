//! `add`, `upsert`, `update`.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::MAX_DOCUMENT_BYTES;
use lacuna_model::merge::{DeleteStatus, ShardStatus, WriteAnswer};
use lacuna_model::record::{Change, NewRecord, Ordinal, RecordPatch};
use serde_json::json;

use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::bodies::WriteBody;
use crate::surface::chroma::errors::{ChromaFailure, NOTHING, batch_too_large, misshapen};
use crate::surface::chroma::filters::record_id;
use crate::surface::chroma::limits::MAX_BATCH;
use crate::surface::chroma::metadata::{MetadataBody, kept_uri};
use crate::surface::chroma::names::CollectionAt;
use crate::surface::chroma::sent::Sent;
use crate::surface::chroma::vectors::same_length;

/// One record of a request: its columns, put together.
struct Row {
    id: lacuna_model::RecordId,
    position: usize,
    vector: Option<Vec<f32>>,
    document: Option<String>,
    metadata: Option<MetadataBody>,
    uri: Option<String>,
}

/// Must every record have a vector?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vectors {
    Needed,
    Optional,
}

/// Adds records; an id that exists is left as it is.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/add", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = WriteBody, responses((status = 201, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn add(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<WriteBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let rows = rows(body, Vectors::Needed)?;
    let micros = now_micros();
    let mut records = Vec::with_capacity(rows.len());
    for row in each_once(rows, |_, _| {}) {
        records.push(new_record(row, micros)?);
    }
    write(&router, at, (call, StatusCode::CREATED), WriteVerb::Insert(records)).await
}

/// Writes records; those that exist are merged with, metadata by key.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/upsert", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = WriteBody, responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn upsert(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<WriteBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let patches = patches(rows(body, Vectors::Needed)?)?;
    write(&router, at, (call, StatusCode::OK), WriteVerb::Merge(patches)).await
}

/// Changes records that exist; unknown ids are ignored.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}/update", tag = "chroma: records",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = WriteBody, responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn update(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<WriteBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    let patches = patches(rows(body, Vectors::Optional)?)?;
    write(&router, at, (call, StatusCode::OK), WriteVerb::Update(patches)).await
}

async fn write(
    router: &Router,
    at: CollectionAt,
    (call, success): (crate::verb::Call, StatusCode),
    verb: WriteVerb,
) -> Verb<Response> {
    let found = at.find(router, &call).await?;
    if verb.items() == 0 {
        return Ok(answer::json(success, &json!({})));
    }
    let answer = found.said(router.write(&found.target, &call, verb).await)?;
    match answer.status {
        DeleteStatus::Complete => {
            let response = answer::json(success, &json!({}));
            Ok(answer::named(response, &answer.op_id, answer.status.as_str()))
        }
        DeleteStatus::Partial | DeleteStatus::Pending => Err(half_written(&answer)),
    }
}

/// Some shards wrote and some didn't: no success that a client could believe in.
fn half_written(answer: &WriteAnswer) -> VerbError {
    let open = answer.shards.iter().filter(|shard| shard.status != ShardStatus::Applied);
    let mut shards = Vec::new();
    let (mut left, mut reason) = (0, "");
    for shard in open {
        shards.push(shard.shard.0);
        left += shard.unprocessed_ids.len();
        reason = shard.error.as_ref().map_or(reason, |error| &error.message);
    }
    let message = format!(
        "{left} of the records were not written, or whether they were is not known: shards {shards:?} ({reason}). The \
         others are written. Operation {}. Repeating the request completes it",
        answer.op_id
    );
    let ids: Vec<&String> = answer.shards.iter().flat_map(|shard| &shard.unprocessed_ids).collect();
    VerbError::new(ErrorCode::Pending, message)
        .of(&answer.op_id)
        .with("status", answer.status.as_str())
        .with("shards_open", shards)
        .with("unprocessed_ids", json!(ids))
}

/// The columns of a body as rows.
fn rows(body: WriteBody, vectors: Vectors) -> Verb<Vec<Row>> {
    let count = body.ids.len();
    if count > MAX_BATCH {
        return Err(batch_too_large(count, MAX_BATCH));
    }
    if vectors == Vectors::Needed {
        let missing = match &body.embeddings {
            None => Some("embeddings: missing or null; expected a vector for each id".to_owned()),
            Some(embeddings) => {
                embeddings.first_null().map(|at| format!("embeddings[{at}]: null, expected a vector"))
            }
        };
        if let Some(missing) = missing {
            return Err(misshapen(format!("{missing}; {NOTHING}")));
        }
    }
    let vectors = body.embeddings.map(|embeddings| embeddings.checked(count)).transpose()?;
    let mut vectors = column("embeddings", vectors, count)?;
    let mut metadatas = column("metadatas", body.metadatas, count)?;
    let mut documents = column("documents", body.documents, count)?;
    let mut uris = column("uris", body.uris, count)?;
    let mut rows = Vec::with_capacity(count);
    for (position, id) in body.ids.into_iter().enumerate() {
        let document = documents.next().flatten();
        if document.as_ref().is_some_and(|text| text.len() > MAX_DOCUMENT_BYTES) {
            let message = format!("documents[{position}]: at most {MAX_DOCUMENT_BYTES} bytes; {NOTHING}");
            return Err(VerbError::new(ErrorCode::TooLarge, message).with("max_bytes", MAX_DOCUMENT_BYTES));
        }
        rows.push(Row {
            id: record_id(id, position)?,
            position,
            vector: vectors.next().flatten(),
            document,
            metadata: metadatas.next().flatten(),
            uri: uris.next().flatten(),
        });
    }
    Ok(rows)
}

/// A column's items, as many as there are ids; of a column that isn't there, nothing.
fn column<T>(field: &str, items: Option<Vec<T>>, ids: usize) -> Verb<std::vec::IntoIter<T>> {
    let items = match items {
        None => Vec::new(),
        Some(items) => {
            same_length(field, items.len(), ids)?;
            items
        }
    };
    Ok(items.into_iter())
}

/// Each id once, at the place of its first mention; `then` takes what a later mention says.
fn each_once(rows: Vec<Row>, mut then: impl FnMut(&mut Row, Row)) -> Vec<Row> {
    let mut seen = HashSet::with_capacity(rows.len());
    // The usual case costs no copy of an id.
    if rows.iter().all(|row| seen.insert(row.id.as_str())) {
        return rows;
    }
    let mut places: HashMap<lacuna_model::RecordId, usize> = HashMap::with_capacity(rows.len());
    let mut once: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(place) = places.get(&row.id) {
            then(&mut once[*place], row);
        } else {
            places.insert(row.id.clone(), once.len());
            once.push(row);
        }
    }
    once
}

fn new_record(row: Row, micros: u64) -> Verb<NewRecord> {
    let mut metadata =
        row.metadata.map(|metadata| metadata.into_new(row.position)).transpose()?.unwrap_or_default();
    if let Some(uri) = row.uri {
        let (key, value) = kept_uri(uri);
        metadata.insert(key, value);
    }
    let position = row.position as u32;
    Ok(NewRecord {
        position,
        id: row.id,
        vector: row.vector,
        document: row.document,
        metadata,
        ordinal: Ordinal { micros, position },
        sparse: None,
    })
}

/// Changes with their positions; those of a repeated id are made one after the other.
fn patches(rows: Vec<Row>) -> Verb<Vec<RecordPatch>> {
    let micros = now_micros();
    let rows = each_once(rows, |first, later| {
        first.vector = later.vector.or(first.vector.take());
        first.document = later.document.or(first.document.take());
        first.uri = later.uri.or(first.uri.take());
        if let Some(metadata) = later.metadata {
            first.metadata.get_or_insert_default().then(metadata);
        }
    });
    rows.into_iter().map(|row| patch(row, micros)).collect()
}

fn patch(row: Row, micros: u64) -> Verb<RecordPatch> {
    let mut metadata =
        row.metadata.map(|metadata| metadata.into_patch(row.position)).transpose()?.unwrap_or_default();
    if let Some(uri) = row.uri {
        let (key, value) = kept_uri(uri);
        metadata.push((key, Some(value)));
    }
    let position = row.position as u32;
    Ok(RecordPatch {
        position,
        id: row.id,
        vector: change(row.vector),
        document: change(row.document),
        metadata,
        ordinal: Ordinal { micros, position },
        sparse: Change::Keep,
    })
}

/// What is missing or null stays as it is.
fn change<T>(given: Option<T>) -> Change<T> {
    given.map_or(Change::Keep, Change::Set)
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
