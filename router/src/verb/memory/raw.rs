//! Raw files: pieces of at most 1 MiB, records like any other (protocol PM4).

use bytes::Bytes;
use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::RAW_COLLECTION;
use lacuna_model::memory::contribution::{Content, Facts, Piece};
use lacuna_model::memory::counts::MemoryKind;
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody};
use lacuna_model::memory::sight::Sight;
use lacuna_model::memory::words::{Item, Raw};

use lacuna_model::{DatasetId, ItemId, RecordId};
use sha2::{Digest, Sha256};

use super::{ERROR_NAME, odd};
use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::verb::Call;

/// Largest piece, bytes.
const PIECE_BYTES: usize = 1 << 20;

/// The digest that names a file.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A file's pieces: an empty one has one, which is empty.
pub(super) fn pieces(bytes: &Bytes) -> Verb<Vec<(RecordId, Content)>> {
    let digest = sha256(bytes);
    let number = bytes.len().div_ceil(PIECE_BYTES).max(1);
    let piece = |at: usize| {
        let part = bytes.slice(at * PIECE_BYTES..bytes.len().min((at + 1) * PIECE_BYTES));
        let mut facts = Facts::bare(MemoryKind::Blob, None);
        facts.blob = Some(Piece { number: at as u32, bytes: part });
        Ok((piece_id(&digest, at)?, Content { vector: None, text: None, facts }))
    };
    (0..number).map(piece).collect()
}

fn piece_id(digest: &[u8; 32], at: usize) -> Verb<RecordId> {
    RecordId::new(format!("{}/{at}", hex::encode(digest)))
        .map_err(|error| VerbError::new(ErrorCode::Internal, error.to_string()))
}

impl Router {
    /// An item's raw file, if Lacuna holds it.
    pub async fn raw_file(&self, call: &Call, dataset: DatasetId, id: ItemId) -> Verb<(Item, Bytes)> {
        call.caller.need(Right::Read)?;
        let MemoryBody::Item(item) = self.memory(call, MemoryAsk::Item(dataset, id)).await? else {
            return Err(odd());
        };
        let Raw::Stored { sha256: digest, bytes } = item.facts.raw else { return Err(no_file()) };
        let view = self.memory_view(call, Chosen::Ids(vec![dataset])).await?;
        let space = view.chosen.first().map(lacuna_model::memory::words::Dataset::space);
        let sight = Sight::from(&view);
        let number = (bytes as usize).div_ceil(PIECE_BYTES).max(1);
        let ids = (0..number).map(|at| piece_id(&digest, at)).collect::<Verb<Vec<_>>>()?;
        let mut file = Vec::with_capacity(bytes as usize);
        for id in ids {
            let place = (space.unwrap_or_default(), RAW_COLLECTION);
            let found = self.memory_records(call, place, (vec![id], &sight)).await?;
            let piece = found.into_iter().next().and_then(|record| record.content.facts.blob);
            file.extend_from_slice(&piece.ok_or_else(no_file)?.bytes);
        }
        if sha256(&file) != digest {
            return Err(VerbError::new(
                ErrorCode::Internal,
                "the raw file's bytes aren't those that were stored",
            ));
        }
        Ok((*item, Bytes::from(file)))
    }
}

fn no_file() -> VerbError {
    VerbError::new(ErrorCode::NotFound, "the item has no raw file that Lacuna holds")
        .with(ERROR_NAME, "DataNotFoundError")
}
