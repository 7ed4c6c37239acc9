//! The meta group: names, slot table, durable operations and claims; and the driver that ends what was recorded.

mod changes;
mod claims;
mod collections;
pub mod layout;
pub mod machine;
mod namespaces;
mod operations;
mod query;
mod record;
mod remembered;
pub mod state;
