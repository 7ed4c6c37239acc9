//! Memory collections: datasets own items, items hold references on records (protocol PM1–PM4). The words of
//! the catalog's half: who may do what, which items exist, what was forgotten.

pub mod command;
pub mod contribution;
pub mod counts;
pub mod part;
pub mod query;
pub mod rights;
pub mod sight;
pub mod words;

/// The collection of raw files' pieces, in each space. No client can name it: names with control characters are refused.
pub const RAW_COLLECTION: &str = "\u{1}raw";
