//! Deletes: by ids, by ids and filter, by filter, all of a namespace, a whole collection.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::catalog::{ClusterInfo, OperationKind};
use lacuna_model::command::{IdAt, WriteVerb};
use lacuna_model::filter::Filter;
use lacuna_model::merge::{DeleteAnswer, DeleteKind, DeleteStatus, Erasure, ShardAnswer, fold_delete};
use lacuna_model::read::{ReadBody, ReadReply, ReadRequest};
use lacuna_model::{Incarnation, ShardId};

use crate::app::Router;
use crate::core::Target;
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::fanout;
use crate::verb::last_counts::Tally;
use crate::verb::write::{Ran, run};
use crate::verb::{Call, Respond, Total, operation};

/// A tally is given at least so long, also after a delete that used all of its deadline.
const TALLY_AT_LEAST: Duration = Duration::from_secs(1);

/// What a delete takes. Parsed at the door: ids are not empty and named once each, a filter isn't empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// These ids.
    Ids(Vec<IdAt>),
    /// Those of these ids that match.
    IdsWhere(Vec<IdAt>, Filter),
    /// What matches, at most `limit`.
    Where {
        /// What goes.
        filter: Filter,
        /// At most so many go.
        limit: Option<u64>,
    },
    /// Everything in the namespace.
    All,
}

/// How a delete is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Before or after the work.
    pub respond: Respond,
    /// With the namespace's total of what remains, or only where it costs nothing.
    pub total: Total,
}

impl Router {
    /// Deletes what the selector takes.
    pub async fn delete(
        &self,
        target: &Target,
        call: &Call,
        selector: Selector,
        wishes: Wishes,
    ) -> Verb<DeleteAnswer> {
        let answer = self.delete_by(target, call, selector, wishes).await;
        counted(answer.as_ref());
        answer
    }

    async fn delete_by(
        &self,
        target: &Target,
        call: &Call,
        selector: Selector,
        wishes: Wishes,
    ) -> Verb<DeleteAnswer> {
        tracing::trace!(key = ?call.key, "delete");
        match selector {
            Selector::Ids(ids) => {
                self.delete_ids(target, call, (DeleteKind::DeleteIds, WriteVerb::DeleteIds(ids)), wishes)
                    .await
            }
            Selector::IdsWhere(ids, filter) => {
                let verb = WriteVerb::DeleteIdsWhere(ids, filter);
                self.delete_ids(target, call, (DeleteKind::DeleteIdsWhere, verb), wishes).await
            }
            Selector::Where { filter, limit } => {
                let kind = OperationKind::DeleteWhere { filter, limit };
                operation::run(self.core(), target, call, (kind, wishes.respond)).await
            }
            Selector::All => {
                operation::run(self.core(), target, call, (OperationKind::DeleteAll, wishes.respond)).await
            }
        }
    }

    /// Deletes a collection with everything in it.
    pub async fn drop_collection(
        &self,
        target: &Target,
        call: &Call,
        respond: Respond,
    ) -> Verb<DeleteAnswer> {
        let answer =
            operation::run(self.core(), target, call, (OperationKind::DropCollection, respond)).await;
        counted(answer.as_ref());
        answer
    }

    /// Deletes these ids and says how many records the namespace then holds: what a shard that doesn't answer
    /// told last stands for it.
    pub async fn delete_and_tally(
        &self,
        target: &Target,
        call: &Call,
        ids: Vec<IdAt>,
    ) -> Verb<(DeleteAnswer, Tally)> {
        let verb = WriteVerb::DeleteIds(ids);
        let deleted = self.delete_items(target, call, (DeleteKind::DeleteIds, &verb)).await;
        counted(deleted.as_ref().map(|(answer, _)| answer));
        let (answer, contents) = deleted?;
        let tally = match contents {
            Some(contents) => self.tally_after(&contents, &answer.shards, call).await,
            None => Tally::NONE,
        };
        Ok((answer, tally))
    }

    async fn delete_ids(
        &self,
        target: &Target,
        call: &Call,
        (kind, verb): (DeleteKind, WriteVerb),
        wishes: Wishes,
    ) -> Verb<DeleteAnswer> {
        let (mut answer, contents) = self.delete_items(target, call, (kind, &verb)).await?;
        let Some(contents) = contents else { return Ok(answer) };
        let others = contents.others(&answer.shards);
        if others.is_empty() {
            answer.remaining = lacuna_model::merge::total(&answer.shards, |shard| shard.remaining);
        } else if wishes.total == Total::Asked && answer.status == DeleteStatus::Complete {
            let here = lacuna_model::merge::total(&answer.shards, |shard| shard.remaining);
            let there = self.counters(&contents, &others, call.deadline).await;
            call.trace.mark("remaining");
            let there: Option<u64> = there.into_iter().map(|(_, count)| count).sum();
            answer.remaining = here.zip(there).map(|(here, there)| here + there);
        }
        Ok(answer)
    }

