//! Search by a sparse vector, alone or together with a dense one (dot product only): every shard searches, the best
//! of all are kept.

use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Include, ReadRequest};
use lacuna_model::record::{Metric, SparseVector};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::query::{Found, check_dimension, merge};
use crate::verb::scatter::{for_all, scatter};

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseQuery {
    /// The dense part: with it, every record with a dense vector is a candidate.
    pub dense: Option<Vec<f32>>,
    /// The sparse part: without a dense one, records that share none of its indices aren't found.
    pub sparse: SparseVector,
    /// Hits.
    pub top_k: usize,
    /// Only records that match.
    pub filter: Option<Filter>,
    /// What of the records is sent.
    pub include: Include,
}

impl Router {
    /// Searches, exactly; the score is the sum of both dot products. One result.
    pub async fn query_sparse(&self, target: &Target, call: &Call, query: SparseQuery) -> Verb<Found> {
        let core = self.core();
        let resolved = core.resolve(target, call, (Right::Read, Fresh::Leased)).await?;
        let schema = resolved.collection.schema;
        if schema.metric != Metric::Dot {
            return Err(VerbError::new(
                ErrorCode::InvalidVector,
                "sparse vectors are compared by the dot product, and this collection has another metric",
            ));
        }
        check_dimension(query.dense.as_slice(), schema.dimension)?;
        let (_, scattered) = scatter(core, target, (call, Right::Read), |_, incarnation, cluster| {
            let request = ReadRequest::Hybrid {
                incarnation,
                dense: query.dense.clone(),
                sparse: query.sparse.clone(),
                top_k: query.top_k,
                filter: query.filter.clone(),
                include: query.include,
            };
            for_all(cluster, &request)
        })
        .await?;
        merge(scattered, schema.metric, (1, query.top_k))
    }
}
