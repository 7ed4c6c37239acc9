//! Records in insertion order (protocol PR0), behind a place in it, all or those that match.

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::filter::{CompiledFilter, Filter};
use lacuna_model::read::{AgePlace, Include, ReadBody, RecordView};

use super::judged::compile;
use super::{ReadError, view_of};
use crate::engine::Live;
use crate::store::keys;
use crate::store::records::{Vector, decode};

/// Stored bytes of records after which an answer says `more`: it must fit in a message.
const MOST_BYTES: usize = 8 << 20;
/// Most rows that the index names at a time.
const MOST_NAMED: usize = 8_192;

/// What to read.
pub(super) struct Oldest<'a> {
    pub(super) incarnation: Incarnation,
    pub(super) filter: Option<&'a Filter>,
    pub(super) after: Option<&'a AgePlace>,
    pub(super) limit: usize,
    pub(super) include: Include,
}

pub(super) fn oldest(live: &Live, ask: &Oldest<'_>) -> Result<ReadBody, ReadError> {
    let compiled = ask.filter.map(compile).transpose()?;
    if live.state.is_ended(ask.incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let mut place = ask.after.cloned();
    let (mut records, mut bytes) = (Vec::new(), 0);
    let mut batch = ask.limit.saturating_add(1).min(MOST_NAMED);
    loop {
        let after = place.as_ref().map(|place| (place.ordinal, place.id.as_str()));
        let named = live.index.oldest(ask.incarnation, ask.filter, after, batch);
        for (_, id) in &named {
            if records.len() >= ask.limit || bytes >= MOST_BYTES {
                return Ok(ReadBody::Records { records, more: true });
            }
            if let Some((record, size)) = one(live, ask, compiled.as_ref(), id)? {
                records.push(record);
                bytes += size;
            }
        }
        if named.len() < batch {
            return Ok(ReadBody::Records { records, more: false });
        }
        place = named.last().map(|(ordinal, id)| AgePlace { ordinal: *ordinal, id: id.to_string() });
        batch = (2 * batch).min(MOST_NAMED);
    }
}

/// A record that matches (INV-3), with its stored size.
fn one(
    live: &Live,
    ask: &Oldest<'_>,
    filter: Option<&CompiledFilter>,
    id: &str,
) -> Result<Option<(RecordView, usize)>, ReadError> {
    let key = RecordKey::of(ask.incarnation, id);
    let Some(value) = live.store.get(&keys::record(ask.incarnation, key.slot, id))? else { return Ok(None) };
    if let Some(filter) = filter {
        let record = decode(&value, Vector::Skip)?;
        if !filter.matches(id, &record.metadata, record.document.as_deref()) {
            return Ok(None);
        }
    }
    let size = if ask.include == Include::default() { id.len() } else { value.len() };
    Ok(Some((view_of(&key, &value, ask.include)?, size)))
}
