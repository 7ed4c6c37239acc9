//! `GET /vectors/fetch` and `POST /vectors/fetch_by_metadata`.

use axum::extract::State;
use axum::response::Response;
use lacuna_model::filter::Usage;
use lacuna_model::read::{Include, RecordView};
use lacuna_model::{RecordId, limits};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::cursor;
use crate::surface::native::metadata::JsonMetadata;
use crate::surface::pinecone::address::{Address, namespace, record_id};
use crate::surface::pinecone::failure::DataFailure;
use crate::surface::pinecone::list::Pagination;
use crate::surface::pinecone::query_string::QueryString;
use crate::surface::pinecone::sparse::SparseBody;
use crate::surface::pinecone::{filter, reply};
use crate::surface::repeated::first_of_each;
use crate::surface::request::{Plain, Posted};
use crate::verb::list::Page;

/// Most ids in one request.
const MAX_IDS: usize = 1_000;
/// Largest page of a fetch by metadata.
const MAX_LIMIT: usize = limits::MAX_ITEMS;
const DEFAULT_LIMIT: usize = 100;
const WHOLE: Include = Include { vector: true, document: false, metadata: true };

/// What reading cost, as Pinecone counts it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadUnits {
    /// Always 1.
    pub read_units: u32,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VectorView {
    /// Its id.
    pub id: String,
    /// Its vector.
    pub values: Vec<f32>,
    /// Its sparse vector, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<SparseBody>,
    /// Its metadata, if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<JsonMetadata>,
}

impl From<RecordView> for VectorView {
    fn from(record: RecordView) -> Self {
        Self {
            id: record.id.into_string(),
            sparse_values: record.sparse.as_ref().map(SparseBody::from),
            values: record.vector.unwrap_or_default(),
            metadata: record.metadata.filter(|metadata| !metadata.is_empty()).map(JsonMetadata),
        }
    }
}

/// Records under their ids.
#[derive(Debug)]
pub(crate) struct Vectors(Vec<VectorView>);

impl Serialize for Vectors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for vector in &self.0 {
            map.serialize_entry(&vector.id, vector)?;
        }
        map.end()
    }
}

/// Records, and where to read on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FetchedView {
    /// The records under their ids; unknown ids are missing.
    #[schema(value_type = Object)]
    pub vectors: Vectors,
    /// The namespace as the request spelt it.
    pub namespace: String,
    /// What it cost.
    pub usage: ReadUnits,
    /// Where to read on; missing: this was the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

impl ReadUnits {
    /// One unit.
    pub(super) const ONE: Self = Self { read_units: 1 };
}

/// Reads records by their ids.
#[utoipa::path(get, path = "/pc.v1/{index}/vectors/fetch", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("ids" = Vec<String>, Query, description = "1 to 1,000 of them, `ids=a&ids=b`"),
        ("namespace" = Option<String>, Query, description = "The namespace")),
    responses((status = 200, body = FetchedView), (status = "default", body = DataFailure)))]
pub(crate) async fn by_ids(
    State(router): State<Router>,
    at: Address,
    query: QueryString,
    Plain(call): Plain,
) -> Verb<Response> {
    let parsed = query.namespace().and_then(|namespace| Ok((namespace, ids(query.all("ids"))?)));
    let (namespace, ids) = at.known(&router, parsed).await?;
    let records = router.get(&at.target(&namespace), &call, &ids, WHOLE).await?;
    let body = FetchedView {
        vectors: Vectors(records.into_iter().map(VectorView::from).collect()),
        namespace: namespace.text,
        usage: ReadUnits::ONE,
        pagination: None,
    };
    Ok(reply::read(&router, &call, &body).await)
}

fn ids(texts: Vec<String>) -> Verb<Vec<RecordId>> {
    if !(1..=MAX_IDS).contains(&texts.len()) {
        return Err(VerbError::argument(format!("ids must be 1 to {MAX_IDS}, got {}", texts.len())));
    }
    let placed = first_of_each(texts, |text, _| record_id(text, || "ids".to_owned()))?;
    Ok(placed.into_iter().map(|at| at.id).collect())
}

/// Reads records that match.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FetchByMetadataBody {
    /// Which; not empty.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// At most so many, 1 to 10,000, default 100.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Where the page before ended.
    #[serde(default)]
    pub pagination_token: Option<String>,
}

/// Reads records that match a filter, in the order of their ids.
#[utoipa::path(post, path = "/pc.v1/{index}/vectors/fetch_by_metadata", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = FetchByMetadataBody,
    responses((status = 200, body = FetchedView), (status = "default", body = DataFailure)))]
pub(crate) async fn by_metadata(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<FetchByMetadataBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { mut body, call }| {
        let namespace = namespace(body.namespace.take())?;
        Ok((call, namespace, page(&body)?))
    });
    let (call, namespace, page) = at.known(&router, parsed).await?;
    let listed = router.list(&at.target(&namespace), &call, &page).await?;
    let body = FetchedView {
        vectors: Vectors(listed.records.into_iter().map(VectorView::from).collect()),
        namespace: namespace.text,
        usage: ReadUnits::ONE,
        pagination: listed.next_after.as_deref().map(Pagination::after),
    };
    Ok(reply::read(&router, &call, &body).await)
}

fn page(body: &FetchByMetadataBody) -> Verb<Page> {
    let empty = "Empty filter provided for fetch by metadata request";
    let limit = body.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(VerbError::argument(format!("limit must be from 1 to {MAX_LIMIT}, got {limit}")));
    }
    Ok(Page {
        prefix: String::new(),
        filter: Some(filter::required(body.filter.as_ref(), Usage::Read, empty)?),
        after: cursor::read(
            "paginationToken",
            body.pagination_token.as_deref().filter(|token| !token.is_empty()),
        )?,
        limit,
        include: WHOLE,
    })
}
