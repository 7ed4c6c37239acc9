//! Sizes that are refused at the door, each in one place.

/// Most ids in one delete or get, and records in one write, on the native API.
pub const MAX_ITEMS: usize = 10_000;
/// Largest request body, bytes.
pub const MAX_BODY_BYTES: usize = 32 << 20;
/// Largest vector, components.
pub const MAX_DIMENSION: u32 = 20_000;
/// Most entries of a sparse vector.
pub const MAX_SPARSE_ENTRIES: usize = 2_048;
/// Largest metadata of one record, bytes as JSON.
pub const MAX_METADATA_BYTES: usize = 40 << 10;
/// The same through the Moorcheh surface, whose contract promises more.
pub const MAX_METADATA_BYTES_MOORCHEH: usize = 64 << 10;
/// Largest document, bytes.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// Most keys of an account that are not revoked.
pub const MAX_KEYS: usize = 1_000;
/// Revoked keys of an account that are still listed; older ones are forgotten.
pub const KEPT_REVOKED_KEYS: usize = 100;
/// Most accounts.
pub const MAX_ACCOUNTS: usize = 10_000;
/// Most collections that a key names.
pub const MAX_REACH: usize = 1_000;
/// Longest time of grace after a key's rotation, seconds: 30 days.
pub const MAX_GRACE_S: u64 = 30 * 24 * 3_600;
/// Longest life of a key that expires, seconds: ten years.
pub const MAX_KEY_LIFE_S: u64 = 10 * 366 * 24 * 3_600;
/// Longest label of a key, bytes.
pub const MAX_LABEL_BYTES: usize = 128;
/// Longest collection name, bytes.
pub const MAX_NAME_BYTES: usize = 512;
/// Deepest filter.
pub const MAX_FILTER_DEPTH: usize = 32;
/// Most nodes in a filter.
pub const MAX_FILTER_NODES: usize = 1_024;
/// Most bytes of the ids in a filter, together: it is one command of a log.
pub const MAX_FILTER_ID_BYTES: usize = 2 << 20;
/// Most values in `$in` or `$nin`.
pub const MAX_IN_VALUES: usize = 10_000;
/// Largest compiled regular expression, bytes.
pub const MAX_REGEX_BYTES: usize = 1 << 20;
/// Most regular expressions in a filter.
pub const MAX_FILTER_REGEXES: usize = 32;
/// Most hits asked for in one query.
pub const MAX_TOP_K: usize = 10_000;
/// Most query vectors in one request.
pub const MAX_QUERY_VECTORS: usize = 100;
/// Page size of `list` when none is given.
pub const DEFAULT_PAGE: usize = 100;
/// Largest page of `list`.
pub const MAX_PAGE: usize = 1_000;
/// Largest `ef`.
pub const MAX_EF: usize = 10_000;
/// Most rows sweeping on one shard (protocol PW4).
pub const MAX_OPEN_ROWS: usize = 16;
