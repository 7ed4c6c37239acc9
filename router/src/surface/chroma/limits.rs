//! Sizes of this surface.

/// Most records of one add, update or upsert: what Chroma's own server reports, so that programs split alike.
pub(super) const MAX_BATCH: usize = 5_461;
/// Largest request body, bytes: Chroma's default.
pub(super) const MAX_BODY: usize = 40 << 20;
/// Largest metadata of one record, bytes: with vector and document it must fit one log entry.
pub(super) const MAX_METADATA: usize = 1 << 20;
/// Longest wait for an answer when a request gives none; the client itself has no timeout.
pub(super) const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);
