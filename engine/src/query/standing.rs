//! What stands noted: outcomes of calls, rows.

use lacuna_model::OpNumber;
use lacuna_model::command::CallRef;
use lacuna_model::outcome::CommandOutcome;
use lacuna_model::read::ReadBody;

use super::ReadError;
use crate::engine::Live;
use crate::store::{keys, values};

/// The effect kept under a call. One past its window counts as evicted, as at apply.
pub(super) fn outcome(live: &Live, call: &CallRef) -> Result<ReadBody, ReadError> {
    if call.expires() < live.state.head.stamp {
        return Ok(ReadBody::Outcome(None));
    }
    let Some(value) = live.store.get(&keys::outcome(call))? else { return Ok(ReadBody::Outcome(None)) };
    let written = match values::decode(&value, "an outcome")? {
        CommandOutcome::Written(written) => Some(written),
        CommandOutcome::Row(_) | CommandOutcome::Done | CommandOutcome::Refused(_) => None,
    };
    Ok(ReadBody::Outcome(written))
}

/// A row as it stands.
pub(super) fn row(live: &Live, number: OpNumber) -> ReadBody {
    ReadBody::Row(live.state.rows.get(&number).map(|row| row.row.view.clone()))
}
