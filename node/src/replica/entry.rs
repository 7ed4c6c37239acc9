//! Entries of a shard's log, and their replies. A command is encoded once, where its call arrives; an entry is
//! put together from the encoded commands of many calls.

use bytes::Bytes;
use lacuna_model::Stamp;
use lacuna_model::command::{Command, Entry, MAX_COMMAND_BYTES, MAX_COMMANDS, MAX_ENTRY_BYTES};
use lacuna_model::outcome::CommandOutcome;
use serde::{Deserialize, Serialize};

/// First byte of every entry and reply; an older process refuses what it doesn't know.
const VERSION: u8 = 1;

/// Why an entry can't be made or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    /// Another version wrote it.
    #[error("an entry of version {0:?}, this process knows {VERSION}")]
    Version(Option<u8>),
    /// Damaged, or of another type.
    #[error("unreadable entry: {0}")]
    Body(#[from] postcard::Error),
    /// A command larger than an entry may be.
    #[error("a command of {0} bytes, at most {MAX_COMMAND_BYTES} fit an entry")]
    TooLarge(usize),
}

/// Commands of one call that go into one entry together, encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) commands: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Encodes a call's commands, in pieces that each fit an entry (protocol PE1).
pub(crate) fn pieces(commands: &[Command]) -> Result<Vec<Piece>, EntryError> {
    let mut pieces = vec![Piece::default()];
    for command in commands {
        let encoded = postcard::to_stdvec(command)?;
        if encoded.len() > MAX_COMMAND_BYTES {
            return Err(EntryError::TooLarge(encoded.len()));
        }
        let fits =
            pieces.last().is_some_and(|piece| fits_with(piece.commands, piece.bytes.len(), 1, encoded.len()));
        if !fits {
            pieces.push(Piece::default());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.commands += 1;
            piece.bytes.extend_from_slice(&encoded);
        }
    }
    pieces.retain(|piece| piece.commands > 0);
    Ok(pieces)
}

/// May so much join an entry that holds so much already? A large command is an entry by itself.
pub(crate) fn fits_with(commands: usize, bytes: usize, more_commands: usize, more_bytes: usize) -> bool {
    commands == 0 || (commands + more_commands <= MAX_COMMANDS && bytes + more_bytes <= MAX_ENTRY_BYTES)
}

/// An encoded entry: the same bytes as the encoded [`Entry`] of all the commands.
pub(crate) fn encode_entry<'a>(
    stamp: Stamp,
    pieces: impl Iterator<Item = &'a Piece> + Clone,
) -> Result<Bytes, EntryError> {
    let commands: usize = pieces.clone().map(|piece| piece.commands).sum();
    let bytes: usize = pieces.clone().map(|piece| piece.bytes.len()).sum();
    let mut entry = Vec::with_capacity(bytes + 24);
    entry.push(VERSION);
    entry = postcard::to_extend(&(stamp, commands), entry)?;
    for piece in pieces {
        entry.extend_from_slice(&piece.bytes);
    }
    Ok(Bytes::from(entry))
}

/// Reads an entry.
pub(crate) fn decode_entry(bytes: &[u8]) -> Result<Entry, EntryError> {
    Ok(postcard::from_bytes(body(bytes)?)?)
}

/// What a shard's state machine replies to an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShardReply {
    /// An outcome for each command.
    pub(crate) outcomes: Vec<CommandOutcome>,
    /// The state's stamp after it.
    pub(crate) stamp: Stamp,
}

/// Encodes a reply.
pub(crate) fn encode_reply(reply: &ShardReply) -> Result<Bytes, EntryError> {
    Ok(Bytes::from(postcard::to_extend(reply, vec![VERSION])?))
}

/// Reads a reply.
pub(crate) fn decode_reply(bytes: &[u8]) -> Result<ShardReply, EntryError> {
    Ok(postcard::from_bytes(body(bytes)?)?)
}

fn body(bytes: &[u8]) -> Result<&[u8], EntryError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => Ok(body),
        other => Err(EntryError::Version(other.map(|(version, _)| *version))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_model::OpNumber;
    use lacuna_model::command::{Close, SetSlots};
    use lacuna_model::{MapEpoch, Slot};

    fn command(number: u64, slots: u16) -> Command {
        if number.is_multiple_of(2) {
            Command::Close(Close { numbers: vec![OpNumber(number)], low: OpNumber(1) })
        } else {
            Command::SetSlots(SetSlots { epoch: MapEpoch(number), slots: (0..slots).map(Slot).collect() })
        }
    }

    #[test]
    fn an_entry_put_together_from_pieces_reads_as_the_entry_of_all_commands() {
        let commands: Vec<Command> = (0..300).map(|number| command(number, 40)).collect();
        for cut in [1, 100, 256] {
            let pieces: Vec<Piece> =
                commands[..256].chunks(cut).flat_map(|part| pieces(part).unwrap()).collect();
            let bytes = encode_entry(Stamp(1_700_000_000_000_000), pieces.iter()).unwrap();
            let entry = decode_entry(&bytes).unwrap();
            assert_eq!(
                entry,
                Entry { stamp: Stamp(1_700_000_000_000_000), commands: commands[..256].to_vec() }
            );
        }
    }

    #[test]
    fn a_call_is_cut_at_256_commands_and_one_mebibyte() {
        let many: Vec<Command> = (0..600).map(|number| command(number * 2, 0)).collect();
        assert_eq!(pieces(&many).unwrap().iter().map(|p| p.commands).collect::<Vec<_>>(), [256, 256, 88]);
        let large: Vec<Command> = (0..400).map(|number| command(number * 2 + 1, 4096)).collect();
        let cut = pieces(&large).unwrap();
        assert!(cut.len() > 1);
        assert!(cut.iter().all(|piece| piece.bytes.len() <= MAX_ENTRY_BYTES));
    }

    #[test]
    fn an_entry_of_an_unknown_version_is_refused() {
        assert!(matches!(decode_entry(&[9, 0, 0]), Err(EntryError::Version(Some(9)))));
        assert!(matches!(decode_entry(&[]), Err(EntryError::Version(None))));
    }
}
