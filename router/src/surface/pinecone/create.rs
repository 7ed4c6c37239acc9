//! `POST /indexes`, in the form of both generations of clients.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::catalog::{CollectionChange, CollectionRef, Protection};
use lacuna_model::limits::MAX_DIMENSION;
use lacuna_model::record::{Kind, Metric, Schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{NOTHING, home};
use crate::surface::pinecone::failure::ControlFailure;
use crate::surface::pinecone::host::Visitor;
use crate::surface::pinecone::index_model::{Deployment, IndexExtra, IndexView, PodSpec};
use crate::surface::pinecone::{configure, reply};
use crate::surface::request::Posted;
use crate::verb::collections::NewCollection;

/// Longest name of an index, characters.
const MAX_NAME: usize = 45;
/// A name that paths couldn't tell from a route.
const ROUTE: &str = "create-for-model";
/// The field of a vector that newer clients name for callers of the older form.
const DENSE_FIELD: &str = "_values";
/// And that of a sparse vector.
const SPARSE_FIELD: &str = "_sparse_values";

/// A distance function, in Pinecone's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IndexMetric {
    /// Cosine similarity; best is highest.
    Cosine,
    /// Squared Euclidean distance; best is lowest.
    Euclidean,
    /// Dot product; best is highest.
    Dotproduct,
}

impl From<IndexMetric> for Metric {
    fn from(metric: IndexMetric) -> Self {
        match metric {
            IndexMetric::Cosine => Self::Cosine,
            IndexMetric::Euclidean => Self::L2,
            IndexMetric::Dotproduct => Self::Dot,
        }
    }
}

impl From<Metric> for IndexMetric {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::Cosine => Self::Cosine,
            Metric::L2 => Self::Euclidean,
            Metric::Dot => Self::Dotproduct,
        }
    }
}

/// What the vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VectorType {
    /// Every component is given.
    Dense,
    /// Only some components are given.
    Sparse,
}

impl VectorType {
    /// Of a collection.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sparse => Self::Sparse,
            Kind::Vector | Kind::Text => Self::Dense,
        }
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// Makes an index: `dimension`, `metric` and `spec`, or `schema` and `deployment`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateIndexBody {
    /// 1 to 45 of `a-z`, `0-9` and `-`, which neither begins nor ends it.
    pub name: String,
    /// Components of each vector, 1 to 20,000.
    #[serde(default)]
    pub dimension: Option<i64>,
    /// Distance function; cosine if not given.
    #[serde(default)]
    pub metric: Option<IndexMetric>,
    /// Dense if not given.
    #[serde(default)]
    pub vector_type: Option<VectorType>,
    /// Refuse to delete the index?
    #[serde(default)]
    pub deletion_protection: Option<Switch>,
    /// At most 20 words about it.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// Where it would be; kept and shown.
    #[serde(default)]
    pub spec: Option<SpecBody>,
    /// The newer form of `dimension` and `metric`.
    #[serde(default)]
    pub schema: Option<SchemaBody>,
    /// The newer form of `spec`.
    #[serde(default)]
    pub deployment: Option<DeploymentBody>,
}

/// Where an index would be.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SpecBody {
    /// In a region of a cloud.
    #[serde(default)]
    pub serverless: Option<Region>,
    /// On pods.
    #[serde(default)]
    pub pod: Option<PodSpec>,
    /// In the caller's own cloud.
    #[serde(default)]
    pub byoc: Option<Environment>,
}

/// A region of a cloud.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Region {
    /// The cloud.
    pub cloud: String,
    /// The region.
    pub region: String,
}

/// An environment.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Environment {
    /// Its name.
    pub environment: String,
}

/// The fields of an index's records.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SchemaBody {
    /// By name.
    pub fields: BTreeMap<String, FieldBody>,
}

/// A field of an index's records.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct FieldBody {
    /// `dense_vector` or `sparse_vector`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Components of each vector.
    #[serde(default)]
    pub dimension: Option<i64>,
    /// Distance function.
    #[serde(default)]
    pub metric: Option<IndexMetric>,
}

/// The newer form of a spec.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct DeploymentBody {
    /// `managed` if not given.
    #[serde(default)]
    pub deployment_type: Option<DeploymentType>,
    /// The cloud.
    #[serde(default)]
    pub cloud: Option<String>,
    /// The region.
    #[serde(default)]
    pub region: Option<String>,
    /// The environment of pods or of the caller's own cloud.
    #[serde(default)]
    pub environment: Option<String>,
    /// Of pods.
    #[serde(default)]
    pub pod_type: Option<String>,
    /// Of pods.
    #[serde(default)]
    pub replicas: Option<u32>,
    /// Of pods.
    #[serde(default)]
    pub shards: Option<u32>,
}

/// Kinds of deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeploymentType {
    /// In a region of a cloud.
    Managed,
    /// On pods.
    Pod,
    /// In the caller's own cloud.
    Byoc,
}

/// Makes an index, ready at once.
#[utoipa::path(post, path = "/pinecone/indexes", tag = "pinecone indexes", request_body = CreateIndexBody,
    responses((status = 201, body = IndexView), (status = 409, description = "The name is taken", body = ControlFailure),
        (status = 422, description = "The body can't be decoded", body = ControlFailure),
        (status = "default", body = ControlFailure)))]
