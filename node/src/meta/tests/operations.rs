//! Reports, ends, closing, and the lowest open number (PW4).

use super::*;

fn sweeping(number: OpNumber, index: u64, deleted: u64) -> ShardProgress {
    row(number, index, RowStatus::Sweeping, deleted)
}

/// A log with one open where-delete on two shards.
fn started() -> (Log, OpNumber) {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "");
    let (operation, _) = log.record(delete_where("k", by_id(id), None));
    (log, operation.number)
}

#[test]
fn a_where_delete_works_on_the_current_contents_and_without_any_is_complete() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let (empty, fresh) = log.record(delete_where("k", by_id(id), None));
    assert!(fresh && empty.finished.is_some() && empty.shards.is_empty());
    let incarnation = log.open(id, "");
    let (operation, _) = log.record(delete_where("l", by_id(id), Some(3)));
    assert_eq!(operation.incarnations, [incarnation]);
    assert!(operation.shards.iter().all(|(_, progress)| *progress == ShardProgress::Pending));
    assert_eq!(operation.recorded, log.state.stamp());
    assert_eq!(log.resolve(by_id(id), "").unwrap().1, Some(incarnation), "its contents stay");
    let missing = MetaCommand::Record(delete_where("m", by_name("none"), None));
    assert_eq!(log.refused(missing), MetaRefusal::NoCollection);
}

#[test]
fn the_same_key_gives_the_operation_again_and_another_request_is_refused() {
    let (mut log, number) = started();
    let (again, fresh) = log.record(delete_where("k", by_id(CollectionId(1)), None));
    assert_eq!((again.number, fresh), (number, false));
    let other = MetaCommand::Record(delete_where("k", by_id(CollectionId(1)), Some(1)));
    assert_eq!(log.refused(other), MetaRefusal::KeyReused);
}

#[test]
fn a_shard_never_goes_back() {
    let (mut log, number) = started();
    let known = |log: &Log| log.get(number).shards[0].1.clone();
    let mut report = |progress: &ShardProgress| {
        let shards = vec![(shard(0), progress.clone()), (shard(77), progress.clone())];
        assert_eq!(log.run(MetaCommand::Report { number, shards }), MetaOutcome::Done);
        known(&log)
    };
    assert_eq!(report(&sweeping(number, 5, 1)), sweeping(number, 5, 1));
    assert_eq!(report(&sweeping(number, 4, 0)), sweeping(number, 5, 1), "an older answer");
    assert_eq!(report(&ShardProgress::Pending), sweeping(number, 5, 1));
    assert_eq!(report(&done(OpNumber(99), 9, 4)), sweeping(number, 5, 1), "another operation's row");
    assert_eq!(report(&sweeping(number, 8, 3)), sweeping(number, 8, 3));
    assert_eq!(report(&done(number, 7, 2)), sweeping(number, 8, 3), "an end before what is known");
    assert_eq!(report(&done(number, 9, 4)), done(number, 9, 4));
    assert_eq!(report(&sweeping(number, 12, 9)), done(number, 9, 4), "done stays done");
    assert_eq!(report(&row(number, 13, RowStatus::Fenced, 9)), done(number, 9, 4));
}

#[test]
fn an_operation_ends_with_its_last_shard_and_is_closed_shard_by_shard() {
    let (mut log, number) = started();
    log.run(MetaCommand::Report { number, shards: vec![(shard(0), done(number, 9, 4))] });
    assert_eq!(log.get(number).finished, None);
    let fenced = row(number, 9, RowStatus::Fenced, 2);
    log.run(MetaCommand::Report { number, shards: vec![(shard(1), fenced)] });
    let ended = log.get(number);
    assert_eq!(ended.finished, Some(log.state.stamp()));
    assert_eq!(ended.unclosed, [shard(0), shard(1)]);
    log.run(MetaCommand::Report { number, shards: vec![(shard(0), done(number, 50, 99))] });
    assert_eq!(log.get(number), ended, "what has ended doesn't change");
    log.run(MetaCommand::Closed { shard: shard(0), numbers: vec![number, OpNumber(99)] });
    assert_eq!(log.get(number).unclosed, [shard(1)]);
    log.run(MetaCommand::Closed { shard: shard(1), numbers: vec![number] });
    assert_eq!(log.state.to_close().count(), 0);
}

#[test]
fn closed_before_the_end_is_nothing() {
    let (mut log, number) = started();
    log.run(MetaCommand::Closed { shard: shard(0), numbers: vec![number] });
    log.finish(number, 1);
    assert_eq!(log.get(number).unclosed, [shard(0), shard(1)]);
}

#[test]
fn low_is_the_lowest_number_still_open_or_unclosed_there_else_the_next() {
    let mut log = Log::new(2);
    let id = log.create("a");
    assert_eq!(log.state.low(shard(0), &[]), OpNumber(1));
    log.open(id, "");
    let numbers: Vec<OpNumber> =
        (0..3).map(|at| log.record(delete_where(&format!("k{at}"), by_id(id), None)).0.number).collect();
    let next = OpNumber(numbers[2].0 + 1);
    assert_eq!(log.state.low(shard(0), &[]), numbers[0]);
    log.finish(numbers[0], 1);
    log.finish(numbers[2], 1);
    assert_eq!(log.state.low(shard(0), &[]), numbers[0], "finished, but its row is there");
    assert_eq!(log.state.low(shard(0), &[numbers[0], numbers[2]]), numbers[1]);
    log.finish(numbers[1], 1);
    assert_eq!(log.state.low(shard(0), &numbers), next);
    log.close(numbers[0]);
    assert_eq!(log.state.low(shard(0), &[]), numbers[1]);
    log.close(numbers[1]);
    log.run(MetaCommand::Closed { shard: shard(0), numbers: vec![numbers[2]] });
    assert_eq!((log.state.low(shard(0), &[]), log.state.low(shard(1), &[])), (next, numbers[2]));
}

#[test]
fn operations_are_listed_newest_first_within_the_account() {
    let mut log = Log::new(2);
    let id = log.create("a");
    for at in 0..3 {
        log.record(delete_where(&format!("k{at}"), by_id(id), None));
    }
    let list = |account: &str, limit| {
        let query = MetaQuery::Operations { account: Account(account.to_owned()), limit };
        match log.state.query(&query).body {
            MetaBody::Operations(list) => list.iter().map(|operation| operation.number.0).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list("default", 2), [3, 2]);
    assert!(list("other", 9).is_empty());
}
