//! One number for how far the shards are, where a surface numbers its writes and reads: the sum of their applied
//! log indexes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::read::ReadRequest;
use lacuna_model::{OpNumber, ShardId};

use crate::app::Router;
use crate::deadline::Deadline;
use crate::fanout;
use crate::verb::Call;

/// A shard that a read didn't need is asked for its position if it wasn't heard for so long, ns.
const OLD_NS: u64 = 1_000_000_000;
/// It is waited for no longer than this.
const ASKING: Duration = Duration::from_secs(1);
/// A row that no operation has: asking for it answers with the position alone.
const NO_ROW: OpNumber = OpNumber(0);

impl Router {
    /// After a write: each later read is at or past this number.
    pub(crate) fn written_position(&self) -> u64 {
        self.core().peers.positions().sum(&BTreeMap::new())
    }

    /// What a read reflects. Shards that it didn't ask count with what was last heard of them; where that is old
    /// (another router may have written there), they are asked for the next time.
    pub(crate) async fn read_position(&self, call: &Call) -> u64 {
        let told = call.trace.told_by_shards();
        if let Ok(cluster) = self.core().cluster(call.deadline).await {
            let shards = cluster.map.shards.iter().map(|placement| placement.shard);
            let positions = self.core().peers.positions();
            let old: Vec<ShardId> = shards
                .filter(|shard| !told.contains_key(shard) && positions.is_old(*shard, OLD_NS))
                .collect();
            if !old.is_empty() {
                let core = Arc::clone(self.core());
                tokio::spawn(async move {
                    let ask: Vec<_> = old.iter().map(|shard| (*shard, ReadRequest::Row(NO_ROW))).collect();
                    fanout::read_all(&core, &cluster, &ask, Deadline::within(ASKING)).await
                });
            }
        }
        self.core().peers.positions().sum(&told)
    }
}
