//! Sweeps in the store's order, and listing in the order of ids.

use super::filters::{Contents, filter};
use super::*;

/// Records by key, as the store orders them.
fn in_store_order(contents: &Contents, ids: &[String]) -> Vec<RecordKey> {
    let mut keys: Vec<RecordKey> =
        ids.iter().map(|id| RecordKey { slot: slot_of(INC, id), id: id.clone() }).collect();
    keys.sort();
    assert!(keys.len() <= contents.records.len());
    keys
}

#[test]
fn ranges_by_budget_cover_every_candidate_once_and_in_order() {
    let mut random = Random(51);
    for _ in 0..rounds(10) {
        let contents = Contents::new(&mut random, 300);
        for budget in [1, 2, 7, 50, 1_000] {
            let filter = filter(&mut random, 2);
            let whole = contents.index.matching_keys(INC, &filter, None, &Upto::End);
            assert!(whole.is_sorted());
            let (mut swept, mut after) = (Vec::new(), None);
            loop {
                let upto = contents.index.plan_range(INC, &filter, after.as_ref(), budget);
                let range = contents.index.matching_keys(INC, &filter, after.as_ref(), &upto);
                assert!(range.len() <= budget, "{} keys, budget {budget}", range.len());
                swept.extend(range);
                match upto {
                    Upto::Key(key) => after = Some(key),
                    Upto::End => break,
                }
            }
            assert_eq!(swept, whole);
            let matching = in_store_order(&contents, &contents.matching(&filter));
            assert!(matching.iter().all(|key| whole.binary_search(key).is_ok()));
        }
    }
}

#[test]
fn a_range_between_any_two_keys_holds_what_lies_between() {
    let mut random = Random(53);
    let contents = Contents::new(&mut random, 300);
    let everything = Filter::And(Vec::new());
    let ids: Vec<String> = contents.records.keys().cloned().collect();
    let all = in_store_order(&contents, &ids);
    for _ in 0..rounds(300) {
        let any = |random: &mut Random| RecordKey {
            slot: Slot(random.below(4_096) as u16),
            id: format!("r{}", random.below(300)),
        };
        let mut key =
            || if random.below(2) == 0 { any(&mut random) } else { all[random.below(all.len())].clone() };
        let (after, end) = (key(), key());
        let want: Vec<RecordKey> = all.iter().filter(|key| **key > after && **key <= end).cloned().collect();
        let got = contents.index.matching_keys(INC, &everything, Some(&after), &Upto::Key(end));
        assert_eq!(got, want);
    }
}

#[test]
fn ids_are_listed_in_byte_order_behind_a_cursor() {
    let index = ShardIndex::new(IndexConfig::default(), None);
    let schema = schema(1, Metric::L2);
    for id in ["b", "a/2", "a/10", "a", "ü", "a/", "c", "Z"] {
        put(&index, schema, id, &record(None, Metadata::new()));
    }
    let list = |prefix: &str, after: Option<&str>, limit: usize| -> Vec<String> {
        index.ids(INC, prefix, after, limit).iter().map(ToString::to_string).collect()
    };
    assert_eq!(list("", None, 100), ["Z", "a", "a/", "a/10", "a/2", "b", "c", "ü"]);
    assert_eq!(list("a/", None, 2), ["a/", "a/10"]);
    assert_eq!(list("a/", Some("a/10"), 2), ["a/2"]);
    assert_eq!(list("a/", Some("Z"), 1), ["a/"]);
    assert!(list("a/", Some("b"), 9).is_empty() && list("x", None, 9).is_empty());
    assert!(index.contains(INC, "ü") && !index.contains(INC, "u"));
    index.remove(INC, "a/");
    index.remove(INC, "never there");
    assert_eq!(list("a", None, 100), ["a", "a/10", "a/2"]);
    index.drop_incarnation(INC);
    assert!(list("", None, 100).is_empty() && index.is_empty(INC));
}
