//! `/namespaces`: listed, made, described, deleted.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::error::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::cursor;
use crate::surface::pinecone::address::{Address, NOTHING, check_text, namespace, shown};
use crate::surface::pinecone::delete::{Emptied, delete};
use crate::surface::pinecone::failure::{DataFailure, no_namespace};
use crate::surface::pinecone::list::Pagination;
use crate::surface::pinecone::query_string::QueryString;
use crate::surface::pinecone::reply;
use crate::surface::pinecone::stats::known_count;
use crate::surface::request::{Plain, Posted};
use crate::verb::delete::Selector;
use crate::verb::namespaces::OpenNamespace;

/// A namespace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamespaceView {
    /// Its name; the default one is `__default__`.
    pub name: String,
    /// Its records.
    pub record_count: u64,
}

/// Namespaces, and where to read on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamespacesView {
    /// In the order of their names.
    pub namespaces: Vec<NamespaceView>,
    /// Missing: this was the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// All with this prefix, on every page.
    pub total_count: usize,
}

/// Makes a namespace.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateNamespaceBody {
    /// 1 to 512 ASCII characters. (A schema beside it has no effect: every field can be filtered by.)
    pub name: String,
}

/// Lists the namespaces with their counts.
#[utoipa::path(get, path = "/pc.v1/{index}/namespaces", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("prefix" = Option<String>, Query, description = "Only names that begin so"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 100"),
        ("paginationToken" = Option<String>, Query, description = "Where the page before ended")),
    responses((status = 200, body = NamespacesView), (status = "default", body = DataFailure)))]
pub(crate) async fn list(
    State(router): State<Router>,
    at: Address,
    query: QueryString,
    Plain(call): Plain,
) -> Verb<Response> {
    let parsed = (|| {
        let prefix = query.one("prefix").unwrap_or_default();
        check_text("prefix", prefix)?;
        let token = query.one("paginationToken").filter(|token| !token.is_empty());
        Ok((prefix.to_owned(), query.limit()?, cursor::read("paginationToken", token)?))
    })();
    let (prefix, limit, after) = at.known(&router, parsed).await?;
    let index = router.describe_collection(&call, &at.collection()).await?;
    let mut open = router.open_namespaces(&call, &index).await?;
    open.retain(|namespace| shown(&namespace.name).starts_with(&prefix));
    open.sort_unstable_by(|a, b| shown(&a.name).cmp(shown(&b.name)));
    let total_count = open.len();
    let behind =
        |namespace: &OpenNamespace| after.as_deref().is_none_or(|after| shown(&namespace.name) > after);
    let mut page: Vec<OpenNamespace> = open.into_iter().filter(behind).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let counted = router.count_namespaces(&call, page).await?;
    let views: Verb<Vec<NamespaceView>> = counted
        .iter()
        .map(|counted| {
            Ok(NamespaceView { name: shown(&counted.name).to_owned(), record_count: known_count(counted)? })
        })
        .collect();
    let namespaces = views?;
    let last = namespaces.last().filter(|_| more);
    let pagination = last.map(|namespace| Pagination::after(&namespace.name));
    let body = NamespacesView { namespaces, pagination, total_count };
    Ok(reply::read(&router, &call, &body).await)
}

/// Makes a namespace without records; one that exists is refused.
#[utoipa::path(post, path = "/pc.v1/{index}/namespaces", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = CreateNamespaceBody,
    responses((status = 200, body = NamespaceView), (status = 409, description = "It exists", body = DataFailure),
        (status = "default", body = DataFailure)))]
pub(crate) async fn create(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<CreateNamespaceBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { body, call }| {
        if body.name.is_empty() {
            return Err(VerbError::argument(format!("name: a namespace must have one; {NOTHING}")));
        }
        Ok((call, namespace(Some(body.name))?))
    });
    let (call, namespace) = at.known(&router, parsed).await?;
    if namespace.name.is_default() {
        let message = format!("the namespace __default__ always exists; {NOTHING}");
        return Err(VerbError::new(ErrorCode::AlreadyExists, message));
    }
    router.create_namespace(&call, &at.target(&namespace)).await?;
    let body = NamespaceView { name: namespace.text, record_count: 0 };
    Ok(reply::json(StatusCode::OK, &body))
}

/// Describes a namespace.
#[utoipa::path(get, path = "/pc.v1/{index}/namespaces/{namespace}", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = String, Path, description = "Its name")),
    responses((status = 200, body = NamespaceView), (status = 404, description = "No such namespace", body = DataFailure),
        (status = "default", body = DataFailure)))]
pub(crate) async fn describe(
    State(router): State<Router>,
    at: Address,
    Plain(call): Plain,
) -> Verb<Response> {
    let namespace = at.known(&router, at.namespace()).await?;
    let Some(found) = router.find_namespace(&call, &at.target(&namespace)).await? else {
        return Err(no_namespace());
    };
    let counted = router.count_namespaces(&call, vec![found]).await?;
    let record_count = counted.first().map(known_count).transpose()?.unwrap_or_default();
    let body = NamespaceView { name: shown(&namespace.name).to_owned(), record_count };
    Ok(reply::read(&router, &call, &body).await)
}

/// Deletes a namespace with everything in it; the default one is emptied.
#[utoipa::path(delete, path = "/pc.v1/{index}/namespaces/{namespace}", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = String, Path, description = "Its name")),
    responses((status = 200, description = "Gone on every shard", body = reply::Nothing),
        (status = 404, description = "No such namespace", body = DataFailure),
        (status = "default", body = DataFailure)))]
pub(crate) async fn drop_it(State(router): State<Router>, at: Address, Plain(call): Plain) -> Verb<Response> {
    let namespace = at.known(&router, at.namespace()).await?;
    let target = at.target(&namespace);
    let answer = delete(&router, (&target, &call), Selector::All, Emptied::Dropped).await?;
    Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &reply::Nothing {})))
}
