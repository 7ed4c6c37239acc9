//! Limits, and input that is hostile on purpose.

use serde::Serialize;
use serde_json::{Value, json};

use crate::filter::check::{MAX_TREE_DEPTH, MAX_TREE_NODES};
use crate::filter::parse::{chroma_where, chroma_where_document, native, pinecone};
use crate::filter::{DocumentTest, FieldTest, Filter, FilterError, Look, Order, Usage};
use crate::limits::{MAX_FILTER_DEPTH, MAX_FILTER_NODES, MAX_FILTER_REGEXES, MAX_IN_VALUES};
use crate::value::{Scalar, metadata_from_json};

fn every_parser(json: &Value) -> [Result<Filter, FilterError>; 4] {
    [native(json, Usage::Delete), native(json, Usage::Read), chroma_where(json), pinecone(json, Usage::Read)]
}

/// A filter nested so deep, the innermost included.
fn nested(depth: usize, operator: &str) -> Value {
    (1..depth).fold(json!({"a": 1}), |inner, _| match operator {
        "$not" => json!({ operator: inner }),
        _ => json!({ operator: [inner, {"b": 1}] }),
    })
}

/// Drops a deep value without recursion, which its own drop would use.
fn dismantle(value: Value) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.into_iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[test]
fn nesting_is_taken_up_to_the_limit_and_refused_beyond() {
    for operator in ["$and", "$or"] {
        for parsed in every_parser(&nested(MAX_FILTER_DEPTH, operator)) {
            assert!(parsed.is_ok(), "{parsed:?}");
        }
        for parsed in every_parser(&nested(MAX_FILTER_DEPTH + 1, operator)) {
            assert_eq!(parsed.expect_err("too deep").found, "nested too deep");
        }
    }
    assert!(native(&nested(MAX_FILTER_DEPTH, "$not"), Usage::Delete).is_ok());
    assert!(native(&nested(MAX_FILTER_DEPTH + 1, "$not"), Usage::Delete).is_err());
}

#[test]
fn the_deepest_tree_a_parser_can_make_still_travels() {
    // Each object makes two levels, the innermost a negation; and a surface joins it with another.
    let deepest = (1..MAX_FILTER_DEPTH)
        .fold(json!({"a": {"$ne": 1}, "b": 1}), |inner, _| json!({"a": 1, "$or": [inner, {"b": 1}]}));
    let filter = native(&deepest, Usage::Delete).expect("at the limit");
    let joined = Filter::all_of(vec![Filter::any_of(vec![filter.clone(), filter.clone()]), filter]);
    assert_eq!(joined.validate(Usage::Delete), Ok(()));
    assert!(joined.compile().is_ok());
    let bytes = postcard::to_allocvec(&joined).expect("encodes");
    assert_eq!(postcard::from_bytes::<Filter>(&bytes), Ok(joined));
}

#[test]
fn a_hundred_thousand_levels_do_not_exhaust_the_stack() {
    for operator in ["$and", "$or", "$not"] {
        let mut deep = json!({"a": 1});
        for _ in 0..100_000 {
            let mut outer = serde_json::Map::new();
            outer.insert(
                operator.to_owned(),
                if operator == "$not" { deep } else { Value::Array(vec![deep]) },
            );
            deep = Value::Object(outer);
        }
        for parsed in every_parser(&deep) {
            assert!(parsed.is_err());
        }
        assert!(chroma_where_document(&deep).is_err());
        dismantle(deep);
    }
    let list = (0..100_000).fold(json!([]), |inner, _| Value::Array(vec![inner]));
    let mut object = serde_json::Map::new();
    object.insert("a".to_owned(), list);
    assert!(metadata_from_json(&object).is_err());
    let list = object.remove("a").expect("put");
    let test = Value::Object(serde_json::Map::from_iter([("$in".to_owned(), list)]));
    let operand = Value::Object(serde_json::Map::from_iter([("a".to_owned(), test)]));
    for parsed in every_parser(&operand) {
        assert!(parsed.is_err());
    }
    dismantle(operand);
}

