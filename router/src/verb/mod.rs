//! What can be done with records and collections: the same for every surface. Typed inputs, typed answers,
//! typed errors; no surface's words.

pub(crate) mod admit;
pub mod by_age;
pub mod call;
pub mod caller;
pub mod cluster;
pub mod collections;
pub mod count;
pub mod databases;
pub mod delete;
pub mod get;
pub mod keys;
pub mod last_counts;
pub mod list;
pub mod memory;
pub mod namespaces;
pub(crate) mod operation;
mod operation_shards;
pub mod operations;
mod position;
pub mod preview;
pub mod query;
pub(crate) mod scatter;
pub mod sparse;
pub mod update_where;
pub mod write;

pub use crate::core::Target;
pub use call::{Call, Respond, Total};
pub use scatter::Missing;
