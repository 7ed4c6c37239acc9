//! Many shards' outcomes become one answer: the only place that decides what a client is told.
//!
//! Pure: shards' results in, answer or failure out. The table of HTTP statuses is design §5 and protocol
//! PC5: 200 all applied · 202 recorded and running on · 207 some applied, or recorded and it will complete ·
//! 503 certainly nothing happened and nothing will · 504 of no shard is the outcome known.

mod answer;
mod operation;
mod write;

pub use answer::*;
pub use operation::{OperationFacts, Reach, ShardState, fold_operation, sum_rows};
pub use write::{
    Piece, PieceFate, ShardWrite, WriteAnswer, WriteCounts, dominant_code, fold_delete, fold_write,
};

use crate::error::ErrorCode;

/// Nothing is known to have been applied: certain (4xx, 503, 507) or not (504).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to answer.
    pub code: ErrorCode,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardAnswer>,
}

/// HTTP status of an answer that isn't a failure.
pub const fn http_status(status: DeleteStatus) -> u16 {
    match status {
        DeleteStatus::Complete => 200,
        DeleteStatus::Pending => 202,
        DeleteStatus::Partial => 207,
    }
}

/// Adds up a count over shards: known only if every shard knows it (INV-6).
pub fn total<T>(shards: &[T], count: impl Fn(&T) -> Option<u64>) -> Option<u64> {
    shards.iter().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_known_only_if_every_part_is() {
        assert_eq!(total(&[Some(1), Some(2)], |n| *n), Some(3));
        assert_eq!(total(&[Some(1), None], |n| *n), None);
        assert_eq!(total::<Option<u64>>(&[], |n| *n), Some(0));
    }

    #[test]
    fn statuses_are_those_of_the_design() {
        assert_eq!(http_status(DeleteStatus::Complete), 200);
        assert_eq!(http_status(DeleteStatus::Pending), 202);
        assert_eq!(http_status(DeleteStatus::Partial), 207);
    }
}
