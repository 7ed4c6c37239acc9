//! Edges that a random test may miss, each dialect in its own words.

use serde_json::{Value, json};

use crate::filter::parse::{chroma_where, chroma_where_document, native, pinecone};
use crate::filter::{FieldTest, Filter, FilterError, Usage};
use crate::value::{chroma_metadata_from_json, metadata_from_json};

fn delete(
    parse: fn(&Value, Usage) -> Result<Filter, FilterError>,
) -> impl Fn(&Value) -> Result<Filter, FilterError> {
    move |json| parse(json, Usage::Delete)
}

fn matches(filter: Result<Filter, FilterError>, metadata: &Value, document: Option<&str>) -> bool {
    let metadata = metadata_from_json(metadata.as_object().unwrap()).expect("valid");
    filter.expect("valid").compile().expect("compiles").matches("x", &metadata, document)
}

#[test]
fn numbers_compare_by_exact_value_beyond_2_to_the_53_in_every_dialect() {
    let big: i64 = (1 << 53) + 1;
    let cases = [
        (json!({"n": 1}), json!({"n": 1.0}), true),
        (json!({"n": 1.5}), json!({"n": 1}), false),
        (json!({"n": {"$gte": 2.5}}), json!({"n": 2}), false),
        (json!({"n": {"$lt": 2.5}}), json!({"n": 2}), true),
        (json!({"n": {"$ne": 2.9}}), json!({"n": 2}), true),
        (json!({"n": {"$in": [2.9]}}), json!({"n": 2}), false),
        (json!({"n": big}), json!({"n": big}), true),
        (json!({"n": big}), json!({"n": big - 1}), false),
        (json!({"n": big}), json!({"n": (1_i64 << 53) as f64}), false),
        (json!({"n": {"$gt": (1_i64 << 53) as f64}}), json!({"n": big}), true),
        (json!({"n": {"$lte": big}}), json!({"n": big + 1}), false),
        (json!({"n": {"$in": [big, 7]}}), json!({"n": big - 1}), false),
        (json!({"n": {"$lt": i64::MAX as f64}}), json!({"n": i64::MAX}), true),
        (json!({"n": {"$eq": i64::MIN as f64}}), json!({"n": i64::MIN}), true),
        (json!({"n": {"$eq": 1_u64 << 63}}), json!({"n": i64::MAX}), false),
        (json!({"n": {"$eq": 1_u64 << 63}}), json!({"n": 9_223_372_036_854_775_808_f64}), true),
        (json!({"n": 0}), json!({"n": -0.0}), true),
        (json!({"n": {"$gt": 1e300}}), json!({"n": i64::MAX}), false),
    ];
    for (filter, metadata, expected) in &cases {
        for parsed in [native(filter, Usage::Delete), chroma_where(filter), pinecone(filter, Usage::Delete)] {
            assert_eq!(matches(parsed, metadata, None), *expected, "{filter} on {metadata}");
        }
    }
}

#[test]
fn kinds_never_equal_each_other() {
    for (filter, metadata) in [
        (json!({"n": 1}), json!({"n": "1"})),
        (json!({"n": "1"}), json!({"n": 1})),
        (json!({"n": true}), json!({"n": 1})),
        (json!({"n": 1}), json!({"n": true})),
        (json!({"n": "true"}), json!({"n": true})),
        (json!({"n": {"$gte": 0}}), json!({"n": true})),
        (json!({"n": {"$lte": 9}}), json!({"n": "1"})),
        (json!({"n": {"$lte": 9}}), json!({"n": [1]})),
    ] {
        for parsed in
            [native(&filter, Usage::Delete), chroma_where(&filter), pinecone(&filter, Usage::Delete)]
        {
            assert!(!matches(parsed, &metadata, None), "{filter} on {metadata}");
        }
    }
}

