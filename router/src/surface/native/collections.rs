//! `/v1/collections` and their namespaces.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::catalog::Home;
use lacuna_model::limits::{MAX_DIMENSION, MAX_NAME_BYTES};
use lacuna_model::merge::DeleteAnswer;
use lacuna_model::record::{Kind, Schema};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::native::bodies::CreateCollectionBody;
use crate::surface::native::delete::respond_with;
use crate::surface::native::parse::{NOTHING, collection, target, written};
use crate::surface::native::views::{CollectionView, CollectionsView, NamespaceView, NamespacesView};
use crate::surface::request::{Plain, Posted, Preference};
use crate::verb::Total;
use crate::verb::collections::NewCollection;
use crate::verb::delete::{Selector, Wishes};

/// Makes a collection.
#[utoipa::path(post, path = "/v1/collections", tag = "collections", request_body = CreateCollectionBody,
    responses((status = 201, body = CollectionView), (status = 409, description = "The name is taken", body = answer::ErrorBody),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn create(
    State(router): State<Router>,
    posted: Posted<CreateCollectionBody>,
) -> Verb<Response> {
    let body = posted.body;
    check_name(&body.name)?;
    if !(1..=MAX_DIMENSION).contains(&body.dimension) {
        let message =
            format!("dimension must be from 1 to {MAX_DIMENSION}, got {}; {NOTHING}", body.dimension);
        return Err(VerbError::argument(message).with("path", "dimension"));
    }
    let new = NewCollection {
        home: Home::native(posted.call.caller.account.clone()),
        name: body.name,
        schema: Schema { dimension: Some(body.dimension), metric: body.metric, kind: Kind::Vector },
        // Tells this making from another one of the same name, should its answer be lost.
        extra: format!("{{\"made\":\"{:032x}\"}}", rand::random::<u128>()),
    };
    let made = router.create_collection(&posted.call, new).await?;
    Ok(answer::json(StatusCode::CREATED, &CollectionView::from(&made)))
}

fn check_name(name: &str) -> Verb<()> {
    let wrong = if name.is_empty() || name.len() > MAX_NAME_BYTES {
        Some(format!("1 to {MAX_NAME_BYTES} bytes, got {}", name.len()))
    } else if name.chars().any(|c| c.is_control() || c == '/') {
        Some("no control characters and no \"/\"".to_owned())
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("not only digits: those are ids in paths".to_owned())
    } else {
        None
    };
    match wrong {
        Some(expected) => {
            let message = format!("name: a collection's name must have {expected}; {NOTHING}");
            Err(VerbError::argument(message).with("path", "name"))
        }
        None => Ok(()),
    }
}

/// Lists the account's collections, of every surface.
#[utoipa::path(get, path = "/v1/collections", tag = "collections",
    responses((status = 200, body = CollectionsView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn list(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let collections = router.list_collections(&call, &call.caller.account, None).await?;
    let collections = collections.iter().map(CollectionView::from).collect();
    Ok(answer::json(StatusCode::OK, &CollectionsView { collections }))
}

/// Describes a collection.
#[utoipa::path(get, path = "/v1/collections/{c}", tag = "collections",
    params(("c" = String, Path, description = "Id, or name of a native collection")),
    responses((status = 200, body = CollectionView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn describe(
    State(router): State<Router>,
    Path(c): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.describe_collection(&call, &collection(&call.caller, &c)).await?;
    Ok(answer::json(StatusCode::OK, &CollectionView::from(&found)))
}

/// Deletes a collection with everything in it.
#[utoipa::path(delete, path = "/v1/collections/{c}", tag = "collections",
    params(("c" = String, Path, description = "Id, or name of a native collection")),
    responses((status = 200, body = DeleteAnswer), (status = 202, body = DeleteAnswer), (status = 207, body = DeleteAnswer),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn drop_it(
    State(router): State<Router>,
    Path(c): Path<String>,
    Preference(respond): Preference,
    Plain(call): Plain,
) -> Verb<Response> {
    let answer = router.drop_collection(&target(&call.caller, &c, None)?, &call, respond).await?;
    Ok(respond_with(&answer))
}

/// Lists a collection's namespaces with their counts.
#[utoipa::path(get, path = "/v1/collections/{c}/namespaces", tag = "collections",
    params(("c" = String, Path, description = "Id, or name of a native collection")),
    responses((status = 200, body = NamespacesView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn namespaces(
    State(router): State<Router>,
    Path(c): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.namespaces(&call, &collection(&call.caller, &c)).await?;
    let namespaces = found
        .into_iter()
        .map(|namespace| NamespaceView { name: written(&namespace.name), count: namespace.count });
    Ok(answer::json(StatusCode::OK, &NamespacesView { namespaces: namespaces.collect() }))
}

/// Deletes everything in a namespace; `__default__` is the default one.
#[utoipa::path(delete, path = "/v1/collections/{c}/namespaces/{ns}", tag = "collections",
    params(("c" = String, Path, description = "Id, or name of a native collection"),
        ("ns" = String, Path, description = "Name of the namespace")),
    responses((status = 200, body = DeleteAnswer), (status = 202, body = DeleteAnswer), (status = 207, body = DeleteAnswer),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn delete_namespace(
    State(router): State<Router>,
    Path((c, ns)): Path<(String, String)>,
    Preference(respond): Preference,
    Plain(call): Plain,
) -> Verb<Response> {
    let target = target(&call.caller, &c, Some(ns))?;
    let answer =
        router.delete(&target, &call, Selector::All, Wishes { respond, total: Total::AsKnown }).await?;
    Ok(respond_with(&answer))
}
