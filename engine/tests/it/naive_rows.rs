//! Where-deletes and fences of the naive model.

use std::collections::BTreeMap;

use lacuna_model::OpNumber;
use lacuna_model::command::{Advance, Fence, StartWhere, Upto};
use lacuna_model::filter::Filter;
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::outcome::{CommandOutcome, Refusal, RowStatus, RowView};
use lacuna_model::record::Written;

use crate::naive::{At, Key, Naive, NaiveRecord, matches};

pub(crate) struct NaiveRow {
    pub(crate) incarnation: u64,
    pub(crate) filter: Option<Filter>,
    pub(crate) bound: Written,
    pub(crate) left: Option<u64>,
    pub(crate) after: Option<Key>,
    /// Decided at the bound, not yet taken.
    pub(crate) doomed: BTreeMap<Key, NaiveRecord>,
    pub(crate) view: RowView,
}

impl Naive {
    fn is_closed(&self, number: OpNumber) -> bool {
        number.0 < self.low || self.closed.contains(&number.0)
    }

    /// A write comes to a key: if a row has doomed what is there, it is taken now.
    pub(crate) fn touch(&mut self, at: At, incarnation: u64, key: &Key) {
        let owner =
            self.rows.iter().find(|(_, row)| row.incarnation == incarnation && row.doomed.contains_key(key));
        let Some((number, _)) = owner else { return };
        let number = *number;
        self.count(at, number, |row| row.doomed.remove(key).is_some());
    }

    fn count(&mut self, at: At, number: u64, take: impl FnOnce(&mut NaiveRow) -> bool) {
        let row = self.rows.get_mut(&number).unwrap();
        let incarnation = row.incarnation;
        assert!(take(row), "the model counted what wasn't there");
        row.view.matched += 1;
        row.view.deleted += 1;
        row.view.at = at.position;
        let live = self.live(incarnation);
        self.rows.get_mut(&number).unwrap().view.remaining = live;
    }

    pub(crate) fn start(&mut self, at: At, start: &StartWhere) -> CommandOutcome {
        if let Some(row) = self.rows.get(&start.number.0) {
            return CommandOutcome::Row(row.view.clone());
        }
        if self.is_closed(start.number) {
            return CommandOutcome::Refused(Refusal::Closed);
        }
        let incarnation = start.incarnation.0;
        if self.ended.contains(&incarnation) {
            return CommandOutcome::Refused(Refusal::Fenced);
        }
        let open = self.rows.values().filter(|row| row.view.status == RowStatus::Sweeping).count();
        if open >= MAX_OPEN_ROWS {
            return CommandOutcome::Refused(Refusal::Busy);
        }
        let mut doomed = BTreeMap::new();
        if let (None, Some(contents)) = (start.limit, self.contents.get_mut(&incarnation)) {
            doomed = contents.records.clone();
            doomed.retain(|key, record| matches(&start.filter, &key.1, record));
            contents.records.retain(|key, _| !doomed.contains_key(key));
        }
        let view = RowView {
            number: start.number,
            status: RowStatus::Sweeping,
            at: at.position,
            bound_index: at.position.index,
            matched: 0,
            deleted: 0,
            held: 0,
            remaining: 0,
        };
        let (filter, bound) = (Some(start.filter.clone()), at.written());
        let row = NaiveRow { incarnation, filter, bound, left: start.limit, after: None, doomed, view };
        self.rows.insert(start.number.0, row);
        self.sweep(at, start.number.0, &start.upto)
    }

    pub(crate) fn advance(&mut self, at: At, advance: &Advance) -> CommandOutcome {
        let stands = (advance.after.slot, advance.after.id.clone());
        match self.rows.get(&advance.number.0) {
            Some(row) if row.view.status == RowStatus::Sweeping && row.after.as_ref() == Some(&stands) => {
                self.sweep(at, advance.number.0, &advance.upto)
            }
            Some(_) | None => CommandOutcome::Refused(Refusal::Elsewhere),
        }
    }

    fn sweep(&mut self, at: At, number: u64, upto: &Upto) -> CommandOutcome {
        let end = match upto {
            Upto::End => None,
            Upto::Key(key) => Some((key.slot, key.id.clone())),
        };
        let row = &self.rows[&number];
        let (incarnation, after, bound) = (row.incarnation, row.after.clone(), row.bound);
        let filter = row.filter.clone().unwrap();
        // Every record that is there to be met, doomed or not, in the order of keys.
        let mut met: BTreeMap<Key, NaiveRecord> = BTreeMap::new();
        let rows = self.rows.values().filter(|row| row.incarnation == incarnation);
        rows.for_each(|row| met.extend(row.doomed.clone()));
        met.extend(self.contents.get(&incarnation).into_iter().flat_map(|c| c.records.clone()));
        for (key, record) in met {
            if self.rows[&number].left == Some(0) {
                break;
            }
            let inside =
                after.as_ref().is_none_or(|after| key > *after) && end.as_ref().is_none_or(|end| key <= *end);
            if !inside || record.written > bound || !matches(&filter, &key.1, &record) {
                continue;
            }
            self.take(at, number, incarnation, &key);
        }
        let live = self.live(incarnation);
        let row = self.rows.get_mut(&number).unwrap();
        if end.is_none() || row.left == Some(0) {
            row.view.status = RowStatus::Done;
        } else {
            row.after = row.after.take().max(end);
        }
        row.view.at = at.position;
        row.view.remaining = live;
        assert!(row.view.status == RowStatus::Sweeping || row.doomed.is_empty(), "a doomed record was left");
        CommandOutcome::Row(row.view.clone())
    }

    /// A sweep meets a match: its own doomed, another row's, or (with a limit) one to take.
    fn take(&mut self, at: At, number: u64, incarnation: u64, key: &Key) {
        let limited = self.rows[&number].left.is_some();
        if self.rows.values().any(|row| row.incarnation == incarnation && row.doomed.contains_key(key)) {
            self.touch(at, incarnation, key);
        } else {
            assert!(limited, "a record that a row would take was not decided at its bound");
            self.contents.get_mut(&incarnation).unwrap().records.remove(key);
            self.count(at, number, |row| {
                row.left = row.left.map(|left| left - 1);
                true
            });
        }
    }

    pub(crate) fn fence(&mut self, at: At, fence: &Fence) -> CommandOutcome {
        if let Some(row) = self.rows.get(&fence.number.0) {
            return CommandOutcome::Row(row.view.clone());
        }
        if self.is_closed(fence.number) {
            return CommandOutcome::Refused(Refusal::Closed);
        }
        let mut count = 0;
        for incarnation in &fence.incarnations {
            if !self.ended.insert(incarnation.0) {
                continue;
            }
            count += self.live(incarnation.0);
            self.contents.remove(&incarnation.0);
            for row in self.rows.values_mut().filter(|row| row.incarnation == incarnation.0) {
                if row.view.status == RowStatus::Sweeping {
                    row.doomed.clear();
                    (row.view.status, row.view.at, row.view.remaining) = (RowStatus::Fenced, at.position, 0);
                }
            }
        }
        let view = RowView {
            number: fence.number,
            status: RowStatus::Done,
            at: at.position,
            bound_index: at.position.index,
            matched: count,
            deleted: count,
            held: 0,
            remaining: 0,
        };
        let row = NaiveRow {
            incarnation: fence.incarnations[0].0,
            filter: None,
            bound: at.written(),
            left: None,
            after: None,
            doomed: BTreeMap::new(),
            view: view.clone(),
        };
        self.rows.insert(fence.number.0, row);
        CommandOutcome::Row(view)
    }
}
