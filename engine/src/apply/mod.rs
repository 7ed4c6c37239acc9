//! Applying entries: one file a verb. A pure function of (store, entry) (INV-2): no clock but the entry's
//! stamp, no randomness, no map whose order isn't fixed.

mod close;
mod contribute;
mod delete;
mod evict;
mod fence;
mod insert;
mod release;
mod slots;
mod sweep;
mod transaction;
mod update;
mod upsert;
mod watch;
mod write;

use lacuna_model::LogPosition;
use lacuna_model::command::{Command, Entry};
use lacuna_model::outcome::CommandOutcome;

pub(crate) use release::count as count_release;
pub(crate) use transaction::{Committed, IndexChange, Place, Transaction, nearer};

use crate::store::StoreError;

/// An entry of the shard's log, or one that carries no commands (`None`: blank, membership).
#[derive(Clone, Debug, PartialEq)]
pub struct EntryAt {
    /// Where it stands in the log.
    pub position: LogPosition,
    /// What it carries.
    pub entry: Option<Entry>,
}

/// Why entries were not applied. Nothing of the batch took effect; the node ends (rule R1).
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An entry isn't behind what is applied already.
    #[error("entry {given:?} isn't behind the applied {applied:?}")]
    OutOfOrder {
        /// The entry.
        given: LogPosition,
        /// What is applied.
        applied: LogPosition,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An earlier batch failed: the engine takes nothing more until it is opened anew.
    #[error("an earlier write failed")]
    Failed,
}

/// Applies one entry to the view.
pub(crate) fn entry(
    transaction: &mut Transaction<'_>,
    entry: &EntryAt,
) -> Result<Vec<CommandOutcome>, ApplyError> {
    tracing::trace!(index = entry.position.index, "apply");
    let (given, applied) = (entry.position, transaction.applied());
    if given.index <= applied.index && applied != LogPosition::default() {
        return Err(ApplyError::OutOfOrder { given, applied });
    }
    let stamp = entry.entry.as_ref().map(|entry| entry.stamp);
    transaction.begin(given, stamp);
    let Some(body) = &entry.entry else { return Ok(Vec::new()) };
    evict::outcomes(transaction)?;
    let places = body.commands.iter().zip(0..);
    places.map(|(command, place)| one(transaction, Place { position: given, place }, command)).collect()
}

fn one(
    transaction: &mut Transaction<'_>,
    at: Place,
    command: &Command,
) -> Result<CommandOutcome, ApplyError> {
    let outcome = match command {
        Command::Write(write) => write::apply(transaction, at, write)?,
        Command::StartWhere(start) => sweep::start(transaction, at, start)?,
        Command::Advance(advance) => sweep::advance(transaction, at, advance)?,
        Command::Fence(fence) => fence::apply(transaction, at, fence),
        Command::Close(close) => close::apply(transaction, close),
        Command::SetSlots(slots) => slots::apply(transaction, slots),
        Command::StartRelease(start) => release::start(transaction, at, start)?,
        Command::AdvanceRelease(advance) => release::advance(transaction, at, advance)?,
    };
    Ok(outcome)
}
