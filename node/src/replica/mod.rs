//! Replicas of shards and of the meta group: opening, proposing, reading, upkeep.

mod duties;
mod entry;
mod form;
pub(crate) mod meta_replica;
mod propose;
mod read;
pub(crate) mod shard;
mod shard_machine;
mod slow;
mod upkeep;
