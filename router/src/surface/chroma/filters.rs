//! `where` and `where_document`: both must hold. And ids, each once.

use std::collections::HashSet;

use lacuna_model::RecordId;
use lacuna_model::command::IdAt;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::parse::{chroma_where, chroma_where_document};
use lacuna_model::filter::{Filter, FilterError};
use serde_json::Value;

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::NOTHING;
use crate::surface::chroma::metadata::URI_KEY;

/// What both filters ask for; `None`: neither was given. Empty ones are refused, in reads and deletes alike.
pub(super) fn filter(on_metadata: Option<&Value>, on_document: Option<&Value>) -> Verb<Option<Filter>> {
    let mut parts = Vec::new();
    if let Some(json) = on_metadata {
        let filter = chroma_where(json).map_err(refused)?;
        if names(&filter, URI_KEY) {
            let message = format!("where: the key \"{URI_KEY}\" is reserved; {NOTHING}");
            return Err(VerbError::new(ErrorCode::InvalidFilter, message).with("field", "where"));
        }
        parts.push(filter);
    }
    if let Some(json) = on_document {
        parts.push(chroma_where_document(json).map_err(refused)?);
    }
    Ok(if parts.is_empty() { None } else { Some(Filter::all_of(parts)) })
}

fn refused(error: FilterError) -> VerbError {
    VerbError::new(ErrorCode::InvalidFilter, format!("{error}; {NOTHING}"))
        .with("field", error.path)
        .with("expected", error.expected)
}

/// Does the filter test this key?
fn names(filter: &Filter, key: &str) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| names(part, key)),
        Filter::Not(inner) => names(inner, key),
        Filter::Field(name, _) => name == key,
        Filter::Document(_) | Filter::Ids(_) => false,
    }
}

/// Those of these ids that match.
pub(super) fn among(ids: impl IntoIterator<Item = RecordId>, filter: Option<Filter>) -> Verb<Filter> {
    let ids = Filter::ids(ids).map_err(refused)?;
    Ok(Filter::all_of(std::iter::once(ids).chain(filter).collect()))
}

/// An id; one that is empty or too long is refused.
pub(super) fn record_id(text: String, position: usize) -> Verb<RecordId> {
    RecordId::new(text).map_err(|error| {
        VerbError::argument(format!("ids[{position}]: {error}; {NOTHING}")).with("position", position)
    })
}

/// Ids, each once, with the positions of their first mentions.
pub(super) fn placed_ids(texts: Vec<String>) -> Verb<Vec<IdAt>> {
    let mut seen: HashSet<&str> = HashSet::with_capacity(texts.len());
    let first: Vec<bool> = texts.iter().map(|text| seen.insert(text)).collect();
    let mut ids = Vec::with_capacity(texts.len());
    for ((position, text), first) in texts.into_iter().enumerate().zip(first) {
        if first {
            ids.push(IdAt { position: position as u32, id: record_id(text, position)? });
        }
    }
    Ok(ids)
}

/// Ids, each once, in the order of their first mentions.
pub(super) fn ids(texts: Vec<String>) -> Verb<Vec<RecordId>> {
    Ok(placed_ids(texts)?.into_iter().map(|placed| placed.id).collect())
}

/// The same for a read, in which an id that no record can have is one more unknown id.
pub(super) fn possible_ids(texts: Vec<String>) -> Vec<RecordId> {
    let mut seen = HashSet::with_capacity(texts.len());
    texts
        .into_iter()
        .filter_map(|text| RecordId::new(text).ok())
        .filter(|id| seen.insert(id.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_filters_must_hold_and_an_empty_one_is_refused() {
        let (on_metadata, on_document) = (json!({"a": 1}), json!({"$contains": "x"}));
        let both = filter(Some(&on_metadata), Some(&on_document)).expect("a filter").expect("one");
        assert!(matches!(both, Filter::And(parts) if parts.len() == 2));
        assert_eq!(filter(None, None).expect("none"), None);
        for empty in [json!({}), json!({"$and": []}), json!({"$or": []}), json!(null), json!([])] {
            assert!(filter(Some(&empty), None).is_err(), "{empty}");
            assert!(filter(None, Some(&empty)).is_err(), "{empty}");
        }
        assert!(filter(None, Some(&json!({"$contains": ""}))).is_err());
    }

    #[test]
    fn the_reserved_key_cannot_be_asked_for() {
        let hidden = json!({"$or": [{"a": 1}, {"chroma:uri": {"$ne": "x"}}]});
        assert!(filter(Some(&hidden), None).is_err());
    }

    #[test]
    fn an_id_counts_once() {
        let texts = ["a", "b", "a"].map(str::to_owned).to_vec();
        let placed = placed_ids(texts).expect("ids");
        let places: Vec<_> = placed.iter().map(|at| (at.position, at.id.as_str())).collect();
        assert_eq!(places, [(0, "a"), (1, "b")]);
        assert!(placed_ids(vec![String::new()]).is_err());
        let possible = possible_ids(["b", "", "a", "b"].map(str::to_owned).to_vec());
        assert_eq!(possible.iter().map(RecordId::as_str).collect::<Vec<_>>(), ["b", "a"]);
    }
}
