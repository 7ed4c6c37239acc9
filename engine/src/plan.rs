//! What a shard's leader proposes for its rows: the ends of ranges (protocol PW2). Only a leader's own
//! judgement of cost; apply takes every match in whatever range the log names.

use lacuna_model::command::{StartWhere, Upto};
use lacuna_model::outcome::NextRange;

use crate::engine::Engine;

/// Candidates that one entry's ranges hold together: about 50 ms of apply.
pub const DEFAULT_RANGE_BUDGET: usize = 2_000;

impl Engine {
    /// The next range of each row that is still sweeping, together at most about `budget` candidates (at least
    /// one each).
    pub fn next_ranges(&self, budget: usize) -> Vec<NextRange> {
        let live = self.read_lock();
        let sweeping: Vec<_> = live.state.rows.iter().filter(|(_, row)| row.is_sweeping()).collect();
        let share = (budget / sweeping.len().max(1)).max(1);
        let next = |(number, row): &(&lacuna_model::OpNumber, &crate::state::RowState)| {
            let (after, filter) = (row.row.after.clone()?, row.row.filter.as_ref()?);
            let upto = live.index.plan_range(row.row.incarnation, filter, Some(&after), share);
            Some(NextRange { number: **number, after, upto })
        };
        sweeping.iter().filter_map(next).collect()
    }

    /// Narrows the first range of a Start that asks for everything.
    pub fn narrow_start(&self, start: &mut StartWhere, budget: usize) {
        if start.upto == Upto::End {
            start.upto = self.read_lock().index.plan_range(start.incarnation, &start.filter, None, budget);
        }
    }
}
