//! The fault harness: real processes, faults, histories and checkers. It speaks to Lacuna over the wire only.

pub mod checker;
pub mod client;
pub mod cluster;
pub mod history;
pub mod powercut;
pub mod rounds;
pub mod scenario;
pub mod workload;
