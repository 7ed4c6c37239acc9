//! A collection's schema as clients from 1.2 on read it: their own, if they sent one, in which the distance and
//! the index parameters are those that are kept.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::error::{Verb, VerbError};
use crate::surface::chroma::configuration::{HnswBody, Kept, Space};
use crate::surface::chroma::errors::{NOTHING, misshapen};

/// The two places where a schema says how vectors are indexed: of all lists of floats, and of the embeddings.
const PLACES: [[&str; 3]; 2] =
    [["defaults", "float_list", "vector_index"], ["keys/#embedding", "float_list", "vector_index"]];

/// What a client's schema says of vectors: at the key of the embeddings, else of all lists of floats.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    pub(super) hnsw: HnswBody,
    pub(super) embedding_function: Option<Value>,
}

/// What a schema says of vectors. One that asks for an index that isn't there is refused.
pub(super) fn vectors_of(schema: &Value) -> Verb<Vectors> {
    let part = |name: &str| schema.get(name).is_none_or(Value::is_object);
    if !(schema.is_object() && part("defaults") && part("keys")) {
        return Err(misshapen(format!(
            "schema: expected an object with the objects \"defaults\" and \"keys\"; {NOTHING}"
        )));
    }
    let keys = schema.get("keys").and_then(Value::as_object).into_iter().flatten().map(|(_, value)| value);
    if keys.chain(schema.get("defaults")).any(has_sparse_index) {
        let message =
            format!("schema: an index of sparse vectors is not supported by this server; {NOTHING}");
        return Err(VerbError::argument(message).with("field", "schema"));
    }
    let said = |what: &str| {
        let places = ["keys/#embedding", "defaults"];
        let at = |place| schema.pointer(&format!("/{place}/float_list/vector_index/config/{what}"));
        places.into_iter().find_map(|place| at(place).filter(|value| !value.is_null()))
    };
    let hnsw = said("hnsw").map(HnswBody::deserialize).transpose();
    let mut hnsw =
        hnsw.map_err(|error| misshapen(format!("schema: hnsw: {error}; {NOTHING}")))?.unwrap_or_default();
    if let Some(space) = said("space") {
        hnsw.space = Some(Space::named(space, "schema")?);
    }
    Ok(Vectors { hnsw, embedding_function: said("embedding_function").cloned() })
}

fn has_sparse_index(types: &Value) -> bool {
    types.pointer("/sparse_vector/sparse_vector_index/enabled") == Some(&Value::Bool(true))
}

/// The schema of a collection.
pub(super) fn schema_of(kept: &Kept) -> Value {
    let mut schema = default_of();
    if let Some(given) = &kept.schema {
        lay_over(&mut schema, given);
    }
    let (space, hnsw) = (json!(kept.hnsw.space), parameters(kept));
    for place in PLACES {
        let config = schema.pointer_mut(&format!("/{}/config", place.join("/")));
        if let Some(config) = config.and_then(Value::as_object_mut) {
            config.insert("space".to_owned(), space.clone());
            config.insert("hnsw".to_owned(), hnsw.clone());
            if let Some(function) = &kept.embedding_function {
                config.insert("embedding_function".to_owned(), function.clone());
            }
            config.remove("spann");
        }
    }
    schema
}

/// What is indexed when nobody says it: everything but vectors in metadata, and documents by their words.
fn default_of() -> Value {
    let index = |name: &str, enabled: bool| json!({ name: { "enabled": enabled, "config": {} } });
    let strings = |words: bool, whole: bool| {
        json!({
            "fts_index": { "enabled": words, "config": {} },
            "string_inverted_index": { "enabled": whole, "config": {} },
        })
    };
    let vectors = |enabled: bool, source: Option<&str>| {
        let mut config = Map::new();
        config.extend(source.map(|source| ("source_key".to_owned(), source.into())));
        json!({ "vector_index": { "enabled": enabled, "config": config } })
    };
    let sparse = json!({ "enabled": false, "config": { "embedding_function": { "type": "unknown" } } });
    json!({
        "defaults": {
            "string": strings(false, true),
            "float_list": vectors(false, None),
            "sparse_vector": { "sparse_vector_index": sparse },
            "int": index("int_inverted_index", true),
            "float": index("float_inverted_index", true),
            "bool": index("bool_inverted_index", true),
        },
        "keys": {
            "#document": { "string": strings(true, false) },
            "#embedding": { "float_list": vectors(true, Some("#document")) },
        },
    })
}

/// Index parameters without the distance, which stands beside them.
fn parameters(kept: &Kept) -> Value {
    let mut hnsw = json!(kept.hnsw);
    if let Some(parameters) = hnsw.as_object_mut() {
        parameters.remove("space");
    }
    hnsw
}

/// Lays one JSON value over another, object by object.
fn lay_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(configuration: &Value, schema: Option<Value>) -> Kept {
        let configuration = serde_json::from_value(configuration.clone()).expect("a configuration");
        Kept::new(Some(configuration), None, schema).expect("kept")
    }

    #[test]
    fn distance_and_parameters_stand_at_both_places() {
        let schema = schema_of(&kept(&json!({"hnsw": {"space": "cosine", "ef_search": 7}}), None));
        for place in PLACES {
            let config = schema.pointer(&format!("/{}/config", place.join("/"))).expect("a configuration");
            assert_eq!((&config["space"], &config["hnsw"]["ef_search"]), (&json!("cosine"), &json!(7)));
            assert_eq!(config["hnsw"].get("space"), None);
        }
        assert_eq!(schema["keys"]["#embedding"]["float_list"]["vector_index"]["enabled"], true);
    }

    #[test]
    fn a_clients_own_schema_is_kept_but_for_the_index() {
        let own = json!({
            "keys": {
                "title": {"string": {"fts_index": {"enabled": true, "config": {}}}},
                "#embedding": {"float_list": {"vector_index": {"enabled": true, "config": {"space": "ip", "spann": {}}}}},
            },
        });
        let schema = schema_of(&kept(&json!({}), Some(own.clone())));
        assert_eq!(schema["keys"]["title"], own["keys"]["title"]);
        let config = &schema["keys"]["#embedding"]["float_list"]["vector_index"]["config"];
        assert_eq!((&config["space"], config.get("spann")), (&json!("ip"), None));
        assert!(config["hnsw"].is_object());
    }

    #[test]
    fn an_embedding_function_stands_there_if_there_is_one() {
        let of = |configuration: &Value| {
            let schema = schema_of(&kept(configuration, None));
            schema["keys"]["#embedding"]["float_list"]["vector_index"]["config"]
                .get("embedding_function")
                .cloned()
        };
        let function = json!({"type": "known", "name": "stub", "config": {}});
        assert_eq!(of(&json!({ "embedding_function": function })), Some(function));
        assert_eq!(of(&json!({})), None);
    }

    #[test]
    fn what_is_no_schema_and_an_index_of_sparse_vectors_are_refused() {
        let sparse = json!({"sparse_vector": {"sparse_vector_index": {"enabled": true, "config": {}}}});
        let bad_hnsw = json!({"float_list": {"vector_index": {"config": {"hnsw": {"m": 3}}}}});
        for bad in [
            json!("x"),
            json!({"keys": 5}),
            json!({"keys": {"s": sparse}}),
            json!({"defaults": sparse}),
            json!({"keys": {"#embedding": bad_hnsw}}),
        ] {
            assert!(vectors_of(&bad).is_err(), "{bad}");
        }
        assert!(vectors_of(&json!({"defaults": {}, "keys": {}})).is_ok());
    }
}
