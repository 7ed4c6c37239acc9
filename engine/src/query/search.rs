//! Nearest neighbours, at one index: hits come from the live rows (INV-4), a filter's verdict from the store
//! (INV-3).

use std::cell::RefCell;

use lacuna_model::command::RecordKey;
use lacuna_model::filter::{CompiledFilter, Filter};
use lacuna_model::read::{Hit, Include, ReadBody, RecordView};
use lacuna_model::record::Metric;
use lacuna_model::{Incarnation, RecordId};

use super::judged::{compile, matches};
use super::{ReadError, view};
use crate::engine::Live;
use crate::index::{Filtered, Precision, SearchError, SearchHit, SearchRequest};

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
    let verdicts = Verdicts::new(live, ask.incarnation, compiled);
    let verify = |id: &str| verdicts.verify(id);
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
    verdicts.finish()?;
    hits(live, (ask.incarnation, ask.include), found).map(Ok)
}

/// The judge of a search's filter: the records in the store (INV-3).
pub(super) struct Verdicts<'a> {
    live: &'a Live,
    incarnation: Incarnation,
    filter: Option<&'a CompiledFilter>,
    failure: RefCell<Option<ReadError>>,
}

impl<'a> Verdicts<'a> {
    pub(super) fn new(live: &'a Live, incarnation: Incarnation, filter: Option<&'a CompiledFilter>) -> Self {
        Self { live, incarnation, filter, failure: RefCell::new(None) }
    }

    /// Does the record match? After a failure of the store nothing does.
    pub(super) fn verify(&self, id: &str) -> bool {
        let Some(filter) = self.filter else { return true };
        matches(self.live, self.incarnation, filter, &RecordKey::of(self.incarnation, id)).unwrap_or_else(
            |error| {
                self.failure.replace(Some(error));
                false
            },
        )
    }

    /// What failed, if something did.
    pub(super) fn finish(self) -> Result<(), ReadError> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}

/// What was found, with what is to be sent of it.
pub(super) fn hits(
    live: &Live,
    (incarnation, include): (Incarnation, Include),
    found: Vec<SearchHit>,
) -> Result<Vec<Hit>, ReadError> {
    let mut hits = Vec::with_capacity(found.len());
    for hit in found {
        if include == Include::default() {
            // The index has said all: its rows are the store's records at this index (INV-4).
            let record = RecordView::bare(RecordId::new(hit.id.as_ref())?);
            hits.push(Hit { score: hit.score, record });
            continue;
        }
        let record = view(live, incarnation, &RecordKey::of(incarnation, &hit.id), include)?;
        hits.extend(record.map(|record| Hit { score: hit.score, record }));
    }
    Ok(hits)
}
