//! Consensus: groups, their log store, state machine adapter and network.

pub mod machine;
