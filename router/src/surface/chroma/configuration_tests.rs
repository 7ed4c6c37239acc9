//! What is kept of a configuration, metadata and schema.

use serde_json::json;

use super::*;

fn kept(configuration: Value, metadata: Value, schema: Value) -> Verb<Kept> {
    let configuration = serde_json::from_value(configuration).expect("a configuration");
    let metadata = serde_json::from_value(metadata).expect("metadata");
    Kept::new(configuration, metadata, Some(schema).filter(|schema| !schema.is_null()))
}

#[test]
fn configuration_wins_over_metadata_and_metadata_over_schema() {
    let null = Value::Null;
    let cosine = json!({"hnsw:space": "cosine"});
    let schema =
        json!({"keys": {"#embedding": {"float_list": {"vector_index": {"config": {"space": "ip"}}}}}});
    let space =
        |c: &Value, m: &Value, s: &Value| kept(c.clone(), m.clone(), s.clone()).expect("kept").hnsw.space;
    assert_eq!(space(&null, &null, &null), Space::L2);
    assert_eq!(space(&null, &null, &schema), Space::Ip);
    assert_eq!(space(&null, &cosine, &schema), Space::Cosine);
    assert_eq!(space(&json!({"hnsw": {"space": "ip"}}), &cosine, &null), Space::Ip);
    assert_eq!(space(&json!({"spann": {"space": "ip", "write_nprobe": 3}}), &null, &null), Space::Ip);
    let old = json!({"_type": "CollectionConfigurationInternal", "hnsw_configuration": {"space": "cosine", "M": 8,
        "_type": "HNSWConfigurationInternal", "num_threads": 4}});
    assert_eq!(space(&old, &null, &null), Space::Cosine);
    assert!(kept(null.clone(), json!({"hnsw:space": "L2"}), null).is_err());
}

#[test]
fn a_schema_counts_beside_a_configuration_of_defaults_and_is_refused_beside_another() {
    let stub = json!({"type": "known", "name": "stub", "config": {}});
    let config = json!({"space": "cosine", "hnsw": {"ef_search": 7}, "embedding_function": stub});
    let schema = json!({"keys": {"#embedding": {"float_list": {"vector_index": {"config": config}}}}});
    let default = json!({"type": "known", "name": "default", "config": {}});
    let plain = json!({"hnsw": {"space": "l2"}, "spann": null, "embedding_function": default});
    let made = kept(plain.clone(), Value::Null, schema.clone()).expect("kept");
    assert_eq!(
        (made.hnsw.space, made.ef, made.embedding_function),
        (Space::Cosine, Some(7), Some(stub.clone()))
    );
    for own in [json!({"hnsw": {"space": "ip"}}), json!({"embedding_function": stub})] {
        assert!(kept(own, Value::Null, schema.clone()).is_err());
    }
    let silent = json!({"keys": {}, "defaults": {}});
    let made = kept(plain, Value::Null, silent).expect("kept");
    assert_eq!((made.hnsw.space, made.embedding_function), (Space::L2, Some(default)));
}

#[test]
fn what_a_configuration_does_not_know_is_refused() {
    for bad in [
        json!({"hnsw": {"space": "L2"}}),
        json!({"hnsw": {"m": 3}}),
        json!({"hnsw": {"ef_search": -1}}),
        json!({"other": 1}),
    ] {
        assert!(serde_json::from_value::<ConfigurationBody>(bad.clone()).is_err(), "{bad}");
    }
    let fixed = json!({"hnsw": {"space": "cosine"}});
    assert!(serde_json::from_value::<NewConfigurationBody>(fixed).is_err());
    let both = json!({"hnsw": {}, "spann": {}});
    assert!(kept(both, Value::Null, Value::Null).is_err());
}

#[test]
fn what_is_kept_comes_back_and_only_an_asked_for_ef_rules_searches() {
    let mut made =
        kept(json!({"embedding_function": {"name": "x"}}), Value::Null, Value::Null).expect("kept");
    assert_eq!(ef_of(&made.written()), None);
    made.change(serde_json::from_value(json!({"hnsw": {"ef_search": 7}})).expect("a change"));
    assert_eq!(ef_of(&made.written()), Some(7));
    assert_eq!(Kept::read(&made.written(), Metric::L2), made);
    assert_eq!(Kept::read("", Metric::Dot).hnsw.space, Space::Ip);
}
