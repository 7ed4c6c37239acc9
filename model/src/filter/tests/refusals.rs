//! Every refusal, with its place and its reason.

use serde_json::{Value, json};

use crate::filter::parse::{chroma_where, chroma_where_document, native, pinecone};
use crate::filter::{Filter, FilterError, Usage};

/// JSON, the place named, a part of the reason.
type Case = (Value, &'static str, &'static str);

fn refuses(parse: impl Fn(&Value) -> Result<Filter, FilterError>, cases: Vec<Case>) {
    for (json, path, reason) in cases {
        let error = parse(&json).expect_err(&format!("{json} must be refused"));
        assert_eq!(error.path, path, "{json}: {error}");
        assert!(error.found.contains(reason), "{json}: {error}");
        assert!(!error.expected.is_empty(), "{json}: {error}");
    }
}

/// Refused in all dialects that have no rule of exactly one key.
fn common() -> Vec<Case> {
    vec![
        (json!(null), "filter", "null"),
        (json!([]), "filter", "a list"),
        (json!("a"), "filter", "a string"),
        (json!({"$and": []}), "filter.$and", "an empty list"),
        (json!({"$or": []}), "filter.$or", "an empty list"),
        (json!({"$and": {}}), "filter.$and", "an object"),
        (json!({"$or": null}), "filter.$or", "null"),
        (json!({"$and": [{"a": 1}, {}]}), "filter.$and[1]", "an empty object"),
        (json!({"$or": [1]}), "filter.$or[0]", "a number"),
        (json!({"$and": [{"a": 1}, {"price": {"$gt": "5"}}]}), "filter.$and[1].price.$gt", "a string"),
        (json!({"a": null}), "filter.a", "null"),
        (json!({"a": [1]}), "filter.a", "a list"),
        (json!({"a": {}}), "filter.a", "an empty object"),
        (json!({"a": {"$eq": null}}), "filter.a.$eq", "null"),
        (json!({"a": {"$ne": [1]}}), "filter.a.$ne", "a list"),
        (json!({"a": {"$eq": {"b": 1}}}), "filter.a.$eq", "an object"),
        (json!({"a": {"$lte": true}}), "filter.a.$lte", "a bool"),
        (json!({"a": {"$lt": null}}), "filter.a.$lt", "null"),
        (json!({"a": {"$in": 1}}), "filter.a.$in", "a number"),
        (json!({"a": {"$in": [1, null]}}), "filter.a.$in[1]", "null"),
        (json!({"a": {"$nin": [[1]]}}), "filter.a.$nin[0]", "a list"),
        (json!({"a": {"$exists": 1}}), "filter.a.$exists", "a number"),
        (json!({"a": {"$exists": null}}), "filter.a.$exists", "null"),
        (json!({"a": {"$near": 1}}), "filter.a", "unknown operator $near"),
        (json!({"a": {"b": 1}}), "filter.a", "unknown operator b"),
        (json!({"a": {"$and": [{"$gt": 1}]}}), "filter.a", "unknown operator $and"),
        (json!({"a": {"$regex": "x"}}), "filter.a", "unknown operator $regex"),
        (json!({"$gt": 1}), "filter", "unknown operator $gt"),
        (json!({"$nor": [{"a": 1}]}), "filter", "unknown operator $nor"),
        // The whole filter is refused for its last bad part.
        (json!({"a": 1, "b": {"$gte": 1, "$lt": []}}), "filter.b.$lt", "a list"),
    ]
}

