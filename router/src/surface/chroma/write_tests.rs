use serde_json::Value;

use super::*;

fn body(json: Value) -> WriteBody {
    serde_json::from_value(json).expect("a body")
}

fn status(json: Value, vectors: Vectors) -> u16 {
    let refused = rows(body(json), vectors).map(|_| ()).expect_err("a refusal");
    crate::surface::chroma::errors::failure(&refused).status().as_u16()
}

#[test]
fn an_add_and_an_upsert_need_a_vector_for_each_id_and_an_update_none() {
    for wrong in [
        json!({"ids": ["a"]}),
        json!({"ids": ["a"], "embeddings": null}),
        json!({"ids": ["a"], "embeddings": [null]}),
    ] {
        assert_eq!(status(wrong.clone(), Vectors::Needed), 422, "{wrong}");
        assert!(rows(body(wrong), Vectors::Optional).is_ok());
    }
    assert_eq!(
        status(json!({"ids": ["a"], "embeddings": ["!"]}), Vectors::Needed),
        400,
        "no base64 isn't null"
    );
}

#[test]
fn columns_are_as_long_as_the_ids() {
    for column in ["embeddings", "metadatas", "documents", "uris"] {
        let mut wrong = json!({"ids": ["a", "b"], "embeddings": [[1], [2]]});
        wrong[column] = json!([null]);
        if column == "embeddings" {
            wrong[column] = json!([[1]]);
        }
        assert_eq!(status(wrong, Vectors::Needed), 400, "{column}");
    }
}

#[test]
fn of_a_repeated_id_an_add_takes_the_first_and_an_update_all_in_turn() {
    let twice = json!({"ids": ["a", "b", "a"], "documents": ["one", null, "two"],
        "metadatas": [{"x": 1, "y": 1}, null, {"x": null, "z": []}], "uris": [null, null, "u"]});
    let first = each_once(rows(body(twice.clone()), Vectors::Optional).expect("rows"), |_, _| {});
    assert_eq!((first.len(), first[0].document.as_deref()), (2, Some("one")));
    let patches = patches(rows(body(twice), Vectors::Optional).expect("rows")).expect("patches");
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0].document, Change::Set("two".to_owned()));
    let keys: Vec<_> =
        patches[0].metadata.iter().map(|(key, value)| (key.as_str(), value.is_some())).collect();
    assert_eq!(
        keys,
        [("x", true), ("y", true), ("x", false), ("z", false), ("chroma:uri", true)],
        "an empty list removes"
    );
}

#[test]
fn a_batch_above_the_reported_size_is_refused() {
    let ids: Vec<String> = (0..=MAX_BATCH).map(|id| id.to_string()).collect();
    assert_eq!(status(json!({ "ids": ids }), Vectors::Optional), 413);
}
