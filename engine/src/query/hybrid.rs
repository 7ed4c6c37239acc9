//! Search by a sparse vector, alone or with a dense one: as a search, with the same looks (INV-3, INV-4).

use lacuna_model::Incarnation;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Include, ReadBody};
use lacuna_model::record::SparseVector;

use super::ReadError;
use super::judged::compile;
use super::search::{Verdicts, hits};
use crate::engine::Live;
use crate::index::{Filtered, HybridRequest, SearchError};

/// What to search for.
pub(super) struct Hybrid<'a> {
    pub(super) dense: Option<&'a [f32]>,
    pub(super) sparse: &'a SparseVector,
    pub(super) top_k: usize,
    pub(super) filter: Option<&'a Filter>,
}

pub(super) fn search(
    live: &Live,
    (incarnation, include): (Incarnation, Include),
    ask: &Hybrid<'_>,
) -> Result<ReadBody, ReadError> {
    let compiled = ask.filter.map(compile).transpose()?;
    if live.state.is_ended(incarnation) {
        return Ok(ReadBody::Fenced);
    }
    let verdicts = Verdicts::new(live, incarnation, compiled.as_ref());
    let verify = |id: &str| verdicts.verify(id);
    let request = HybridRequest {
        dense: ask.dense,
        sparse: ask.sparse,
        k: ask.top_k,
        filter: ask.filter.map(|filter| Filtered { filter, verify: &verify }),
    };
    let found = match live.index.search_hybrid(incarnation, &request) {
        Ok(found) => found,
        Err(error @ (SearchError::Dimension { .. } | SearchError::Metric { .. })) => {
            return Ok(ReadBody::Mismatch(error.to_string()));
        }
        Err(error @ SearchError::NotFinite) => return Err(ReadError::Query(error.to_string())),
    };
    verdicts.finish()?;
    Ok(ReadBody::Hits(vec![hits(live, (incarnation, include), found)?]))
}
