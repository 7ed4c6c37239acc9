//! Metadata written as JSON without a detour.

use lacuna_model::value::{MetaValue, Metadata, Scalar};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// A record's metadata as a JSON object.
#[derive(Clone, Debug)]
pub(crate) struct JsonMetadata(pub(crate) Metadata);

/// A value of it.
pub(crate) struct JsonValue<'a>(pub(crate) &'a MetaValue);
struct JsonScalar<'a>(&'a Scalar);

impl Serialize for JsonMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, &JsonValue(value))?;
        }
        map.end()
    }
}

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            MetaValue::Scalar(scalar) => JsonScalar(scalar).serialize(serializer),
            MetaValue::List(list) => {
                let mut items = serializer.serialize_seq(Some(list.len()))?;
                for item in list {
                    items.serialize_element(&JsonScalar(item))?;
                }
                items.end()
            }
        }
    }
}

impl Serialize for JsonScalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Scalar::Str(text) => serializer.serialize_str(text),
            Scalar::Int(number) => serializer.serialize_i64(*number),
            Scalar::Float(number) => serializer.serialize_f64(*number),
            Scalar::Bool(flag) => serializer.serialize_bool(*flag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_written_as_it_came_in() {
        let text = r#"{"b":true,"f":1.0,"i":-7,"l":[1,2.5],"s":"x"}"#;
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let map = json.as_object().expect("an object");
        let metadata = lacuna_model::value::metadata_from_json(map).expect("metadata");
        assert_eq!(serde_json::to_string(&JsonMetadata(metadata)).expect("writable"), text);
    }
}
