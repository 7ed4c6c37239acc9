//! `GET /vectors/list`: ids, page by page.

use axum::extract::State;
use axum::response::Response;
use lacuna_model::read::Include;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::Verb;
use crate::surface::cursor;
use crate::surface::pinecone::address::{Address, check_text};
use crate::surface::pinecone::failure::DataFailure;
use crate::surface::pinecone::fetch::ReadUnits;
use crate::surface::pinecone::query_string::QueryString;
use crate::surface::pinecone::reply;
use crate::surface::request::Plain;
use crate::verb::list::Page;

/// Where to read on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Give it back unchanged; it stays good whatever is deleted meanwhile.
    pub next: String,
}

impl Pagination {
    /// After this id, or name.
    pub(super) fn after(last: &str) -> Self {
        Self { next: cursor::write(last) }
    }
}

/// An id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IdView {
    /// The id.
    pub id: String,
}

/// Ids, and where to read on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedView {
    /// In the order of their bytes.
    pub vectors: Vec<IdView>,
    /// Missing: this was the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// The namespace as the request spelt it.
    pub namespace: String,
    /// What it cost.
    pub usage: ReadUnits,
}

/// Lists ids, all or those with a prefix.
#[utoipa::path(get, path = "/pc.v1/{index}/vectors/list", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = Option<String>, Query, description = "The namespace"),
        ("prefix" = Option<String>, Query, description = "Only ids that begin so"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 100"),
        ("paginationToken" = Option<String>, Query, description = "Where the page before ended")),
    responses((status = 200, body = ListedView), (status = "default", body = DataFailure)))]
pub(crate) async fn ids(
    State(router): State<Router>,
    at: Address,
    query: QueryString,
    Plain(call): Plain,
) -> Verb<Response> {
    let parsed = query.namespace().and_then(|namespace| Ok((namespace, page(&query)?)));
    let (namespace, page) = at.known(&router, parsed).await?;
    let listed = router.list(&at.target(&namespace), &call, &page).await?;
    let body = ListedView {
        pagination: listed.next_after.as_deref().map(Pagination::after),
        vectors: listed.records.into_iter().map(|record| IdView { id: record.id.into_string() }).collect(),
        namespace: namespace.text,
        usage: ReadUnits::ONE,
    };
    Ok(reply::read(&router, &call, &body).await)
}

fn page(query: &QueryString) -> Verb<Page> {
    let prefix = query.one("prefix").unwrap_or_default();
    check_text("prefix", prefix)?;
    Ok(Page {
        prefix: prefix.to_owned(),
        filter: None,
        after: cursor::read(
            "paginationToken",
            query.one("paginationToken").filter(|token| !token.is_empty()),
        )?,
        limit: query.limit()?,
        include: Include::default(),
    })
}
