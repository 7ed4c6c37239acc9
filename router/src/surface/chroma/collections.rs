//! Collections: create, get or create, list, count, get, modify, delete.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::NamespaceName;
use lacuna_model::catalog::{Collection, CollectionChange, CollectionRef};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use lacuna_model::record::{Kind, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::app::Router;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::configuration::{
    ConfigurationBody, Kept, NewConfigurationBody, check_metadata, check_new_metadata,
};
use crate::surface::chroma::delete::unfinished;
use crate::surface::chroma::errors::{ChromaFailure, NOTHING};
use crate::surface::chroma::names::{CollectionAt, DatabaseAt, check_name, gone};
use crate::surface::chroma::sent::Sent;
use crate::surface::chroma::shapes::{CollectionView, Shape};
use crate::surface::request::Plain;
use crate::verb::collections::NewCollection;
use crate::verb::{Call, Respond};

/// Attempts to make a collection that comes and goes meanwhile.
const ATTEMPTS: usize = 8;

/// Makes a collection.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateBody {
    /// 3 to 512 characters of `[A-Za-z0-9._-]`.
    pub(super) name: String,
    /// The client's own words about it; `hnsw:space` in it chooses the distance if the configuration doesn't.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    /// Distance and index parameters.
    #[serde(default)]
    pub(super) configuration: Option<ConfigurationBody>,
    /// The client's schema; kept.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) schema: Option<Value>,
    /// Take the one of this name if there is one, as it is.
    #[serde(default)]
    pub(super) get_or_create: Option<bool>,
}

/// Changes a collection: what is missing or null stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ModifyBody {
    /// Its new name.
    #[serde(default, rename = "new_name")]
    pub(super) name: Option<String>,
    /// Its new metadata, whole.
    #[serde(default, rename = "new_metadata")]
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    /// Index parameters that change.
    #[serde(default, rename = "new_configuration")]
    pub(super) configuration: Option<NewConfigurationBody>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Paging {
    limit: Option<usize>,
    offset: Option<usize>,
}

pub(super) type Paged = Result<Query<Paging>, QueryRejection>;

/// The part of a list that was asked for.
pub(super) fn part<T>(items: Vec<T>, paged: Paged) -> Verb<Vec<T>> {
    let Query(paging) = paged.map_err(|error| VerbError::argument(error.body_text()))?;
    let (offset, limit) = (paging.offset.unwrap_or(0), paging.limit.unwrap_or(usize::MAX));
    Ok(items.into_iter().skip(offset).take(limit).collect())
}

/// Makes a collection, or takes the one of that name.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases/{database}/collections", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path)), request_body = CreateBody,
    responses((status = 200, body = CollectionView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn create(
    State(router): State<Router>,
    database: DatabaseAt,
    shape: Shape,
    sent: Sent<CreateBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    check_name("collection", &body.name)?;
    let metadata = check_metadata("metadata", body.metadata)?;
    let kept = Kept::new(body.configuration, metadata, body.schema)?;
    let made = if body.get_or_create == Some(true) {
        get_or_create(&router, &call, &database, (&body.name, &kept)).await?
    } else {
        make(&router, &call, &database, (&body.name, &kept)).await?
    };
    Ok(answer::json(StatusCode::OK, &shape.show(&made)))
}

async fn make(
    router: &Router,
    call: &Call,
    database: &DatabaseAt,
    (name, kept): (&str, &Kept),
) -> Verb<Collection> {
    let schema = Schema { dimension: None, metric: kept.hnsw.space.metric(), kind: Kind::Vector };
    let new =
        NewCollection { home: database.home.clone(), name: name.to_owned(), schema, extra: kept.written() };
    router.create_collection(call, new).await.map_err(|error| match error.code {
        ErrorCode::AlreadyExists => {
            VerbError::new(error.code, format!("Collection [{name}] already exists; {NOTHING}"))
        }
        // Chroma calls a database that isn't there a bad argument here.
        ErrorCode::NotFound => VerbError::argument(database.unknown()),
        _ => error,
    })
}

async fn get_or_create(
    router: &Router,
    call: &Call,
    database: &DatabaseAt,
    new: (&str, &Kept),
) -> Verb<Collection> {
    let reference = database.named(new.0);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match router.describe_collection(call, &reference).await {
            Err(error) if error.code == ErrorCode::NotFound => {}
            there => return there,
        }
        match make(router, call, database, new).await {
            Err(error) if error.code == ErrorCode::AlreadyExists => last = Some(error),
            made => return made,
        }
    }
    Err(last.unwrap_or_else(|| VerbError::new(ErrorCode::Unavailable, "the collection comes and goes")))
}

/// Lists a database's collections, by name; those of one that isn't there are none.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)),
    responses((status = 200, body = Vec<CollectionView>), (status = "default", body = ChromaFailure)))]
