//! Index parameters in a collection's metadata, where programs wrote them before there was a configuration.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::error::{Verb, VerbError};
use crate::surface::chroma::configuration::{HnswBody, Space};
use crate::surface::chroma::errors::NOTHING;

/// How their keys begin.
const PREFIX: &str = "hnsw:";

/// Keys after the prefix, and what a configuration calls them.
const NAMES: [(&str, &str); 8] = [
    ("space", "space"),
    ("M", "max_neighbors"),
    ("construction_ef", "ef_construction"),
    ("search_ef", "ef_search"),
    ("num_threads", "num_threads"),
    ("batch_size", "batch_size"),
    ("sync_threshold", "sync_threshold"),
    ("resize_factor", "resize_factor"),
];

/// The parameters among a collection's metadata. One that nobody knows is a slip that would pass unseen: refused.
pub(super) fn parameters_of(metadata: Option<&Map<String, Value>>) -> Verb<HnswBody> {
    let mut found = Map::new();
    for (key, value) in metadata.into_iter().flatten() {
        let Some(old) = key.strip_prefix(PREFIX) else { continue };
        let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == old) else {
            return Err(wrong(&format!("{key}: unknown, expected one of {}", known())));
        };
        if old == "space" {
            Space::named(value, "metadata.hnsw:space")?;
        }
        found.insert((*name).to_owned(), value.clone());
    }
    HnswBody::deserialize(Value::Object(found)).map_err(|error| wrong(&error.to_string()))
}

fn known() -> String {
    NAMES.map(|(old, _)| format!("{PREFIX}{old}")).join(", ")
}

fn wrong(why: &str) -> VerbError {
    VerbError::argument(format!("metadata: index parameters: {why}; {NOTHING}")).with("field", "metadata")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(metadata: &Value) -> Verb<HnswBody> {
        parameters_of(metadata.as_object())
    }

    #[test]
    fn each_old_name_is_the_parameter_of_today() {
        let old = json!({"hnsw:space": "ip", "hnsw:M": 32, "hnsw:construction_ef": 200, "hnsw:search_ef": 50,
            "hnsw:num_threads": 2, "hnsw:batch_size": 10, "hnsw:sync_threshold": 100, "hnsw:resize_factor": 1.5, "a": "b"});
        let found = read(&old).expect("parameters");
        assert_eq!(
            (found.space, found.max_neighbors, found.ef_construction),
            (Some(Space::Ip), Some(32), Some(200))
        );
        assert_eq!((found.ef_search, found.num_threads, found.batch_size), (Some(50), Some(2), Some(10)));
        assert_eq!((found.sync_threshold, found.resize_factor), (Some(100), Some(1.5)));
    }

    #[test]
    fn what_is_no_parameter_is_refused() {
        for bad in [
            json!({"hnsw:m": 3}),
            json!({"hnsw:M": "x"}),
            json!({"hnsw:search_ef": -1}),
            json!({"hnsw:space": 1}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert!(read(&json!({"hnsw": 1, "M": "x"})).is_ok());
    }
}
