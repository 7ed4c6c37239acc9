//! Live records: the counter, or how many match.

use lacuna_model::Incarnation;
use lacuna_model::filter::Filter;
use lacuna_model::read::ReadBody;

use super::ReadError;
use super::judged::{Walk, Walked, candidates, compile, walk};
use crate::engine::Engine;

pub(super) fn count(
    engine: &Engine,
    incarnations: &[Incarnation],
    filter: Option<&Filter>,
) -> Result<ReadBody, ReadError> {
    let Some(filter) = filter else { return Ok(counters(engine, incarnations)) };
    let compiled = compile(filter)?;
    let mut count = 0;
    for incarnation in incarnations {
        let Some(keys) = candidates(engine, *incarnation, filter) else { return Ok(ReadBody::Fenced) };
        let walked = walk(engine, *incarnation, &compiled, &keys, |_, _| {
            count += 1;
            Ok(Walk::On)
        })?;
        match walked {
            Walked::Done => {}
            Walked::Fenced => return Ok(ReadBody::Fenced),
        }
    }
    Ok(ReadBody::Count(count))
}

fn counters(engine: &Engine, incarnations: &[Incarnation]) -> ReadBody {
    let live = engine.read_lock();
    if incarnations.iter().any(|incarnation| live.state.is_ended(*incarnation)) {
        return ReadBody::Fenced;
    }
    ReadBody::Count(incarnations.iter().map(|incarnation| live.state.live(*incarnation)).sum())
}
