//! How an engine is opened.

use lacuna_model::ShardId;

use crate::index::IndexConfig;

/// How an engine is opened.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The shard that this is a replica of.
    pub shard: ShardId,
    /// sled's cache, bytes; budget three times of it.
    pub cache_bytes: u64,
    /// Bytes applied between two flushes to the system.
    pub flush_bytes: usize,
    /// How the indexes are kept.
    pub index: IndexConfig,
}

impl EngineConfig {
    /// The defaults for a shard.
    pub fn new(shard: ShardId) -> Self {
        Self { shard, cache_bytes: 32 << 20, flush_bytes: 4 << 20, index: IndexConfig::default() }
    }
}
