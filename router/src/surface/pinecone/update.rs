//! `POST /vectors/update`: one record by its id, or the metadata of those that match.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::{Filter, Usage};
use lacuna_model::merge::DeleteStatus;
use lacuna_model::record::{Change, Ordinal, RecordPatch};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING, namespace, record_id};
use crate::surface::pinecone::failure::{DataFailure, unfinished_delete, unfinished_write};
use crate::surface::pinecone::sparse::SparseBody;
use crate::surface::pinecone::upsert::check_finite;
use crate::surface::pinecone::{filter, metadata, reply};
use crate::surface::request::Posted;
use crate::verb::Respond;
use crate::verb::preview::Preview;
use crate::verb::update_where::UpdateWhere;

/// Changes one record that exists, or those that match.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateBody {
    /// Its id.
    #[serde(default)]
    pub id: Option<String>,
    /// Its new vector.
    #[serde(default)]
    pub values: Option<Vec<f32>>,
    /// Its new sparse vector.
    #[serde(default, deserialize_with = "crate::surface::object::maybe")]
    pub sparse_values: Option<SparseBody>,
    /// Keys to set; the others stay.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) set_metadata: Option<metadata::Given>,
    /// Records that match, instead of an id.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// With a filter: only count what matches.
    #[serde(default)]
    pub dry_run: Option<bool>,
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Answer to an update.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdatedView {
    /// Of an update by filter: records that match it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_records: Option<u64>,
}

/// What an update changes.
enum Asked {
    One(Box<RecordPatch>),
    Matching(UpdateWhere),
    /// Only how many match.
    Matches(Filter),
}

/// Changes one record, or the metadata of those that match. An unknown id is left alone, and nothing is made.
#[utoipa::path(post, path = "/pc.v1/{index}/vectors/update", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = UpdateBody,
    responses((status = 200, body = UpdatedView), (status = "default", body = DataFailure)))]
pub(crate) async fn update(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<UpdateBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { mut body, call }| {
        let namespace = namespace(body.namespace.take())?;
        Ok((call, namespace, asked(body)?))
    });
    let (call, namespace, asked) = at.known(&router, parsed).await?;
    let target = at.target(&namespace);
    match asked {
        Asked::One(patch) => {
            let answer = router.write(&target, &call, WriteVerb::Update(vec![*patch])).await?;
            if answer.status != DeleteStatus::Complete {
                return Err(unfinished_write(&answer));
            }
            Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &UpdatedView::default())))
        }
        Asked::Matching(update) => {
            let answer = router.update_where(&target, &call, update, Respond::Wait).await?;
            if answer.status != DeleteStatus::Complete {
                return Err(unfinished_delete(&answer));
            }
            let body = UpdatedView { matched_records: answer.matched };
            Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &body)))
        }
        Asked::Matches(filter) => {
            let previewed = router.preview(&target, &call, &Preview::Where(filter), 0).await?;
            let matched_records = Some(previewed.matched.ok_or_else(uncounted)?);
            Ok(reply::read(&router, &call, &UpdatedView { matched_records }).await)
        }
    }
}

/// A count that isn't known is a failure, never a guess (INV-6).
fn uncounted() -> VerbError {
    VerbError::new(ErrorCode::Unavailable, "what matches can't be counted: a shard doesn't answer in time")
}

fn asked(body: UpdateBody) -> Verb<Asked> {
    let Some(json) = body.filter.as_ref() else {
        return Ok(Asked::One(Box::new(patch(body)?)));
    };
    let wrong = |words: &str| Err(VerbError::argument(format!("{words}; {NOTHING}")));
    if body.id.is_some() {
        return wrong("an update takes an id or a filter, not both");
    }
    if body.values.is_some() || body.sparse_values.is_some() {
        return wrong("an update by filter takes no values: it changes metadata alone");
    }
    let empty = "Update with empty metadata filter is not allowed";
    let filter = filter::required(Some(json), Usage::Delete, empty)?;
    let metadata = body.set_metadata.map(metadata::Given::checked).transpose()?.unwrap_or_default();
    if body.dry_run == Some(true) {
        return Ok(Asked::Matches(filter));
    }
    if metadata.is_empty() {
        return wrong("an update by filter must have setMetadata, with at least one key");
    }
    let set = metadata.into_iter().map(|(key, value)| (key, Some(value))).collect();
    Ok(Asked::Matching(UpdateWhere { filter, set }))
}

fn patch(body: UpdateBody) -> Verb<RecordPatch> {
    let Some(id) = body.id else {
        return Err(VerbError::new(
            ErrorCode::EmptySelector,
            format!("an update takes an id or a filter; got neither; {NOTHING}"),
        ));
    };
    if body.dry_run == Some(true) {
        return Err(VerbError::argument(format!("dryRun goes with a filter, not with an id; {NOTHING}")));
    }
    let id = record_id(id, || "id".to_owned())?;
    let vector = match body.values.filter(|values| !values.is_empty()) {
        Some(values) => {
            check_finite(&values, || "values".to_owned())?;
            Change::Set(values)
        }
        None => Change::Keep,
    };
    let sparse = body.sparse_values.map(|sparse| sparse.vector(|| "sparseValues".to_owned()));
    let sparse = sparse.transpose()?.flatten().map_or(Change::Keep, Change::Set);
    let metadata = body.set_metadata.map(metadata::Given::checked).transpose()?.unwrap_or_default();
    Ok(RecordPatch {
        position: 0,
        id,
        vector,
        document: Change::Keep,
        metadata: metadata.into_iter().map(|(key, value)| (key, Some(value))).collect(),
        ordinal: Ordinal { micros: now_micros(), position: 0 },
        sparse,
    })
}
