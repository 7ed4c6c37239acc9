//! How many records there are, or match.

use lacuna_model::access::Right;
use lacuna_model::filter::Filter;
use lacuna_model::read::{ReadBody, ReadRequest};

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::verb::Call;
use crate::verb::last_counts::Tally;
use crate::verb::scatter::{Missing, for_all, odd, scatter, unavailable};

/// A count over shards: known or `None` (INV-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The sum, if every shard answered.
    pub count: Option<u64>,
    /// Shards that didn't.
    pub missing: Vec<Missing>,
}

impl Router {
    /// Counts records of the namespace. With some shards missing the count isn't known; with all it fails.
    pub async fn count(&self, target: &Target, call: &Call, filter: Option<Filter>) -> Verb<Counted> {
        let (_, scattered) = scatter(self.core(), target, (call, Right::Read), |_, incarnation, cluster| {
            let request = ReadRequest::Count { incarnations: vec![incarnation], filter: filter.clone() };
            for_all(cluster, &request)
        })
        .await?;
        if let (true, Some(first)) = (scattered.replies.is_empty(), scattered.missing.first()) {
            return Err(unavailable(&scattered.missing, &first.error));
        }
        let mut sum = 0;
        for (_, reply) in &scattered.replies {
            let ReadBody::Count(count) = reply.body else { return Err(odd(&reply.body)) };
            sum += count;
        }
        let count = scattered.missing.is_empty().then_some(sum);
        Ok(Counted { count, missing: scattered.missing })
    }

    /// Counts records; what a shard that doesn't answer told last stands for it.
    pub async fn tally(&self, target: &Target, call: &Call) -> Verb<Tally> {
        let core = self.core();
        let (resolved, scattered) = scatter(core, target, (call, Right::Read), |_, incarnation, cluster| {
            for_all(cluster, &ReadRequest::Count { incarnations: vec![incarnation], filter: None })
        })
        .await?;
        let Some(incarnation) = resolved.incarnation else { return Ok(Tally::NONE) };
        let mut tally = Tally { records: 0, exact: scattered.missing.is_empty() };
        for (shard, reply) in &scattered.replies {
            let ReadBody::Count(count) = reply.body else { return Err(odd(&reply.body)) };
            core.counts.note((incarnation, *shard), reply.at, count);
            tally.records += count;
        }
        for missing in &scattered.missing {
            tally.records += core.counts.last((incarnation, missing.shard));
        }
        Ok(tally)
    }
}
