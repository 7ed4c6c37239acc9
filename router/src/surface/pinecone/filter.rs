//! Filters in requests: where each call takes one, and where `{}` is refused.

use lacuna_model::error::ErrorCode;
use lacuna_model::filter::{Filter, Usage, parse};
use serde_json::Value;

use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::NOTHING;

/// Of a query: `{}` and none are the same.
pub(super) fn of_read(json: Option<&Value>) -> Verb<Option<Filter>> {
    let Some(json) = json else { return Ok(None) };
    let filter = parsed(json, Usage::Read)?;
    Ok(Some(filter).filter(|filter| !filter.is_everything()))
}

/// Of a call that takes nothing but a filter; `{}` is refused with the call's own words.
pub(super) fn required(json: Option<&Value>, usage: Usage, if_empty: &str) -> Verb<Filter> {
    match json {
        None => Err(refused_empty(if_empty)),
        Some(Value::Object(clauses)) if clauses.is_empty() => Err(refused_empty(if_empty)),
        Some(json) => parsed(json, usage),
    }
}

fn refused_empty(words: &str) -> VerbError {
    VerbError::new(ErrorCode::EmptySelector, words)
}

fn parsed(json: &Value, usage: Usage) -> Verb<Filter> {
    parse::pinecone(json, usage)
        .map_err(|error| VerbError::new(ErrorCode::InvalidFilter, format!("{error}; {NOTHING}")))
}
