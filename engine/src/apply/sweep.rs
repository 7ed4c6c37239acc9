//! Deletes and updates by filter as rows (protocol PW1–PW5).

use lacuna_model::OpNumber;
use lacuna_model::command::{Advance, RecordKey, RowAction, StartWhere, Upto};
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::outcome::{CommandOutcome, Refusal, Row, RowStatus, RowView};

use super::watch::{Through, credit, run, settle};
use super::{Place, Transaction, nearer};
use crate::state::RowState;
use crate::store::StoreError;
use crate::store::records::{Vector, decode};

/// Begins a row and takes its first range; repeated, it returns the row as it stands.
pub(super) fn start(
    transaction: &mut Transaction<'_>,
    at: Place,
    start: &StartWhere,
) -> Result<CommandOutcome, StoreError> {
    tracing::trace!(number = start.number.0, "start");
    if let Some(known) = transaction.begun_before(start.number) {
        return Ok(known);
    }
    if transaction.is_ended(start.incarnation) {
        return Ok(CommandOutcome::Refused(Refusal::Fenced));
    }
    if transaction.sweeping() >= MAX_OPEN_ROWS {
        return Ok(CommandOutcome::Refused(Refusal::Busy));
    }
    let limit_left = match &start.action {
        RowAction::Delete => start.limit,
        RowAction::SetMetadata(_) => None,
    };
    let view = RowView {
        remaining: transaction.live(start.incarnation),
        ..RowView::begun(start.number, RowStatus::Sweeping, at.position)
    };
    let row = Row {
        op_id: start.op_id.clone(),
        incarnation: start.incarnation,
        filter: Some(start.filter.clone()),
        bound: transaction.written(at),
        after: None,
        limit_left,
        view,
        action: start.action.clone(),
        release: None,
    };
    transaction.add_row(start.number, RowState::new(row));
    let upto = first_range(transaction, start);
    sweep(transaction, at, start.number, &upto)
}

/// The first range goes no further than update rows that began earlier have come: the leader that chose it may not
/// have known of them, and what they have still to do in it would be done in this entry. Later ranges are chosen in
/// full knowledge of them.
fn first_range(transaction: &Transaction<'_>, start: &StartWhere) -> Upto {
    let earlier = transaction
        .watchers(start.incarnation)
        .filter(|(number, row)| *number != start.number && row.changes_records())
        .filter_map(|(_, row)| row.row.after.clone());
    earlier.fold(start.upto.clone(), |nearest, after| nearer(nearest, Upto::Key(after)))
}

/// Takes a row's next range, if the row stands where the leader saw it.
pub(super) fn advance(
    transaction: &mut Transaction<'_>,
    at: Place,
    advance: &Advance,
) -> Result<CommandOutcome, StoreError> {
    let stands = transaction
        .row(advance.number)
        .is_some_and(|row| row.is_sweeping() && row.row.after.as_ref() == Some(&advance.after));
    if !stands {
        return Ok(CommandOutcome::Refused(Refusal::Elsewhere));
    }
    sweep(transaction, at, advance.number, &advance.upto)
}

/// Takes every match in (after, upto] written before the bound (protocol PW2).
fn sweep(
    transaction: &mut Transaction<'_>,
    at: Place,
    number: OpNumber,
    upto: &Upto,
) -> Result<CommandOutcome, StoreError> {
    let Some(row) = transaction.row(number).cloned() else {
        return Ok(CommandOutcome::Refused(Refusal::Elsewhere));
    };
    let incarnation = row.row.incarnation;
    let mut left = row.row.limit_left;
    for key in transaction.candidates(&row, upto) {
        if left == Some(0) {
            break;
        }
        let taken = take(transaction, at, (number, &row), &key)?;
        left = left.map(|left| left - u64::from(taken));
    }
    let remaining = transaction.live(incarnation);
    let view = transaction.change_row(number, |row| {
        row.row.limit_left = left;
        match upto {
            Upto::Key(end) if left != Some(0) => row.row.after = row.row.after.take().max(Some(end.clone())),
            Upto::Key(_) | Upto::End => row.row.view.status = RowStatus::Done,
        }
        row.row.view.at = at.position;
        row.row.view.remaining = remaining;
        row.row.view.clone()
    });
    Ok(view.map_or(CommandOutcome::Refused(Refusal::Elsewhere), CommandOutcome::Row))
}

/// Lets a row come to one record. Rows with a lower bound run over it first, in fact if the row matches what is
/// stored or what they leave of it: after the row has ended no reader meets what it would have taken. Nothing else
/// decides it, so that it doesn't depend on which candidates an index names. `true`: counted against its limit.
fn take(
    transaction: &mut Transaction<'_>,
    at: Place,
    (number, row): (OpNumber, &RowState),
    key: &RecordKey,
) -> Result<bool, StoreError> {
    let incarnation = row.row.incarnation;
    let Some(old) = transaction.record(incarnation, key)? else { return Ok(false) };
    let record = decode(&old, Vector::Skip)?;
    let matches = row.would_take(key, &record);
    // A row with a limit isn't among the watchers: it takes what all of them leave, like a write.
    let through = if row.watches_writes() { Through::Bound(row.row.bound) } else { Through::Every };
    let met = run(transaction, incarnation, key, record, through);
    let takes = !row.watches_writes() && met.left.as_ref().is_some_and(|left| row.would_take(key, left));
    if !(matches || takes || met.is_taken_by(number)) {
        return Ok(false);
    }
    let now = settle(transaction, at, (incarnation, key), (old, met))?;
    if let (true, Some(now)) = (takes, now) {
        transaction.remove_record(incarnation, key, &now);
        credit(transaction, at, incarnation, number);
    }
    Ok(takes)
}
