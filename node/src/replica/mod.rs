//! Replicas of shards and of the meta group: opening, proposing, reading, upkeep.

pub(crate) mod duties;
mod entry;
mod form;
pub(crate) mod meta_replica;
mod propose;
#[cfg(test)]
mod propose_tests;
mod read;
#[cfg(test)]
mod read_tests;
pub mod shard;
mod shard_machine;
pub(crate) mod slow;
pub(crate) mod upkeep;
