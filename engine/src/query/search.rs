//! Nearest neighbours, at one index: hits come from the live rows (INV-4), a filter's verdict from the store
//! (INV-3).

use lacuna_model::command::RecordKey;
use lacuna_model::filter::{CompiledFilter, Filter};
use lacuna_model::read::{Hit, Include, ReadBody};
use lacuna_model::record::Metric;
use lacuna_model::{Incarnation, slot_of};

use super::judged::{compile, matches};
use super::{ReadError, view};
use crate::engine::Live;
use crate::index::{Filtered, Precision, SearchError, SearchRequest};

/// What to search for.
pub(super) struct Search<'a> {
    pub(super) incarnation: Incarnation,
    pub(super) metric: Metric,
    pub(super) top_k: usize,
    pub(super) ef: Option<usize>,
    pub(super) precision: Precision,
    pub(super) filter: Option<&'a Filter>,
    pub(super) include: Include,
}

/// The request's wish as the index takes it.
pub(super) fn precision(exact: bool) -> Precision {
    if exact { Precision::Exact } else { Precision::Usual }
}

pub(super) fn search(live: &Live, ask: &Search<'_>, vectors: &[Vec<f32>]) -> Result<ReadBody, ReadError> {
    let compiled = ask.filter.map(compile).transpose()?;
    if live.state.is_ended(ask.incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let mut answers = Vec::with_capacity(vectors.len());
    for vector in vectors {
        match one(live, ask, compiled.as_ref(), vector)? {
            Ok(hits) => answers.push(hits),
            Err(error @ (SearchError::Dimension { .. } | SearchError::Metric { .. })) => {
                return Ok(ReadBody::Mismatch(error.to_string()));
            }
            Err(error @ SearchError::NotFinite) => return Err(ReadError::Query(error.to_string())),
        }
    }
    Ok(ReadBody::Hits(answers))
}

fn one(
    live: &Live,
    ask: &Search<'_>,
    compiled: Option<&CompiledFilter>,
    vector: &[f32],
) -> Result<Result<Vec<Hit>, SearchError>, ReadError> {
    let failure = std::cell::RefCell::new(None);
    let key_of = |id: &str| RecordKey { slot: slot_of(ask.incarnation, id), id: id.to_owned() };
    let verify = |id: &str| {
        let verdict = compiled.map_or(Ok(true), |filter| matches(live, ask.incarnation, filter, &key_of(id)));
        verdict.unwrap_or_else(|error| {
            failure.replace(Some(error));
            false
        })
    };
    let request = SearchRequest {
        metric: ask.metric,
        vector,
        k: ask.top_k,
        ef: ask.ef,
        precision: ask.precision,
        filter: ask.filter.map(|filter| Filtered { filter, verify: &verify }),
    };
    let found = match live.index.search(ask.incarnation, &request) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(error) = failure.take() {
        return Err(error);
    }
    let mut hits = Vec::with_capacity(found.len());
    for hit in found {
        let record = view(live, ask.incarnation, &key_of(&hit.id), ask.include)?;
        hits.extend(record.map(|record| Hit { score: hit.score, record }));
    }
    Ok(Ok(hits))
}
