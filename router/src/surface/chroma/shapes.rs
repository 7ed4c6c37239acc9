//! A collection as it is shown: in the shape of clients from 1.0 on, and in that of the older ones.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use lacuna_model::catalog::Collection;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::surface::chroma::configuration::Kept;
use crate::surface::chroma::names::collection_uuid;
use crate::surface::chroma::schema::schema_of;

/// Which shape a client reads. The two can't read each other's: clients before 1.0 refuse unknown keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// chromadb 1.x, and whoever else.
    Modern,
    /// chromadb 0.5 and 0.6, which call themselves `python-httpx/…`.
    Legacy,
}

/// A collection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CollectionView {
    /// A UUID; never that of another collection.
    pub(super) id: String,
    /// Its name in its database.
    pub(super) name: String,
    /// How it is configured.
    #[schema(value_type = Object)]
    pub(super) configuration_json: Value,
    /// What is indexed how; not for clients before 1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(super) schema: Option<Value>,
    /// The client's own words about it.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    /// Components of each vector, once one was written.
    pub(super) dimension: Option<u32>,
    /// Its tenant.
    pub(super) tenant: String,
    /// Its database.
    pub(super) database: String,
    /// Always 0.
    pub(super) log_position: u64,
    /// Always 0.
    pub(super) version: u64,
}

impl<S: Sync> FromRequestParts<S> for Shape {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::asked(&parts.headers))
    }
}

impl Shape {
    /// Which one the client reads that sent these headers.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self::of(agent.unwrap_or_default())
    }

    fn of(agent: &str) -> Self {
        let old = agent.starts_with("Chroma Python Client v0.") || agent.starts_with("python-httpx/");
        if old { Self::Legacy } else { Self::Modern }
    }

    /// A collection in this shape.
    pub(super) fn show(self, collection: &Collection) -> CollectionView {
        let kept = Kept::read(&collection.extra, collection.schema.metric);
        let (tenant, database) = collection.home.database.rsplit_once('/').unwrap_or_default();
        CollectionView {
            id: collection_uuid(collection.id),
            name: collection.name.clone(),
            configuration_json: self.configuration(&kept),
            schema: (self == Self::Modern).then(|| schema_of(&kept)),
            metadata: kept.metadata,
            dimension: collection.schema.dimension,
            tenant: tenant.to_owned(),
            database: database.to_owned(),
            log_position: 0,
            version: 0,
        }
    }

    fn configuration(self, kept: &Kept) -> Value {
        match self {
            Self::Modern => json!({
                "hnsw": kept.hnsw,
                "spann": null,
                "embedding_function": kept.embedding_function,
            }),
            Self::Legacy => json!({
                "_type": "CollectionConfigurationInternal",
                "hnsw_configuration": { "_type": "HNSWConfigurationInternal", "space": kept.hnsw.space },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_says_which_shape() {
        for old in ["python-httpx/0.28.1", "Chroma Python Client v0.6.3 (…)"] {
            assert_eq!(Shape::of(old), Shape::Legacy, "{old}");
        }
        for new in ["", "Chroma Python Client v1.5.9 (…)", "node", "curl/8", "my python-httpx/1"] {
            assert_eq!(Shape::of(new), Shape::Modern, "{new}");
        }
    }
}
