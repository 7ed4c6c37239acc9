//! Records by id, in the order asked, unknown ones left out.

use lacuna_model::command::RecordKey;
use lacuna_model::read::{Include, ReadBody};
use lacuna_model::{Incarnation, RecordId};

use super::{ReadError, view};
use crate::engine::Live;

pub(super) fn get(
    live: &Live,
    incarnation: Incarnation,
    ids: &[RecordId],
    include: Include,
) -> Result<ReadBody, ReadError> {
    if live.state.is_ended(incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        let key = RecordKey::of(incarnation, id.as_str());
        records.extend(view(live, incarnation, &key, include)?);
    }
    Ok(ReadBody::Records { records, more: false })
}