#[test]
fn native_filters_are_refused_by_place_and_reason() {
    let mut cases = common();
    cases.extend([
        (json!({"$not": {}}), "filter.$not", "an empty object"),
        (json!({"$not": [{"a": 1}]}), "filter.$not", "a list"),
        (json!({"$not": null}), "filter.$not", "null"),
        (json!({"a": {"$not": {"$gt": 1}}}), "filter.a", "unknown operator $not"),
        (json!({"a": {"$in": []}}), "filter.a.$in", "an empty list"),
        (json!({"a": {"$nin": []}}), "filter.a.$nin", "an empty list"),
        (json!({"a": {"$contains": ["x"]}}), "filter.a.$contains", "a list"),
        (json!({"a": {"$not_contains": null}}), "filter.a.$not_contains", "null"),
        (json!({"$document": "x"}), "filter.$document", "a string"),
        (json!({"$document": {}}), "filter.$document", "an empty object"),
        (json!({"$document": {"$eq": "x"}}), "filter.$document", "unknown operator $eq"),
        (json!({"$document": {"$contains": ""}}), "filter.$document.$contains", "an empty pattern"),
        (json!({"$document": {"$not_contains": ""}}), "filter.$document.$not_contains", "an empty pattern"),
        (json!({"$document": {"$regex": ""}}), "filter.$document.$regex", "an empty pattern"),
        (json!({"$document": {"$not_regex": ""}}), "filter.$document.$not_regex", "an empty pattern"),
        (json!({"$document": {"$contains": 1}}), "filter.$document.$contains", "a number"),
        (json!({"$document": {"$regex": "(a"}}), "filter.$document.$regex", "unclosed group"),
        (json!({"$document": {"$regex": r"(\w{99}){99}"}}), "filter.$document.$regex", "size limit"),
        (json!({"a": u64::MAX}), "filter.a", "an integer beyond 64 bits"),
        (json!({"a": {"$gt": (1_u64 << 63) + 1}}), "filter.a.$gt", "an integer beyond 64 bits"),
        (json!({"a": {"$in": [1, u64::MAX]}}), "filter.a.$in[1]", "an integer beyond 64 bits"),
    ]);
    refuses(|json| native(json, Usage::Delete), cases.clone());
    refuses(|json| native(json, Usage::Read), cases);
    refuses(|json| native(json, Usage::Delete), vec![(json!({}), "filter", "an empty object")]);
}

#[test]
fn an_empty_filter_reads_everything_and_deletes_nothing() {
    for parse in [native, pinecone] {
        let all = parse(&json!({}), Usage::Read).expect("a read without a filter");
        assert!(all.is_everything());
        assert!(all.compile().expect("compiles").matches("x", &crate::value::Metadata::new(), None));
        assert_eq!(all.to_json(), json!({}));
        assert_eq!(all.validate(Usage::Read), Ok(()));
        assert!(all.validate(Usage::Delete).is_err());
        assert!(parse(&json!({}), Usage::Delete).is_err());
    }
}

#[test]
fn pinecone_filters_are_refused_by_place_and_reason() {
    let mut cases = common();
    cases.extend([
        (json!({"$not": {"a": 1}}), "filter", "unknown operator $not"),
        (json!({"a": {"$contains": "x"}}), "filter.a", "unknown operator $contains"),
        (json!({"$document": {"$contains": "x"}}), "filter", "unknown operator $document"),
    ]);
    refuses(|json| pinecone(json, Usage::Delete), cases.clone());
    refuses(|json| pinecone(json, Usage::Read), cases);
    let only_in_deletes = vec![
        (json!({}), "filter", "an empty object"),
        (json!({"a": {"$in": []}}), "filter.a.$in", "an empty list"),
        (json!({"$or": [{"a": 1}, {"a": {"$nin": []}}]}), "filter.$or[1].a.$nin", "an empty list"),
    ];
    for (json, ..) in &only_in_deletes {
        assert!(pinecone(json, Usage::Read).is_ok(), "{json}");
    }
    refuses(|json| pinecone(json, Usage::Delete), only_in_deletes);
}

