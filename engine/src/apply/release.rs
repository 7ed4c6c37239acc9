//! Releases: items' references go, and with the last one the record, in one entry (protocol PM2). A row like a
//! where-delete's, but it walks the index item → records; a range is a number of references.

use std::ops::ControlFlow;

use lacuna_model::command::{AdvanceRelease, RowAction, StartRelease};
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::memory::contribution::Holding;
use lacuna_model::memory::counts::{Fates, MemoryKind, ReleaseCounts};
use lacuna_model::memory::part::{Detached, detach};
use lacuna_model::outcome::{CommandOutcome, Refusal, ReleaseRow, Row, RowStatus, RowView};
use lacuna_model::{Incarnation, ItemNumber, OpNumber};

use super::{Place, Transaction};
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
    transaction.release(&items);
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
        release: Some(ReleaseRow { items, after: None }),
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

fn sweep(
    transaction: &mut Transaction<'_>,
    at: Place,
    number: OpNumber,
    budget: u32,
) -> Result<CommandOutcome, StoreError> {
    let release = transaction.row(number).and_then(|row| row.row.release.clone());
    let Some(ReleaseRow { items, mut after }) = release else {
        return Ok(CommandOutcome::Refused(Refusal::Elsewhere));
    };
    let mut counts = ReleaseCounts::default();
    let mut left = budget as usize;
    let first = after.as_ref().map_or(0, |after| items.partition_point(|item| *item < after.item));
    let mut done = true;
    for item in &items[first..] {
        let taken = take_item(transaction, (at, &items), (*item, &mut left), (&mut after, &mut counts))?;
        if taken.is_break() {
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
        view.released = view.released.and(counts);
        let records = view.released.records();
        (view.matched, view.deleted) = (records.released + records.deleted, records.deleted);
        if done {
            view.status = RowStatus::Done;
        }
        view.clone()
    });
    Ok(view.map_or(CommandOutcome::Refused(Refusal::Elsewhere), CommandOutcome::Row))
}

/// Takes an item's references, as many as are left of the budget.
fn take_item(
    transaction: &mut Transaction<'_>,
    (at, items): (Place, &[ItemNumber]),
    (item, left): (ItemNumber, &mut usize),
    (after, counts): (&mut Option<Holding>, &mut ReleaseCounts),
) -> Result<ControlFlow<()>, StoreError> {
    let from = keys::holdings_from(item);
    let to = keys::after_prefix(from.clone());
    let mut pairs = transaction.first_in(&from, &to, left.saturating_add(1))?;
    let more = pairs.len() > *left;
    pairs.truncate(*left);
    for (key, _) in pairs {
        let Some(holding) = keys::parse_holding(&key) else {
            return Err(StoreError::corrupt("a reference's key"));
        };
        // Another of the items may have held the same record: then it was taken with that one.
        if transaction.value(&key)?.is_some() {
            take_record(transaction, (at, items), &holding, counts)?;
        }
        *left -= 1;
        *after = Some(holding);
    }
    Ok(if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// Takes all of the items' references off one record, so that it is counted once.
fn take_record(
    transaction: &mut Transaction<'_>,
    (at, items): (Place, &[ItemNumber]),
    holding: &Holding,
    counts: &mut ReleaseCounts,
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
    let Some(detached) = detach(decode(&old, Vector::Read)?, goes, transaction.written(at)) else {
        return Err(StoreError::corrupt("an item holds a record that is no memory record"));
    };
    for owner in &detached.gone {
        drop_note(transaction, &Holding { item: owner.item, ..holding.clone() })?;
    }
    count(counts, &detached);
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