#[test]
fn the_number_of_nodes_values_and_expressions_is_limited() {
    let tests = |count: usize| json!({"$or": (1..count).map(|n| json!({"a": n})).collect::<Vec<_>>()});
    for parsed in every_parser(&tests(MAX_FILTER_NODES)) {
        assert!(parsed.is_ok());
    }
    for parsed in every_parser(&tests(MAX_FILTER_NODES + 1)) {
        assert_eq!(parsed.expect_err("too many").found, "too many tests and logical operators");
    }

    let list = |count: usize| json!({"a": {"$in": (0..count).collect::<Vec<_>>()}});
    for parsed in every_parser(&list(MAX_IN_VALUES)) {
        assert!(parsed.is_ok());
    }
    for parsed in every_parser(&list(MAX_IN_VALUES + 1)) {
        assert_eq!(parsed.expect_err("too many").path.rsplit('.').next(), Some("$in"));
    }

    let regexes = |count: usize| json!({"$or": vec![json!({"$regex": "a"}); count]});
    let most = chroma_where_document(&regexes(MAX_FILTER_REGEXES)).expect("at the limit");
    assert_eq!(
        Filter::all_of(vec![most.clone(), most]).validate(Usage::Delete),
        Ok(()),
        "two filters joined"
    );
    assert!(chroma_where_document(&regexes(MAX_FILTER_REGEXES + 1)).is_err());
}

/// The flat list's nodes, in the format's order.
#[derive(Clone, Serialize)]
enum Node {
    And(usize),
    Or(usize),
    Not,
    Field(&'static str, FieldTest),
}

#[test]
fn bytes_that_are_no_filter_are_refused_without_recursion() {
    let leaf = Node::Field("a", FieldTest::Exists);
    let deep = |count: usize| std::iter::once(leaf.clone()).chain(vec![Node::Not; count]).collect::<Vec<_>>();
    let decode =
        |nodes: &[Node]| postcard::from_bytes::<Filter>(&postcard::to_allocvec(nodes).expect("encodes"));
    assert!(decode(&deep(MAX_TREE_DEPTH - 1)).is_ok());
    assert!(decode(&deep(MAX_TREE_DEPTH)).is_err());
    assert!(decode(&deep(100_000)).is_err());
    assert!(decode(&vec![leaf.clone(); MAX_TREE_NODES + 1]).is_err());
    for torn in [
        vec![],
        vec![Node::Not],
        vec![leaf.clone(), leaf.clone()],
        vec![leaf.clone(), Node::And(2)],
        vec![Node::Or(usize::MAX)],
    ] {
        assert!(decode(&torn).is_err());
    }
}

#[test]
fn a_filter_from_elsewhere_is_checked_like_a_parsed_one() {
    let field = |test| Filter::field("a", test);
    let one = |value| field(FieldTest::OneOf { values: vec![value], look: Look::Scalar });
    let compare = |than| field(FieldTest::Compare { order: Order::Less, than });
    let good = one(Scalar::Int(1));
    let wrong = [
        Filter::Or(vec![]),
        Filter::And(vec![good.clone(), Filter::And(vec![])]),
        Filter::And(vec![]).negated(),
        one(Scalar::Float(f64::NAN)),
        one(Scalar::Float(f64::INFINITY)),
        compare(Scalar::Float(f64::NAN)),
        compare(Scalar::Str("x".to_owned())),
        compare(Scalar::Bool(true)),
        field(FieldTest::OneOf { values: vec![Scalar::Int(1); MAX_IN_VALUES + 1], look: Look::Element }),
        Filter::Document(DocumentTest::Contains(String::new())),
        Filter::Document(DocumentTest::Regex(String::new())),
        Filter::Document(DocumentTest::Regex("(".to_owned())),
        Filter::Or(vec![Filter::Document(DocumentTest::Regex("a".to_owned())); 2 * MAX_FILTER_REGEXES + 1]),
        Filter::Or(vec![good.clone(); MAX_TREE_NODES]),
        (0..MAX_TREE_DEPTH).fold(good.clone(), |inner, _| inner.negated()),
    ];
    for filter in wrong {
        assert!(filter.validate(Usage::Read).is_err(), "{filter:?}");
    }
    let nothing = field(FieldTest::OneOf { values: vec![], look: Look::ScalarOrElement });
    assert_eq!(nothing.validate(Usage::Read), Ok(()));
    assert!(nothing.validate(Usage::Delete).is_err());
    assert!((0..MAX_TREE_DEPTH).fold(good, |inner, _| inner.negated()).compile().is_err());
}
