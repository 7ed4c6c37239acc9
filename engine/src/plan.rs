//! What a shard's leader proposes for its rows: the ends of ranges (protocol PW2). Only a leader's own
//! judgement of cost; apply takes every match in whatever range the log names.

use lacuna_model::OpNumber;
use lacuna_model::command::{RecordKey, StartWhere, Upto};
use lacuna_model::filter::Filter;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::outcome::NextRange;

use crate::apply::nearer;
use crate::engine::{Engine, Live};
use crate::state::RowState;

/// Candidates that one entry's ranges hold together: about 50 ms of apply.
pub const DEFAULT_RANGE_BUDGET: usize = 2_000;

impl Engine {
    /// The next range of each row that is still sweeping, together at most about `budget` candidates (at least
    /// one each).
    pub fn next_ranges(&self, budget: usize) -> Vec<NextRange> {
        let live = self.read_lock();
        let sweeping: Vec<_> = live.state.rows.iter().filter(|(_, row)| row.is_sweeping()).collect();
        let share = (budget / sweeping.len().max(1)).max(1);
        let next = |(number, row): &(&OpNumber, &RowState)| {
            let (after, filter) = (row.row.after.clone()?, row.row.filter.as_ref()?);
            let upto = range(&live, row, (filter, &after), share);
            Some(NextRange { number: **number, after, upto })
        };
        sweeping.iter().filter_map(next).collect()
    }

    /// Where each release that isn't done stands.
    pub fn open_releases(&self) -> Vec<(OpNumber, Option<Holding>)> {
        let live = self.read_lock();
        let open = live.state.rows.iter().filter(|(_, row)| row.is_sweeping());
        open.filter_map(|(number, row)| Some((*number, row.row.release.as_ref()?.after.clone()))).collect()
    }

    /// Narrows the first range of a Start that asks for everything.
    pub fn narrow_start(&self, start: &mut StartWhere, budget: usize) {
        if start.upto == Upto::End {
            start.upto = self.read_lock().index.plan_range(start.incarnation, &start.filter, None, budget);
        }
    }
}

/// How far a row goes: its own candidates, and those that rows with a lower bound may change on its way.
fn range(live: &Live, row: &RowState, (filter, after): (&Filter, &RecordKey), share: usize) -> Upto {
    let (incarnation, bound) = (row.row.incarnation, row.row.bound);
    let own = live.index.plan_range(incarnation, filter, Some(after), share);
    let lower = live.state.rows.values().filter(|lower| {
        lower.row.incarnation == incarnation
            && lower.row.bound < bound
            && lower.watches_writes()
            && lower.changes_records()
    });
    lower.fold(own, |nearest, lower| {
        let Some(filter) = &lower.row.filter else { return nearest };
        let after = Some(after).max(lower.row.after.as_ref());
        nearer(nearest, live.index.plan_range(incarnation, filter, after, share))
    })
}
