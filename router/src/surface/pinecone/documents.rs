//! The documents API's delete, and the records API's upsert of text (which needs a hosted model).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING};
use crate::surface::pinecone::delete::{self, Emptied, Selectors, selector};
use crate::surface::pinecone::failure::DataFailure;
use crate::surface::pinecone::reply;
use crate::surface::request::Posted;
use crate::verb::delete::Selector;

/// Deletes by ids, by filter, or everything in the namespace: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteDocumentsBody {
    /// These, at most 1,000; unknown ones are ignored.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// What matches.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Everything in the namespace.
    #[serde(default)]
    pub delete_all: Option<bool>,
}

/// Answer to a delete of documents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentsDeletedView {
    /// Of a delete by filter: records that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_records: Option<u64>,
}

/// Deletes documents, which are records.
#[utoipa::path(post, path = "/pc.v1/{index}/namespaces/{namespace}/documents/delete", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = String, Path, description = "The namespace")), request_body = DeleteDocumentsBody,
    responses((status = 202, description = "Gone on every shard", body = DocumentsDeletedView),
        (status = "default", body = DataFailure)))]
pub(crate) async fn delete(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<DeleteDocumentsBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { body, call }| {
        let given = Selectors { ids: body.ids, filter: body.filter, all: body.delete_all };
        Ok((call, at.namespace()?, selector(given)?))
    });
    let (call, namespace, selector) = at.known(&router, parsed).await?;
    let by_filter = matches!(selector, Selector::Where { .. });
    let answer =
        delete::delete(&router, (&at.target(&namespace), &call), selector, Emptied::AsConfigured).await?;
    let body = DocumentsDeletedView { matched_records: answer.matched.filter(|_| by_filter) };
    Ok(reply::written(&router, &answer.op_id, (StatusCode::ACCEPTED, &body)))
}

/// Text needs a hosted model, which no index here has.
#[utoipa::path(post, path = "/pc.v1/{index}/records/namespaces/{namespace}/upsert", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = String, Path, description = "The namespace")),
    responses((status = 400, description = "The index has no hosted model", body = DataFailure),
        (status = "default", body = DataFailure)))]
pub(crate) async fn upsert_text(State(router): State<Router>, at: Address) -> Verb<Response> {
    let refused: Verb<Response> = Err(VerbError::argument(format!(
        "this index has no hosted model, so text can't be embedded: upsert vectors instead; {NOTHING}"
    )));
    at.known(&router, refused).await
}
