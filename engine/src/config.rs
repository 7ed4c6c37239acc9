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
    /// Bytes applied that are gathered in memory before they go to sled as one batch.
    pub gather_bytes: usize,
    /// How the indexes are kept.
    pub index: IndexConfig,
}

impl EngineConfig {
    /// The defaults for a shard.
    pub fn new(shard: ShardId) -> Self {
        Self { shard, cache_bytes: 32 << 20, gather_bytes: 1 << 20, index: IndexConfig::default() }
    }
}
