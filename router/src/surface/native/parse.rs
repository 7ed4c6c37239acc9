//! From bodies to the verbs' inputs: every name, id, vector, filter and limit is checked here, once.

use lacuna_model::catalog::{CollectionRef, Home};
use lacuna_model::command::IdAt;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::{Filter, Usage, parse};
use lacuna_model::limits::{DEFAULT_PAGE, MAX_ITEMS, MAX_PAGE};
use lacuna_model::read::Include;
use lacuna_model::{CollectionId, NamespaceName, RecordId};
use serde_json::Value;

use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::surface::native::bodies::Part;
use crate::surface::repeated::first_of_each;
use crate::verb::caller::Caller;

/// End of every refusal's message.
pub(super) const NOTHING: &str = "nothing was changed";

/// `{c}`: an id, or the name of a native collection.
pub(super) fn collection(caller: &Caller, text: &str) -> CollectionRef {
    let account = caller.account.clone();
    match text.parse::<u64>() {
        Ok(id) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            CollectionRef::Id(account, CollectionId(id))
        }
        _ => CollectionRef::Name(Home::native(account), text.to_owned()),
    }
}

pub(super) fn namespace(name: Option<String>) -> Verb<NamespaceName> {
    NamespaceName::new(name.unwrap_or_default()).map_err(|error| {
        VerbError::argument(format!("namespace: {error}; {NOTHING}")).with("path", "namespace")
    })
}

/// A namespace's name as it is written in paths.
pub(super) fn written(name: &NamespaceName) -> String {
    if name.is_default() { NamespaceName::DEFAULT_WRITTEN } else { name.as_str() }.to_owned()
}

pub(super) fn target(caller: &Caller, c: &str, name: Option<String>) -> Verb<Target> {
    let account = caller.account.clone();
    Ok(Target { account, collection: collection(caller, c), namespace: namespace(name)? })
}

pub(super) fn record_id(text: String, path: impl Fn() -> String) -> Verb<RecordId> {
    RecordId::new(text)
        .map_err(|error| VerbError::argument(format!("{}: {error}; {NOTHING}", path())).with("path", path()))
}

/// Refuses more than [`MAX_ITEMS`], and none.
pub(super) fn check_number(field: &str, items: usize) -> Verb<()> {
    if items > MAX_ITEMS {
        let message = format!("{field}: {items} items, at most {MAX_ITEMS} in one request; {NOTHING}");
        return Err(VerbError::new(ErrorCode::TooLarge, message)
            .with("path", field)
            .with("max_items", MAX_ITEMS));
    }
    if items == 0 {
        return Err(VerbError::argument(format!("{field}: an empty list, expected at least one; {NOTHING}"))
            .with("path", field));
    }
    Ok(())
}

/// Ids, each once, in the order of their first mention.
pub(super) fn ids(texts: Vec<String>) -> Verb<Vec<RecordId>> {
    Ok(placed_ids(texts)?.into_iter().map(|at| at.id).collect())
}

/// The same, with positions of the first mentions.
pub(super) fn placed_ids(texts: Vec<String>) -> Verb<Vec<IdAt>> {
    check_number("ids", texts.len())?;
    first_of_each(texts, |text, position| record_id(text, || format!("ids[{position}]")))
}

/// A filter of a read; `{}` and none are the same.
pub(super) fn read_filter(filter: Option<&Value>) -> Verb<Option<Filter>> {
    let Some(json) = filter else { return Ok(None) };
    let filter = filter_of(json, Usage::Read)?;
    Ok(Some(filter).filter(|filter| !filter.is_everything()))
}

/// A filter of a delete; `{}` is refused.
pub(super) fn delete_filter(json: &Value) -> Verb<Filter> {
    if json.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(empty("filter: an empty filter"));
    }
    filter_of(json, Usage::Delete)
}

fn filter_of(json: &Value, usage: Usage) -> Verb<Filter> {
    parse::native(json, usage).map_err(|error| {
        VerbError::new(ErrorCode::InvalidFilter, format!("{error}; {NOTHING}"))
            .with("path", error.path)
            .with("expected", error.expected)
    })
}

/// A delete that selects nothing in so many words.
pub(super) fn empty(what: &str) -> VerbError {
    VerbError::new(
        ErrorCode::EmptySelector,
        format!("{what}; expected ids, a filter, or \"delete_all\": true; {NOTHING}"),
    )
}

pub(super) fn include(parts: Option<&[Part]>, default: Include) -> Include {
    let Some(parts) = parts else { return default };
    Include {
        vector: parts.contains(&Part::Vector),
        document: parts.contains(&Part::Document),
        metadata: parts.contains(&Part::Metadata),
    }
}

/// A number in a range, or its default.
pub(super) fn in_range(
    field: &str,
    given: Option<usize>,
    (least, most): (usize, usize),
) -> Verb<Option<usize>> {
    match given {
        Some(number) if !(least..=most).contains(&number) => {
            let message = format!("{field} must be from {least} to {most}, got {number}; {NOTHING}");
            Err(VerbError::argument(message).with("path", field))
        }
        other => Ok(other),
    }
}

pub(super) fn page_size(limit: Option<usize>) -> Verb<usize> {
    Ok(in_range("limit", limit, (1, MAX_PAGE))?.unwrap_or(DEFAULT_PAGE))
}

/// A vector's components must be finite (JSON can say 1e39, which no 32-bit float holds).
pub(super) fn check_finite(vector: &[f32], path: impl Fn() -> String) -> Verb<()> {
    if let Some(place) = vector.iter().position(|component| !component.is_finite()) {
        let path = format!("{}[{place}]", path());
        let message = format!("{path}: not a finite 32-bit float; {NOTHING}");
        return Err(VerbError::new(ErrorCode::InvalidVector, message).with("path", path));
    }
    if vector.is_empty() {
        let path = path();
        return Err(VerbError::new(ErrorCode::InvalidVector, format!("{path}: an empty vector; {NOTHING}"))
            .with("path", path));
    }
    Ok(())
}
