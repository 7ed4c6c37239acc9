//! `POST /query`, and the records API's search by vector or id.

use axum::extract::State;
use axum::response::Response;
use lacuna_model::RecordId;
use lacuna_model::filter::Filter;
use lacuna_model::limits::{MAX_EF, MAX_TOP_K};
use lacuna_model::read::{Hit, Include};
use lacuna_model::record::SparseVector;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::native::metadata::JsonMetadata;
use crate::surface::pinecone::address::{Address, Spelt, namespace, record_id};
use crate::surface::pinecone::failure::DataFailure;
use crate::surface::pinecone::fetch::ReadUnits;
use crate::surface::pinecone::sparse::SparseBody;
use crate::surface::pinecone::upsert::check_finite;
use crate::surface::pinecone::{filter, reply};
use crate::surface::request::Posted;
use crate::verb::query::Query;
use crate::verb::scatter::unavailable;
use crate::verb::sparse::SparseQuery;
use crate::verb::{Call, Target};

const VECTOR: Include = Include { vector: true, document: false, metadata: false };

/// Searches by vector, or by a record's own vector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryBody {
    /// Matches wanted, 1 to 10,000.
    pub top_k: usize,
    /// The vector.
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
    /// A sparse vector, alone or beside the dense one: only where the metric is the dot product.
    #[serde(default, deserialize_with = "crate::surface::object::maybe")]
    pub sparse_vector: Option<SparseBody>,
    /// The record whose vectors they are, instead.
    #[serde(default)]
    pub id: Option<String>,
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only records that match.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Send vectors.
    #[serde(default)]
    pub include_values: Option<bool>,
    /// Send metadata.
    #[serde(default)]
    pub include_metadata: Option<bool>,
    /// Candidates kept while searching; larger is more exact.
    #[serde(default)]
    pub max_candidates: Option<usize>,
    /// Several queries at once: no longer part of the API.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub queries: Option<Value>,
}

/// A match.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchView {
    /// Its id.
    pub id: String,
    /// Cosine or dot product (best highest), or squared distance (best lowest).
    pub score: f32,
    /// Its vector; empty if it wasn't asked for.
    pub values: Vec<f32>,
    /// Its sparse vector, if it was asked for and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<SparseBody>,
    /// Its metadata, if it was asked for and there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<JsonMetadata>,
}

/// Answer to a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueriedView {
    /// Best first, ties by id.
    pub matches: Vec<MatchView>,
    /// The namespace as the request spelt it.
    pub namespace: String,
    /// What it cost.
    pub usage: ReadUnits,
}

/// What a query starts from.
enum From {
    Vectors(Vectors),
    Record(RecordId),
}

/// A dense vector, a sparse one, or both.
#[derive(Default)]
struct Vectors {
    dense: Option<Vec<f32>>,
    sparse: Option<SparseVector>,
}

struct Asked {
    from: From,
    top_k: usize,
    ef: Option<usize>,
    filter: Option<Filter>,
    include: Include,
}

/// Finds the nearest records.
#[utoipa::path(post, path = "/pc.v1/{index}/query", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = QueryBody,
    responses((status = 200, body = QueriedView), (status = "default", body = DataFailure)))]
pub(crate) async fn query(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<QueryBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { mut body, call }| {
        let namespace = namespace(body.namespace.take())?;
        Ok((call, namespace, asked(body)?))
    });
    let (call, namespace, asked): (_, Spelt, _) = at.known(&router, parsed).await?;
    let hits = search(&router, &at.target(&namespace), &call, asked).await?;
    let body = QueriedView {
        matches: hits.into_iter().map(MatchView::of).collect(),
        namespace: namespace.text,
        usage: ReadUnits::ONE,
    };
    Ok(reply::read(&router, &call, &body).await)
}

impl MatchView {
    fn of(hit: Hit) -> Self {
        Self {
            id: hit.record.id.into_string(),
            score: hit.score,
            sparse_values: hit.record.sparse.as_ref().map(SparseBody::from),
            values: hit.record.vector.unwrap_or_default(),
            metadata: hit.record.metadata.filter(|metadata| !metadata.is_empty()).map(JsonMetadata),
        }
    }
}

fn asked(body: QueryBody) -> Verb<Asked> {
    if body.queries.is_some() {
        return Err(VerbError::argument("queries: several queries in one request are no longer supported"));
    }
    let include = Include {
        vector: body.include_values == Some(true),
        document: false,
        metadata: body.include_metadata == Some(true),
    };
    Ok(Asked {
        from: from(body.vector, body.sparse_vector, body.id)?,
        top_k: top_k("topK", body.top_k)?,
        ef: body.max_candidates.map(|candidates| candidates.clamp(1, MAX_EF)),
        filter: filter::of_read(body.filter.as_ref())?,
        include,
    })
}

fn from(dense: Option<Vec<f32>>, sparse: Option<SparseBody>, id: Option<String>) -> Verb<From> {
    let dense = dense.filter(|vector| !vector.is_empty());
    let sparse = sparse.map(|sparse| sparse.vector(|| "sparseVector".to_owned())).transpose()?.flatten();
    match (dense.is_some() || sparse.is_some(), id) {
        (true, Some(_)) => Err(VerbError::argument("Cannot provide both 'ID' and 'vector' at the same time")),
        (true, None) => {
            if let Some(vector) = &dense {
                check_finite(vector, || "vector".to_owned())?;
            }
            Ok(From::Vectors(Vectors { dense, sparse }))
        }
        (false, Some(id)) => Ok(From::Record(record_id(id, || "id".to_owned())?)),
        (false, None) => {
            Err(VerbError::argument("a query must have a 'vector', a 'sparseVector' or an 'id'"))
        }
    }
}

