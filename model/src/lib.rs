//! The words and the rules of Lacuna: types in, types out; no async, no I/O, no clock, no locks.
//!
//! Everything that two processes must understand alike is here: ids, records, filters, the commands of a
//! shard's log and what they answer, the catalog's words, and the fold of many shards' outcomes into one.

pub mod access;
pub mod catalog;
pub mod command;
pub mod error;
pub mod filter;
pub mod ids;
pub mod limits;
pub mod memory;
pub mod merge;
pub mod meta;
pub mod number;
pub mod op_id;
pub mod outcome;
pub mod read;
pub mod record;
pub mod sparse;
pub mod uuid;
pub mod value;

pub use ids::*;
pub use uuid::{DatasetId, ItemId, Principal, ReceiptId, Uuid};
