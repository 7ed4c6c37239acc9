//! What the proposer must know of a group's entries: how they are put together, and how replies are taken apart.

use bytes::Bytes;
use lacuna_model::Stamp;
use lacuna_model::meta::{MetaCommand, MetaEntry, MetaOutcome};
use lacuna_model::outcome::CommandOutcome;

use super::entry::{self, Piece};
use crate::meta::machine;

/// Form of a group's entries.
pub(crate) trait EntryForm: Send + Sync + 'static {
    /// What a call asks for, ready to go into an entry.
    type Piece: Send + Sync + 'static;
    /// What a call is answered.
    type Outcome: Send + 'static;

    /// Commands and bytes of a piece.
    fn weight(piece: &Self::Piece) -> (usize, usize);
    /// May so much join an entry that holds so much already?
    fn fits_with(commands: usize, bytes: usize, more_commands: usize, more_bytes: usize) -> bool;
    /// The encoded entry.
    fn entry(stamp: Stamp, pieces: &[&Self::Piece]) -> Result<Bytes, String>;
    /// An outcome for each piece (of so many commands), in order.
    fn split(reply: &[u8], commands: &[usize]) -> Result<Vec<Self::Outcome>, String>;
}

/// Entries of a shard: commands of many calls.
pub(crate) struct ShardForm;

/// What a shard answers to a piece.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShardOutcome {
    pub(crate) outcomes: Vec<CommandOutcome>,
    pub(crate) stamp: Stamp,
}

impl EntryForm for ShardForm {
    type Piece = Piece;
    type Outcome = ShardOutcome;

    fn weight(piece: &Piece) -> (usize, usize) {
        (piece.commands, piece.bytes.len())
    }

    fn fits_with(commands: usize, bytes: usize, more_commands: usize, more_bytes: usize) -> bool {
        entry::fits_with(commands, bytes, more_commands, more_bytes)
    }

    fn entry(stamp: Stamp, pieces: &[&Piece]) -> Result<Bytes, String> {
        entry::encode_entry(stamp, pieces.iter().copied()).map_err(|error| error.to_string())
    }

    fn split(reply: &[u8], commands: &[usize]) -> Result<Vec<ShardOutcome>, String> {
        let reply = entry::decode_reply(reply).map_err(|error| error.to_string())?;
        if reply.outcomes.len() != commands.iter().sum::<usize>() {
            return Err(format!("{} outcomes", reply.outcomes.len()));
        }
        let stamp = reply.stamp;
        let mut rest = reply.outcomes.into_iter();
        Ok(commands
            .iter()
            .map(|count| ShardOutcome { outcomes: rest.by_ref().take(*count).collect(), stamp })
            .collect())
    }
}

/// Entries of the meta group: one command each.
pub(crate) struct MetaForm;

/// What the meta group answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetaDone {
    pub(crate) outcome: MetaOutcome,
    pub(crate) stamp: Stamp,
}

impl EntryForm for MetaForm {
    type Piece = MetaCommand;
    type Outcome = MetaDone;

    fn weight(_: &MetaCommand) -> (usize, usize) {
        (1, 1024)
    }

    fn fits_with(commands: usize, _: usize, _: usize, _: usize) -> bool {
        commands == 0
    }

    fn entry(stamp: Stamp, pieces: &[&MetaCommand]) -> Result<Bytes, String> {
        let [command] = pieces else { return Err(format!("{} commands in a meta entry", pieces.len())) };
        let entry = MetaEntry { stamp, command: (*command).clone() };
        machine::encode_entry(&entry).map_err(|error| error.to_string())
    }

    fn split(reply: &[u8], _: &[usize]) -> Result<Vec<MetaDone>, String> {
        let reply = machine::decode_reply(reply).map_err(|error| error.to_string())?;
        Ok(vec![MetaDone { outcome: reply.outcome, stamp: reply.stamp }])
    }
}
