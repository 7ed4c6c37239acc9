//! Forgets rows whose results the meta group has stored (protocol PW4).

use lacuna_model::command::Close;
use lacuna_model::outcome::CommandOutcome;

use super::Transaction;

pub(super) fn apply(transaction: &mut Transaction<'_>, close: &Close) -> CommandOutcome {
    transaction.closed_mut().note(close);
    let closed = transaction.closed().clone();
    for number in transaction.rows_where(|number, _| closed.contains(number)) {
        transaction.remove_row(number);
    }
    CommandOutcome::Done
}