pub(crate) async fn create(
    State(router): State<Router>,
    visitor: Visitor,
    posted: Posted<CreateIndexBody>,
) -> Verb<Response> {
    let Posted { body, call } = posted;
    let protected = body.deletion_protection.is_some_and(|switch| switch == Switch::Enabled);
    let new = new_index(&call.caller.account, body)?;
    let mut made = router.create_collection(&call, new).await?;
    if protected {
        let named = CollectionRef::Id(call.caller.account.clone(), made.id);
        let change = CollectionChange { protected: Some(Protection::On), ..CollectionChange::default() };
        made = router.alter_collection(&call, &named, change).await.map_err(unprotected)?;
    }
    Ok(reply::json(StatusCode::CREATED, &IndexView::of(&made, &visitor)?))
}

/// Made, but its protection could not be switched on.
fn unprotected(error: VerbError) -> VerbError {
    let message = format!("the index was made, but it isn't protected yet: configure it ({})", error.message);
    VerbError { message, ..error }
}

fn refused(message: impl std::fmt::Display) -> VerbError {
    VerbError::argument(format!("{message}; {NOTHING}"))
}

fn new_index(account: &lacuna_model::Account, body: CreateIndexBody) -> Verb<NewCollection> {
    check_name(&body.name)?;
    let tags = body.tags.unwrap_or_default();
    let tags = configure::merged(BTreeMap::new(), tags)?;
    let vectors = match body.schema {
        Some(_) if body.dimension.is_some() || body.metric.is_some() || body.vector_type.is_some() => {
            return Err(refused(
                "schema stands for dimension, metric and vector_type: give one or the other",
            ));
        }
        Some(schema) => of_fields(schema)?,
        None => {
            let dense = body.vector_type.unwrap_or(VectorType::Dense) == VectorType::Dense;
            Vectors {
                dense_field: dense.then(|| DENSE_FIELD.to_owned()),
                sparse_field: (!dense).then(|| SPARSE_FIELD.to_owned()),
                dimension: body.dimension,
                metric: body.metric,
            }
        }
    };
    let extra = IndexExtra {
        made: format!("{:032x}", rand::random::<u128>()),
        deployment: deployment(body.spec, body.deployment)?,
        tags,
        dense_field: vectors.dense_field.clone(),
        sparse_field: vectors.sparse_field.clone(),
    };
    Ok(NewCollection {
        home: home(account),
        name: body.name,
        schema: vectors.schema()?,
        extra: extra.to_text()?,
    })
}

/// What an index's vectors are, as asked for.
#[derive(Default)]
struct Vectors {
    dense_field: Option<String>,
    sparse_field: Option<String>,
    dimension: Option<i64>,
    metric: Option<IndexMetric>,
}

impl Vectors {
    fn schema(&self) -> Verb<Schema> {
        if self.sparse_field.is_some() && self.metric.is_some_and(|metric| metric != IndexMetric::Dotproduct)
        {
            return Err(refused(
                "metric: sparse vectors are compared by the dot product; expected dotproduct",
            ));
        }
        match (&self.dense_field, self.dimension) {
            (None, None) => Ok(Schema { dimension: None, metric: Metric::Dot, kind: Kind::Sparse }),
            (None, Some(_)) => Err(refused("dimension: a sparse index has none")),
            (Some(_), None) => Err(refused("dimension: a dense index must have one")),
            (Some(_), Some(dimension)) => {
                let within = u32::try_from(dimension).ok().filter(|n| (1..=MAX_DIMENSION).contains(n));
                let Some(dimension) = within else {
                    return Err(refused(format!(
                        "dimension must be from 1 to {MAX_DIMENSION}, got {dimension}"
                    )));
                };
                let metric = self.metric.unwrap_or(IndexMetric::Cosine).into();
                Ok(Schema { dimension: Some(dimension), metric, kind: Kind::Vector })
            }
        }
    }
}

fn of_fields(schema: SchemaBody) -> Verb<Vectors> {
    let mut found = Vectors::default();
    for (name, field) in schema.fields {
        let taken = match field.kind.as_str() {
            "dense_vector" => {
                (found.dimension, found.metric) = (field.dimension, field.metric.or(found.metric));
                found.dense_field.replace(name)
            }
            "sparse_vector" => {
                if field.dimension.is_some() {
                    return Err(refused("dimension: a sparse index has none"));
                }
                found.metric = found.metric.or(field.metric);
                found.sparse_field.replace(name)
            }
            other => {
                return Err(refused(format!(
                    "schema.fields.{name}: type {other:?} isn't available; expected dense_vector or sparse_vector"
                )));
            }
        };
        if taken.is_some() {
            return Err(refused("schema.fields: an index has one field of dense and one of sparse vectors"));
        }
    }
    if found.dense_field.is_none() && found.sparse_field.is_none() {
        return Err(refused("schema.fields: an index must have a field of vectors"));
    }
    Ok(found)
}

