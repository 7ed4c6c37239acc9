//! Replicas of shards and of the meta group: opening, proposing, reading, upkeep.

pub(crate) mod read;
