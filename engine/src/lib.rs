//! One replica's data: sled, hnsw_rs and the apply of commands. No network, no raft, no clock.
//!
//! [`Engine::apply`] takes batches of log entries, [`Engine::read`] answers questions at the applied index,
//! [`Engine::barrier`] says what is durable, [`Engine::export`] and [`Engine::import`] move all of it.
//! Everything is synchronous; one applier at a time, any number of readers.

mod apply;
mod config;
mod digest;
mod engine;
pub mod index;
mod plan;
mod query;
mod state;
mod store;

pub use apply::{ApplyError, EntryAt};
pub use config::EngineConfig;
pub use engine::{Engine, OpenError};
pub use index::IndexConfig;
pub use query::ReadError;
pub use store::StoreError;
