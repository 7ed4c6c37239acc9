//! Deletes and updates by filter, and fences, of the naive model.

use lacuna_model::OpNumber;
use lacuna_model::command::{Advance, Fence, RecordKey, RowAction, StartWhere, Upto};
use lacuna_model::filter::Filter;
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::outcome::{CommandOutcome, Refusal, RowStatus, RowView};
use lacuna_model::record::Written;

use crate::naive::{At, Key, Naive, NaiveRecord, Pending, matches};

pub(crate) struct NaiveRow {
    pub(crate) incarnation: u64,
    pub(crate) filter: Option<Filter>,
    pub(crate) bound: Written,
    pub(crate) left: Option<u64>,
    pub(crate) after: Option<Key>,
    pub(crate) action: RowAction,
    pub(crate) view: RowView,
}

impl Naive {
    fn is_closed(&self, number: OpNumber) -> bool {
        number.0 < self.low || self.closed.contains(&number.0)
    }

    /// A write comes to a key: all rows that have still to come to it do so now.
    pub(crate) fn touch(&mut self, at: At, incarnation: u64, key: &Key) {
        self.run(at, incarnation, key, None);
    }

    /// Pending rows come to a key, in turn, up to and with a bound.
    fn run(&mut self, at: At, incarnation: u64, key: &Key, last: Option<Written>) {
        loop {
            let Some(contents) = self.contents.get_mut(&incarnation) else { return };
            let Some(pending) = contents.pending.get_mut(key) else { return };
            let number = pending.effects[0].0;
            if last.is_some_and(|last| self.rows[&number].bound > last) {
                return;
            }
            match pending.effects.remove(0).1 {
                Some(left) => pending.now = left,
                None => assert!(pending.effects.is_empty(), "a row was to come to what isn't there"),
            }
            if pending.effects.is_empty() {
                contents.pending.remove(key);
            }
            self.count(at, number);
        }
    }

    fn count(&mut self, at: At, number: u64) {
        let live = self.live(self.rows[&number].incarnation);
        let row = self.rows.get_mut(&number).unwrap();
        row.view.matched += 1;
        match row.action {
            RowAction::Delete => row.view.deleted += 1,
            RowAction::SetMetadata(_) => row.view.updated += 1,
        }
        (row.view.at, row.view.remaining) = (at.position, live);
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
        let view = RowView {
            number: start.number,
            status: RowStatus::Sweeping,
            at: at.position,
            bound_index: at.position.index,
            matched: 0,
            deleted: 0,
            held: 0,
            remaining: 0,
            updated: 0,
            released: lacuna_model::memory::counts::ReleaseCounts::default(),
            lost: Vec::new(),
        };
        let limited = start.limit.is_some() && start.action == RowAction::Delete;
        let row = NaiveRow {
            incarnation,
            filter: Some(start.filter.clone()),
            bound: at.written(),
            left: start.limit.filter(|_| limited),
            after: None,
            action: start.action.clone(),
            view,
        };
        self.rows.insert(start.number.0, row);
        if !limited {
            self.decide(start.number.0, &start.filter);
        }
        let mut end = start.upto.clone();
        for (number, row) in &self.rows {
            let earlier = *number != start.number.0 && row.incarnation == incarnation;
            let updates = row.action != RowAction::Delete && row.view.status == RowStatus::Sweeping;
            let Some((slot, id)) = row.after.clone().filter(|_| earlier && updates) else { continue };
            let stands = RecordKey { slot, id };
            end = match end {
                Upto::Key(key) if key <= stands => Upto::Key(key),
                Upto::Key(_) | Upto::End => Upto::Key(stands),
            };
        }
        self.sweep(at, start.number.0, &end)
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

    /// Applies a row whole; what was there before is pending.
    fn decide(&mut self, number: u64, filter: &Filter) {
        let row = &self.rows[&number];
        let (bound, action) = (row.bound, row.action.clone());
        let Some(contents) = self.contents.get_mut(&row.incarnation) else { return };
        let matching: Vec<_> = contents
            .records
            .iter()
            .filter(|(key, record)| matches(filter, &key.1, record))
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect();
        for (key, record) in matching {
            let left = match &action {
                RowAction::Delete => None,
                RowAction::SetMetadata(changes) => {
                    let mut left = NaiveRecord { written: bound, ..record.clone() };
                    for (name, value) in changes {
                        left.metadata.remove(name);
                        left.metadata.extend(value.clone().map(|value| (name.clone(), value)));
                    }
                    Some(left)
                }
            };
            contents.records.remove(&key);
            contents.records.extend(left.clone().map(|left| (key.clone(), left)));
            let pending = contents.pending.entry(key).or_insert(Pending { now: record, effects: Vec::new() });
            pending.effects.push((number, left));
        }
    }

    fn sweep(&mut self, at: At, number: u64, upto: &Upto) -> CommandOutcome {
        let end = match upto {
            Upto::End => None,
            Upto::Key(key) => Some((key.slot, key.id.clone())),
        };
        let row = &self.rows[&number];
        let (incarnation, after, limited) = (row.incarnation, row.after.clone(), row.left.is_some());
        for (key, record) in self.stored(incarnation) {
            if self.rows[&number].left == Some(0) {
                break;
            }
            let inside =
                after.as_ref().is_none_or(|after| key > *after) && end.as_ref().is_none_or(|end| key <= *end);
            if inside && limited {
                self.take_one(at, number, &key, &record);
            } else if inside && (self.is_decided(number, &key) || self.would_take(number, &key, &record)) {
                self.run(at, incarnation, &key, Some(self.rows[&number].bound));
            }
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
        let view = row.view.clone();
        let keys: Vec<Key> = self.stored(incarnation).into_keys().collect();
        let forgotten = keys.iter().any(|key| self.is_decided(number, key));
        assert!(view.status == RowStatus::Sweeping || !forgotten, "a record was left that the row takes");
        CommandOutcome::Row(view)
    }

    /// Has the row still to come to this key?
    fn is_decided(&self, number: u64, key: &Key) -> bool {
        let contents = self.contents.get(&self.rows[&number].incarnation);
        let pending = contents.and_then(|contents| contents.pending.get(key));
        pending.is_some_and(|pending| pending.effects.iter().any(|(row, _)| *row == number))
    }

    fn would_take(&self, number: u64, key: &Key, record: &NaiveRecord) -> bool {
        let row = &self.rows[&number];
        record.written < row.bound
            && row.filter.as_ref().is_some_and(|filter| matches(filter, &key.1, record))
    }

    /// A sweep with a limit comes to a key: what the others leave of it is its to take.
    fn take_one(&mut self, at: At, number: u64, key: &Key, record: &NaiveRecord) {
        let incarnation = self.rows[&number].incarnation;
        let left = self.contents[&incarnation].records.get(key).cloned();
        let takes = left.is_some_and(|left| self.would_take(number, key, &left));
        if takes || self.would_take(number, key, record) {
            self.run(at, incarnation, key, None);
        }
        if takes {
            self.contents.get_mut(&incarnation).unwrap().records.remove(key);
            self.count(at, number);
            let row = self.rows.get_mut(&number).unwrap();
            row.left = row.left.map(|left| left - 1);
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
            updated: 0,
            released: lacuna_model::memory::counts::ReleaseCounts::default(),
            lost: Vec::new(),
        };
        let row = NaiveRow {
            incarnation: fence.incarnations[0].0,
            filter: None,
            bound: at.written(),
            left: None,
            after: None,
            action: RowAction::Delete,
            view: view.clone(),
        };
        self.rows.insert(fence.number.0, row);
        CommandOutcome::Row(view)
    }
}
