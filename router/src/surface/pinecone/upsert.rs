//! `POST /vectors/upsert`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::DeleteStatus;
use lacuna_model::record::{NewRecord, Ordinal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING, Spelt, namespace, record_id};
use crate::surface::pinecone::failure::{DataFailure, unfinished_write};
use crate::surface::pinecone::sparse::SparseBody;
use crate::surface::pinecone::{metadata, reply};
use crate::surface::repeated::last_of_each;
use crate::surface::request::Posted;

/// Most vectors in one request.
const MAX_VECTORS: usize = 1_000;

/// Writes whole records.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpsertBody {
    /// 1 to 1,000; of a repeated id the last one counts.
    #[serde(deserialize_with = "crate::surface::object::each")]
    pub vectors: Vec<VectorBody>,
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// A record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VectorBody {
    /// 1 to 512 ASCII characters without NUL.
    pub id: String,
    /// As many components as the index's dimension, all finite.
    #[serde(default)]
    pub values: Option<Vec<f32>>,
    /// A sparse vector, alone or beside a dense one: only where the metric is the dot product.
    #[serde(default, deserialize_with = "crate::surface::object::maybe")]
    pub sparse_values: Option<SparseBody>,
    /// Strings, numbers, booleans and lists of strings.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<metadata::Given>,
}

/// Answer to an upsert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpsertedView {
    /// Vectors of the request.
    pub upserted_count: usize,
}

/// Writes whole records, whether they exist or not.
#[utoipa::path(post, path = "/pc.v1/{index}/vectors/upsert", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = UpsertBody,
    responses((status = 200, body = UpsertedView), (status = "default", body = DataFailure)))]
pub(crate) async fn upsert(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<UpsertBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|posted| {
        let upserted_count = posted.body.vectors.len();
        let (namespace, records) = (namespace(posted.body.namespace)?, records(posted.body.vectors)?);
        Ok((posted.call, namespace, records, upserted_count))
    });
    let (call, namespace, records, upserted_count): (_, Spelt, _, _) = at.known(&router, parsed).await?;
    let answer = router.write(&at.target(&namespace), &call, WriteVerb::Upsert(records)).await?;
    if answer.status != DeleteStatus::Complete {
        return Err(unfinished_write(&answer));
    }
    Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &UpsertedView { upserted_count })))
}

/// Records with their positions; of a repeated id the last one counts.
fn records(bodies: Vec<VectorBody>) -> Verb<Vec<NewRecord>> {
    if !(1..=MAX_VECTORS).contains(&bodies.len()) {
        let message = format!("vectors must be 1 to {MAX_VECTORS}, got {}; {NOTHING}", bodies.len());
        return Err(VerbError::argument(message));
    }
    let micros = now_micros();
    let placed = bodies.into_iter().zip(0..);
    last_of_each(placed.map(|(body, position)| record(body, Ordinal { micros, position })))
}

fn record(body: VectorBody, ordinal: Ordinal) -> Verb<NewRecord> {
    let position = ordinal.position;
    let path = |field: &str| format!("vectors[{position}].{field}");
    let id = record_id(body.id, || path("id"))?;
    let vector = body.values.filter(|values| !values.is_empty());
    if let Some(values) = &vector {
        check_finite(values, || path("values"))?;
    }
    let sparse =
        body.sparse_values.map(|sparse| sparse.vector(|| path("sparseValues"))).transpose()?.flatten();
    if vector.is_none() && sparse.is_none() {
        return Err(no_values(&path("values")));
    }
    let metadata = body.metadata.map(metadata::Given::checked).transpose()?.unwrap_or_default();
    Ok(NewRecord { position, id, vector, document: None, metadata, ordinal, sparse })
}

fn no_values(path: &str) -> VerbError {
    VerbError::new(
        ErrorCode::InvalidVector,
        format!("{path}: a vector must have values, sparseValues or both; {NOTHING}"),
    )
}

/// Components must be finite: JSON can say 1e39, which no 32-bit float holds.
pub(super) fn check_finite(values: &[f32], path: impl Fn() -> String) -> Verb<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => {
            let message = format!(
                "{}[{place}]: the vector has a value that is no finite 32-bit float; {NOTHING}",
                path()
            );
            Err(VerbError::new(ErrorCode::InvalidVector, message))
        }
    }
}
