//! Records in id order, by prefix and after an id, all or those that match.

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Include, ReadBody, RecordView};

use super::judged::{Walk, candidates, compile, walk};
use super::{ReadError, view};
use crate::engine::Live;

/// What to scan.
pub(super) struct Scan<'a> {
    pub(super) incarnation: Incarnation,
    pub(super) prefix: &'a str,
    pub(super) filter: Option<&'a Filter>,
    pub(super) after: Option<&'a str>,
    pub(super) limit: usize,
    pub(super) include: Include,
}

pub(super) fn scan(live: &Live, ask: &Scan<'_>) -> Result<ReadBody, ReadError> {
    match ask.filter {
        None => plain(live, ask),
        Some(filter) => filtered(live, ask, filter),
    }
}

fn plain(live: &Live, ask: &Scan<'_>) -> Result<ReadBody, ReadError> {
    if live.state.is_ended(ask.incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let ids = live.index.ids(ask.incarnation, ask.prefix, ask.after, ask.limit.saturating_add(1));
    let more = ids.len() > ask.limit;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids.iter().take(ask.limit) {
        let key = RecordKey::of(ask.incarnation, id);
        records.extend(view(live, ask.incarnation, &key, ask.include)?);
    }
    Ok(ReadBody::Records { records, more })
}

fn filtered(live: &Live, ask: &Scan<'_>, filter: &Filter) -> Result<ReadBody, ReadError> {
    let compiled = compile(filter)?;
    let Some(mut keys) = candidates(live, ask.incarnation, filter) else { return Ok(ReadBody::Fenced) };
    keys.retain(|key| {
        key.id.starts_with(ask.prefix) && ask.after.is_none_or(|after| key.id.as_str() > after)
    });
    keys.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut records: Vec<RecordView> = Vec::new();
    let mut more = false;
    walk(live, ask.incarnation, &compiled, &keys, |key| {
        if records.len() == ask.limit {
            more = true;
            return Ok(Walk::Stop);
        }
        records.extend(view(live, ask.incarnation, key, ask.include)?);
        Ok(Walk::On)
    })?;
    Ok(ReadBody::Records { records, more })
}
