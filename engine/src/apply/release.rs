//! Releases: items' references go, and with the last one the record, in one entry (protocol PM2). A row like a
//! where-delete's, but it walks the index item → records; a range is a number of references.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lacuna_model::command::{AdvanceRelease, RowAction, StartRelease};
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::memory::counts::{Fates, MemoryKind, ReleaseCounts};
use lacuna_model::memory::part::{Detached, Takes, detach};
use lacuna_model::outcome::{CommandOutcome, Refusal, ReleaseRow, Row, RowStatus, RowView};
use lacuna_model::{Incarnation, ItemNumber, OpNumber};

use super::{Place, Transaction, fence};
use crate::state::RowState;
use crate::store::records::{Vector, decode};
use crate::store::{StoreError, keys};

/// Begins a release and takes its first references; repeated, it returns the row as it stands.
pub(super) fn start(
    transaction: &mut Transaction<'_>,
    at: Place,
    start: &StartRelease,
) -> Result<CommandOutcome, StoreError> {
    tracing::trace!(number = start.number.0, "release");
    if let Some(known) = transaction.begun_before(start.number) {
        return Ok(known);
    }
    if transaction.sweeping() >= MAX_OPEN_ROWS {
        return Ok(CommandOutcome::Refused(Refusal::Busy));
    }
    let mut items = start.items.clone();
    items.sort_unstable();
    items.dedup();
    match start.takes {
        Takes::All => transaction.release(&items),
        // The items live on.
        Takes::Graph | Takes::Vectors => {}
    }
    fence::end(transaction, at, &start.ends);
    let view = RowView::begun(start.number, RowStatus::Sweeping, at.position);
    let row = Row {
        op_id: start.op_id.clone(),
        // Its references may be in many; incarnation 0 is none.
        incarnation: Incarnation(0),
        filter: None,
        bound: transaction.written(at),
        after: None,
        // It never meets a write: none is taken for its items any more.
        limit_left: Some(0),
        view,
        action: RowAction::Delete,
        release: Some(ReleaseRow { items, after: None, takes: start.takes }),
    };
    transaction.add_row(start.number, RowState::new(row));
    sweep(transaction, at, start.number, start.budget)
}

/// Takes the next references, if the row stands where the leader saw it.
pub(super) fn advance(
    transaction: &mut Transaction<'_>,
    at: Place,
    advance: &AdvanceRelease,
) -> Result<CommandOutcome, StoreError> {
    let stands = transaction.row(advance.number).is_some_and(|row| {
        row.is_sweeping() && row.row.release.as_ref().is_some_and(|release| release.after == advance.after)
    });
    if !stands {
        return Ok(CommandOutcome::Refused(Refusal::Elsewhere));
    }
    sweep(transaction, at, advance.number, advance.budget)
}

/// What one entry takes.
#[derive(Default)]
struct Taken {
    counts: ReleaseCounts,
    lost: BTreeMap<ItemNumber, u64>,
}

impl Taken {
    fn lost(&mut self, item: ItemNumber, takes: Takes) {
        match takes {
            // All of it, whatever it was.
            Takes::All => {}
            Takes::Graph | Takes::Vectors => *self.lost.entry(item).or_default() += 1,
        }
    }
}

fn sweep(
    transaction: &mut Transaction<'_>,
    at: Place,
    number: OpNumber,
    budget: u32,
) -> Result<CommandOutcome, StoreError> {
    let release = transaction.row(number).and_then(|row| row.row.release.clone());
    let Some(ReleaseRow { items, mut after, takes }) = release else {
        return Ok(CommandOutcome::Refused(Refusal::Elsewhere));
    };
    let mut taken = Taken::default();
    let mut left = budget as usize;
    let first = after.as_ref().map_or(0, |after| items.partition_point(|item| *item < after.item));
    let mut done = true;
    for item in &items[first..] {
        let went = take_item(transaction, (at, &items, takes), (*item, &mut left), (&mut after, &mut taken))?;
        if went.is_break() {
            done = false;
            break;
        }
    }
    let view = transaction.change_row(number, |row| {
        if let Some(release) = &mut row.row.release {
            release.after = after;
        }
        let view = &mut row.row.view;
        view.at = at.position;
        view.released = view.released.and(taken.counts);
        add_lost(&mut view.lost, taken.lost);
        let records = view.released.records();
        (view.matched, view.deleted) = (records.released + records.deleted, records.deleted);
        if done {
            view.status = RowStatus::Done;
        }
        view.clone()
    });
    Ok(view.map_or(CommandOutcome::Refused(Refusal::Elsewhere), CommandOutcome::Row))
}

