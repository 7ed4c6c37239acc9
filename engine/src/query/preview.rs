//! What a where-delete would take now.

use std::collections::BinaryHeap;

use lacuna_model::filter::Filter;
use lacuna_model::read::ReadBody;
use lacuna_model::{Incarnation, RecordId};

use super::ReadError;
use super::judged::{Walk, candidates, compile, walk};
use crate::engine::Live;

/// Counts the matches and shows the first of them in id order.
pub(super) fn preview(
    live: &Live,
    incarnation: Incarnation,
    filter: &Filter,
    sample: usize,
) -> Result<ReadBody, ReadError> {
    let compiled = compile(filter)?;
    let Some(keys) = candidates(live, incarnation, filter) else { return Ok(ReadBody::Fenced) };
    let mut matched = 0;
    let mut smallest: BinaryHeap<String> = BinaryHeap::new();
    walk(live, incarnation, &compiled, &keys, |key| {
        matched += 1;
        if smallest.len() < sample || smallest.peek().is_some_and(|largest| key.id < *largest) {
            smallest.push(key.id.clone());
            if smallest.len() > sample {
                smallest.pop();
            }
        }
        Ok(Walk::On)
    })?;
    let sample: Result<Vec<_>, _> = smallest.into_sorted_vec().into_iter().map(RecordId::new).collect();
    Ok(ReadBody::Preview { matched, sample: sample? })
}