#[test]
fn a_list_equals_nothing_but_in_pinecones_dialect() {
    let (tags, equal, other) =
        (json!({"tags": ["a", "b"]}), json!({"tags": "a"}), json!({"tags": {"$ne": "a"}}));
    for parse in [&delete(native) as &dyn Fn(&Value) -> _, &chroma_where] {
        assert!(!matches(parse(&equal), &tags, None));
        assert!(matches(parse(&other), &tags, None));
        assert!(matches(parse(&json!({"tags": {"$contains": "a"}})), &tags, None));
        assert!(
            !matches(parse(&json!({"tags": {"$contains": "a"}})), &json!({"tags": "a"}), None),
            "a scalar holds nothing"
        );
    }
    let parse = delete(pinecone);
    assert!(matches(parse(&equal), &tags, None));
    assert!(!matches(parse(&other), &tags, None));
    assert!(matches(parse(&json!({"$and": [{"tags": "a"}, {"tags": "b"}]})), &tags, None));
}

#[test]
fn integers_and_floats_are_apart_only_in_chromas_contains() {
    let filter = |value: Value| json!({"l": {"$contains": value}});
    let judge = |json: &Value, list: Value| {
        let metadata = chroma_metadata_from_json(json!({"l": list}).as_object().unwrap()).expect("valid");
        chroma_where(json).expect("valid").compile().expect("compiles").matches("x", &metadata, None)
    };
    assert!(judge(&filter(json!(1)), json!([1, 2])));
    assert!(!judge(&filter(json!(1)), json!([1.0, 1.5])));
    assert!(judge(&filter(json!(1.0)), json!([1.0, 1.5])));
    assert!(!judge(&filter(json!(1.0)), json!([1, 2])));
    assert!(judge(&filter(json!(1.0)), json!([1, 2.5])), "stored as floats");
    assert!(matches(native(&filter(json!(1)), Usage::Delete), &json!({"l": [1.0]}), None));
}

#[test]
fn a_missing_key_or_document_matches_only_the_negative_operators() {
    for (filter, expected) in [
        (json!({"x": {"$eq": 1}}), false),
        (json!({"x": {"$ne": 1}}), true),
        (json!({"x": {"$in": [1]}}), false),
        (json!({"x": {"$nin": [1]}}), true),
        (json!({"x": {"$gt": 1}}), false),
        (json!({"x": {"$contains": 1}}), false),
        (json!({"x": {"$not_contains": 1}}), true),
        (json!({"x": {"$exists": true}}), false),
        (json!({"x": {"$exists": false}}), true),
        (json!({"$document": {"$contains": "a"}}), false),
        (json!({"$document": {"$not_contains": "a"}}), true),
        (json!({"$document": {"$regex": ".*"}}), false),
        (json!({"$document": {"$not_regex": ".*"}}), true),
        (json!({"$document": {"$not_regex": "a", "$contains": "b"}}), false),
    ] {
        assert_eq!(matches(native(&filter, Usage::Delete), &json!({}), None), expected, "{filter}");
    }
}

#[test]
fn chromas_where_reaches_the_document_and_where_document_nests() {
    let by_field = chroma_where(&json!({"#document": {"$regex": "(?i)CAT"}}));
    assert!(matches(by_field, &json!({}), Some("a cat")));
    let nested =
        json!({"$or": [{"$contains": "dog"}, {"$and": [{"$contains": "cat"}, {"$not_contains": "Cat"}]}]});
    assert!(matches(chroma_where_document(&nested), &json!({}), Some("a cat")));
    assert!(!matches(chroma_where_document(&nested), &json!({}), Some("a cat, a Cat")));
}

#[test]
fn a_long_list_of_values_finds_each_and_no_other() {
    let values: Vec<Value> =
        (0..10_000).map(|n| if n % 2 == 0 { json!(n) } else { json!(n.to_string()) }).collect();
    let filter = native(&json!({"n": {"$in": values}}), Usage::Delete)
        .expect("at the limit")
        .compile()
        .expect("compiles");
    let judge = |value: Value| {
        filter.matches(
            "x",
            &metadata_from_json(json!({"n": value}).as_object().unwrap()).expect("valid"),
            None,
        )
    };
    assert!(judge(json!(4_000)) && judge(json!(4_000.0)) && judge(json!("4001")));
    assert!(!judge(json!(4_001)) && !judge(json!("4000")) && !judge(json!(10_000)) && !judge(json!(true)));
}