    /// Deletes; with the contents it was done in, if there are any.
    async fn delete_items(
        &self,
        target: &Target,
        call: &Call,
        (kind, verb): (DeleteKind, &WriteVerb),
    ) -> Verb<(DeleteAnswer, Option<Contents>)> {
        let requested = verb.items() as u64;
        let ran = run(self.core(), target, call, verb).await?;
        if ran.pieces.is_empty() {
            return Ok((nothing_there(ran, kind, requested), None));
        }
        let settles_by = call.deadline.unix_ms();
        let contents = Contents { incarnation: ran.incarnation, cluster: ran.cluster };
        let answer = fold_delete(ran.op_id.clone(), kind, requested, ran.pieces)
            .map_err(|failure| VerbError::from_failure(failure, &ran.op_id, settles_by))?;
        Ok((answer, Some(contents)))
    }

    /// Records left: counters of the delete's own entries, of the other shards as read after it (protocol PR1),
    /// and of those that don't answer as they told them last.
    async fn tally_after(&self, contents: &Contents, shards: &[ShardAnswer], call: &Call) -> Tally {
        let others = contents.others(shards);
        let deadline = call.deadline.max(Deadline::within(TALLY_AT_LEAST));
        let read = self.counters(contents, &others, deadline).await;
        call.trace.mark("remaining");
        let here = shards.iter().map(|shard| (shard.shard, shard.remaining));
        let mut tally = Tally::NONE;
        for (shard, count) in here.chain(read) {
            tally.exact &= count.is_some();
            tally.records += count.unwrap_or_else(|| self.core().counts.last((contents.incarnation, shard)));
        }
        tally
    }

    /// Live records on these shards, read after the delete; `None` of one that doesn't answer.
    async fn counters(
        &self,
        contents: &Contents,
        shards: &[ShardId],
        deadline: Deadline,
    ) -> Vec<(ShardId, Option<u64>)> {
        let incarnation = contents.incarnation;
        let request = ReadRequest::Count { incarnations: vec![incarnation], filter: None };
        let requests: Vec<_> = shards.iter().map(|shard| (*shard, request.clone())).collect();
        let replies = fanout::read_all(self.core(), &contents.cluster, &requests, deadline).await;
        let counted = replies.into_iter().map(|(shard, reply)| {
            let Ok(ReadReply { at, body: ReadBody::Count(count), .. }) = reply else { return (shard, None) };
            self.core().counts.note((incarnation, shard), at, count);
            (shard, Some(count))
        });
        counted.collect()
    }
}

/// Contents that a delete was done in.
struct Contents {
    incarnation: Incarnation,
    cluster: Arc<ClusterInfo>,
}

impl Contents {
    /// Shards that took no part.
    fn others(&self, took_part: &[ShardAnswer]) -> Vec<ShardId> {
        let shards = self.cluster.map.shards.iter().map(|placement| placement.shard);
        shards.filter(|shard| !took_part.iter().any(|known| known.shard == *shard)).collect()
    }
}

fn counted(answer: Result<&DeleteAnswer, &VerbError>) {
    let status = answer.map_or_else(|error| error.code.as_str(), |answer| answer.status.as_str());
    metrics::counter!("lacuna_deletes_total", "status" => status).increment(1);
    if let Ok(DeleteAnswer { deleted: Some(deleted), .. }) = answer {
        metrics::counter!("lacuna_deleted_records_total").increment(*deleted);
    }
}

/// A namespace without contents: certain, and nothing to ask a shard.
fn nothing_there(ran: Ran, kind: DeleteKind, requested: u64) -> DeleteAnswer {
    DeleteAnswer {
        op_id: ran.op_id,
        kind,
        status: DeleteStatus::Complete,
        requested: Some(requested),
        matched: Some(0),
        deleted: Some(0),
        updated: None,
        absent: Some(requested),
        held: Some(0),
        released: None,
        remaining: Some(0),
        shards: Vec::new(),
        erasure: Erasure::decided(),
        note: None,
    }
}
