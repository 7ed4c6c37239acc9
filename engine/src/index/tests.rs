//! What the index promises, against plain recomputation.

use lacuna_model::filter::{FieldTest, Look};
use lacuna_model::record::{Kind, Ordinal, Written};
use lacuna_model::slot_of;
use lacuna_model::value::{MetaValue, Metadata, Scalar};

use super::*;

const INC: Incarnation = Incarnation(7);

fn schema(dimension: u32, metric: Metric) -> Schema {
    Schema { dimension: Some(dimension), metric, kind: Kind::Vector }
}

fn record(vector: Option<Vec<f32>>, metadata: Metadata) -> StoredRecord {
    StoredRecord {
        written: Written::default(),
        ordinal: Ordinal::default(),
        vector,
        document: None,
        metadata,
        holds: 0,
        expires: None,
        owners: Vec::new(),
    }
}

fn put(index: &ShardIndex, schema: Schema, id: &str, record: &StoredRecord) {
    index.upsert(INC, schema, KeyedRecord { slot: slot_of(INC, id), id, record });
}

fn color(text: &str) -> Metadata {
    [("color".to_owned(), MetaValue::Scalar(Scalar::Str(text.to_owned())))].into()
}

fn is_color(text: &str) -> Filter {
    let values = vec![Scalar::Str(text.to_owned())];
    Filter::field("color", FieldTest::OneOf { values, look: Look::Scalar })
}

#[test]
fn a_record_is_found_by_id_filter_and_vector_until_it_is_removed() {
    let index = ShardIndex::new(IndexConfig::default(), None);
    let schema = schema(2, Metric::L2);
    for i in 0..10u8 {
        let color = color(if i % 2 == 0 { "red" } else { "blue" });
        put(&index, schema, &format!("r{i}"), &record(Some(vec![f32::from(i), 0.0]), color));
    }
    let verify = |_: &str| true;
    let filter = is_color("red");
    let request = SearchRequest {
        metric: Metric::L2,
        vector: &[3.1, 0.0],
        k: 2,
        ef: None,
        precision: Precision::Usual,
        filter: Some(Filtered { filter: &filter, verify: &verify }),
    };
    let ids = |hits: Vec<SearchHit>| hits.into_iter().map(|hit| hit.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(index.search(INC, &request).unwrap()), ["r4", "r2"]);
    index.remove(INC, "r4");
    assert_eq!(ids(index.search(INC, &request).unwrap()), ["r2", "r6"]);
    assert_eq!(index.matching_keys(INC, &filter, None, &Upto::End).len(), 4);
    assert_eq!(index.ids(INC, "r", Some("r3"), 2), ["r5".into(), "r6".into()]);
    assert!(index.contains(INC, "r5") && !index.contains(INC, "r4"));
    index.drop_incarnation(INC);
    assert_eq!(index.len(INC), 0);
}
