//! Ends incarnations (protocol PN4): counts in constant time, clears nothing here.

use std::collections::BTreeSet;

use lacuna_model::Incarnation;
use lacuna_model::command::{Fence, RowAction};
use lacuna_model::outcome::{CommandOutcome, Row, RowStatus, RowView};

use super::{Place, Transaction};
use crate::state::RowState;

pub(super) fn apply(transaction: &mut Transaction<'_>, at: Place, fence: &Fence) -> CommandOutcome {
    if let Some(known) = transaction.begun_before(fence.number) {
        return known;
    }
    let count = end(transaction, at, &fence.incarnations);
    let view = RowView {
        matched: count,
        deleted: count,
        ..RowView::begun(fence.number, RowStatus::Done, at.position)
    };
    let row = Row {
        op_id: fence.op_id.clone(),
        incarnation: fence.incarnations.first().copied().unwrap_or_default(),
        filter: None,
        bound: transaction.written(at),
        after: None,
        limit_left: None,
        view: view.clone(),
        action: RowAction::Delete,
        release: None,
    };
    transaction.add_row(fence.number, RowState::new(row));
    CommandOutcome::Row(view)
}

/// Ends contents; returns how many records they had.
pub(super) fn end(transaction: &mut Transaction<'_>, at: Place, incarnations: &[Incarnation]) -> u64 {
    let ending: BTreeSet<Incarnation> = incarnations.iter().copied().collect();
    let mut count = 0;
    for incarnation in ending {
        if transaction.is_ended(incarnation) {
            continue;
        }
        end_rows(transaction, at, incarnation);
        count += transaction.end_incarnation(incarnation);
    }
    count
}

/// Open rows of the incarnation end; what they hadn't taken counts to the fence.
fn end_rows(transaction: &mut Transaction<'_>, at: Place, incarnation: Incarnation) {
    for number in transaction.rows_where(|_, row| row.is_sweeping() && row.row.incarnation == incarnation) {
        transaction.change_row(number, |row| {
            let view = &mut row.row.view;
            (view.status, view.at, view.remaining) = (RowStatus::Fenced, at.position, 0);
        });
    }
}
