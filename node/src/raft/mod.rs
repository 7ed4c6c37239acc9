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

/// A log directive for the consensus library, which tells every step at `info`; one that comes after it is stronger.
pub const LOG_QUIETLY: &str = "openraft=error";

pub(crate) use snapshot_file::{Looked, look};

#[cfg(test)]
mod suite;
