use super::*;
use crate::ids::{LogPosition, OpNumber};
use crate::merge::http_status;

fn row(status: RowStatus, deleted: u64) -> ShardState {
    ShardState::Row(RowView {
        bound_index: 21,
        matched: deleted + 1,
        deleted,
        held: 1,
        remaining: 6,
        ..RowView::begun(OpNumber(4), status, LogPosition { term: 2, index: 30 })
    })
}

fn fold(kind: DeleteKind, states: Vec<ShardState>) -> DeleteAnswer {
    let facts = OperationFacts { op_id: OpId::new("op").unwrap(), kind, waits_for_earlier: false };
    let states: Vec<_> =
        states.into_iter().enumerate().map(|(shard, state)| (ShardId(shard as u32), state)).collect();
    fold_operation(facts, &states)
}

fn away() -> ShardState {
    ShardState::Pending(Reach::Unreached, Some(ShardError::new(ErrorCode::Pending, "away")))
}

#[test]
fn all_rows_done_is_complete_with_exact_sums() {
    let answer = fold(DeleteKind::DeleteWhere, vec![row(RowStatus::Done, 3), row(RowStatus::Done, 0)]);
    assert_eq!((answer.status, http_status(answer.status)), (DeleteStatus::Complete, 200));
    assert_eq!(
        (answer.matched, answer.deleted, answer.held, answer.remaining),
        (Some(5), Some(3), Some(2), Some(12))
    );
    assert_eq!((answer.shards[0].bound, answer.erasure.level.as_str(), answer.note), (Some(21), "E1", None));
}

#[test]
fn a_sweeping_row_is_pending_with_its_bound_and_without_counts() {
    let answer = fold(DeleteKind::DeleteWhere, vec![row(RowStatus::Done, 3), row(RowStatus::Sweeping, 2)]);
    assert_eq!((answer.status, http_status(answer.status)), (DeleteStatus::Pending, 202));
    assert_eq!((answer.deleted, answer.shards[1].deleted, answer.shards[1].bound), (None, None, Some(21)));
    assert_eq!(answer.erasure.level, "E0");
    assert!(answer.note.is_some());
}

#[test]
fn a_shard_away_makes_it_partial_never_a_failure() {
    for states in [
        vec![row(RowStatus::Done, 3), away()],
        vec![away(), away()],
        vec![row(RowStatus::Sweeping, 1), away()],
    ] {
        let answer = fold(DeleteKind::DeleteAll, states);
        assert_eq!((answer.status, http_status(answer.status)), (DeleteStatus::Partial, 207));
        assert_eq!((answer.deleted, answer.erasure.level.as_str()), (None, "E0"));
        assert_eq!(answer.shards.last().map(|shard| shard.status), Some(ShardStatus::Pending));
    }
}

#[test]
fn a_shard_not_yet_asked_is_pending() {
    let answer = fold(DeleteKind::DeleteWhere, vec![ShardState::Pending(Reach::Reached, None)]);
    assert_eq!(answer.status, DeleteStatus::Pending);
}

#[test]
fn a_fence_in_between_leaves_known_counts_and_says_what_became_of_the_rest() {
    let answer = fold(DeleteKind::DeleteWhere, vec![row(RowStatus::Done, 3), row(RowStatus::Fenced, 1)]);
    assert_eq!((answer.status, answer.deleted), (DeleteStatus::Partial, Some(4)));
    let error = answer.shards[1].error.as_ref().unwrap();
    assert_eq!((answer.shards[1].status, error.code), (ShardStatus::Refused, ErrorCode::Fenced));
    assert_eq!(answer.erasure.level, "E1", "nothing of it is still to come");
    let refused = ShardState::Refused(ShardError::new(ErrorCode::Fenced, "ended"));
    assert_eq!(fold(DeleteKind::DeleteWhere, vec![refused]).status, DeleteStatus::Partial);
}

#[test]
fn nothing_to_do_is_complete_with_zeros() {
    let answer = fold(DeleteKind::DeleteAll, Vec::new());
    assert_eq!((answer.status, answer.deleted, answer.remaining), (DeleteStatus::Complete, Some(0), Some(0)));
}

#[test]
fn it_is_not_complete_before_the_earlier_ones_of_its_name() {
    let op_id = OpId::new("op").unwrap();
    let facts = OperationFacts { op_id, kind: DeleteKind::DeleteAll, waits_for_earlier: true };
    let answer = fold_operation(facts, &[(ShardId(0), row(RowStatus::Done, 3))]);
    assert_eq!((answer.status, answer.deleted), (DeleteStatus::Pending, Some(3)));
    assert_eq!(answer.erasure.level, "E0");
}

#[test]
fn what_is_left_of_a_limit_counts_what_went() {
    let rows = [row(RowStatus::Done, 3), row(RowStatus::Done, 4)];
    let views = rows.iter().filter_map(|state| match state {
        ShardState::Row(row) => Some(row),
        ShardState::Pending(..) | ShardState::Refused(_) => None,
    });
    assert_eq!(sum_rows(views), 7);
}

#[test]
fn an_answer_is_read_back_as_it_was_written() {
    let answer = fold(DeleteKind::DeleteWhere, vec![row(RowStatus::Done, 3), away()]);
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<DeleteAnswer>(&text).unwrap(), answer);
}

#[test]
fn an_update_by_filter_counts_what_it_changed_and_promises_no_erasure() {
    let changed = |updated| match row(RowStatus::Done, 0) {
        ShardState::Row(row) => ShardState::Row(RowView { updated, matched: updated, held: 0, ..row }),
        other => other,
    };
    let answer = fold(DeleteKind::UpdateWhere, vec![changed(3), changed(4)]);
    assert_eq!((answer.matched, answer.updated, answer.deleted), (Some(7), Some(7), Some(0)));
    assert_eq!((answer.erasure.level.as_str(), answer.shards[0].bound), ("none", Some(21)));
    let pending = fold(DeleteKind::UpdateWhere, vec![changed(3), away()]);
    assert_eq!((pending.status, pending.updated), (DeleteStatus::Partial, None));
    assert_eq!(fold(DeleteKind::DeleteAll, Vec::new()).updated, None);
}