/// Adds to what items lost, by item.
fn add_lost(lost: &mut Vec<(ItemNumber, u64)>, more: BTreeMap<ItemNumber, u64>) {
    if more.is_empty() {
        return;
    }
    let mut sum: BTreeMap<ItemNumber, u64> = lost.drain(..).collect();
    for (item, references) in more {
        *sum.entry(item).or_default() += references;
    }
    lost.extend(sum);
}

/// Takes an item's references, as many as are left of the budget.
fn take_item(
    transaction: &mut Transaction<'_>,
    (at, items, takes): (Place, &[ItemNumber], Takes),
    (item, left): (ItemNumber, &mut usize),
    (after, taken): (&mut Option<Holding>, &mut Taken),
) -> Result<ControlFlow<()>, StoreError> {
    let from = match after.as_ref().filter(|after| after.item == item) {
        // What a part of it was taken of is still there.
        Some(after) => {
            let mut behind = keys::holding(after);
            behind.push(0);
            behind
        }
        None => keys::holdings_from(item),
    };
    let to = keys::after_prefix(keys::holdings_from(item));
    let mut pairs = transaction.first_in(&from, &to, left.saturating_add(1))?;
    let more = pairs.len() > *left;
    pairs.truncate(*left);
    for (key, _) in pairs {
        let Some(holding) = keys::parse_holding(&key) else {
            return Err(StoreError::corrupt("a reference's key"));
        };
        // Another of the items may have held the same record: then it was taken with that one.
        if transaction.value(&key)?.is_some() {
            take_record(transaction, (at, items, takes), &holding, taken)?;
        }
        *left -= 1;
        *after = Some(holding);
    }
    Ok(if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// Takes all of the items' references off one record, or a part of them, so that it is counted once.
fn take_record(
    transaction: &mut Transaction<'_>,
    (at, items, takes): (Place, &[ItemNumber], Takes),
    holding: &Holding,
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let incarnation = holding.incarnation;
    let ended = transaction.is_ended(incarnation);
    let old = if ended { None } else { transaction.record(incarnation, &holding.key)? };
    let Some(old) = old else {
        // The collection itself was deleted: nothing but the note is left.
        drop_note(transaction, holding)?;
        return Ok(());
    };
    let goes = |item: ItemNumber| items.binary_search(&item).is_ok();
    let Some(detached) = detach(decode(&old, Vector::Read)?, takes, goes, transaction.written(at)) else {
        return Err(StoreError::corrupt("an item holds a record that is no memory record"));
    };
    if detached.gone.is_empty() && !detached.lessened {
        return Ok(());
    }
    for owner in &detached.gone {
        taken.lost(owner.item, takes);
        drop_note(transaction, &Holding { item: owner.item, ..holding.clone() })?;
    }
    if !detached.gone.is_empty() {
        count(&mut taken.counts, &detached);
    }
    if let Some(left) = detached.left {
        return transaction.put_record(incarnation, holding.key.clone(), Some(&old), left);
    }
    transaction.remove_record(incarnation, &holding.key, &old);
    Ok(())
}

fn drop_note(transaction: &mut Transaction<'_>, holding: &Holding) -> Result<(), StoreError> {
    let key = keys::holding(holding);
    let old = transaction.value(&key)?;
    if old.is_some() {
        transaction.set_rest(key, old.as_ref(), None);
    }
    Ok(())
}

/// Counts a record that lost references.
pub(crate) fn count(counts: &mut ReleaseCounts, detached: &Detached) {
    let fate = match detached.left {
        Some(_) => Fates { released: 1, deleted: 0 },
        None => Fates { released: 0, deleted: 1 },
    };
    let of_kind = match detached.kind {
        MemoryKind::Vector => &mut counts.vectors,
        MemoryKind::Node => &mut counts.nodes,
        MemoryKind::Edge => &mut counts.edges,
        MemoryKind::Blob if !detached.counts => return,
        MemoryKind::Blob => &mut counts.raw,
    };
    *of_kind = of_kind.and(fate);
    if detached.kind != MemoryKind::Blob {
        counts.references += detached.gone.len() as u64;
    }
}
