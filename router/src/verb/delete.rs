//! Deletes: by ids, by ids and filter, by filter, all of a namespace, a whole collection.

use std::sync::Arc;

use lacuna_model::catalog::OperationKind;
use lacuna_model::command::{IdAt, WriteVerb};
use lacuna_model::filter::Filter;
use lacuna_model::merge::{DeleteAnswer, DeleteKind, DeleteStatus, Erasure, fold_delete};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{Incarnation, ShardId};

use crate::app::Router;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::fanout;
use crate::verb::write::{Ran, run};
use crate::verb::{Call, Respond, Total, operation};

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
        counted(&answer);
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
        counted(&answer);
        answer
    }

    async fn delete_ids(
        &self,
        target: &Target,
        call: &Call,
        (kind, verb): (DeleteKind, WriteVerb),
        wishes: Wishes,
    ) -> Verb<DeleteAnswer> {
        let requested = verb.items() as u64;
        let ran = run(self.core(), target, call, &verb).await?;
        if ran.pieces.is_empty() {
            return Ok(nothing_there(ran, kind, requested));
        }
        let settles_by = call.deadline.unix_ms();
        let (incarnation, cluster) = (ran.incarnation, Arc::clone(&ran.cluster));
        let mut answer = fold_delete(ran.op_id.clone(), kind, requested, ran.pieces)
            .map_err(|failure| VerbError::from_failure(failure, &ran.op_id, settles_by))?;
        let others: Vec<ShardId> = cluster
            .map
            .shards
            .iter()
            .map(|placement| placement.shard)
            .filter(|shard| !answer.shards.iter().any(|known| known.shard == *shard))
            .collect();
        if others.is_empty() {
            answer.remaining = lacuna_model::merge::total(&answer.shards, |shard| shard.remaining);
        } else if wishes.total == Total::Asked && answer.status == DeleteStatus::Complete {
            let here = lacuna_model::merge::total(&answer.shards, |shard| shard.remaining);
            let there = self.counters(&cluster, &others, incarnation, call).await;
            answer.remaining = here.zip(there).map(|(here, there)| here + there);
        }
        Ok(answer)
    }

    /// Live records on these shards, read after the delete; `None` if one doesn't answer (protocol PR1).
    async fn counters(
        &self,
        cluster: &lacuna_model::catalog::ClusterInfo,
        shards: &[ShardId],
        incarnation: Incarnation,
        call: &Call,
    ) -> Option<u64> {
        let request = ReadRequest::Count { incarnations: vec![incarnation], filter: None };
        let requests: Vec<_> = shards.iter().map(|shard| (*shard, request.clone())).collect();
        let replies = fanout::read_all(self.core(), cluster, &requests, call.deadline).await;
        call.trace.mark("remaining");
        replies
            .into_iter()
            .map(|(_, reply)| if let ReadBody::Count(count) = reply.ok()?.body { Some(count) } else { None })
            .sum()
    }
}

fn counted(answer: &Verb<DeleteAnswer>) {
    let status = answer.as_ref().map_or_else(|error| error.code.as_str(), |answer| answer.status.as_str());
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