pub(crate) async fn list(
    State(router): State<Router>,
    database: DatabaseAt,
    shape: Shape,
    paged: Paged,
    Plain(call): Plain,
) -> Verb<Response> {
    let all = all(&router, &call, database).await?;
    let shown: Vec<CollectionView> = part(all, paged)?.iter().map(|found| shape.show(found)).collect();
    Ok(answer::json(StatusCode::OK, &shown))
}

/// How many collections a database has.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections_count", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path)),
    responses((status = 200, body = usize, content_type = "application/json"), (status = "default", body = ChromaFailure)))]
pub(crate) async fn count(
    State(router): State<Router>,
    database: DatabaseAt,
    Plain(call): Plain,
) -> Verb<Response> {
    Ok(answer::json(StatusCode::OK, &all(&router, &call, database).await?.len()))
}

async fn all(router: &Router, call: &Call, database: DatabaseAt) -> Verb<Vec<Collection>> {
    router.list_collections(call, &call.caller.account, Some(database.home)).await
}

/// A collection by its name.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its name")),
    responses((status = 200, body = CollectionView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn get(
    State(router): State<Router>,
    at: CollectionAt,
    shape: Shape,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = router.describe_collection(&call, &at.database.named(&at.text)).await;
    let found = found.map_err(|error| gone(error, &at.text))?;
    Ok(answer::json(StatusCode::OK, &shape.show(&found)))
}

/// A collection by its UUID.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/by-id/{collection}", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    responses((status = 200, body = CollectionView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn by_id(
    State(router): State<Router>,
    at: CollectionAt,
    shape: Shape,
    Plain(call): Plain,
) -> Verb<Response> {
    let found = at.find_anew(&router, &call).await?;
    Ok(answer::json(StatusCode::OK, &shape.show(&found.resolved.collection)))
}

/// Renames a collection, replaces its metadata, changes its index parameters.
#[utoipa::path(put, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its UUID")),
    request_body = ModifyBody,
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn modify(
    State(router): State<Router>,
    at: CollectionAt,
    sent: Sent<ModifyBody>,
) -> Verb<Response> {
    let Sent { body, call } = sent;
    if let Some(name) = &body.name {
        check_name("collection", name)?;
    }
    let metadata = check_new_metadata(body.metadata)?;
    let found = at.find_anew(&router, &call).await?;
    let collection = &found.resolved.collection;
    let mut kept = Kept::read(&collection.extra, collection.schema.metric);
    let changed = metadata.is_some() || body.configuration.is_some();
    if metadata.is_some() {
        kept.metadata = metadata.filter(|metadata| !metadata.is_empty());
    }
    kept.change(body.configuration.unwrap_or_default());
    let change = CollectionChange {
        name: body.name,
        extra: changed.then(|| kept.written()),
        ..CollectionChange::default()
    };
    found.said(router.alter_collection(&call, &found.target.collection, change).await)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

/// Deletes a collection with everything in it.
#[utoipa::path(delete, path = "/api/v2/tenants/{tenant}/databases/{database}/collections/{collection}", tag = "chroma: collections",
    params(("tenant" = String, Path), ("database" = String, Path), ("collection" = String, Path, description = "Its name")),
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn delete(
    State(router): State<Router>,
    at: CollectionAt,
    Plain(call): Plain,
) -> Verb<Response> {
    let target = Target {
        account: at.database.home.account.clone(),
        collection: CollectionRef::Name(at.database.home.clone(), at.text.clone()),
        namespace: NamespaceName::default(),
    };
    let answer = router.drop_collection(&target, &call, Respond::Wait).await;
    let answer = answer.map_err(|error| gone(error, &at.text))?;
    Ok(answer::named(dropped(&at.text, &answer)?, &answer.op_id, answer.status.as_str()))
}

/// A drop that isn't complete is no success.
fn dropped(name: &str, answer: &DeleteAnswer) -> Verb<Response> {
    match answer.status {
        DeleteStatus::Complete => Ok(answer::json(StatusCode::OK, &json!({}))),
        DeleteStatus::Partial | DeleteStatus::Pending => {
            Err(unfinished(&format!("collection [{name}] is gone from all reads"), answer))
        }
    }
}
