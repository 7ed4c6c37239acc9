//! Documents and vectors stored. A request is answered once all of it is committed.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::access::Right;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::MAX_DOCUMENT_BYTES;
use lacuna_model::merge::{DeleteStatus, WriteAnswer};
use lacuna_model::record::{Kind, NewRecord, Ordinal};

use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::moorcheh::bodies::{DocumentsBody, VectorsBody};
use crate::surface::moorcheh::failure::{Code, FailureView, refused};
use crate::surface::moorcheh::ids::ItemId;
use crate::surface::moorcheh::item::Item;
use crate::surface::moorcheh::metadata;
use crate::surface::moorcheh::namespace::{Lookup, Wanted};
use crate::surface::moorcheh::tolerant::Tolerant;
use crate::surface::moorcheh::views::{
    DocumentsUploadedView, Status, VectorErrorView, VectorsUploadedView, counted,
};
use crate::surface::repeated::last_of_each;
use crate::surface::request::Posted;

/// Most documents in a request.
const MAX_DOCUMENTS: usize = 100;
/// Most vectors in a request.
const MAX_VECTORS: usize = 1_000;
/// Longest text of a document, characters.
const MAX_TEXT: usize = 50_000;

const TEXT: Wanted = Wanted::Only(Kind::Text, "POST /namespaces/{ns}/vectors");
const VECTOR: Wanted = Wanted::Only(Kind::Vector, "POST /namespaces/{ns}/documents");

/// Stores documents: all of them or, if one is bad, none.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/documents", tag = "uploads",
    params(("ns" = String, Path, description = "A text namespace")), request_body = DocumentsBody,
    responses((status = 202, description = "Committed", body = DocumentsUploadedView),
        (status = "default", body = FailureView)))]
pub(crate) async fn documents(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<DocumentsBody>,
) -> Verb<Response> {
    let (items, call) = (posted.body.documents, posted.call);
    check_number("documents", items.len(), MAX_DOCUMENTS)?;
    let records = last_of_each(items.into_iter().enumerate().map(|(index, item)| {
        document(item, ordinal(index)).map_err(|error| {
            refused(Code::InvalidField, &format!("documents[{index}].{error}; no document was stored"))
        })
    }))?;
    let mut lookup = Lookup::new();
    let mut namespace = lookup.up((&router, &call), &name, TEXT).await?;
    let embedder = &router.core().embedder;
    namespace.check_embedder(embedder.name())?;
    // The write looks again; but nobody's texts are embedded in vain.
    call.caller.need(Right::Write)?;
    let texts = records.iter().map(|record| record.document.clone().unwrap_or_default()).collect();
    let vectors = embedder.embed(texts, call.deadline).await?;
    let embedded = records.into_iter().zip(vectors);
    let records = embedded.map(|(record, vector)| NewRecord { vector: Some(vector), ..record }).collect();
    let verb = WriteVerb::Upsert(records);
    let written = loop {
        match router.write_these(&namespace.target, &call, &verb).await {
            Err(error) if lookup.again(&error) => {
                namespace = lookup.up((&router, &call), &name, TEXT).await?;
                namespace.check_embedder(embedder.name())?;
            }
            other => break other?,
        }
    };
    if written.status != DeleteStatus::Complete {
        return Err(not_all(&written));
    }
    let view = DocumentsUploadedView {
        status: Status::Success,
        message: format!("Stored {} in namespace '{name}'.", counted(verb.items(), "document")),
        submitted_ids: ids_of(&verb),
        namespace_name: name,
        documents_processed: verb.items(),
        processing_status: "completed",
    };
    Ok(answer::named(answer::json(StatusCode::ACCEPTED, &view), &written.op_id, written.status.as_str()))
}

/// Stores vectors; those that are bad are named.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/vectors", tag = "uploads",
    params(("ns" = String, Path, description = "A vector namespace")), request_body = VectorsBody,
    responses((status = 201, description = "Committed", body = VectorsUploadedView),
        (status = 207, description = "Some were not stored", body = VectorsUploadedView),
        (status = "default", body = FailureView)))]
pub(crate) async fn vectors(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<VectorsBody>,
) -> Verb<Response> {
    let (items, call) = (posted.body.vectors, posted.call);
    check_number("vectors", items.len(), MAX_VECTORS)?;
    let mut lookup = Lookup::new();
    let mut namespace = lookup.up((&router, &call), &name, VECTOR).await?;
    let (verb, mut errors) = judge(items, namespace.dimension())?;
    let written = loop {
        match router.write_these(&namespace.target, &call, &verb).await {
            Err(error) if lookup.again(&error) => {
                namespace = lookup.up((&router, &call), &name, VECTOR).await?;
            }
            other => break other?,
        }
    };
    let mut stored = ids_of(&verb);
    let failed = unwritten(&written);
    for (index, id) in positions(&verb) {
        if let Some(error) = failed.get(&id) {
            errors.push(VectorErrorView { id: Some(id), index, error: error.clone() });
        }
    }
    stored.retain(|id| !failed.contains_key(id));
    errors.sort_by_key(|error| error.index);
    Ok(uploaded(name, stored, errors, &written))
}

fn uploaded(
    name: String,
    stored: Vec<String>,
    errors: Vec<VectorErrorView>,
    written: &WriteAnswer,
) -> Response {
    let (code, status, rest) = match errors.len() {
        0 => (StatusCode::CREATED, Status::Success, String::new()),
        1 => (StatusCode::MULTI_STATUS, Status::Partial, "; 1 was not stored".to_owned()),
        bad => (StatusCode::MULTI_STATUS, Status::Partial, format!("; {bad} were not stored")),
    };
    let view = VectorsUploadedView {
        status,
        message: format!("Stored {} in namespace '{name}'{rest}.", counted(stored.len(), "vector")),
        vectors_processed: stored.len(),
        vector_ids_processed: stored,
        errors,
        namespace_name: name,
        processing_status: "completed",
    };
    answer::named(answer::json(code, &view), &written.op_id, written.status.as_str())
}