#[test]
fn what_native_cannot_say_is_shown_under_a_name_of_its_own() {
    let shown = |filter: Result<Filter, FilterError>| filter.expect("valid").to_json();
    assert_eq!(
        shown(chroma_where(&json!({"l": {"$not_contains": 1}}))),
        json!({"$not": {"l": {"$contains_same_kind": [1]}}})
    );
    assert_eq!(
        shown(pinecone(&json!({"a": {"$in": [1, 2.0]}}), Usage::Delete)),
        json!({"a": {"$eq_or_contains": [1, 2.0]}})
    );
    assert_eq!(
        shown(pinecone(&json!({"a": {"$exists": false}}), Usage::Delete)),
        json!({"a": {"$exists": false}})
    );
    assert_eq!(
        shown(chroma_where_document(&json!({"$not_contains": "x"}))),
        json!({"$document": {"$not_contains": "x"}})
    );
}

#[test]
fn whether_the_document_is_read_is_known() {
    assert!(
        native(&json!({"a": 1, "$not": {"$document": {"$contains": "x"}}}), Usage::Read)
            .expect("valid")
            .reads_document()
    );
    assert!(!native(&json!({"$or": [{"a": 1}, {"b": 2}]}), Usage::Read).expect("valid").reads_document());
}

#[test]
fn an_id_set_holds_its_ids_alone_and_joins_with_other_tests() {
    let id = |text: &str| crate::RecordId::new(text).unwrap();
    let ids = Filter::ids(["b", "a", "b", "c"].map(id)).unwrap();
    let Filter::Ids(set) = &ids else { panic!("{ids:?}") };
    assert_eq!(set.as_slice(), ["a", "b", "c"].map(id), "ascending, each once");
    let none = crate::value::Metadata::new();
    let verdict = |filter: &Filter, id: &str| filter.compile().unwrap().matches(id, &none, None);
    assert!(verdict(&ids, "b") && !verdict(&ids, "bb") && !verdict(&ids, ""));
    assert!(!verdict(&ids.clone().negated(), "b") && verdict(&ids.clone().negated(), "x"));
    let missing = Filter::field("n", FieldTest::Exists);
    let both = Filter::all_of(vec![ids.clone(), missing.clone().negated()]);
    assert!(verdict(&both, "a") && !verdict(&both, "x"));
    assert!(!verdict(&Filter::all_of(vec![ids.clone(), missing.clone()]), "a"));
    assert!(verdict(&Filter::any_of(vec![ids.clone(), missing]), "a"));
    assert!(!verdict(&Filter::ids([]).unwrap(), "a"));
    let bytes = postcard::to_allocvec(&both).unwrap();
    assert_eq!(postcard::from_bytes::<Filter>(&bytes).unwrap(), both);
    assert_eq!(ids.to_json(), serde_json::json!({"$ids": ["a", "b", "c"]}));
    assert!(crate::filter::parse::native(&ids.to_json(), Usage::Read).is_err(), "no dialect writes it");
    assert!(chroma_where(&ids.to_json()).is_err());
    assert!(crate::filter::parse::pinecone(&ids.to_json(), Usage::Read).is_err());
}

#[test]
fn an_id_set_keeps_to_its_limits() {
    let id = |number: usize| crate::RecordId::new(format!("{number:0>400}")).unwrap();
    assert!(Filter::ids((0..10_001).map(|n| crate::RecordId::new(n.to_string()).unwrap())).is_err());
    let bytes = crate::limits::MAX_FILTER_ID_BYTES;
    assert!(Filter::ids((0..bytes / 400).map(id)).is_ok());
    assert!(Filter::ids((0..=bytes / 400).map(id)).is_err());
    assert!(Filter::ids([]).unwrap().validate(Usage::Delete).is_err(), "a delete of no ids");
    assert_eq!(Filter::ids([]).unwrap().validate(Usage::Read), Ok(()));
}
