//! What a delete would take now; nothing is changed.

use lacuna_model::RecordId;
use lacuna_model::access::Right;
use lacuna_model::filter::Filter;
use lacuna_model::merge::ShardError;
use lacuna_model::read::{Include, ReadBody, ReadRequest};
use lacuna_model::{LogPosition, ShardId};

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::plan::ids_by_shard;
use crate::verb::Call;
use crate::verb::scatter::{for_all, odd, scatter, unavailable};

/// What the delete would select.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// These ids.
    Ids(Vec<RecordId>),
    /// What matches.
    Where(Filter),
    /// Everything.
    All,
}

/// One shard's part.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardPreview {
    /// The shard.
    pub shard: ShardId,
    /// Where its log stood, and how many match there; or why it isn't known.
    pub answer: Result<(LogPosition, u64), ShardError>,
}

/// What would go.
#[derive(Clone, Debug, PartialEq)]
pub struct Previewed {
    /// Records that match; `None` if a shard didn't answer (INV-6).
    pub matched: Option<u64>,
    /// The first ids of them, in id order.
    pub sample: Vec<RecordId>,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardPreview>,
}

/// Matches on one shard, and the first of them.
type Part = (u64, Vec<RecordId>);

impl Router {
    /// Counts what a delete would take, and shows at most `sample` ids of it.
    pub async fn preview(
        &self,
        target: &Target,
        call: &Call,
        what: &Preview,
        sample: usize,
    ) -> Verb<Previewed> {
        let (_, scattered) =
            scatter(self.core(), target, (call, Right::Delete), |_, incarnation, cluster| match what {
                Preview::Ids(ids) => ids_by_shard(&cluster.map, incarnation, ids)
                    .into_iter()
                    .map(|(shard, ids)| {
                        (shard, ReadRequest::Get { incarnation, ids, include: Include::default() })
                    })
                    .collect(),
                Preview::Where(filter) => {
                    for_all(cluster, &ReadRequest::Preview { incarnation, filter: filter.clone(), sample })
                }
                Preview::All => for_all(cluster, &everything(incarnation, sample)),
            })
            .await?;
        if let (true, Some(first)) = (scattered.replies.is_empty(), scattered.missing.first()) {
            return Err(unavailable(&scattered.missing, &first.error));
        }
        let (mut shards, mut first) = (Vec::new(), Vec::new());
        for (shard, reply) in scattered.replies {
            let at = reply.at;
            let (matched, ids) = part(reply.body)?;
            first.extend(ids);
            shards.push(ShardPreview { shard, answer: Ok((at, matched)) });
        }
        let missing = scattered.missing.into_iter();
        shards
            .extend(missing.map(|missing| ShardPreview { shard: missing.shard, answer: Err(missing.error) }));
        shards.sort_by_key(|part| part.shard);
        first.sort();
        first.truncate(sample);
        let matched = shards.iter().map(|part| part.answer.as_ref().ok().map(|(_, matched)| *matched)).sum();
        Ok(Previewed { matched, sample: first, shards })
    }
}

/// All of the contents: there is no such filter in the native dialect, so it is said by the empty conjunction.
fn everything(incarnation: lacuna_model::Incarnation, sample: usize) -> ReadRequest {
    ReadRequest::Preview { incarnation, filter: Filter::And(Vec::new()), sample }
}

fn part(body: ReadBody) -> Verb<Part> {
    match body {
        ReadBody::Preview { matched, sample } => Ok((matched, sample)),
        ReadBody::Records { records, .. } => {
            Ok((records.len() as u64, records.into_iter().map(|record| record.id).collect()))
        }
        other => Err(odd(&other)),
    }
}
