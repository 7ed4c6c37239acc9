//! The guided tour: real data, a cluster of its own, deletes with a node stopped in between, and every number
//! checked against a plain recomputation.

mod checker;
mod naive;
mod report;
mod sift;
mod stage;
mod tour;

pub(crate) use tour::{Options, run};