/// The good vectors, and what is wrong with the others. None good: refused.
fn judge(items: Vec<Tolerant<Item<false>>>, dimension: usize) -> Verb<(WriteVerb, Vec<VectorErrorView>)> {
    let (mut good, mut errors, mut code) = (Vec::with_capacity(items.len()), Vec::new(), None);
    for (index, item) in items.into_iter().enumerate() {
        let mut id = None;
        match vector(item, ordinal(index), &mut id) {
            Ok(record) if record.vector.as_ref().map_or(0, Vec::len) == dimension => good.push(Ok(record)),
            Ok(record) => {
                code.get_or_insert(Code::DimensionMismatch);
                let length = record.vector.map_or(0, |vector| vector.len());
                let error = format!("vector: {length} components, expected {dimension} as in this namespace");
                errors.push(VectorErrorView { id, index, error });
            }
            Err(error) => {
                code.get_or_insert(Code::InvalidField);
                errors.push(VectorErrorView { id, index, error });
            }
        }
    }
    if let (true, Some(first)) = (good.is_empty(), errors.first()) {
        let words = format!("vectors[{}].{}; no vector was stored", first.index, first.error);
        return Err(refused(code.unwrap_or(Code::InvalidField), &words));
    }
    Ok((WriteVerb::Upsert(last_of_each(good.into_iter())?), errors))
}

fn check_number(field: &str, items: usize, most: usize) -> Verb<()> {
    match items {
        0 => Err(refused(Code::InvalidField, &format!("{field}: an empty list, expected at least one"))),
        items if items > most => {
            Err(refused(Code::TooManyIds, &format!("{field}: {items} items, at most {most} in one request")))
        }
        _ => Ok(()),
    }
}

fn ordinal(index: usize) -> Ordinal {
    Ordinal { micros: now_micros(), position: index as u32 }
}

fn document(item: Tolerant<Item<true>>, ordinal: Ordinal) -> Result<NewRecord, String> {
    let mut item = object(item)?;
    let id = item.take_id()?.ok_or("id: missing")?;
    let text = item.take_text()?.ok_or("text: missing, expected a string")?;
    if text.trim().is_empty() {
        return Err("text: blank".to_owned());
    }
    let length = text.chars().count();
    if length > MAX_TEXT {
        return Err(format!("text: {length} characters, at most {MAX_TEXT}"));
    }
    record(item, id, (Some(text), None), ordinal)
}

fn vector(
    item: Tolerant<Item<false>>,
    ordinal: Ordinal,
    named: &mut Option<String>,
) -> Result<NewRecord, String> {
    let mut item = object(item)?;
    let id = match item.take_id()? {
        Some(id) => id,
        None => ItemId::made()?,
    };
    *named = Some(id.as_str().to_owned());
    let vector = item.take_vector()?;
    let text = item.take_text()?;
    if let Some(text) = text.as_ref().filter(|text| text.len() > MAX_DOCUMENT_BYTES) {
        return Err(format!("text: {} bytes, at most {MAX_DOCUMENT_BYTES}", text.len()));
    }
    record(item, id, (text, Some(vector)), ordinal)
}

fn object<T>(item: Tolerant<T>) -> Result<T, String> {
    match item {
        Tolerant::Good(item) => Ok(item),
        Tolerant::Null => Err("null, expected an object".to_owned()),
        Tolerant::Bad(kind) => Err(format!("{kind}, expected an object")),
    }
}

fn record<const OF_TEXT: bool>(
    mut item: Item<OF_TEXT>,
    id: ItemId,
    (document, vector): (Option<String>, Option<Vec<f32>>),
    ordinal: Ordinal,
) -> Result<NewRecord, String> {
    let metadata = metadata::keep(item.take_pairs()?)?;
    Ok(NewRecord { position: ordinal.position, id: id.0, vector, document, metadata, ordinal, sparse: None })
}

fn positions(verb: &WriteVerb) -> Vec<(usize, String)> {
    let WriteVerb::Upsert(records) = verb else { return Vec::new() };
    records.iter().map(|record| (record.position as usize, record.id.as_str().to_owned())).collect()
}

fn ids_of(verb: &WriteVerb) -> Vec<String> {
    positions(verb).into_iter().map(|(_, id)| id).collect()
}

/// Ids that a shard did not confirm, with its error.
fn unwritten(written: &WriteAnswer) -> HashMap<String, String> {
    let shards = written.shards.iter().flat_map(|shard| {
        let error = shard.error.as_ref().map_or("not confirmed", |error| error.message.as_str());
        let error = format!("shard {}: {error}; it is safe to send it again", shard.shard.0);
        shard.unprocessed_ids.iter().map(move |id| (id.clone(), error.clone()))
    });
    shards.collect()
}

/// There is no partial status for documents: the client is to send them again, which is safe.
fn not_all(written: &WriteAnswer) -> VerbError {
    let failed = unwritten(written);
    let words = format!(
        "{} of the documents were not confirmed by their shards ({}); the others are stored. Send them again: that is \
         safe",
        failed.len(),
        failed.values().next().map_or("", String::as_str)
    );
    VerbError::new(ErrorCode::Unavailable, words).of(&written.op_id)
}
