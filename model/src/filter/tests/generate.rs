//! Records and filters of each dialect, small enough that they often meet.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::naive::Record;

const TWO_53: i64 = 1 << 53;

fn number() -> BoxedStrategy<Value> {
    let edges = vec![
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(2.5),
        json!(-0.0),
        json!(-1),
        json!(-1.5),
        json!(TWO_53),
        json!(TWO_53 + 1),
        json!(TWO_53 - 1),
        json!(TWO_53 as f64),
        json!(-TWO_53 - 1),
        json!(-(TWO_53 as f64)),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(i64::MAX as f64),
        json!(i64::MIN as f64),
        json!(1e300),
        json!(-1e300),
    ];
    prop_oneof![4 => select(vec![json!(1), json!(1.0), json!(2), json!(1.5)]), 3 => select(edges)].boxed()
}

fn text() -> BoxedStrategy<Value> {
    select(vec![json!(""), json!("1"), json!("a"), json!("true"), json!("ä")]).boxed()
}

fn truth() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::Bool).boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![3 => number(), 2 => text(), 1 => truth()].boxed()
}

fn integers() -> BoxedStrategy<Value> {
    select(vec![json!(0), json!(1), json!(2), json!(TWO_53 + 1)]).boxed()
}

fn many(of: BoxedStrategy<Value>, size: std::ops::Range<usize>) -> BoxedStrategy<Value> {
    proptest::collection::vec(of, size).prop_map(Value::Array).boxed()
}

/// Lists of one kind, as metadata and as Chroma's `$in`.
fn one_kind(size: std::ops::Range<usize>) -> BoxedStrategy<Value> {
    prop_oneof![many(integers(), size.clone()), many(text(), size.clone()), many(truth(), size)].boxed()
}

pub(super) fn record() -> BoxedStrategy<Record> {
    let value = prop_oneof![2 => scalar(), 1 => one_kind(0..4), 1 => many(number(), 0..4)];
    let metadata = proptest::collection::btree_map(field(), value, 0..5);
    let document = proptest::option::of(select(vec!["", "a", "cat and dog", "CAT", "line\nbreak"]));
    (metadata, document)
        .prop_map(|(metadata, document)| Record {
            metadata: metadata.into_iter().collect(),
            document: document.map(str::to_owned),
        })
        .boxed()
}

fn field() -> BoxedStrategy<String> {
    select(vec!["a", "a", "b"]).prop_map(str::to_owned).boxed()
}

fn operator(names: &'static [&'static str], operand: BoxedStrategy<Value>) -> BoxedStrategy<(String, Value)> {
    (select(names), operand).prop_map(|(name, operand)| (name.to_owned(), operand)).boxed()
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

fn document_operator() -> BoxedStrategy<(String, Value)> {
    prop_oneof![
        operator(
            &["$contains", "$not_contains"],
            select(vec![json!("a"), json!("cat"), json!("C"), json!("\n")]).boxed()
        ),
        operator(
            &["$regex", "$not_regex"],
            select(vec![json!(".*"), json!("(?i)cat"), json!("^a$"), json!("k$")]).boxed()
        ),
    ]
    .boxed()
}

const ORDERS: &[&str] = &["$gt", "$gte", "$lt", "$lte"];

/// A clause `(key, value)` of the native dialect.
fn native_leaf() -> BoxedStrategy<(String, Value)> {
    let test = prop_oneof![
        2 => operator(&["$eq", "$ne"], scalar()),
        2 => operator(&["$contains", "$not_contains"], scalar()),
        3 => operator(ORDERS, number()),
        2 => operator(&["$in", "$nin"], many(scalar(), 1..4)),
        2 => operator(&["$exists"], truth()),
    ];
    prop_oneof![
        1 => (field(), scalar()),
        4 => (field(), proptest::collection::vec(test, 1..3).prop_map(object)),
        1 => proptest::collection::vec(document_operator(), 1..3).prop_map(|tests| ("$document".to_owned(), object(tests))),
    ]
    .boxed()
}

pub(super) fn native() -> BoxedStrategy<Value> {
    let leaf = proptest::collection::vec(native_leaf(), 1..3).prop_map(object).boxed();
    let nested = leaf.clone().prop_recursive(4, 24, 3, |inner| {
        let parts = many(inner.clone().boxed(), 1..4);
        let logic = prop_oneof![operator(&["$and", "$or"], parts), operator(&["$not"], inner.boxed())];
        (logic, proptest::option::of(native_leaf()))
            .prop_map(|(logic, leaf)| object(std::iter::once(logic).chain(leaf)))
    });
    prop_oneof![leaf, nested].boxed()
}

pub(super) fn pinecone() -> BoxedStrategy<Value> {
    let test = prop_oneof![
        2 => operator(&["$eq", "$ne"], scalar()),
        3 => operator(ORDERS, number()),
        2 => operator(&["$in", "$nin"], many(scalar(), 0..4)),
        2 => operator(&["$exists"], truth()),
    ];
    let clause = prop_oneof![
        1 => (field(), scalar()),
        4 => (field(), proptest::collection::vec(test, 1..3).prop_map(object)),
    ]
    .boxed();
    let leaf = proptest::collection::vec(clause.clone(), 1..3).prop_map(object).boxed();
    let nested = leaf.clone().prop_recursive(4, 24, 3, move |inner| {
        let logic = operator(&["$and", "$or"], many(inner.boxed(), 1..4));
        (logic, proptest::option::of(clause.clone()))
            .prop_map(|(logic, leaf)| object(std::iter::once(logic).chain(leaf)))
    });
    prop_oneof![leaf, nested].boxed()
}

pub(super) fn chroma_where() -> BoxedStrategy<Value> {
    let test = prop_oneof![
        2 => operator(&["$eq", "$ne"], scalar()),
        2 => operator(&["$contains", "$not_contains"], scalar()),
        3 => operator(ORDERS, number()),
        2 => operator(&["$in", "$nin"], one_kind(1..4)),
        // The first a float, so integers are taken too.
        2 => operator(
            &["$in", "$nin"],
            many(number(), 0..3)
                .prop_map(|mut list| {
                    list.as_array_mut().expect("a list").insert(0, json!(1.5));
                    list
                })
                .boxed()
        ),
    ];
    let leaf = prop_oneof![
        1 => (field(), scalar()).prop_map(|clause| object([clause])),
        4 => (field(), test).prop_map(|(key, test)| object([(key, object([test]))])),
        1 => document_operator().prop_map(|test| object([("#document".to_owned(), object([test]))])),
    ]
    .boxed();
    let nested = leaf.clone().prop_recursive(4, 24, 3, |inner| {
        operator(&["$and", "$or"], many(inner.boxed(), 1..4)).prop_map(|logic| object([logic]))
    });
    prop_oneof![leaf, nested].boxed()
}

pub(super) fn chroma_document() -> BoxedStrategy<Value> {
    document_operator()
        .prop_map(|test| object([test]))
        .prop_recursive(3, 12, 3, |inner| {
            operator(&["$and", "$or"], many(inner.boxed(), 1..4)).prop_map(|logic| object([logic]))
        })
        .boxed()
}
