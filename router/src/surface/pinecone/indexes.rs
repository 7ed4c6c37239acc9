//! Indexes: listed, described, deleted.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::NamespaceName;
use lacuna_model::merge::DeleteStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::surface::answer;
use crate::surface::pinecone::address::{Address, home};
use crate::surface::pinecone::failure::{ControlFailure, unfinished_delete};
use crate::surface::pinecone::host::Visitor;
use crate::surface::pinecone::index_model::IndexView;
use crate::surface::pinecone::reply;
use crate::surface::request::Plain;
use crate::verb::Respond;

/// The account's indexes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexesView {
    /// By name.
    pub indexes: Vec<IndexView>,
}

/// Lists the account's indexes.
#[utoipa::path(get, path = "/pinecone/indexes", tag = "pinecone indexes",
    responses((status = 200, body = IndexesView), (status = "default", body = ControlFailure)))]
pub(crate) async fn list(
    State(router): State<Router>,
    visitor: Visitor,
    Plain(call): Plain,
) -> Verb<Response> {
    let account = call.caller.account.clone();
    let found = router.list_collections(&call, &account, Some(home(&account))).await?;
    let indexes: Verb<Vec<IndexView>> = found.iter().map(|index| IndexView::of(index, &visitor)).collect();
    Ok(reply::json(StatusCode::OK, &IndexesView { indexes: indexes? }))
}

/// Describes an index.
#[utoipa::path(get, path = "/pinecone/indexes/{index}", tag = "pinecone indexes",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, body = IndexView), (status = 404, description = "No such index", body = ControlFailure),
        (status = "default", body = ControlFailure)))]
pub(crate) async fn describe(
    State(router): State<Router>,
    at: Address,
    visitor: Visitor,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.describe_collection(&call, &at.collection()).await?;
    Ok(reply::json(StatusCode::OK, &IndexView::of(&found, &visitor)?))
}

/// Deletes an index with everything in it. Before the answer, its name is gone.
#[utoipa::path(delete, path = "/pinecone/indexes/{index}", tag = "pinecone indexes",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 202, description = "Gone, on every shard"),
        (status = 403, description = "It is protected, or the key may not", body = ControlFailure),
        (status = 404, description = "No such index", body = ControlFailure),
        (status = 503, description = "Not yet done on every shard; it completes by itself", body = ControlFailure),
        (status = "default", body = ControlFailure)))]
pub(crate) async fn drop_it(State(router): State<Router>, at: Address, Plain(call): Plain) -> Verb<Response> {
    let target = Target {
        account: call.caller.account.clone(),
        collection: at.collection(),
        namespace: NamespaceName::default(),
    };
    let answer = router.drop_collection(&target, &call, Respond::Wait).await?;
    if answer.status != DeleteStatus::Complete {
        return Err(unfinished_delete(&answer));
    }
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(answer::named(reply::tagged(response), &answer.op_id, answer.status.as_str()))
}
