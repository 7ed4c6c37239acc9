//! Narrowing never loses a match, and stays fast.

use std::time::Instant;

use lacuna_model::RecordId;
use lacuna_model::filter::{DocumentTest, FieldTest, Look, Order};
use lacuna_model::value::{MetaValue, Scalar};

use super::*;

const KEYS: [&str; 3] = ["a", "b", "c"];

pub(super) fn scalar(random: &mut Random) -> Scalar {
    match random.below(12) {
        0 => Scalar::Bool(true),
        1 => Scalar::Bool(false),
        2 => Scalar::Int(1),
        3 => Scalar::Float(1.0),
        4 => Scalar::Float(1.5),
        5 => Scalar::Int((1 << 53) + 1),
        6 => Scalar::Float(9_007_199_254_740_992.0),
        7 => Scalar::Int(-7),
        8 => Scalar::Str("x".repeat(127 + random.below(3))),
        9 => Scalar::Str(String::new()),
        _ => Scalar::Str("y".to_owned()),
    }
}

pub(super) fn metadata(random: &mut Random) -> Metadata {
    let mut metadata = Metadata::new();
    for key in KEYS {
        let value = match random.below(4) {
            0 => continue,
            1 => MetaValue::List((0..random.below(4)).map(|_| scalar(random)).collect()),
            _ => MetaValue::Scalar(scalar(random)),
        };
        metadata.insert(key.to_owned(), value);
    }
    metadata
}

pub(super) fn filter(random: &mut Random, depth: usize) -> Filter {
    let many = |random: &mut Random| (0..=random.below(3)).map(|_| filter(random, depth - 1)).collect();
    match random.below(if depth == 0 { 7 } else { 10 }) {
        0 => Filter::field(KEYS[random.below(3)], FieldTest::Exists),
        1 => {
            let order = [Order::Greater, Order::GreaterOrEqual, Order::Less, Order::LessOrEqual];
            let than = [Scalar::Int(1), Scalar::Float(1.2), Scalar::Int(1 << 53)][random.below(3)].clone();
            Filter::field(KEYS[random.below(3)], FieldTest::Compare { order: order[random.below(4)], than })
        }
        2 => Filter::Document(DocumentTest::Contains("odd".to_owned())),
        3..6 => {
            let look = [Look::Scalar, Look::Element, Look::ElementOfKind, Look::ScalarOrElement];
            let values = (0..=random.below(3)).map(|_| scalar(random)).collect();
            Filter::field(KEYS[random.below(3)], FieldTest::OneOf { values, look: look[random.below(4)] })
        }
        6 => {
            let ids = (0..random.below(12)).map(|_| format!("r{}", random.below(250)));
            Filter::ids(ids.map(|id| RecordId::new(id).unwrap())).unwrap()
        }
        7 => Filter::And(many(random)),
        8 => Filter::Or(many(random)),
        _ => Filter::Not(Box::new(filter(random, depth - 1))),
    }
}

/// Records by id, and an index of them.
pub(super) struct Contents {
    pub(super) index: ShardIndex,
    pub(super) records: BTreeMap<String, StoredRecord>,
}

impl Contents {
    pub(super) fn new(random: &mut Random, count: usize) -> Self {
        let config = IndexConfig { seal_rows: 50, graph_rows: 100, default_ef: 32 };
        let mut contents = Self { index: ShardIndex::new(config, None), records: BTreeMap::new() };
        for _ in 0..count {
            contents.change(random, count);
        }
        contents
    }

    /// Writes one, new or anew, or removes one.
    pub(super) fn change(&mut self, random: &mut Random, ids: usize) {
        let id = format!("r{}", random.below(ids));
        if random.below(5) == 0 {
            self.index.remove(INC, &id);
            self.records.remove(&id);
            return;
        }
        let mut record = record(Some(vec![random.unit(), random.unit()]), metadata(random));
        record.document = (random.below(2) == 0).then(|| "even or odd".to_owned());
        put(&self.index, schema(2, Metric::L2), &id, &record);
        self.records.insert(id, record);
    }

