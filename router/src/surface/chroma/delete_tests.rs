use lacuna_model::ShardId;
use lacuna_model::merge::{DeleteKind, Erasure, ShardAnswer};
use lacuna_model::op_id::OpId;
use serde_json::json;

use super::*;
use crate::surface::chroma::errors::failure;
use crate::surface::request::parse;

fn of(json: &Value) -> Verb<Wanted> {
    wanted(parse::<DeleteBody>(json.to_string().as_bytes())?)
}

fn refused(json: &Value) -> u16 {
    match of(json) {
        Ok(_) => panic!("{json} was taken"),
        Err(error) => failure(&error).status().as_u16(),
    }
}

#[test]
fn what_selects_nothing_in_so_many_words_is_refused() {
    for body in [
        json!({}),
        json!({"ids": null, "where": null, "where_document": null}),
        json!({"ids": []}),
        json!({"limit": 3}),
        json!({"ids": ["a"], "limit": 3}),
        json!({"where": {}}),
        json!({"where_document": {}}),
        json!({"ids": ["a"], "where": {}}),
        json!({"ids": [], "where": {}}),
        json!({"where": {"$and": []}}),
        json!({"where": {"$or": []}}),
        json!({"where_document": {"$contains": ""}}),
        json!({"where_document": {"$regex": "("}}),
        json!({"where": {"a": {"$gt": "x"}}, "limit": 0}),
    ] {
        assert_eq!(refused(&body), 400, "{body}");
    }
}

#[test]
fn what_has_another_shape_is_422() {
    for body in [
        json!({"ids": "a"}),
        json!({"ids": ["a", 1]}),
        json!({"ids": [null]}),
        json!(["a"]),
        json!({"where": {"a": 1}, "limit": -1}),
        json!({"where": {"a": 1}, "limit": "3"}),
        json!({"where": {"a": 1}, "limit": 1.5}),
    ] {
        assert_eq!(refused(&body), 422, "{body}");
    }
}

#[test]
fn each_way_of_selecting_becomes_its_own_delete() {
    let selector = |json: Value| match of(&json).expect("taken") {
        Wanted::Selected(selector) => Some(selector),
        Wanted::Nothing => None,
    };
    assert!(matches!(selector(json!({"ids": ["a", "a", "b"]})), Some(Selector::Ids(ids)) if ids.len() == 2));
    let both = json!({"ids": ["a"], "where": {"x": 1}, "where_document": {"$contains": "t"}});
    assert!(matches!(selector(both), Some(Selector::IdsWhere(_, Filter::And(_)))));
    let limited = selector(json!({"where": {"x": 1}, "limit": 5}));
    assert!(matches!(limited, Some(Selector::Where { limit: Some(5), .. })));
    assert!(matches!(
        selector(json!({"where": {"x": 1}, "limit": null})),
        Some(Selector::Where { limit: None, .. })
    ));
    assert_eq!(selector(json!({"where": {"x": 1}, "limit": 0})), None);
    assert_eq!(selector(json!({"ids": [], "where": {"x": 1}})), None);
}

#[test]
fn a_partial_delete_says_what_went_what_is_open_and_its_name() {
    let mut done = ShardAnswer::open(ShardId(0), ShardStatus::Applied, None);
    done.deleted = Some(3);
    let answer = DeleteAnswer {
        op_id: OpId::new("op-1").expect("an id"),
        kind: DeleteKind::DeleteWhere,
        status: DeleteStatus::Partial,
        requested: None,
        matched: None,
        deleted: None,
        updated: None,
        absent: None,
        held: None,
        released: None,
        remaining: None,
        shards: vec![done, ShardAnswer::open(ShardId(2), ShardStatus::Pending, None)],
        erasure: Erasure::accepted(),
        note: None,
    };
    let response = failure(&unfinished("", &answer));
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(response.headers()["lacuna-operation"], "op-1");
    assert_eq!(response.headers()["lacuna-status"], "partial");
    let message = unfinished("", &answer).message;
    for words in ["deleted 3", "shards [2] are pending", "operation op-1", "retry"] {
        assert!(message.contains(words), "{message}");
    }
}
