//! Items that one request names more than once.

use std::collections::{HashMap, HashSet};

use lacuna_model::RecordId;
use lacuna_model::command::IdAt;
use lacuna_model::record::NewRecord;

use crate::error::Verb;

/// Of a repeated id the last record counts, in the place of the first. The first refusal ends it.
pub(crate) fn last_of_each(records: impl Iterator<Item = Verb<NewRecord>>) -> Verb<Vec<NewRecord>> {
    let expected = records.size_hint().0;
    let mut places: HashMap<String, usize> = HashMap::with_capacity(expected);
    let mut kept: Vec<NewRecord> = Vec::with_capacity(expected);
    for record in records {
        let record = record?;
        if let Some(place) = places.get(record.id.as_str()) {
            kept[*place] = record;
        } else {
            places.insert(record.id.as_str().to_owned(), kept.len());
            kept.push(record);
        }
    }
    Ok(kept)
}

/// Ids, each once, with the positions of their first mentions. `read` makes an id of a text at a position.
pub(crate) fn first_of_each(
    texts: Vec<String>,
    read: impl Fn(String, usize) -> Verb<RecordId>,
) -> Verb<Vec<IdAt>> {
    let mut seen = HashSet::with_capacity(texts.len());
    let mut ids = Vec::with_capacity(texts.len());
    for (position, text) in texts.into_iter().enumerate() {
        let id = read(text, position)?;
        if seen.insert(id.clone()) {
            ids.push(IdAt { position: position as u32, id });
        }
    }
    Ok(ids)
}