    pub(super) fn matching(&self, filter: &Filter) -> Vec<String> {
        let judge = filter.compile().unwrap();
        let matches =
            |id: &str, record: &StoredRecord| judge.matches(id, &record.metadata, record.document.as_deref());
        self.records.iter().filter(|(id, record)| matches(id, record)).map(|(id, _)| id.clone()).collect()
    }
}

#[test]
fn narrowing_keeps_every_match_and_most_filters_narrow() {
    let mut random = Random(41);
    let (mut narrowed, mut asked) = (0, 0);
    for _ in 0..rounds(20) {
        let mut contents = Contents::new(&mut random, 200);
        for _ in 0..60 {
            contents.change(&mut random, 200);
            let filter = filter(&mut random, 3);
            let keys = contents.index.matching_keys(INC, &filter, None, &Upto::End);
            let keys: std::collections::BTreeSet<String> = keys.into_iter().map(|key| key.id).collect();
            for id in contents.matching(&filter) {
                assert!(keys.contains(&id), "{id} matches {filter:?}: {:?}", contents.records[&id]);
            }
            asked += 1;
            narrowed += usize::from(contents.index.candidates(INC, &filter) != Candidates::All);
        }
    }
    assert!(narrowed * 3 > asked, "{narrowed} of {asked}");
}

#[test]
fn a_filtered_search_is_exact_and_full_whatever_the_filter() {
    let mut random = Random(43);
    for _ in 0..rounds(12) {
        let contents = Contents::new(&mut random, 400);
        contents.index.settle(LONG);
        for _ in 0..20 {
            let filter = filter(&mut random, 2);
            let query = [random.unit(), random.unit()];
            let matching = contents.matching(&filter);
            let distance = |id: &str| {
                plain(Metric::L2, &query, contents.records[id].vector.as_deref().unwrap_or_default())
            };
            let mut best: Vec<f64> = matching.iter().map(|id| distance(id)).collect();
            best.sort_by(f64::total_cmp);
            best.truncate(7);
            let verify = |id: &str| matching.binary_search_by(|at| at.as_str().cmp(id)).is_ok();
            let request = SearchRequest {
                metric: Metric::L2,
                vector: &query,
                k: 7,
                ef: Some(8),
                precision: Precision::Usual,
                filter: Some(Filtered { filter: &filter, verify: &verify }),
            };
            let hits = contents.index.search(INC, &request).unwrap();
            assert_eq!(hits.len(), best.len(), "{filter:?}");
            for (hit, best) in hits.iter().zip(&best) {
                assert!((distance(&hit.id) - best).abs() < 1e-5, "{filter:?}");
            }
        }
    }
}

#[test]
fn an_equality_without_a_match_takes_microseconds_among_many_rows() {
    let index = ShardIndex::new(IndexConfig::default(), None);
    let schema = schema(1, Metric::L2);
    for i in 0..100_000 {
        let text = MetaValue::Scalar(Scalar::Str(format!("user-{}", i % 50_000)));
        put(&index, schema, &format!("r{i}"), &record(None, [("user".to_owned(), text)].into()));
    }
    let is = |text: &str| {
        let values = vec![Scalar::Str(text.to_owned())];
        Filter::field("user", FieldTest::OneOf { values, look: Look::Scalar })
    };
    assert_eq!(index.matching_keys(INC, &is("user-77"), None, &Upto::End).len(), 2);
    let nobody = is("nobody");
    let fastest = (0..50).map(|_| {
        let began = Instant::now();
        assert!(index.matching_keys(INC, &nobody, None, &Upto::End).is_empty());
        began.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_micros(100), "{fastest:?}");
}

#[test]
fn ids_are_looked_up_whatever_stands_beside_them() {
    let mut random = Random(47);
    let contents = Contents::new(&mut random, 2_000);
    let ids = ["r1", "r7", "nobody"].map(|id| RecordId::new(id).unwrap());
    let beside = Filter::Document(DocumentTest::Contains("odd".to_owned()));
    let both = Filter::all_of(vec![beside, Filter::ids(ids).unwrap()]);
    let Candidates::Rows(rows) = contents.index.candidates(INC, &both) else { panic!() };
    assert!(rows.len() <= 2, "{rows:?}");
}
