//! Nearest neighbours among what a reader sees.
//!
//! The index holds each record's newest contribution. Where that is what the reader sees, the index answers; records
//! of which readers may see different things (several contents, an edge's hold, an item that is hidden from this
//! reader) are left out of it and compared one by one.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use lacuna_model::Incarnation;
use lacuna_model::RecordId;
use lacuna_model::command::{RecordKey, Upto};
use lacuna_model::filter::{FieldTest, Filter, Look};
use lacuna_model::memory::part::{DATASETS_KEY, SEVERAL_KEY};
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::read::ReadBody;
use lacuna_model::record::Metric;
use lacuna_model::value::Scalar;

use super::ReadError;
use super::memory::{references, shown};
use crate::engine::Live;
use crate::index::{Filtered, Precision, SearchError, SearchRequest, compare};
use crate::store::keys::{self, Kind};

/// What to search for.
pub(super) struct MemorySearch<'a> {
    pub(super) incarnation: Incarnation,
    pub(super) vector: &'a [f32],
    pub(super) top_k: usize,
    pub(super) sight: &'a Sight,
}

type Hits = Vec<(f32, MemoryRecord)>;

pub(super) fn search(live: &Live, ask: &MemorySearch<'_>) -> Result<ReadBody, ReadError> {
    if live.state.is_ended(ask.incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let Some(state) = live.state.incarnations.get(&ask.incarnation) else {
        return Ok(ReadBody::MemoryHits(Vec::new()));
    };
    let metric = state.schema.metric;
    let touched = touched(live, ask)?;
    let mut hits = match indexed(live, ask, metric, &touched)? {
        Ok(hits) => hits,
        Err(error @ (SearchError::Dimension { .. } | SearchError::Metric { .. })) => {
            return Ok(ReadBody::Mismatch(error.to_string()));
        }
        Err(error @ SearchError::NotFinite) => return Err(ReadError::Query(error.to_string())),
    };
    hits.extend(one_by_one(live, ask, metric, touched)?);
    hits.sort_by(|(a, left), (b, right)| best_first(metric, *a, *b).then_with(|| left.id.cmp(&right.id)));
    hits.truncate(ask.top_k);
    Ok(ReadBody::MemoryHits(hits))
}

fn best_first(metric: Metric, a: f32, b: f32) -> std::cmp::Ordering {
    match metric {
        Metric::Cosine | Metric::Dot => b.total_cmp(&a),
        Metric::L2 => a.total_cmp(&b),
    }
}

/// Records that a hidden item refers to: what they show isn't their newest contribution.
fn touched(live: &Live, ask: &MemorySearch<'_>) -> Result<BTreeSet<RecordKey>, ReadError> {
    let mut keys_found = BTreeSet::new();
    for item in &ask.sight.hidden {
        let here = references(live, *item, None)?
            .into_iter()
            .filter(|holding| holding.incarnation == ask.incarnation);
        keys_found.extend(here.map(|holding| holding.key));
    }
    let from = keys::holdings_from(ask.sight.next);
    for pair in live.store.range(&from, &keys::after_prefix(keys::single(Kind::Holding))) {
        let holding = keys::parse_holding(&pair?.0).filter(|holding| holding.incarnation == ask.incarnation);
        keys_found.extend(holding.map(|holding| holding.key));
    }
    Ok(keys_found)
}

fn several() -> Filter {
    Filter::field(SEVERAL_KEY, FieldTest::OneOf { values: vec![Scalar::Bool(true)], look: Look::Scalar })
}

/// What the index answers for.
fn indexed(
    live: &Live,
    ask: &MemorySearch<'_>,
    metric: Metric,
    touched: &BTreeSet<RecordKey>,
) -> Result<Result<Hits, SearchError>, ReadError> {
    let numbers = ask.sight.chosen.iter().map(|dataset| Scalar::Int(dataset.0.cast_signed())).collect();
    let datasets = FieldTest::OneOf { values: numbers, look: Look::Element };
    let filter = Filter::all_of(vec![Filter::field(DATASETS_KEY, datasets), several().negated()]);
    let failure = RefCell::new(None);
    // What was shown to judge a hit is what is answered.
    let judged = RefCell::new(HashMap::new());
    let verify = |id: &str| {
        let key = RecordKey::of(ask.incarnation, id);
        let seen = if touched.contains(&key) { Ok(None) } else { seen(live, ask, &key) };
        match seen {
            Ok(Some(record)) => {
                judged.borrow_mut().insert(id.to_owned(), record);
                true
            }
            Ok(None) => false,
            Err(error) => {
                failure.replace(Some(error));
                false
            }
        }
    };
    let request = SearchRequest {
        metric,
        vector: ask.vector,
        k: ask.top_k,
        ef: None,
        precision: Precision::Usual,
        filter: Some(Filtered { filter: &filter, verify: &verify }),
    };
    let found = match live.index.search(ask.incarnation, &request) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(error) = failure.take() {
        return Err(error);
    }
    let mut judged = judged.into_inner();
    let hits = found.into_iter();
    let hits =
        hits.filter_map(|hit| judged.remove(hit.id.as_ref()).map(|record| (hit.score, record))).collect();
    Ok(Ok(hits))
}

/// The record, if the reader sees its newest contribution and there is nothing else to be seen of it.
fn seen(live: &Live, ask: &MemorySearch<'_>, key: &RecordKey) -> Result<Option<MemoryRecord>, ReadError> {
    let record = super::memory::stored(live, ask.incarnation, key)?;
    let record = record.filter(|record| !record.metadata.contains_key(SEVERAL_KEY));
    let id = RecordId::new(key.id.as_str())?;
    let shown = record.and_then(|record| ask.sight.show(&id, &record));
    Ok(shown.filter(|shown| shown.content.vector.is_some()))
}

/// The others.
fn one_by_one(
    live: &Live,
    ask: &MemorySearch<'_>,
    metric: Metric,
    mut keys: BTreeSet<RecordKey>,
) -> Result<Hits, ReadError> {
    keys.extend(live.index.matching_keys(ask.incarnation, &several(), None, &Upto::End));
    let mut hits = Vec::new();
    for key in keys {
        let Some(record) = shown(live, ask.incarnation, &key, ask.sight)? else { continue };
        let score = record.content.vector.as_ref().and_then(|vector| compare(metric, ask.vector, vector));
        hits.extend(score.map(|score| (score, record)));
    }
    Ok(hits)
}
