//! Forgetting (protocol PM2): one entry of the meta group, from which on nothing of it is seen, then a release on
//! every shard, which completes by itself.

use lacuna_model::access::Right;
use lacuna_model::memory::command::{Forget, ForgetWhat, Forgotten, MemoryChange, MemoryOutcome};
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::memory::query::{MemoryAsk, MemoryBody, WouldForget};
use lacuna_model::memory::words::Receipt;
use lacuna_model::merge::ShardState;
use lacuna_model::outcome::RowStatus;
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{Incarnation, MapEpoch, ReceiptId, ShardId};

use super::odd;
use crate::app::Router;
use crate::error::Verb;
use crate::fanout;
use crate::verb::Call;
use crate::verb::operation::look_up;
use crate::verb::operation_shards::{States, drive, known, report};
use crate::verb::scatter::{complete, for_all, gather};
use crate::verb::write::make_op_id;

/// What a forget came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgot {
    /// Receipt, and what the meta group did.
    pub forgotten: Forgotten,
    /// What shards released: all of them, or those that are not pending.
    pub counts: ReleaseCounts,
    /// Shards that release later, by themselves.
    pub pending: Vec<ShardId>,
}

impl Router {
    /// Forgets; by the deadline as far as it is done.
    pub async fn forget(&self, call: &Call, what: ForgetWhat) -> Verb<Forgot> {
        let made = || make_op_id(self.core(), call, Incarnation(0), MapEpoch(0)).0;
        let op_id = call.key.clone().unwrap_or_else(made);
        let receipt = ReceiptId(rand::random());
        let ask = Forget { what, receipt, op_id: op_id.clone(), digest: call.digest };
        call.trace.name(&op_id);
        let outcome = self.change_memory(call, MemoryChange::Forget(ask)).await;
        let MemoryOutcome::Forgotten(forgotten) = outcome.map_err(|error| error.of(&op_id))? else {
            return Err(odd());
        };
        call.trace.mark("record");
        self.follow(call, *forgotten, &op_id).await
    }

    /// Waits for the shards of a release.
    async fn follow(
        &self,
        call: &Call,
        forgotten: Forgotten,
        op_id: &lacuna_model::op_id::OpId,
    ) -> Verb<Forgot> {
        if forgotten.already {
            return Ok(Forgot { forgotten, counts: ReleaseCounts::default(), pending: Vec::new() });
        }
        if let Some(counts) = forgotten.receipt.counts {
            return Ok(Forgot { forgotten, counts, pending: Vec::new() });
        }
        let core = self.core();
        let operation = look_up(core, &call.caller.account, op_id, call.deadline).await?;
        let Some(operation) = operation else { return Err(odd()) };
        let states = drive(core, &operation, call.deadline).await;
        call.trace.mark("shards");
        let (counts, pending) = tally(&states);
        if operation.finished.is_none() {
            let core = std::sync::Arc::clone(core);
            tokio::spawn(async move { report(&core, operation.number, &states).await });
        }
        Ok(Forgot { forgotten, counts, pending })
    }

    /// What a forget would do now; nothing is changed.
    pub async fn would_forget(&self, call: &Call, what: ForgetWhat) -> Verb<(WouldForget, ReleaseCounts)> {
        call.caller.need(Right::Delete)?;
        let MemoryBody::WouldForget(would) = self.memory(call, MemoryAsk::WouldForget(what)).await? else {
            return Err(odd());
        };
        let cluster = self.core().cluster(call.deadline).await?;
        let asked = for_all(&cluster, &ReadRequest::ReleasePreview(would.items.clone()));
        let replies = fanout::read_all(self.core(), &cluster, &asked, call.deadline).await;
        let Some(scattered) = gather(replies)? else { return Err(odd()) };
        let mut counts = ReleaseCounts::default();
        for (_, reply) in complete(scattered)? {
            let ReadBody::Release(of_shard) = reply.body else { return Err(odd()) };
            counts = counts.and(of_shard);
        }
        Ok((would, counts))
    }

    /// A receipt with the shards that are still to release; `None`: none for this caller.
    pub async fn receipt(
        &self,
        call: &Call,
        id: ReceiptId,
    ) -> Verb<Option<(Receipt, ReleaseCounts, Vec<ShardId>)>> {
        let MemoryBody::Receipt(receipt) = self.memory(call, MemoryAsk::Receipt(id)).await? else {
            return Err(odd());
        };
        let Some(receipt) = receipt else { return Ok(None) };
        if let Some(counts) = receipt.counts {
            return Ok(Some((*receipt, counts, Vec::new())));
        }
        let operations = self.operations(call, &call.caller.account, usize::MAX).await?;
        let operation = operations.iter().find(|found| found.operation.number == receipt.operation);
        let (counts, pending) = operation.map(|found| tally(&known(&found.operation))).unwrap_or_default();
        Ok(Some((*receipt, counts, pending)))
    }
}

/// Counts of the shards that are done, and the others.
pub(super) fn tally(states: &States) -> (ReleaseCounts, Vec<ShardId>) {
    let (mut counts, mut pending) = (ReleaseCounts::default(), Vec::new());
    for (shard, state) in states {
        match state {
            ShardState::Row(row) if row.status != RowStatus::Sweeping => counts = counts.and(row.released),
            ShardState::Row(_) | ShardState::Pending(..) | ShardState::Refused(_) => pending.push(*shard),
        }
    }
    (counts, pending)
}
