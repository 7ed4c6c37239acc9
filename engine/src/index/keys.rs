//! Record keys in the store's order (slot, then id) that can match a filter: what a sweep walks (protocol PW2).

use lacuna_model::Slot;
use lacuna_model::command::{RecordKey, Upto};
use roaring::RoaringBitmap;

use super::narrow::Candidates;
use super::part::RowNumber;
use super::rows::Rows;

/// How many candidates make sorting them all dearer than walking the slots.
const FEW: u64 = 4_096;

/// Candidates slot by slot, each slot's in the order of their ids.
struct Walk<'a> {
    rows: &'a Rows,
    candidates: &'a Candidates,
}

impl<'a> Walk<'a> {
    /// Slots from this one on that may hold candidates, with those they hold, unordered.
    fn slots(&self, from: Slot) -> Box<dyn Iterator<Item = (Slot, Vec<RowNumber>)> + 'a> {
        match self.candidates {
            Candidates::Rows(rows) if rows.len() <= FEW => Box::new(self.sorted(rows, from).into_iter()),
            Candidates::Rows(rows) => Box::new(self.rows.slots.range(from..).map(move |(slot, in_slot)| {
                (*slot, in_slot.iter().copied().filter(|row| rows.contains(*row)).collect())
            })),
            Candidates::All => {
                Box::new(self.rows.slots.range(from..).map(|(slot, in_slot)| (*slot, in_slot.clone())))
            }
        }
    }

    fn sorted(&self, few: &RoaringBitmap, from: Slot) -> Vec<(Slot, Vec<RowNumber>)> {
        let mut slots = std::collections::BTreeMap::<Slot, Vec<RowNumber>>::new();
        for number in few {
            if let Some(row) = self.rows.row(number).filter(|row| row.slot >= from) {
                slots.entry(row.slot).or_default().push(number);
            }
        }
        slots.into_iter().collect()
    }

    /// Ids of some rows of one slot, in order, without those at or before `after`.
    fn ids(&self, slot: Slot, rows: &[RowNumber], after: Option<&RecordKey>) -> Vec<&'a str> {
        let ids = rows.iter().filter_map(|row| self.rows.row(*row)).map(|row| row.id.as_ref());
        let past = after.filter(|after| after.slot == slot).map(|after| after.id.as_str());
        let mut ids: Vec<&str> = ids.filter(|id| past.is_none_or(|past| *id > past)).collect();
        ids.sort_unstable();
        ids
    }
}

fn first_slot(after: Option<&RecordKey>) -> Slot {
    after.map_or(Slot(0), |after| after.slot)
}

/// Keys in (after, upto] that can match, in the store's order.
pub(crate) fn matching(
    rows: &Rows,
    candidates: &Candidates,
    after: Option<&RecordKey>,
    upto: &Upto,
) -> Vec<RecordKey> {
    let walk = Walk { rows, candidates };
    let mut keys = Vec::new();
    for (slot, in_slot) in walk.slots(first_slot(after)) {
        let ids = walk.ids(slot, &in_slot, after);
        match upto {
            Upto::Key(end) if slot > end.slot => break,
            Upto::Key(end) if slot == end.slot => {
                let ids = ids.into_iter().take_while(|id| *id <= end.id.as_str());
                keys.extend(ids.map(|id| RecordKey { slot, id: id.to_owned() }));
                break;
            }
            Upto::Key(_) | Upto::End => {
                keys.extend(ids.into_iter().map(|id| RecordKey { slot, id: id.to_owned() }));
            }
        }
    }
    keys
}

/// End of the longest range behind `after` with at most `budget` candidates (at least one, so that a sweep moves).
pub(crate) fn plan(rows: &Rows, candidates: &Candidates, after: Option<&RecordKey>, budget: usize) -> Upto {
    let walk = Walk { rows, candidates };
    let mut left = budget.max(1);
    let mut last: Option<RecordKey> = None;
    for (slot, in_slot) in walk.slots(first_slot(after)) {
        if in_slot.is_empty() {
            continue;
        }
        let ids = walk.ids(slot, &in_slot, after);
        if ids.len() > left {
            let end = ids[..left].last().map(|id| RecordKey { slot, id: (*id).to_owned() });
            return end.or(last).map_or(Upto::End, Upto::Key);
        }
        left -= ids.len();
        last = ids.last().map(|id| RecordKey { slot, id: (*id).to_owned() }).or(last);
    }
    Upto::End
}
