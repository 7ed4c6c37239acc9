//! Sparse vectors in bodies: indices and as many values.

use lacuna_model::error::ErrorCode;
use lacuna_model::record::SparseVector;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::NOTHING;

/// A sparse vector: 1 to 2,048 entries.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub(crate) struct SparseBody {
    /// Where it isn't zero; each index once.
    #[serde(default)]
    pub indices: Vec<u32>,
    /// The value at each of them.
    #[serde(default)]
    pub values: Vec<f32>,
}

impl SparseBody {
    /// The vector; one without any entry is none.
    pub(super) fn vector(self, path: impl Fn() -> String) -> Verb<Option<SparseVector>> {
        if self.indices.is_empty() && self.values.is_empty() {
            return Ok(None);
        }
        SparseVector::new(self.indices, self.values).map(Some).map_err(|error| {
            VerbError::new(ErrorCode::InvalidVector, format!("{}: {error}; {NOTHING}", path()))
        })
    }
}

impl From<&SparseVector> for SparseBody {
    fn from(vector: &SparseVector) -> Self {
        Self { indices: vector.indices().to_vec(), values: vector.values().to_vec() }
    }
}
