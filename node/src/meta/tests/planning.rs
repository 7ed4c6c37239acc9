//! What the driver decides to ask, from the state alone.

use std::time::Duration;

use lacuna_model::command::{Close, Command, RowAction};
use lacuna_model::filter::DocumentTest;
use lacuna_model::limits::MAX_OPEN_ROWS;
use tokio::time::Instant;

use super::*;
use crate::meta::drive::{ShardWork, plan};
use crate::meta::pace::Pace;
use crate::meta::sightings::Sightings;

fn filled() -> (Log, CollectionId) {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "");
    (log, id)
}

fn work(log: &Log, of: u32) -> ShardWork {
    plan(&log.state, |_| true).remove(&shard(of)).unwrap_or_default()
}

fn report(log: &mut Log, number: OpNumber, of: u32, status: RowStatus, deleted: u64) {
    let shards = vec![(shard(of), row(number, 5, status, deleted))];
    log.run(MetaCommand::Report { number, shards });
}

#[test]
fn a_pending_shard_is_started_a_sweeping_one_polled_a_done_one_left_alone() {
    let (mut log, id) = filled();
    let number = log.record(delete_where("k", by_id(id), None)).0.number;
    assert!(matches!(&work(&log, 0).starts[..], [Command::StartWhere(start)] if start.number == number));
    report(&mut log, number, 0, RowStatus::Sweeping, 1);
    assert_eq!(work(&log, 0), ShardWork { polls: vec![number], ..ShardWork::default() });
    report(&mut log, number, 0, RowStatus::Done, 1);
    assert!(work(&log, 0).is_empty());
    assert_eq!(work(&log, 1).starts.len(), 1);
    assert!(plan(&log.state, |_| false).is_empty(), "nothing is due");
}

#[test]
fn a_fence_names_every_incarnation() {
    let (mut log, id) = filled();
    log.open(id, "x");
    log.record(drop_of("k", by_id(id)));
    let [Command::Fence(fence)] = &work(&log, 1).starts[..] else { panic!() };
    assert_eq!(fence.incarnations, [Incarnation(1), Incarnation(2)]);
}

#[test]
fn a_shard_is_offered_no_more_rows_than_it_takes_but_fences_go_through() {
    let (mut log, id) = filled();
    for at in 0..MAX_OPEN_ROWS + 9 {
        log.record(delete_where(&format!("k{at}"), by_id(id), None));
    }
    assert_eq!(work(&log, 0).starts.len(), MAX_OPEN_ROWS);
    let all = log.record(delete_all("l", by_id(id), "")).0.number;
    let starts = work(&log, 0).starts;
    assert_eq!(starts.len(), MAX_OPEN_ROWS + 1);
    assert!(matches!(&starts[MAX_OPEN_ROWS], Command::Fence(fence) if fence.number == all));
    report(&mut log, OpNumber(1), 0, RowStatus::Sweeping, 0);
    let after = work(&log, 0);
    assert_eq!((after.polls.len(), after.starts.len()), (1, MAX_OPEN_ROWS));
}

#[test]
fn an_update_by_filter_begins_on_every_shard_at_once_and_takes_a_row_s_room() {
    let (mut log, id) = filled();
    let set = vec![("k".to_owned(), None)];
    let filter = Filter::Document(DocumentTest::Contains("x".to_owned()));
    let kind = OperationKind::UpdateWhere { filter, set: set.clone() };
    for at in 0..=MAX_OPEN_ROWS {
        log.record(ask(&format!("k{at}"), by_id(id), Some(""), kind.clone()));
    }
    for shard in 0..2 {
        let starts = work(&log, shard).starts;
        assert_eq!(starts.len(), MAX_OPEN_ROWS);
        let Command::StartWhere(start) = &starts[0] else { panic!("{starts:?}") };
        assert_eq!((&start.action, start.limit), (&RowAction::SetMetadata(set.clone()), None));
    }
}

#[test]
fn a_call_is_not_filled_beyond_its_bytes() {
    let (mut log, id) = filled();
    for at in 0..4 {
        let filter = Filter::Document(DocumentTest::Contains("x".repeat(300 << 10)));
        let kind = OperationKind::DeleteWhere { filter, limit: None };
        log.record(ask(&format!("k{at}"), by_id(id), Some(""), kind));
    }
    assert_eq!(work(&log, 0).starts.len(), 2);
}

#[test]
fn only_what_has_ended_is_closed_and_low_is_the_first_open_one() {
    let (mut log, id) = filled();
    let numbers: Vec<_> =
        (0..3).map(|at| log.record(delete_where(&format!("k{at}"), by_id(id), None)).0.number).collect();
    log.finish(numbers[0], 1);
    log.finish(numbers[2], 1);
    let close = Close { numbers: vec![numbers[0], numbers[2]], low: numbers[1] };
    assert_eq!(work(&log, 0).close, Some(close));
    log.run(MetaCommand::Closed { shard: shard(0), numbers: vec![numbers[0], numbers[2]] });
    assert_eq!(work(&log, 0).close, None);
    assert!(work(&log, 1).close.is_some());
}

#[test]
fn an_operation_is_taken_up_and_closed_only_at_its_age() {
    let (mut log, id) = filled();
    let number = log.record(delete_where("k", by_id(id), None)).0.number;
    let pace = Pace::default();
    let (mut sightings, begun) = (Sightings::new(pace), Instant::now());
    let mut due = |log: &Log, after: Duration| {
        sightings.look(&log.state, begun + after);
        sightings.is_due(&log.get(number), begun + after)
    };
    assert!(!due(&log, Duration::ZERO));
    assert!(!due(&log, pace.take_up.saturating_sub(Duration::from_millis(1))));
    assert!(due(&log, pace.take_up));
    log.finish(number, 1);
    assert!(!due(&log, pace.take_up), "its end is seen for the first time");
    assert!(due(&log, pace.take_up + pace.close_after));
}