#[test]
fn chroma_where_is_refused_by_place_and_reason() {
    refuses(
        chroma_where,
        vec![
            (json!(null), "where", "null"),
            (json!([]), "where", "a list"),
            (json!({}), "where", "an empty object"),
            (json!({"a": 1, "b": 2}), "where", "2 keys"),
            (json!({"$and": []}), "where.$and", "an empty list"),
            (json!({"$or": []}), "where.$or", "an empty list"),
            (json!({"$or": {"a": 1}}), "where.$or", "an object"),
            (json!({"$and": [{"a": 1}, {}]}), "where.$and[1]", "an empty object"),
            (json!({"$not": {"a": 1}}), "where", "unknown operator $not"),
            (json!({"$gt": 1}), "where", "unknown operator $gt"),
            (json!({"$document": {"$contains": "a"}}), "where", "unknown operator $document"),
            (json!({"a": null}), "where.a", "null"),
            (json!({"a": ["x"]}), "where.a", "a list"),
            (json!({"a": {}}), "where.a", "an empty object"),
            (json!({"a": {"$gt": 1, "$lt": 2}}), "where.a", "2 keys"),
            (json!({"a": {"$exists": true}}), "where.a", "unknown operator $exists"),
            (json!({"a": {"$regex": "x"}}), "where.a", "unknown operator $regex"),
            (json!({"a": {"$not": {"$eq": 1}}}), "where.a", "unknown operator $not"),
            (json!({"a": {"$eq": null}}), "where.a.$eq", "null"),
            (json!({"a": {"$gte": "1"}}), "where.a.$gte", "a string"),
            (json!({"a": {"$lt": false}}), "where.a.$lt", "a bool"),
            (json!({"a": {"$in": []}}), "where.a.$in", "an empty list"),
            (json!({"a": {"$nin": []}}), "where.a.$nin", "an empty list"),
            (json!({"a": {"$in": "x"}}), "where.a.$in", "a string"),
            (json!({"a": {"$in": [1, "a"]}}), "where.a.$in[1]", "a string"),
            (json!({"a": {"$in": [1, true]}}), "where.a.$in[1]", "a bool"),
            (json!({"a": {"$in": [1, 2.5]}}), "where.a.$in[1]", "a number"),
            (json!({"a": {"$nin": ["a", null]}}), "where.a.$nin[1]", "null"),
            (json!({"a": {"$contains": ["x"]}}), "where.a.$contains", "a list"),
            (json!({"#document": "x"}), "where.#document", "a string"),
            (json!({"#document": {"$eq": "x"}}), "where.#document", "unknown operator $eq"),
            (json!({"#document": {"$contains": ""}}), "where.#document.$contains", "an empty pattern"),
            (json!({"#document": {"$contains": "a", "$regex": "b"}}), "where.#document", "2 keys"),
        ],
    );
}

#[test]
fn chroma_where_document_is_refused_by_place_and_reason() {
    refuses(
        chroma_where_document,
        vec![
            (json!(null), "where_document", "null"),
            (json!({}), "where_document", "an empty object"),
            (json!({"$contains": "a", "$not_contains": "b"}), "where_document", "2 keys"),
            (json!({"$contains": ""}), "where_document.$contains", "an empty pattern"),
            (json!({"$not_contains": ""}), "where_document.$not_contains", "an empty pattern"),
            (json!({"$regex": ""}), "where_document.$regex", "an empty pattern"),
            (json!({"$regex": "a{2"}), "where_document.$regex", ""),
            (json!({"$contains": null}), "where_document.$contains", "null"),
            (json!({"$contains": ["a"]}), "where_document.$contains", "a list"),
            (json!({"$and": []}), "where_document.$and", "an empty list"),
            (json!({"$or": [{"$contains": "a"}, {"$regex": 1}]}), "where_document.$or[1].$regex", "a number"),
            (json!({"$eq": "a"}), "where_document", "unknown operator $eq"),
            (json!({"a": "b"}), "where_document", "unknown operator a"),
        ],
    );
}

#[test]
fn an_error_reads_as_a_sentence_and_cuts_what_is_long() {
    let error =
        native(&json!({"$and": [{"a": 1}, {"price": {"$gt": "5"}}]}), Usage::Delete).expect_err("a string");
    assert_eq!(error.to_string(), "filter.$and[1].price.$gt: a string; expected a number");
    let long = "ä".repeat(100_000);
    let error = native(&json!({ long.as_str(): null }), Usage::Delete).expect_err("null");
    assert!(error.to_string().len() < 300, "{}", error.to_string().len());
}
