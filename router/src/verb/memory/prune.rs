//! Pruning memory collections, for development: one entry of the meta group, then a release on every shard, which
//! completes by itself, as a forget does. No other surface's data is touched.

use std::collections::BTreeSet;
use std::time::Duration;

use lacuna_model::error::ErrorCode;
use lacuna_model::memory::command::{MemoryChange, MemoryOutcome, Prune, PruneWhat};
use lacuna_model::memory::counts::ReleaseCounts;
use lacuna_model::op_id::OpId;
use lacuna_model::{Incarnation, MapEpoch, ReceiptId, ShardId};

use super::forget::tally;
use super::{ERROR_NAME, odd};
use crate::app::Router;
use crate::config::Mode;
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::caller::Caller;
use crate::verb::operation::{LEASE_WAIT, look_up};
use crate::verb::operation_shards::{drive, known, report};
use crate::verb::write::make_op_id;

/// Longest wait, past the deadline, for what the meta group has heard of the shards.
const HEARD: Duration = Duration::from_secs(2);

/// A layer that can be pruned apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Nodes and edges.
    Graph,
    /// Records of kind vector, and all vectors.
    Vector,
    /// Datasets, items, grants, tombstones, users but root; and so what items held.
    Metadata,
    /// What this router keeps of the catalog.
    Cache,
}

impl Layer {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Vector => "vector",
            Self::Metadata => "metadata",
            Self::Cache => "cache",
        }
    }
}

/// How far a prune is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pruning {
    /// What the shards that are done released. Contents that ended whole aren't counted.
    pub counts: ReleaseCounts,
    /// Shards that follow by themselves.
    pub pending: Vec<ShardId>,
}

impl Router {
    /// May the caller prune, here?
    pub fn may_prune(&self, caller: &Caller) -> Verb<()> {
        match self.config().mode {
            Mode::Development => caller.need_root(),
            Mode::Production => {
                let message = "prune is for development only, and this server isn't in that mode \
                               (--development-mode); nothing was changed";
                Err(VerbError::new(ErrorCode::Forbidden, message).with(ERROR_NAME, "PruneDisabledError"))
            }
        }
    }

    /// Drops every raw file that is stored for the account's items; these live on without one.
    pub async fn prune_raw_files(&self, call: &Call) -> Verb<Pruning> {
        self.may_prune(&call.caller)?;
        self.prune(call, PruneWhat::RawFiles).await
    }

    /// Drops these layers of the account's memory collections.
    pub async fn prune_layers(&self, call: &Call, layers: &BTreeSet<Layer>) -> Verb<Pruning> {
        self.may_prune(&call.caller)?;
        let has = |layer| layers.contains(&layer);
        let what = if has(Layer::Metadata) {
            Some(PruneWhat::Metadata)
        } else {
            match (has(Layer::Graph), has(Layer::Vector)) {
                (true, true) => Some(PruneWhat::Records),
                (true, false) => Some(PruneWhat::Graph),
                (false, true) => Some(PruneWhat::Vectors),
                (false, false) => None,
            }
        };
        let pruning = match what {
            Some(what) => self.prune(call, what).await?,
            None => Pruning::default(),
        };
        self.others_know(call, (what, layers)).await;
        Ok(pruning)
    }

    /// Where contents or keys ended: waits until no router works with them, and lets go of this one's copy.
    async fn others_know(&self, call: &Call, (what, layers): (Option<PruneWhat>, &BTreeSet<Layer>)) {
        let ends = matches!(what, Some(PruneWhat::Records | PruneWhat::Metadata));
        let alone = self.config().local_node.is_some();
        if ends || layers.contains(&Layer::Cache) {
            let wait = if ends && !alone { LEASE_WAIT } else { Duration::ZERO };
            self.leases_end(call, wait).await;
        }
    }

    async fn prune(&self, call: &Call, what: PruneWhat) -> Verb<Pruning> {
        let made = || make_op_id(self.core(), call, Incarnation(0), MapEpoch(0)).0;
        let op_id = call.key.clone().unwrap_or_else(made);
        call.trace.name(&op_id);
        let receipt = ReceiptId(rand::random());
        let ask = Prune { what, receipt, op_id: op_id.clone(), digest: call.digest };
        let outcome = self.change_memory(call, MemoryChange::Prune(ask)).await;
        let MemoryOutcome::Forgotten(forgotten) = outcome.map_err(|error| error.of(&op_id))? else {
            return Err(odd());
        };
        call.trace.mark("record");
        match forgotten.receipt.counts {
            Some(counts) => Ok(Pruning { counts, pending: Vec::new() }),
            None => self.see_through(call, &op_id).await,
        }
    }

    /// Waits for the shards, and until the meta group has heard of them: then what it tells of items is right.
    async fn see_through(&self, call: &Call, op_id: &OpId) -> Verb<Pruning> {
        let core = self.core();
        let account = &call.caller.account;
        let operation = look_up(core, account, op_id, call.deadline).await;
        let Some(operation) = operation.map_err(|error| recorded(&error, op_id))? else {
            return Err(odd());
        };
        let states = drive(core, &operation, call.deadline).await;
        call.trace.mark("shards");
        report(core, operation.number, &states).await;
        let until = call.deadline.max(Deadline::within(HEARD));
        let heard = look_up(core, account, op_id, until).await.ok().flatten();
        let (counts, pending) = tally(&known(heard.as_ref().unwrap_or(&operation)));
        Ok(Pruning { counts, pending })
    }
}

fn recorded(error: &VerbError, op_id: &OpId) -> VerbError {
    let message = format!(
        "the prune is recorded and ends by itself; how far it is can't be told now ({}). Repeat the request under its \
         name to learn it",
        error.message
    );
    VerbError::new(ErrorCode::Unavailable, message).of(op_id)
}
