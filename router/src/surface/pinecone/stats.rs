//! `describe_index_stats`.

use std::collections::BTreeMap;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts as _, Request, State};
use axum::response::Response;
use lacuna_model::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, shown};
use crate::surface::pinecone::create::{IndexMetric, VectorType};
use crate::surface::pinecone::failure::DataFailure;
use crate::surface::pinecone::reply;
use crate::surface::request::{Plain, Posted};
use crate::verb::Call;
use crate::verb::namespaces::Namespace;

/// Asks for an index's counts.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct StatsBody {
    /// Refused, as serverless indexes do.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
}

/// The body may be missing: `curl -X POST` is in the vendor's documentation.
pub(crate) struct Asked {
    body: StatsBody,
    call: Call,
}

impl FromRequest<Router> for Asked {
    type Rejection = VerbError;

    async fn from_request(request: Request, router: &Router) -> Verb<Self> {
        if request.body().is_end_stream() {
            let (mut parts, _) = request.into_parts();
            let Plain(call) = Plain::from_request_parts(&mut parts, router).await?;
            return Ok(Self { body: StatsBody::default(), call });
        }
        let Posted { body, call } = Posted::from_request(request, router).await?;
        Ok(Self { body, call })
    }
}

/// A namespace's count.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamespaceStats {
    /// Its records.
    pub vector_count: u64,
}

/// An index's counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsView {
    /// Each namespace that exists; the default one is `__default__`.
    pub namespaces: BTreeMap<String, NamespaceStats>,
    /// Components of each vector; missing where all are sparse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// Always 0.
    pub index_fullness: f32,
    /// Records of all namespaces.
    pub total_vector_count: u64,
    /// The index's metric.
    pub metric: IndexMetric,
    /// What the vectors are.
    pub vector_type: VectorType,
}

/// Counts the records of each namespace.
#[utoipa::path(post, path = "/pc.v1/{index}/describe_index_stats", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = StatsBody,
    responses((status = 200, body = StatsView), (status = "default", body = DataFailure)))]
pub(crate) async fn posted(
    State(router): State<Router>,
    at: Address,
    asked: Result<Asked, VerbError>,
) -> Verb<Response> {
    let parsed = asked.and_then(|Asked { body, call }| match body.filter {
        Some(Value::Object(clauses)) if clauses.is_empty() => Ok(call),
        None => Ok(call),
        Some(_) => Err(VerbError::argument(
            "Serverless and Starter indexes do not support describing index stats with metadata filtering",
        )),
    });
    let call = at.known(&router, parsed).await?;
    respond(&router, &at, &call).await
}

/// Counts the records of each namespace, as the API had it in 2024-04.
#[utoipa::path(get, path = "/pc.v1/{index}/describe_index_stats", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")),
    responses((status = 200, body = StatsView), (status = "default", body = DataFailure)))]
pub(crate) async fn asked(State(router): State<Router>, at: Address, Plain(call): Plain) -> Verb<Response> {
    respond(&router, &at, &call).await
}

async fn respond(router: &Router, at: &Address, call: &Call) -> Verb<Response> {
    let index = router.describe_collection(call, &at.collection()).await?;
    let open = router.open_namespaces(call, &index).await?;
    let counted = router.count_namespaces(call, open).await?;
    let counts: Verb<Vec<(String, u64)>> =
        counted.iter().map(|counted| Ok((shown(&counted.name).to_owned(), known_count(counted)?))).collect();
    let counts = counts?;
    let body = StatsView {
        total_vector_count: counts.iter().map(|(_, count)| count).sum(),
        namespaces: counts
            .into_iter()
            .map(|(name, vector_count)| (name, NamespaceStats { vector_count }))
            .collect(),
        dimension: index.schema.dimension,
        index_fullness: 0.0,
        metric: index.schema.metric.into(),
        vector_type: VectorType::of(index.schema.kind),
    };
    Ok(reply::read(router, call, &body).await)
}

/// A count must be a number here: one that isn't known is a failure, never a guess (INV-6).
pub(super) fn known_count(counted: &Namespace) -> Verb<u64> {
    counted.count.ok_or_else(|| {
        VerbError::new(
            ErrorCode::Unavailable,
            format!(
                "the records of namespace \"{}\" can't be counted: a shard doesn't answer",
                shown(&counted.name)
            ),
        )
    })
}
