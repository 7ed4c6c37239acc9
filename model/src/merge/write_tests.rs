use super::*;
use crate::ids::{LogPosition, Slot};
use crate::merge::http_status;
use crate::outcome::ItemFate;
use proptest::prelude::*;

fn outcome(fates: &[Fate], index: u64, remaining: u64) -> PieceFate {
    let item =
        |(position, fate): (usize, &Fate)| ItemFate { slot: Slot(1), position: position as u32, fate: *fate };
    let items = fates.iter().enumerate().map(item).collect();
    PieceFate::Applied(WriteOutcome { at: LogPosition { term: 1, index }, items, remaining })
}

fn piece(shard: u32, fate: PieceFate) -> Piece {
    Piece { shard: ShardId(shard), fate, ids: vec![format!("id-{shard}")] }
}

fn refused(code: ErrorCode) -> PieceFate {
    PieceFate::Refused(ShardError::new(code, "no"))
}

fn unknown() -> PieceFate {
    PieceFate::Unknown(ShardError::new(ErrorCode::OutcomeUnknown, "lost"))
}

fn delete(pieces: Vec<Piece>) -> Result<DeleteAnswer, Failure> {
    fold_delete(OpId::new("op").unwrap(), DeleteKind::DeleteIds, 9, pieces)
}

