//! One replica's data: sled, hnsw_rs and the apply of commands. No network, no raft, no clock.
//!
//! [`Engine::apply`] takes batches of log entries, [`Engine::read`] answers questions at the applied index,
//! [`Engine::barrier`] says what is durable, [`Engine::export`] and [`Engine::import`] move all of it.
//! Everything is synchronous; one applier at a time, any number of readers.

mod apply;
mod check;
mod config;
mod digest;
mod engine;
mod garbage;
pub mod index;
mod plan;
mod query;
mod snapshot;
mod state;
mod store;

pub use apply::{ApplyError, EntryAt};
pub use check::{CheckReport, check};
pub use config::EngineConfig;
pub use engine::{Engine, OpenError};
pub use index::IndexConfig;
pub use plan::DEFAULT_RANGE_BUDGET;
pub use query::{ReadError, Weight};
pub use snapshot::{Exported, SnapshotError, SnapshotHeader};
pub use store::StoreError;
