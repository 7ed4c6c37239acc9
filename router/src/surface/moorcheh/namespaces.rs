//! `/namespaces`: made, listed, deleted.

use std::time::Instant;

use axum::extract::{Path, State};
use axum::response::Response;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use lacuna_model::catalog::Collection;
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{DeleteStatus, ShardStatus};
use lacuna_model::record::{Kind, Metric, Schema};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::moorcheh::bodies::CreateBody;
use crate::surface::moorcheh::failure::{Code, FailureView, refused};
use crate::surface::moorcheh::namespace::{Extra, Namespace, by_name, home, is_name, not_found, type_name};
use crate::surface::moorcheh::views::{CreatedView, DroppedView, NamespaceView, NamespacesView, Status};
use crate::surface::request::{Plain, Posted};
use crate::surface::time::rfc3339;
use crate::verb::collections::NewCollection;
use crate::verb::{Call, Respond};

/// Largest dimension of vectors.
const MAX_DIMENSION: i64 = 65_535;
/// Namespaces counted at the same time.
const AT_ONCE: usize = 16;

/// Makes a namespace.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces", tag = "namespaces", request_body = CreateBody,
    responses((status = 201, body = CreatedView), (status = 409, description = "The name is taken", body = FailureView),
        (status = "default", body = FailureView)))]
pub(crate) async fn create(State(router): State<Router>, posted: Posted<CreateBody>) -> Verb<Response> {
    let (body, call) = (posted.body, posted.call);
    if !is_name(&body.namespace_name) {
        let words = "namespace_name: expected 1 to 128 characters of A-Z, a-z, 0-9, '_' and '-'";
        return Err(refused(Code::InvalidField, words));
    }
    let given = dimension(&body)?;
    let (kind, vectors, embedder) = if let Some(dimension) = given {
        (Kind::Vector, dimension, None)
    } else {
        let embedder = &router.core().embedder;
        (Kind::Text, embedder.dimension(call.deadline).await?, Some(embedder.name().to_owned()))
    };
    let extra = Extra { made: format!("{:032x}", rand::random::<u128>()), embedder };
    let new = NewCollection {
        home: home(&call.caller.account),
        name: body.namespace_name.clone(),
        schema: Schema { dimension: Some(vectors), metric: Metric::Cosine, kind },
        extra: serde_json::to_string(&extra).unwrap_or_default(),
    };
    let name = body.namespace_name;
    router.create_collection(&call, new).await.map_err(|error| {
        if error.code == ErrorCode::AlreadyExists {
            refused(Code::NamespaceExists, &format!("there is a namespace '{name}' already"))
        } else {
            error
        }
    })?;
    let view = CreatedView {
        status: Status::Success,
        message: format!("Namespace '{name}' was made."),
        namespace_name: name,
        r#type: type_name(kind),
        vector_dimension: given,
    };
    Ok(answer::json(StatusCode::CREATED, &view))
}

/// The dimension of vectors; `None` for text.
fn dimension(body: &CreateBody) -> Verb<Option<u32>> {
    let field = |words: String| Err(refused(Code::InvalidField, &words));
    match (body.r#type.as_str(), body.vector_dimension) {
        ("text", None) => Ok(None),
        ("text", Some(_)) => {
            field("vector_dimension: a text namespace has none; leave it out or null".to_owned())
        }
        ("vector", Some(dimension)) if (1..=MAX_DIMENSION).contains(&dimension) => Ok(Some(dimension as u32)),
        ("vector", given) => {
            let given = given.map_or_else(|| "none".to_owned(), |given| given.to_string());
            field(format!("vector_dimension: {given}, expected an integer from 1 to {MAX_DIMENSION}"))
        }
        (other, _) => field(format!("type: \"{other}\", expected \"text\" or \"vector\"")),
    }
}

/// Lists the account's namespaces with their items' numbers.
#[utoipa::path(get, path = "/moorcheh/v1/namespaces", tag = "namespaces",
    responses((status = 200, body = NamespacesView), (status = "default", body = FailureView)))]
pub(crate) async fn list(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let began = Instant::now();
    let account = call.caller.account.clone();
    let collections = router.list_collections(&call, &account, Some(home(&account))).await?;
    let counted = stream::iter(collections).map(|collection| count(&router, &call, collection));
    let counted: Vec<Option<NamespaceView>> = counted.buffered(AT_ONCE).try_collect().await?;
    let mut namespaces: Vec<NamespaceView> = counted.into_iter().flatten().collect();
    namespaces.sort_by(|a, b| a.namespace_name.cmp(&b.namespace_name));
    let view = NamespacesView { namespaces, execution_time: began.elapsed().as_secs_f64() };
    Ok(answer::json(StatusCode::OK, &view))
}

/// A namespace with its number of items; `None` if it was deleted since it was listed.
async fn count(router: &Router, call: &Call, collection: Collection) -> Verb<Option<NamespaceView>> {
    let created_at = rfc3339(collection.created.0);
    let namespace = Namespace::of(collection);
    let tally = match router.tally(&namespace.target, call).await {
        Ok(tally) => tally,
        Err(error) if error.code == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kind = namespace.kind();
    Ok(Some(NamespaceView {
        r#type: type_name(kind),
        item_count: tally.records,
        item_count_exact: (!tally.exact).then_some(false),
        vector_dimension: (kind == Kind::Vector).then_some(namespace.dimension() as u32),
        namespace_name: namespace.name,
        created_at,
    }))
}

/// Deletes a namespace with everything in it.
#[utoipa::path(delete, path = "/moorcheh/v1/namespaces/{ns}", tag = "namespaces",
    params(("ns" = String, Path, description = "The namespace")),
    responses((status = 200, body = DroppedView),
        (status = 202, description = "It is gone; some shards will drop its items when they return", body = DroppedView),
        (status = "default", body = FailureView)))]
pub(crate) async fn drop_it(
    State(router): State<Router>,
    Path(name): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    if !is_name(&name) {
        return Err(not_found(&name));
    }
    let target = by_name(&call.caller.account, &name);
    let dropped = router.drop_collection(&target, &call, Respond::Wait).await;
    let dropped = dropped.map_err(|error| dropped_words(error, &name))?;
    let deleted_items = dropped.shards.iter().filter_map(|shard| shard.deleted).sum();
    let pending = dropped.shards.iter().filter(|shard| shard.status != ShardStatus::Applied);
    let pending_shards: Vec<u32> = pending.map(|shard| shard.shard.0).collect();
    let complete = dropped.status == DeleteStatus::Complete;
    let message = if complete {
        format!("Namespace '{name}' was deleted with {deleted_items} items.")
    } else {
        format!(
            "Namespace '{name}' is gone and its name is free. Shards {pending_shards:?} can't be reached now and drop \
             its items when they return."
        )
    };
    let view = DroppedView {
        status: if complete { Status::Success } else { Status::Partial },
        message,
        namespace_name: name,
        deleted_items,
        pending_shards,
    };
    let code = if complete { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::named(answer::json(code, &view), &dropped.op_id, dropped.status.as_str()))
}

fn dropped_words(error: VerbError, name: &str) -> VerbError {
    if error.code == ErrorCode::NotFound { not_found(name) } else { error }
}
