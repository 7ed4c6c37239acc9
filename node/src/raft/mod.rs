//! Consensus: groups, their log store, state machine adapter and network.

pub mod group;
mod log_store;
pub mod machine;
mod machine_thread;
mod network;
pub(crate) mod peers;
mod receive;
mod snapshot_file;
pub(crate) mod state_machine;
mod types;
pub(crate) mod wire;

pub(crate) use snapshot_file::{Looked, look};

#[cfg(test)]
mod suite;
