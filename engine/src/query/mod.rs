//! Questions to the replica, answered at its applied index.

mod count;
mod get;
mod hybrid;
mod judged;
mod memory;
mod memory_search;
mod oldest;
mod preview;
mod scan;
mod search;
mod standing;
mod weight;

pub use weight::Weight;

use lacuna_model::Incarnation;
use lacuna_model::command::RecordKey;
use lacuna_model::read::{Include, ReadBody, ReadReply, ReadRequest, RecordView};
use lacuna_model::{BadRecordId, RecordId};

use crate::engine::{Engine, Live, view as digest_view};
use crate::store::StoreError;
use crate::store::keys;
use crate::store::records::{Vector, decode, decode_head};

/// Why a question wasn't answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The filter can't be made ready.
    #[error("the filter can't be used: {0}")]
    Filter(String),
    /// The query vector can't be compared.
    #[error("{0}")]
    Query(String),
}

impl From<BadRecordId> for ReadError {
    fn from(error: BadRecordId) -> Self {
        Self::Store(StoreError::corrupt(error.to_string()))
    }
}

impl Engine {
    /// Answers a question at one index, the one it reports (protocol PR3): applies wait meanwhile.
    pub fn read(&self, request: &ReadRequest) -> Result<ReadReply, ReadError> {
        let guard = self.read_lock();
        let live: &Live = &guard;
        let (at, stamp) = (live.state.head.applied, live.state.head.stamp);
        let body = match request {
            ReadRequest::Get { incarnation, ids, include } => get::get(live, *incarnation, ids, *include)?,
            ReadRequest::Scan { incarnation, prefix, filter, after, limit, include } => {
                let ask = scan::Scan {
                    incarnation: *incarnation,
                    prefix,
                    filter: filter.as_ref(),
                    after: after.as_deref(),
                    limit: *limit,
                    include: *include,
                };
                scan::scan(live, &ask)?
            }
            ReadRequest::Search { incarnation, metric, vectors, top_k, ef, exact, filter, include } => {
                let ask = search::Search {
                    incarnation: *incarnation,
                    metric: *metric,
                    top_k: *top_k,
                    ef: *ef,
                    precision: search::precision(*exact),
                    filter: filter.as_ref(),
                    include: *include,
                };
                search::search(live, &ask, vectors)?
            }
            ReadRequest::Count { incarnations, filter } => count::count(live, incarnations, filter.as_ref())?,
            ReadRequest::Preview { incarnation, filter, sample } => {
                preview::preview(live, *incarnation, filter, *sample)?
            }
            ReadRequest::Outcome(call) => standing::outcome(live, call)?,
            ReadRequest::Row(number) => standing::row(live, *number),
            ReadRequest::Digest => ReadBody::Digest(digest_view(&live.state.head)),
            ReadRequest::Oldest { .. } | ReadRequest::Ordinals { .. } => of_age(live, request)?,
            ReadRequest::Hybrid { incarnation, dense, sparse, top_k, filter, include } => {
                let (dense, filter) = (dense.as_deref(), filter.as_ref());
                let contents = (*incarnation, *include);
                hybrid::search(live, contents, &hybrid::Hybrid { dense, sparse, top_k: *top_k, filter })?
            }
            ReadRequest::MemoryGet { .. }
            | ReadRequest::MemoryHeld { .. }
            | ReadRequest::MemorySearch { .. }
            | ReadRequest::MemoryStats(_)
            | ReadRequest::ReleasePreview(_) => of_memory(live, request)?,
        };
        Ok(ReadReply { at, stamp, body })
    }
}

/// Questions on insertion order.
fn of_age(live: &Live, request: &ReadRequest) -> Result<ReadBody, ReadError> {
    Ok(match request {
        ReadRequest::Oldest { incarnation, filter, after, limit, include } => {
            let ask = oldest::Oldest {
                incarnation: *incarnation,
                filter: filter.as_ref(),
                after: after.as_ref(),
                limit: *limit,
                include: *include,
            };
            oldest::oldest(live, &ask)?
        }
        ReadRequest::Ordinals { incarnation, .. } if live.state.is_ended(*incarnation) => ReadBody::Fenced,
        ReadRequest::Ordinals { incarnation, limit } => {
            ReadBody::Ordinals(live.index.ordinals(*incarnation, *limit))
        }
        ReadRequest::Get { .. }
        | ReadRequest::Scan { .. }
        | ReadRequest::Search { .. }
        | ReadRequest::Hybrid { .. }
        | ReadRequest::Count { .. }
        | ReadRequest::Preview { .. }
        | ReadRequest::Outcome(_)
        | ReadRequest::Row(_)
        | ReadRequest::Digest
        | ReadRequest::MemoryGet { .. }
        | ReadRequest::MemoryHeld { .. }
        | ReadRequest::MemorySearch { .. }
        | ReadRequest::MemoryStats(_)
        | ReadRequest::ReleasePreview(_) => {
            return Err(ReadError::Query("no question on insertion order".to_owned()));
        }
    })
}

/// Questions on memory collections.
fn of_memory(live: &Live, request: &ReadRequest) -> Result<ReadBody, ReadError> {
    match request {
        ReadRequest::MemoryGet { incarnation, ids, sight } => memory::get(live, *incarnation, ids, sight),
        ReadRequest::MemoryHeld { items, after, limit, sight } => {
            memory::held(live, &memory::Held { items, after: after.as_ref(), limit: *limit, sight })
        }
        ReadRequest::MemorySearch { incarnation, vector, top_k, sight } => {
            let ask = memory_search::MemorySearch { incarnation: *incarnation, vector, top_k: *top_k, sight };
            memory_search::search(live, &ask)
        }
        ReadRequest::MemoryStats(incarnations) => memory::stats(live, incarnations),
        ReadRequest::ReleasePreview(items) => memory::preview(live, items),
        ReadRequest::Get { .. }
        | ReadRequest::Scan { .. }
        | ReadRequest::Search { .. }
        | ReadRequest::Count { .. }
        | ReadRequest::Preview { .. }
        | ReadRequest::Outcome(_)
        | ReadRequest::Row(_)
        | ReadRequest::Oldest { .. }
        | ReadRequest::Ordinals { .. }
        | ReadRequest::Hybrid { .. }
        | ReadRequest::Digest => Err(ReadError::Query("no question on memory collections".to_owned())),
    }
}

/// A record as a reader gets it; `None` if it isn't there.
fn view(
    live: &Live,
    incarnation: Incarnation,
    key: &RecordKey,
    include: Include,
) -> Result<Option<RecordView>, ReadError> {
    let value = live.store.get(&keys::record(incarnation, key.slot, &key.id))?;
    value.map(|value| view_of(key, &value, include)).transpose()
}

/// A record's bytes as a reader gets them.
fn view_of(key: &RecordKey, value: &[u8], include: Include) -> Result<RecordView, ReadError> {
    let id = RecordId::new(key.id.as_str())?;
    if include == Include::default() {
        let (written, ordinal) = decode_head(value)?;
        return Ok(RecordView {
            id,
            vector: None,
            document: None,
            metadata: None,
            ordinal,
            written,
            sparse: None,
        });
    }
    let record = decode(value, if include.vector { Vector::Read } else { Vector::Skip })?;
    Ok(RecordView {
        id,
        vector: record.vector,
        document: record.document.filter(|_| include.document),
        metadata: include.metadata.then_some(record.metadata),
        ordinal: record.ordinal,
        written: record.written,
        sparse: record.sparse,
    })
}
