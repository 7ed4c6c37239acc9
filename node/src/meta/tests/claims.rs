//! Idempotency keys: claims, and keys of operations (PC3, PC4).

use lacuna_model::MapEpoch;
use lacuna_model::meta::{Claim, ClaimKey};
use lacuna_model::op_id::OpIdParts;

use super::*;

pub(super) fn claim_of(text: &str, digest: u128) -> MetaCommand {
    MetaCommand::Claim(ClaimKey {
        account: Account::default(),
        key: key(text),
        digest: RequestDigest(digest),
        collection: CollectionId(1),
        incarnation: Incarnation(4),
        epoch: MapEpoch(1),
    })
}

fn claimed(outcome: MetaOutcome) -> (Claim, bool) {
    match outcome {
        MetaOutcome::Claim { claim, fresh } => (claim, fresh),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claim_is_given_again_for_the_same_request_only() {
    let mut log = Log::new(2);
    let (claim, fresh) = claimed(log.run(claim_of("k", 1)));
    assert!(fresh && claim.incarnation == Incarnation(4) && claim.born == log.state.stamp());
    assert_eq!(claimed(log.run(claim_of("k", 1))), (claim.clone(), false));
    assert_eq!(log.refused(claim_of("k", 2)), MetaRefusal::KeyReused);
    let query = MetaQuery::Claim { account: Account::default(), key: key("k") };
    assert_eq!(log.state.query(&query).body, MetaBody::Claim(Some(claim)));
    assert_eq!(log.refused(MetaCommand::Record(drop_of("k", by_name("a")))), MetaRefusal::KeyReused);
}

#[test]
fn claims_and_operations_share_one_counter() {
    let mut log = Log::new(2);
    log.create("a");
    let (first, _) = claimed(log.run(claim_of("k", 1)));
    let (second, _) = log.record(delete_all("l", by_name("a"), ""));
    let (third, _) = claimed(log.run(claim_of("m", 1)));
    assert_eq!([first.number.0, second.number.0, third.number.0], [1, 2, 3]);
}

#[test]
fn a_claim_is_evicted_after_24_hours_and_not_before() {
    let mut log = Log::new(2);
    claimed(log.run(claim_of("k", 1)));
    let born = log.state.stamp().0;
    let there = |log: &Log| {
        let query = MetaQuery::Claim { account: Account::default(), key: key("k") };
        log.state.query(&query).body != MetaBody::Claim(None)
    };
    log.stamp = born + DAY - 1;
    log.run(MetaCommand::Tick);
    assert!(
        there(&log) && !log.state.evictable(Stamp(born + DAY)) && log.state.evictable(Stamp(born + DAY + 1))
    );
    log.run(MetaCommand::Tick);
    assert!(!there(&log), "at born + V + 1");
    assert_eq!(claimed(log.run(claim_of("k", 2))).0.number, OpNumber(2), "the key is free again");
}

#[test]
fn an_operation_is_evicted_with_all_its_keys_once_it_is_finished_and_closed() {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "");
    let (operation, _) = log.record(delete_all("k", by_id(id), ""));
    let (joined, fresh) = log.record(delete_all("l", by_id(id), ""));
    assert_eq!((joined.number, fresh), (operation.number, false));
    log.stamp += 3 * DAY;
    log.run(MetaCommand::Tick);
    log.finish(operation.number, 1);
    log.stamp += 2 * DAY;
    log.run(MetaCommand::Tick);
    assert!(log.state.operation(operation.number).is_some(), "rows are left to close");
    log.close(operation.number);
    log.run(MetaCommand::Tick);
    assert!(log.state.operation(operation.number).is_none());
    for text in ["k", "l"] {
        let query = MetaQuery::Operation { account: Account::default(), op_id: key(text) };
        assert_eq!(log.state.query(&query).body, MetaBody::Operation(None));
        assert!(log.record(delete_all(text, by_id(id), "")).1, "the key is free again");
    }
}

#[test]
fn a_router_made_op_id_older_than_its_window_is_forgotten_never_run_twice() {
    let mut log = Log::new(2);
    log.create("a");
    let born = Stamp(log.stamp + DAY / 2);
    let parts = OpIdParts {
        random: 1,
        born,
        incarnation: Incarnation(1),
        epoch: MapEpoch(1),
        digest: RequestDigest(1),
    };
    let ask = RecordOperation { op_id: OpId::from_parts(&parts), ..delete_all("k", by_name("a"), "") };
    let (operation, _) = log.record(ask.clone());
    log.stamp = born.0 + DAY - 1;
    let (again, fresh) = log.record(ask.clone());
    assert_eq!((again.number, fresh), (operation.number, false), "kept until its own window has passed");
    log.run(MetaCommand::Tick);
    assert_eq!(log.refused(MetaCommand::Record(ask)), MetaRefusal::Forgotten(log.state.stamp()));
}

#[test]
fn one_entry_evicts_only_so_much() {
    let mut log = Log::new(2);
    for number in 0..200 {
        log.run(claim_of(&format!("k{number}"), 1));
    }
    log.stamp += 2 * DAY;
    let stamp = Stamp(log.stamp);
    let mut ticks = 0;
    while log.state.evictable(stamp) {
        log.run(MetaCommand::Tick);
        ticks += 1;
    }
    assert_eq!(ticks, 4);
}
