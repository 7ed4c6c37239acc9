//! Nearest neighbours: every shard searches, the best of all are kept.

use std::cmp::Ordering;

use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Hit, Include, ReadBody, ReadRequest};
use lacuna_model::record::{Kind, Metric};

use crate::app::Router;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::scatter::{Missing, Scattered, for_all, odd, scatter, unavailable};

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The query vectors, each of the collection's dimension.
    pub vectors: Vec<Vec<f32>>,
    /// Hits for each.
    pub top_k: usize,
    /// Candidates kept while searching a graph; `None`: the default.
    pub ef: Option<usize>,
    /// Only records that match.
    pub filter: Option<Filter>,
    /// What of the records is sent.
    pub include: Include,
}

/// Hits of every query vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The collection's metric: says which scores are best.
    pub metric: Metric,
    /// For each query vector its hits, best first, ties by id.
    pub results: Vec<Vec<Hit>>,
    /// Shards whose records were not searched.
    pub missing: Vec<Missing>,
}

impl Router {
    /// Searches. With some shards missing the answer says so; with all of them it fails.
    pub async fn query(&self, target: &Target, call: &Call, query: Query) -> Verb<Found> {
        let core = self.core();
        let resolved = core.resolve(target, call, (Right::Read, crate::catalog::Fresh::Leased)).await?;
        let schema = resolved.collection.schema;
        if schema.kind == Kind::Sparse {
            let message = "the query vector is dense, and this collection holds sparse vectors alone";
            return Err(VerbError::new(ErrorCode::InvalidVector, message));
        }
        check_dimension(&query.vectors, schema.dimension)?;
        let (wanted, top_k) = (query.vectors.len(), query.top_k);
        let (resolved, scattered) =
            scatter(core, target, (call, Right::Read), |resolved, incarnation, cluster| {
                let request = ReadRequest::Search {
                    incarnation,
                    metric: resolved.collection.schema.metric,
                    vectors: query.vectors.clone(),
                    top_k: query.top_k,
                    ef: query.ef,
                    exact: false,
                    filter: query.filter.clone(),
                    include: query.include,
                };
                for_all(cluster, &request)
            })
            .await?;
        let metric = resolved.collection.schema.metric;
        merge(scattered, metric, (wanted, top_k))
    }
}

pub(crate) fn check_dimension(vectors: &[Vec<f32>], dimension: Option<u32>) -> Verb<()> {
    let Some(dimension) = dimension else { return Ok(()) };
    for (position, vector) in vectors.iter().enumerate() {
        if vector.len() != dimension as usize {
            let message = format!(
                "the query vector at position {position} has {} components, expected {dimension} as this collection's \
                 dimension",
                vector.len()
            );
            return Err(VerbError::new(ErrorCode::InvalidVector, message)
                .with("position", position)
                .with("got", vector.len())
                .with("dimension", dimension));
        }
    }
    Ok(())
}

pub(crate) fn merge(scattered: Scattered, metric: Metric, (wanted, top_k): (usize, usize)) -> Verb<Found> {
    if let (true, Some(first)) = (scattered.replies.is_empty(), scattered.missing.first()) {
        return Err(unavailable(&scattered.missing, &first.error));
    }
    let mut results: Vec<Vec<Hit>> = vec![Vec::new(); wanted];
    for (_, reply) in scattered.replies {
        let ReadBody::Hits(hits) = reply.body else { return Err(odd(&reply.body)) };
        for (result, hits) in results.iter_mut().zip(hits) {
            result.extend(hits);
        }
    }
    for hits in &mut results {
        hits.sort_unstable_by(|a, b| best_first(metric, a, b));
        hits.truncate(top_k);
    }
    Ok(Found { metric, results, missing: scattered.missing })
}

/// Best first, ties by id: the same order whatever the shards.
pub(crate) fn best_first(metric: Metric, a: &Hit, b: &Hit) -> Ordering {
    let by_score = match metric {
        Metric::Cosine | Metric::Dot => b.score.total_cmp(&a.score),
        Metric::L2 => a.score.total_cmp(&b.score),
    };
    by_score.then_with(|| a.record.id.cmp(&b.record.id))
}
