//! What `lacuna ingest` reads: files of text, or lines of records, become items of a dataset.

mod item;
mod lines;
mod links;
mod paragraphs;
mod record;
mod texts;

pub(crate) use item::{NewItem, item_id};
pub(crate) use lines::{Embedding, read as read_lines};
pub(crate) use record::numbers;
pub(crate) use texts::{Skipped, TextFile, find};

/// Collection of the paragraphs of texts: Cognee's name.
pub(crate) const CHUNKS: &str = "DocumentChunk_text";
/// Collection of the nodes and edges that links between texts make: Cognee's name.
pub(crate) const NODES: &str = "Entity_name";
