//! Live records: the counter, or how many match.

use lacuna_model::Incarnation;
use lacuna_model::filter::Filter;
use lacuna_model::read::ReadBody;

use super::ReadError;
use super::judged::{Walk, candidates, compile, walk};
use crate::engine::Live;

pub(super) fn count(
    live: &Live,
    incarnations: &[Incarnation],
    filter: Option<&Filter>,
) -> Result<ReadBody, ReadError> {
    let Some(filter) = filter else { return Ok(counters(live, incarnations)) };
    let compiled = compile(filter)?;
    let mut count = 0;
    for incarnation in incarnations {
        let Some(keys) = candidates(live, *incarnation, filter) else { return Ok(ReadBody::Fenced) };
        walk(live, *incarnation, &compiled, &keys, |_| {
            count += 1;
            Ok(Walk::On)
        })?;
    }
    Ok(ReadBody::Count(count))
}

fn counters(live: &Live, incarnations: &[Incarnation]) -> ReadBody {
    if incarnations.iter().any(|incarnation| live.state.is_ended(*incarnation)) {
        return ReadBody::Fenced;
    }
    ReadBody::Count(incarnations.iter().map(|incarnation| live.state.live(*incarnation)).sum())
}
