//! What a shard's leader proposes for its rows: the ends of ranges (protocol PW2). Only a leader's own
//! judgement of cost; apply takes every match in whatever range the log names.

use lacuna_model::command::{RecordKey, StartWhere, Upto};
use lacuna_model::filter::Filter;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::outcome::NextRange;
use lacuna_model::record::Written;
use lacuna_model::{Incarnation, OpNumber};

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
            let sweep = Sweep {
                incarnation: row.row.incarnation,
                filter,
                after: Some(&after),
                bound: Some(row.row.bound),
            };
            let upto = range(&live, &sweep, share);
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
            let live = self.read_lock();
            let (incarnation, filter) = (start.incarnation, &start.filter);
            start.upto = range(&live, &Sweep { incarnation, filter, after: None, bound: None }, budget);
        }
    }
}

/// A row about to take a range.
struct Sweep<'a> {
    incarnation: Incarnation,
    filter: &'a Filter,
    after: Option<&'a RecordKey>,
    /// `None`: it will be the highest.
    bound: Option<Written>,
}

/// How far to go: the row's own candidates, and those that rows with a lower bound may change on its way.
fn range(live: &Live, sweep: &Sweep<'_>, share: usize) -> Upto {
    let own = live.index.plan_range(sweep.incarnation, sweep.filter, sweep.after, share);
    let lower = live.state.rows.values().filter(|row| {
        row.row.incarnation == sweep.incarnation
            && row.watches_writes()
            && row.changes_records()
            && sweep.bound.is_none_or(|bound| row.row.bound < bound)
    });
    lower.fold(own, |nearest, row| {
        let Some(filter) = &row.row.filter else { return nearest };
        let after = sweep.after.max(row.row.after.as_ref());
        nearer(nearest, live.index.plan_range(sweep.incarnation, filter, after, share))
    })
}

fn nearer(a: Upto, b: Upto) -> Upto {
    match (a, b) {
        (Upto::End, other) | (other, Upto::End) => other,
        (Upto::Key(a), Upto::Key(b)) => Upto::Key(a.min(b)),
    }
}
