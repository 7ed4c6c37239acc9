//! How long a question may take: one that is answered sooner than a thread is woken is best answered on the spot.

use std::time::Duration;

use lacuna_model::read::{Include, ReadRequest};

use crate::engine::Engine;

/// Records that are read from the store on the spot.
const FEW_RECORDS: usize = 32;
/// The longest search that is made on the spot, by estimate.
const SHORT_SEARCH: Duration = Duration::from_micros(60);

/// How a question is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// On the spot: tens of microseconds.
    Light,
    /// By a thread that may be kept waiting.
    Heavy,
}

impl Engine {
    /// An estimate, made without waiting for anything.
    pub fn weight(&self, request: &ReadRequest) -> Weight {
        let is_light = match request {
            ReadRequest::Get { ids, .. } | ReadRequest::MemoryGet { ids, .. } => ids.len() <= FEW_RECORDS,
            ReadRequest::Count { filter, .. } => filter.is_none(),
            ReadRequest::Search {
                incarnation,
                vectors,
                ef,
                exact: false,
                filter: None,
                include,
                top_k,
                ..
            } => {
                let reads = if *include == Include::default() { 0 } else { top_k * vectors.len() };
                // While an entry takes effect a thread that serves others would wait for it.
                let estimate =
                    self.try_read_lock().map(|live| live.index.search_estimate(*incarnation, *ef, *top_k));
                let is_short = |one: Duration| one * vectors.len() as u32 <= SHORT_SEARCH;
                reads <= FEW_RECORDS && estimate.is_some_and(is_short)
            }
            ReadRequest::Outcome(_) | ReadRequest::Row(_) | ReadRequest::Digest => true,
            ReadRequest::Search { .. }
            | ReadRequest::Scan { .. }
            | ReadRequest::Preview { .. }
            | ReadRequest::Oldest { .. }
            | ReadRequest::Ordinals { .. }
            | ReadRequest::MemoryHeld { .. }
            | ReadRequest::MemorySearch { .. }
            | ReadRequest::MemoryStats(_)
            | ReadRequest::ReleasePreview(_)
            | ReadRequest::Hybrid { .. } => false,
        };
        if is_light { Weight::Light } else { Weight::Heavy }
    }
}
