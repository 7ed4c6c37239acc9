//! The meta group: names, slot table, keys, durable operations and claims; and the driver that ends what was recorded.

mod access;
mod changes;
mod claims;
mod collections;
mod databases;
pub mod drive;
pub mod driver;
pub mod layout;
pub mod machine;
mod memory;
mod namespaces;
mod operations;
pub mod pace;
mod query;
mod record;
mod release;
mod remembered;
mod round;
pub mod shard_call;
mod sightings;
pub mod state;

#[cfg(test)]
mod tests;
