//! PN2, PN3: repeated deletes of a name whose contents are still being deleted.

use super::*;

fn operation_of(log: &Log, text: &str) -> Operation {
    let query = MetaQuery::Operation { account: Account::default(), op_id: key(text) };
    match log.state.query(&query).body {
        MetaBody::Operation(Some(operation)) => *operation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn delete_all_takes_the_incarnation_and_the_next_write_gets_a_new_one() {
    let mut log = Log::new(3);
    let id = log.create("a");
    let first = log.open(id, "x");
    let (operation, fresh) = log.record(delete_all("k", by_id(id), "x"));
    assert!(fresh && operation.finished.is_none());
    assert_eq!(operation.incarnations, [first]);
    assert_eq!(operation.shards.len(), 3);
    assert_eq!(log.resolve(by_id(id), "x").unwrap().1, None);
    assert!(log.open(id, "x") > first);
}

#[test]
fn a_repeat_under_another_key_joins_the_open_operation_and_its_key_finds_it() {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "");
    let (first, _) = log.record(delete_all("k", by_id(id), ""));
    let (second, fresh) = log.record(delete_all("l", by_name("a"), ""));
    assert_eq!((second.number, second.op_id, fresh), (first.number, key("k"), false));
    assert_eq!(operation_of(&log, "l").number, first.number);
    let mut other = delete_all("l", by_name("a"), "");
    other.digest = RequestDigest(0);
    assert_eq!(log.refused(MetaCommand::Record(other)), MetaRefusal::KeyReused);
    log.finish(first.number, 5);
    let (third, fresh) = log.record(delete_all("m", by_id(id), ""));
    assert!(fresh && third.number > first.number, "the first has ended: nothing to join");
    assert!(third.finished.is_some() && third.shards.is_empty(), "and nothing to do");
    let (again, fresh) = log.record(delete_all("l", by_name("a"), ""));
    assert_eq!((again.number, fresh), (first.number, false), "a key has one outcome");
}

#[test]
fn over_newer_contents_it_is_a_new_operation_that_ends_after_the_earlier_ones() {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "");
    let (first, _) = log.record(delete_all("k", by_id(id), ""));
    let newer = log.open(id, "");
    let (second, fresh) = log.record(delete_all("l", by_id(id), ""));
    assert!(fresh);
    assert_eq!((&second.after[..], &second.incarnations[..]), (&[first.number][..], &[newer][..]));
    let (joined, _) = log.record(delete_all("m", by_id(id), ""));
    assert_eq!(joined.number, second.number, "the last one is joined");
    log.finish(second.number, 1);
    assert_eq!(log.get(second.number).finished, None, "complete only after the first");
    log.finish(first.number, 1);
    assert!(log.get(first.number).finished.is_some() && log.get(second.number).finished.is_some());
    assert_eq!(log.get(second.number).unclosed.len(), 2);
}

#[test]
fn a_dropped_name_is_gone_for_readers_and_remembered_for_deletes_until_the_end() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let ended = [log.open(id, "x"), log.open(id, "y")];
    let (drop, _) = log.record(drop_of("k", by_name("a")));
    assert_eq!(drop.incarnations, ended);
    assert_eq!((drop.collection_name.as_str(), drop.namespace.as_ref()), ("a", None));
    assert_eq!((log.resolve(by_name("a"), ""), log.resolve(by_id(id), "")), (None, None));
    for (at, reference) in [by_name("a"), by_id(id)].into_iter().enumerate() {
        let again = log.record(drop_of(&format!("d{at}"), reference.clone()));
        assert_eq!((again.0.number, again.1), (drop.number, false));
        let emptied = log.record(delete_all(&format!("e{at}"), reference.clone(), "x"));
        assert_eq!((emptied.0.number, emptied.1), (drop.number, false));
        let filtered = MetaCommand::Record(delete_where(&format!("f{at}"), reference, None));
        assert_eq!(log.refused(filtered), MetaRefusal::NoCollection);
    }
    log.finish(drop.number, 2);
    for reference in [by_name("a"), by_id(id)] {
        let late = MetaCommand::Record(drop_of("late", reference));
        assert_eq!(log.refused(late), MetaRefusal::NoCollection);
    }
}

#[test]
fn a_dropped_name_made_anew_means_the_new_one() {
    let mut log = Log::new(2);
    let old = log.create("a");
    log.open(old, "");
    let (first, _) = log.record(drop_of("k", by_name("a")));
    let new = log.create("a");
    assert_ne!(old, new);
    let (emptied, fresh) = log.record(delete_all("l", by_name("a"), ""));
    assert!(fresh && emptied.collection == new && emptied.finished.is_some());
    log.open(new, "");
    let (second, fresh) = log.record(drop_of("m", by_name("a")));
    assert!(fresh && second.collection == new);
    assert_eq!(second.after, [first.number]);
    let (by_old_id, _) = log.record(drop_of("n", by_id(old)));
    assert_eq!(by_old_id.number, first.number, "an id means what it named");
    let (by_its_name, _) = log.record(drop_of("o", by_name("a")));
    assert_eq!(by_its_name.number, second.number);
    log.finish(second.number, 1);
    log.finish(first.number, 1);
    assert!(log.get(second.number).finished.is_some());
}

#[test]
fn a_drop_of_a_collection_without_contents_joins_the_delete_that_is_still_open() {
    let mut log = Log::new(2);
    let id = log.create("a");
    log.open(id, "x");
    let (emptied, _) = log.record(delete_all("k", by_id(id), "x"));
    let (drop, fresh) = log.record(drop_of("l", by_id(id)));
    assert_eq!((drop.number, fresh), (emptied.number, false));
    assert_eq!(log.resolve(by_id(id), "x"), None, "it left the catalog in the same entry");
    let (again, _) = log.record(drop_of("m", by_name("a")));
    assert_eq!(again.number, emptied.number);
    log.create("a");
    let (remade, _) = log.record(drop_of("n", by_name("a")));
    assert_eq!(remade.number, emptied.number, "made anew, still empty: its last operation is open");
    assert!(log.resolve(by_name("a"), "").is_none());
}

#[test]
fn a_drop_waits_for_the_delete_alls_of_its_namespaces() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let other = log.create("b");
    let (x, y, z) = (log.open(id, "x"), log.open(id, "y"), log.open(other, "x"));
    assert!(x < y && y < z);
    let (first, _) = log.record(delete_all("k", by_id(id), "x"));
    let (second, _) = log.record(delete_all("l", by_id(id), "y"));
    log.record(delete_all("m", by_id(other), "x"));
    let (drop, fresh) = log.record(drop_of("n", by_id(id)));
    assert!(
        fresh && drop.finished.is_none() && drop.shards.is_empty(),
        "two to wait for, nothing of its own"
    );
    assert_eq!(drop.after, [first.number, second.number]);
    log.finish(second.number, 1);
    assert_eq!(log.get(drop.number).finished, None);
    log.finish(first.number, 1);
    let drop = log.get(drop.number);
    assert!(drop.finished.is_some() && drop.unclosed.is_empty());
}

#[test]
fn a_drop_of_an_empty_collection_is_complete_at_once() {
    let mut log = Log::new(2);
    let id = log.create("a");
    let (drop, fresh) = log.record(drop_of("k", by_id(id)));
    assert!(fresh && drop.finished.is_some() && drop.shards.is_empty() && drop.unclosed.is_empty());
    assert_eq!(log.refused(MetaCommand::Record(drop_of("l", by_id(id)))), MetaRefusal::NoCollection);
    assert_ne!(log.create("a"), id);
}
