//! Insertion order against a sorted list; and what it costs.

use std::collections::BTreeSet;

use lacuna_model::filter::{DocumentTest, FieldTest};
use lacuna_model::value::{MetaValue, Scalar};

use super::*;

fn aged(micros: u64, position: u32, n: i64) -> StoredRecord {
    let metadata = Metadata::from([("n".to_owned(), MetaValue::Scalar(Scalar::Int(n)))]);
    StoredRecord { ordinal: Ordinal { micros, position }, ..record(None, metadata) }
}

#[test]
fn every_record_is_met_once_in_order_whatever_is_written_and_removed() {
    let mut random = Random(61);
    for spread in [1, 40, 100_000] {
        let index = ShardIndex::new(IndexConfig::default(), None);
        let mut live: BTreeMap<String, Ordinal> = BTreeMap::new();
        for round in 0..rounds(6_000) {
            let id = format!("r{}", random.below(2_500));
            if random.below(3) == 0 {
                index.remove(INC, &id);
                live.remove(&id);
                continue;
            }
            // Growing, with stragglers; sometimes a record that lives comes with another ordinal.
            let micros = (round as u64 * spread) / 40 + random.below(spread as usize) as u64;
            let new = aged(micros, random.below(3) as u32, 1);
            put(&index, schema(1, Metric::L2), &id, &new);
            live.insert(id, new.ordinal);
        }
        let sorted: BTreeSet<(Ordinal, String)> = live.iter().map(|(id, age)| (*age, id.clone())).collect();
        let sorted: Vec<_> = sorted.into_iter().collect();
        assert_eq!(index.ordinals(INC, usize::MAX), sorted.iter().map(|(age, _)| *age).collect::<Vec<_>>());
        for page in [1, 7, 1_000] {
            let mut met: Vec<(Ordinal, String)> = Vec::new();
            loop {
                let after = met.last().map(|(ordinal, id)| (*ordinal, id.as_str()));
                let next = index.oldest(INC, None, after, page);
                let last = next.len() < page;
                met.extend(next.into_iter().map(|(ordinal, id)| (ordinal, id.to_string())));
                if last || (page == 1 && met.len() >= 50) {
                    break;
                }
            }
            assert_eq!(met, sorted[..met.len()]);
            assert!(page == 1 || met.len() == sorted.len());
        }
    }
}

#[test]
fn a_filter_keeps_the_order_however_many_rows_it_leaves() {
    let index = ShardIndex::new(IndexConfig::default(), None);
    for n in 0..3_000_u64 {
        put(&index, schema(1, Metric::L2), &format!("r{n}"), &aged(3_000 - n, 0, (n % 100 == 0).into()));
    }
    let few = Filter::field(
        "n",
        FieldTest::Compare { order: lacuna_model::filter::Order::Greater, than: Scalar::Int(0) },
    );
    let found = index.oldest(INC, Some(&few), None, 100);
    let ids: Vec<String> = found.into_iter().map(|(_, id)| id.to_string()).collect();
    assert_eq!(ids, (0..30).rev().map(|n| format!("r{}", n * 100)).collect::<Vec<_>>());
    let many = Filter::field("n", FieldTest::Exists);
    let unknown = Filter::Document(DocumentTest::Contains("x".to_owned()));
    for filter in [&many, &unknown] {
        let found = index.oldest(INC, Some(filter), Some((Ordinal { micros: 10, position: 0 }, "r2990")), 3);
        let ids: Vec<&str> = found.iter().map(|(_, id)| id.as_ref()).collect();
        assert_eq!(ids, ["r2989", "r2988", "r2987"]);
    }
}

#[test]
fn a_small_page_of_many_rows_takes_microseconds() {
    let index = ShardIndex::new(IndexConfig::default(), None);
    for n in 0..100_000_u64 {
        put(&index, schema(1, Metric::L2), &format!("r{n}"), &aged(n, 0, 1));
    }
    let fastest = (0..50).map(|_| {
        let began = std::time::Instant::now();
        assert_eq!(
            index.oldest(INC, None, Some((Ordinal { micros: 90_000, position: 0 }, "")), 10).len(),
            10
        );
        began.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_micros(500), "{fastest:?}");
}