fn deployment(spec: Option<SpecBody>, newer: Option<DeploymentBody>) -> Verb<Deployment> {
    if let Some(newer) = newer {
        return Ok(of_newer(newer));
    }
    match spec {
        None => Ok(of_newer(DeploymentBody::default())),
        Some(SpecBody { serverless: Some(Region { cloud, region }), pod: None, byoc: None }) => {
            Ok(Deployment::Managed { cloud, region })
        }
        Some(SpecBody { serverless: None, pod: Some(pod), byoc: None }) => Ok(Deployment::Pod(pod)),
        Some(SpecBody { serverless: None, pod: None, byoc: Some(Environment { environment }) }) => {
            Ok(Deployment::Byoc { environment })
        }
        Some(_) => Err(refused("spec must have exactly one of serverless, pod and byoc")),
    }
}

fn of_newer(body: DeploymentBody) -> Deployment {
    let environment = body.environment.unwrap_or_else(|| "local".to_owned());
    match body.deployment_type.unwrap_or(DeploymentType::Managed) {
        DeploymentType::Managed => Deployment::Managed {
            cloud: body.cloud.unwrap_or_else(|| "aws".to_owned()),
            region: body.region.unwrap_or_else(|| "us-east-1".to_owned()),
        },
        DeploymentType::Pod => Deployment::Pod(PodSpec {
            environment,
            pod_type: body.pod_type.unwrap_or_else(|| "p1.x1".to_owned()),
            pods: None,
            replicas: body.replicas,
            shards: body.shards,
        }),
        DeploymentType::Byoc => Deployment::Byoc { environment },
    }
}

fn check_name(name: &str) -> Verb<()> {
    let wrong = if !(1..=MAX_NAME).contains(&name.len()) {
        Some(format!("1 to {MAX_NAME} characters, got {}", name.len()))
    } else if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        Some("only lower case letters, digits and '-'".to_owned())
    } else if name.starts_with('-') || name.ends_with('-') {
        Some("a letter or digit at its beginning and end".to_owned())
    } else if name == ROUTE {
        Some(format!("another name than {ROUTE:?}, which is a route of the API"))
    } else {
        None
    };
    match wrong {
        Some(expected) => Err(refused(format!("name: an index's name must have {expected}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<NewCollection, String> {
        let body = serde_json::from_value(body).map_err(|error| error.to_string())?;
        new_index(&lacuna_model::Account::default(), body).map_err(|error| error.message)
    }

    #[test]
    fn both_forms_make_the_same_index() {
        let older = json!({"name": "x", "dimension": 2, "metric": "dotproduct",
            "spec": {"serverless": {"cloud": "gcp", "region": "r"}}, "unknown": 1});
        let newer = json!({"name": "x", "deployment": {"deployment_type": "managed", "cloud": "gcp", "region": "r"},
            "schema": {"fields": {"_values": {"type": "dense_vector", "dimension": 2, "metric": "dotproduct"}}}});
        let (older, newer) = (read(older).expect("older"), read(newer).expect("newer"));
        assert_eq!((older.schema, &older.name), (newer.schema, &newer.name));
        let extra = |new: &NewCollection| {
            let mut extra = IndexExtra::of(&new.extra).expect("readable");
            extra.made.clear();
            extra
        };
        assert_eq!(extra(&older), extra(&newer));
    }

    #[test]
    fn what_is_no_index_is_refused() {
        let spec = json!({"serverless": {"cloud": "aws", "region": "us-east-1"}});
        let with =
            |name: &str, dimension: Value| read(json!({"name": name, "dimension": dimension, "spec": spec}));
        assert!(with("a-1", json!(20_000)).is_ok());
        for (name, dimension) in [
            ("", json!(2)),
            ("-a", json!(2)),
            ("a-", json!(2)),
            ("A", json!(2)),
            ("a_b", json!(2)),
            (ROUTE, json!(2)),
            (&"a".repeat(46), json!(2)),
            ("a", json!(0)),
            ("a", json!(-1)),
            ("a", json!(20_001)),
            ("a", Value::Null),
        ] {
            assert!(with(name, dimension.clone()).is_err(), "{name} {dimension}");
        }
        assert!(read(json!({"name": "a", "dimension": 2, "metric": "manhattan"})).is_err());
        let field =
            |kind: &str| json!({"name": "a", "schema": {"fields": {"f": {"type": kind, "dimension": 2}}}});
        assert!(read(field("dense_vector")).is_ok());
        let sparse = |metric: Value, dimension: Value| {
            read(json!({"name": "a", "vector_type": "sparse", "metric": metric, "dimension": dimension}))
        };
        let made = sparse(json!("dotproduct"), Value::Null).expect("a sparse index");
        assert_eq!((made.schema.kind, made.schema.dimension), (Kind::Sparse, None));
        assert!(sparse(json!("cosine"), Value::Null).is_err() && sparse(Value::Null, json!(3)).is_err());
        assert_eq!(
            read(field("sparse_vector")).expect_err("a dimension"),
            sparse(Value::Null, json!(3)).expect_err("too")
        );
        assert!(read(field("string")).expect_err("no text").contains("isn't available"));
    }
}
