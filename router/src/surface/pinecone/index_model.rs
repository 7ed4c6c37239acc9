//! An index as it is described: one body that clients of every version read.

use std::collections::BTreeMap;

use lacuna_model::catalog::{Collection, Protection};
use lacuna_model::error::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Verb, VerbError};
use crate::surface::pinecone::create::{IndexMetric, Switch, VectorType};
use crate::surface::pinecone::host::{Shape, Visitor};

/// What this surface keeps with a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexExtra {
    /// Tells this making from another one of the same name, should its answer be lost.
    pub(super) made: String,
    pub(super) deployment: Deployment,
    pub(super) tags: BTreeMap<String, String>,
    /// Name of the field with the dense vector, in the newer form.
    pub(super) dense_field: Option<String>,
    /// Name of the field with the sparse vector, in the newer form.
    pub(super) sparse_field: Option<String>,
}

/// Where an index was said to be: kept and shown, and without any effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deployment_type", rename_all = "lowercase")]
pub(super) enum Deployment {
    Managed { cloud: String, region: String },
    Pod(PodSpec),
    Byoc { environment: String },
}

/// Pods: kept and shown, and without any effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PodSpec {
    /// Their environment.
    pub environment: String,
    /// Their type.
    pub pod_type: String,
    /// Their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
    /// Copies of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
}

impl IndexExtra {
    /// Reads what is kept with a collection.
    pub(super) fn of(text: &str) -> Verb<Self> {
        serde_json::from_str(text).map_err(|error| unreadable(&error))
    }

    /// As it is kept.
    pub(super) fn to_text(&self) -> Verb<String> {
        serde_json::to_string(self).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &serde_json::Error) -> VerbError {
    VerbError::new(
        ErrorCode::Internal,
        format!("what is kept with the index can't be read or written: {error}"),
    )
}

/// Whether an index serves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    /// Always true.
    pub ready: bool,
    /// Always `Ready`.
    pub state: &'static str,
}

/// Capacity for reads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadCapacity {
    /// Always `OnDemand`.
    pub mode: &'static str,
    /// Always ready.
    pub status: CapacityStatus,
}

/// State of the capacity for reads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CapacityStatus {
    /// Always `Ready`.
    pub state: &'static str,
}

impl ReadCapacity {
    const ON_DEMAND: Self = Self { mode: "OnDemand", status: CapacityStatus { state: "Ready" } };
}

/// Where an index was said to be: one of these.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpecView {
    /// In a region of a cloud.
    Serverless {
        /// The cloud.
        cloud: String,
        /// The region.
        region: String,
        /// Its capacity for reads.
        read_capacity: ReadCapacity,
    },
    /// On pods.
    Pod(PodSpec),
    /// In the caller's own cloud.
    Byoc {
        /// Its environment.
        environment: String,
        /// Its capacity for reads.
        read_capacity: ReadCapacity,
    },
}

impl From<Deployment> for SpecView {
    fn from(deployment: Deployment) -> Self {
        let read_capacity = ReadCapacity::ON_DEMAND;
        match deployment {
            Deployment::Managed { cloud, region } => Self::Serverless { cloud, region, read_capacity },
            Deployment::Pod(pod) => Self::Pod(PodSpec {
                pods: pod.pods.or(Some(1)),
                replicas: pod.replicas.or(Some(1)),
                shards: pod.shards.or(Some(1)),
                ..pod
            }),
            Deployment::Byoc { environment } => Self::Byoc { environment, read_capacity },
        }
    }
}

/// A field of an index's records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldView {
    /// `dense_vector` or `sparse_vector`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Components of each vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// Distance function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<IndexMetric>,
}

/// The fields of an index's records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaView {
    /// By name.
    pub fields: BTreeMap<String, FieldView>,
}

/// An index.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexView {
    /// Its name.
    pub name: String,
    /// Components of each vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// Distance function.
    pub metric: IndexMetric,
    /// What the vectors are.
    pub vector_type: VectorType,
    /// Where its records are: the base of all calls on them.
    pub host: String,
    /// Whether it serves.
    pub status: StatusView,
    /// Does it refuse to be deleted?
    pub deletion_protection: Switch,
    /// Words about it; missing if there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where it was said to be.
    pub spec: SpecView,
    /// The fields of its records (from version 2026-07).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaView>,
    /// Where it was said to be, in the newer form (from version 2026-07).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) deployment: Option<Deployment>,
    /// Capacity for reads (from version 2026-07).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
}

impl IndexView {
    /// An index, for a client of this version at this address.
    pub(super) fn of(index: &Collection, visitor: &Visitor) -> Verb<Self> {
        let extra = IndexExtra::of(&index.extra)?;
        let (dimension, metric) = (index.schema.dimension, IndexMetric::from(index.schema.metric));
        let newer = visitor.shape == Shape::SpecAndSchema;
        let dense = FieldView { kind: "dense_vector", dimension, metric: Some(metric) };
        let sparse = FieldView { kind: "sparse_vector", dimension: None, metric: None };
        let dense = extra.dense_field.map(|name| (name, dense));
        let fields = dense.into_iter().chain(extra.sparse_field.map(|name| (name, sparse))).collect();
        Ok(Self {
            name: index.name.clone(),
            dimension,
            metric,
            vector_type: VectorType::of(index.schema.kind),
            host: visitor.host(&index.name),
            status: StatusView { ready: true, state: "Ready" },
            deletion_protection: match index.protected {
                Protection::On => Switch::Enabled,
                Protection::Off => Switch::Disabled,
            },
            tags: extra.tags,
            schema: newer.then_some(SchemaView { fields }),
            deployment: newer.then(|| extra.deployment.clone()),
            read_capacity: newer.then_some(ReadCapacity::ON_DEMAND),
            spec: extra.deployment.into(),
        })
    }
}