#[test]
fn all_applied_is_complete_with_exact_sums() {
    let answer = delete(vec![
        piece(2, outcome(&[Fate::Deleted, Fate::Absent], 7, 5)),
        piece(0, outcome(&[Fate::Deleted, Fate::Held, Fate::Unmatched], 3, 8)),
    ])
    .unwrap();
    assert_eq!(http_status(answer.status), 200);
    assert_eq!(
        (answer.matched, answer.deleted, answer.absent, answer.held),
        (Some(3), Some(2), Some(1), Some(1))
    );
    assert_eq!(answer.shards.iter().map(|shard| shard.shard.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!((answer.shards[1].index, answer.shards[1].remaining), (Some(7), Some(5)));
    assert_eq!(answer.erasure.level, "E1");
}

#[test]
fn pieces_of_one_shard_are_one_line_with_the_last_entrys_position() {
    let answer =
        delete(vec![piece(1, outcome(&[Fate::Deleted], 9, 3)), piece(1, outcome(&[Fate::Deleted], 8, 4))])
            .unwrap();
    let shard = &answer.shards[0];
    assert_eq!(
        (answer.shards.len(), shard.deleted, shard.index, shard.remaining),
        (1, Some(2), Some(9), Some(3))
    );
}

#[test]
fn some_applied_is_partial_and_unknown_counts_are_null() {
    for other in [refused(ErrorCode::Unavailable), unknown()] {
        let answer = delete(vec![piece(0, outcome(&[Fate::Deleted], 1, 1)), piece(1, other)]).unwrap();
        assert_eq!(http_status(answer.status), 207);
        assert_eq!(
            (answer.deleted, answer.shards[0].deleted, answer.shards[1].deleted),
            (None, Some(1), None)
        );
        assert_eq!(answer.shards[1].unprocessed_ids, ["id-1"]);
        assert!(answer.shards[0].unprocessed_ids.is_empty());
        assert_eq!(answer.erasure.level, "none");
    }
}

#[test]
fn a_shard_with_a_piece_in_doubt_is_unknown_even_if_another_was_refused() {
    let answer = delete(vec![
        piece(0, outcome(&[Fate::Deleted], 1, 1)),
        piece(0, refused(ErrorCode::TooMany)),
        piece(0, unknown()),
    ])
    .unwrap();
    assert_eq!(answer.shards[0].status, ShardStatus::Unknown);
    assert_eq!((answer.shards[0].deleted, answer.shards[0].index), (None, Some(1)));
    assert_eq!(answer.shards[0].unprocessed_ids.len(), 2);
}

#[test]
fn nothing_applied_and_something_in_doubt_is_unknown() {
    let failure = delete(vec![piece(0, refused(ErrorCode::Unavailable)), piece(1, unknown())]).unwrap_err();
    assert_eq!((failure.code, failure.code.status()), (ErrorCode::OutcomeUnknown, 504));
    assert_eq!(failure.shards.len(), 2);
}

#[test]
fn nothing_applied_for_certain_has_the_refusals_own_code() {
    use ErrorCode::{Fenced, Forgotten, InvalidVector, NoRoom, TooMany, Unavailable};
    let code = |codes: &[ErrorCode]| {
        let pieces = codes.iter().enumerate().map(|(shard, code)| piece(shard as u32, refused(*code)));
        delete(pieces.collect()).unwrap_err().code
    };
    assert_eq!(code(&[Unavailable, Unavailable]), Unavailable);
    assert_eq!(code(&[NoRoom, NoRoom]), NoRoom);
    assert_eq!(code(&[NoRoom, TooMany]), Unavailable, "a mixture of passing refusals");
    assert_eq!(code(&[Unavailable, Fenced]), Fenced, "a repeat of the same can't help");
    assert_eq!(code(&[Fenced, Forgotten]), Forgotten);
    assert_eq!(code(&[Unavailable, InvalidVector]), InvalidVector);
}

#[test]
fn a_write_without_pieces_is_complete() {
    let answer = fold_write(OpId::new("op").unwrap(), Vec::new()).unwrap();
    assert_eq!((answer.status, answer.counts.inserted), (DeleteStatus::Complete, Some(0)));
}

#[test]
fn a_write_counts_each_fate_apart() {
    let fates = [Fate::Inserted, Fate::Updated, Fate::Updated, Fate::Kept, Fate::Absent];
    let answer = fold_write(OpId::new("op").unwrap(), vec![piece(0, outcome(&fates, 1, 9))]).unwrap();
    let counts = WriteCounts { inserted: Some(1), updated: Some(2), kept: Some(1), absent: Some(1) };
    assert_eq!((answer.counts, answer.shards[0].counts), (counts, counts));
}

fn any_fate() -> impl Strategy<Value = PieceFate> {
    prop_oneof![
        (1u64..9, 0usize..4).prop_map(|(index, n)| outcome(&vec![Fate::Deleted; n], index, 0)),
        Just(refused(ErrorCode::Unavailable)),
        Just(refused(ErrorCode::Fenced)),
        Just(unknown()),
    ]
}

proptest! {
    /// Whatever the pieces: the code says the truth about whether something happened, and a total is either
    /// the exact sum or null.
    #[test]
    fn an_answer_never_says_more_than_is_known(fates in prop::collection::vec((0u32..4, any_fate()), 1..12)) {
        let applied = fates.iter().filter(|(_, fate)| matches!(fate, PieceFate::Applied(_))).count();
        let doubts = fates.iter().any(|(_, fate)| matches!(fate, PieceFate::Unknown(_)));
        let sum: u64 = fates.iter().map(|(_, fate)| match fate {
            PieceFate::Applied(outcome) => outcome.items.len() as u64,
            PieceFate::Refused(_) | PieceFate::Unknown(_) => 0,
        }).sum();
        let all = applied == fates.len();
        let pieces = fates.iter().map(|(shard, fate)| piece(*shard, fate.clone())).collect();
        match delete(pieces) {
            Ok(answer) => {
                prop_assert!(applied > 0);
                prop_assert_eq!(answer.status == DeleteStatus::Complete, all);
                prop_assert_eq!(answer.deleted, all.then_some(sum));
                let left: usize = answer.shards.iter().map(|shard| shard.unprocessed_ids.len()).sum();
                prop_assert_eq!(left, fates.len() - applied);
            }
            Err(failure) => {
                prop_assert_eq!(applied, 0);
                prop_assert_eq!(failure.code == ErrorCode::OutcomeUnknown, doubts);
            }
        }
    }
}
