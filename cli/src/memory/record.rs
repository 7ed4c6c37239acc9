//! A record of the memory as a line gives it and as the server takes it.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// What a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A text or a vector by itself.
    #[default]
    Vector,
    /// A thing.
    Node,
    /// A relation of two.
    Edge,
}

/// An end of an edge: an id in the edge's own collection, or in another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum End {
    Id(String),
    Placed { collection: String, id: String },
}

/// A vector. It is sent with as few digits as tell its components from others.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Components(pub(crate) Vec<f32>);

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|component| short(*component)))
    }
}

/// A record on its way in. Its fields are those of `POST /api/v1/datasets/{d}/data`; others are refused by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MemoryRecord {
    /// Unique in its collection, which the space's items share.
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collection: Option<String>,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) type_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vector: Option<Components>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Map<String, Value>>,
    #[serde(default, alias = "node_sets", skip_serializing_if = "Vec::is_empty")]
    pub(crate) node_sets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relationship: Option<String>,
}

/// A vector as JSON numbers, each with as few digits as tell it from others.
pub(crate) fn numbers(vector: &[f32]) -> Value {
    vector.iter().map(|component| short(*component)).collect()
}

/// JSON's numbers have 64 bits: widened as it is, 0.1 would become 0.10000000149011612.
fn short(component: f32) -> f64 {
    component.to_string().parse().unwrap_or(f64::from(component))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_sent_as_it_was_given() {
        let given = json!({"id": "e", "collection": "c", "kind": "edge", "source": "a",
            "target": {"collection": "d", "id": "b"}, "relationship": "knows", "vector": [0.1, -2.5, 0.0],
            "text": "x", "metadata": {"n": 1}, "nodeSets": ["s"], "type": "T"});
        let record: MemoryRecord = serde_json::from_value(given.clone()).unwrap();
        assert_eq!(serde_json::to_value(&record).unwrap(), given);
        assert_eq!(numbers(&[0.1, 3.0]), json!([0.1, 3.0]));
    }
}