fn top_k(field: &str, top_k: usize) -> Verb<usize> {
    if (1..=MAX_TOP_K).contains(&top_k) {
        return Ok(top_k);
    }
    Err(VerbError::argument(format!("{field} must be from 1 to {MAX_TOP_K}, got {top_k}")))
}

/// The hits; none if the record that it starts from isn't there. All shards must answer.
async fn search(router: &Router, target: &Target, call: &Call, asked: Asked) -> Verb<Vec<Hit>> {
    let vectors = match asked.from {
        From::Vectors(vectors) => vectors,
        From::Record(id) => {
            let found = router.get(target, call, &[id], VECTOR).await?.into_iter().next();
            found.map_or_else(Vectors::default, |record| Vectors {
                dense: record.vector,
                sparse: record.sparse,
            })
        }
    };
    let (top_k, filter, include) = (asked.top_k, asked.filter, asked.include);
    let found = match (vectors.dense, vectors.sparse) {
        (None, None) => return Ok(Vec::new()),
        (Some(dense), None) => {
            let query = Query { vectors: vec![dense], top_k, ef: asked.ef, filter, include };
            router.query(target, call, query).await?
        }
        (dense, Some(sparse)) => {
            router.query_sparse(target, call, SparseQuery { dense, sparse, top_k, filter, include }).await?
        }
    };
    if let Some(first) = found.missing.first() {
        return Err(unavailable(&found.missing, &first.error));
    }
    Ok(found.results.into_iter().next().unwrap_or_default())
}

/// Searches records by vector or id.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SearchBody {
    /// What is searched for.
    pub query: SearchQuery,
    /// Only these fields of the metadata; missing: all.
    #[serde(default)]
    pub fields: Option<Vec<String>>,
    /// Needs a hosted model: refused.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub rerank: Option<Value>,
}

/// What is searched for.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SearchQuery {
    /// Hits wanted, 1 to 10,000.
    pub top_k: usize,
    /// Text: needs a hosted model, refused.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub inputs: Option<Value>,
    /// The vector.
    #[serde(default)]
    pub vector: Option<SearchVector>,
    /// The record whose vector it is, instead.
    #[serde(default)]
    pub id: Option<String>,
    /// Only records that match.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Words of the text: needs a hosted model, refused.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub match_terms: Option<Value>,
}

/// A vector.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SearchVector {
    /// Its components, if it is dense.
    #[serde(default)]
    pub values: Option<Vec<f32>>,
    /// Where it isn't zero, if it is sparse.
    #[serde(default)]
    pub sparse_indices: Vec<u32>,
    /// The value at each of them.
    #[serde(default)]
    pub sparse_values: Vec<f32>,
}

/// A hit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitView {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its score, as in a query.
    #[serde(rename = "_score")]
    pub score: f32,
    /// Its metadata.
    #[schema(value_type = Object)]
    pub(crate) fields: JsonMetadata,
}

/// Hits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitsView {
    /// Best first, ties by id.
    pub hits: Vec<HitView>,
}

/// What searching cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchUsage {
    /// Always 1.
    pub read_units: u32,
}

/// Answer to a search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchedView {
    /// The hits.
    pub result: HitsView,
    /// What it cost.
    pub usage: SearchUsage,
}

/// Finds the nearest records, by vector or by a record's own vector.
#[utoipa::path(post, path = "/pc.v1/{index}/records/namespaces/{namespace}/search", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("namespace" = String, Path, description = "The namespace")), request_body = SearchBody,
    responses((status = 200, body = SearchedView), (status = "default", body = DataFailure)))]
pub(crate) async fn search_records(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<SearchBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { body, call }| {
        let fields = body.fields.clone();
        Ok((call, at.namespace()?, fields, asked_of_records(body)?))
    });
    let (call, namespace, fields, asked) = at.known(&router, parsed).await?;
    let hits = search(&router, &at.target(&namespace), &call, asked).await?;
    let hit = |hit: Hit| {
        let mut metadata = hit.record.metadata.unwrap_or_default();
        if let Some(fields) = &fields {
            metadata.retain(|key, _| fields.contains(key));
        }
        HitView { id: hit.record.id.into_string(), score: hit.score, fields: JsonMetadata(metadata) }
    };
    let body = SearchedView {
        result: HitsView { hits: hits.into_iter().map(hit).collect() },
        usage: SearchUsage { read_units: 1 },
    };
    Ok(reply::read(&router, &call, &body).await)
}

fn asked_of_records(body: SearchBody) -> Verb<Asked> {
    let SearchQuery { top_k: wanted, inputs, vector, id, filter: json, match_terms } = body.query;
    if inputs.is_some() || match_terms.is_some() || body.rerank.is_some() {
        return Err(VerbError::argument(
            "this index has no hosted model: 'inputs', 'match_terms' and 'rerank' need one. Search with 'vector' or \
             'id'",
        ));
    }
    let (dense, sparse) = vector.map_or((None, None), |vector| {
        (vector.values, Some(SparseBody { indices: vector.sparse_indices, values: vector.sparse_values }))
    });
    Ok(Asked {
        from: from(dense, sparse, id)?,
        top_k: top_k("top_k", wanted)?,
        ef: None,
        filter: filter::of_read(json.as_ref())?,
        include: Include { vector: false, document: false, metadata: true },
    })
}
