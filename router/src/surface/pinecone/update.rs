//! `POST /vectors/update`: one record by its id.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::WriteVerb;
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::DeleteStatus;
use lacuna_model::record::{Change, Ordinal, RecordPatch};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING, namespace, record_id};
use crate::surface::pinecone::failure::{DataFailure, unfinished_write};
use crate::surface::pinecone::upsert::{check_finite, now_micros};
use crate::surface::pinecone::{metadata, reply};
use crate::surface::request::Posted;

/// Changes one record that exists.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateBody {
    /// Its id.
    #[serde(default)]
    pub id: Option<String>,
    /// Its new vector.
    #[serde(default)]
    pub values: Option<Vec<f32>>,
    /// Keys to set; the others stay.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) set_metadata: Option<metadata::Given>,
    /// Records that match, instead of an id.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Changes one record; an unknown id is left alone, and nothing is made.
#[utoipa::path(post, path = "/pc.v1/{index}/vectors/update", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = UpdateBody,
    responses((status = 200, body = reply::Nothing), (status = "default", body = DataFailure)))]
pub(crate) async fn update(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<UpdateBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { mut body, call }| {
        let namespace = namespace(body.namespace.take())?;
        Ok((call, namespace, patch(body)?))
    });
    let (call, namespace, patch) = at.known(&router, parsed).await?;
    let answer = router.write(&at.target(&namespace), &call, WriteVerb::Update(vec![patch])).await?;
    if answer.status != DeleteStatus::Complete {
        return Err(unfinished_write(&answer));
    }
    Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &reply::Nothing {})))
}

fn patch(body: UpdateBody) -> Verb<RecordPatch> {
    let id = match (body.id, body.filter) {
        (Some(id), None) => record_id(id, || "id".to_owned())?,
        (None, Some(_)) => return Err(no_filter()),
        (Some(_), Some(_)) => {
            return Err(VerbError::argument(format!(
                "an update takes an id or a filter, not both; {NOTHING}"
            )));
        }
        (None, None) => {
            return Err(VerbError::new(
                ErrorCode::EmptySelector,
                format!("an update takes an id or a filter; got neither; {NOTHING}"),
            ));
        }
    };
    let vector = match body.values.filter(|values| !values.is_empty()) {
        Some(values) => {
            check_finite(&values, || "values".to_owned())?;
            Change::Set(values)
        }
        None => Change::Keep,
    };
    let metadata = body.set_metadata.map(metadata::Given::checked).transpose()?.unwrap_or_default();
    Ok(RecordPatch {
        position: 0,
        id,
        vector,
        document: Change::Keep,
        metadata: metadata.into_iter().map(|(key, value)| (key, Some(value))).collect(),
        ordinal: Ordinal { micros: now_micros(), position: 0 },
    })
}

fn no_filter() -> VerbError {
    VerbError::argument(format!("an update by filter isn't available; {NOTHING}"))
}
