//! Checking a stopped replica's directory: everything read, every digest and counter computed anew.

use std::path::Path;

use lacuna_model::read::DigestView;
use lacuna_model::{LogPosition, Stamp};

use crate::engine::{OpenError, view};
use crate::state;
use crate::store::{Generations, Store};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Generation in use.
    pub generation: u64,
    /// Last entry applied.
    pub applied: LogPosition,
    /// The state's stamp.
    pub stamp: Stamp,
    /// Digests and counters as stored.
    pub digest: DigestView,
    /// Open incarnations with their live records.
    pub incarnations: Vec<(lacuna_model::Incarnation, u64)>,
    /// Rows waiting or at work.
    pub rows: usize,
    /// Ended incarnations whose records are still to be removed.
    pub garbage: usize,
    /// What doesn't agree; empty in a sound replica.
    pub damage: Vec<String>,
}

/// Checks a replica's directory; its node must be stopped (the store's lock says so otherwise). No content is
/// changed.
pub fn check(dir: &Path) -> Result<CheckReport, OpenError> {
    let generations = Generations::new(dir);
    let missing = || OpenError::Corrupt { what: format!("{} holds no replica", dir.display()) };
    let generation = generations.current()?.ok_or_else(missing)?;
    let store = Store::open(&generations.path(generation), CACHE_BYTES, usize::MAX)?;
    let loaded = state::load(&store, |_, _, _, value| {
        crate::store::records::decode(value, crate::store::records::Vector::Read).map(drop)
    })?;
    let state = loaded.state;
    Ok(CheckReport {
        generation,
        applied: state.head.applied,
        stamp: state.head.stamp,
        digest: view(&state.head),
        incarnations: state.incarnations.iter().map(|(number, state)| (*number, state.live)).collect(),
        rows: state.rows.len(),
        garbage: state.garbage.len(),
        damage: loaded.damage,
    })
}

const CACHE_BYTES: u64 = 32 << 20;
