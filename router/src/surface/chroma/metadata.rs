//! A record's metadata: read straight from a body by Chroma's rules, and written straight into an answer.

use std::fmt;

use lacuna_model::read::RecordView;
use lacuna_model::value::{MetaValue, Metadata, MetadataPatch, Scalar};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::{NOTHING, misshapen, unsupported};
use crate::surface::chroma::limits::MAX_METADATA;
use crate::surface::chroma::record_keys::check_key;
use crate::surface::native::metadata::JsonValue;

/// Where a record's uri is kept. Clients neither write nor see it.
pub(super) const URI_KEY: &str = "chroma:uri";
/// How a value says that it is a sparse vector.
const TYPE_KEY: &str = "#type";
/// Bytes that a number or bool counts for.
const NUMBER_BYTES: usize = 8;

/// A record's metadata in a body: keys in their order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct MetadataBody(Vec<(String, Given)>);

/// A value as it was given.
#[derive(Debug, PartialEq)]
enum Given {
    Value(MetaValue),
    Null,
    /// An empty list: nothing is stored.
    Nothing,
    Sparse,
}

impl MetadataBody {
    /// Of a new record: a null has no meaning there.
    pub(super) fn into_new(self, position: usize) -> Verb<Metadata> {
        self.check(position)?;
        let mut metadata = Metadata::new();
        for (key, given) in self.0 {
            match given {
                Given::Value(value) => {
                    metadata.insert(key, value);
                }
                Given::Null => {
                    let message = format!("metadatas[{position}].{key}: null in a new record; {NOTHING}");
                    return Err(misshapen(message));
                }
                Given::Nothing | Given::Sparse => {}
            }
        }
        Ok(metadata)
    }

    /// Of a change: a null removes the key, and so does an empty list.
    pub(super) fn into_patch(self, position: usize) -> Verb<MetadataPatch> {
        self.check(position)?;
        let change = |(key, given)| match given {
            Given::Value(value) => Some((key, Some(value))),
            Given::Null | Given::Nothing => Some((key, None)),
            Given::Sparse => None,
        };
        Ok(self.0.into_iter().filter_map(change).collect())
    }

    /// One change after another, as one.
    pub(super) fn then(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn check(&self, position: usize) -> Verb<()> {
        let mut bytes = 0;
        for (key, given) in &self.0 {
            check_key(&format!("metadatas[{position}]"), key)?;
            if key == URI_KEY {
                let message =
                    format!("metadatas[{position}]: the key \"{URI_KEY}\" is reserved; send uris; {NOTHING}");
                return Err(VerbError::argument(message).with("position", position));
            }
            if *given == Given::Sparse {
                return Err(unsupported("a sparse vector in metadata"));
            }
            bytes += key.len() + given.bytes();
        }
        if bytes > MAX_METADATA {
            let message = format!("metadatas[{position}]: {bytes} bytes, at most {MAX_METADATA}; {NOTHING}");
            return Err(VerbError::new(lacuna_model::error::ErrorCode::TooLarge, message)
                .with("max_bytes", MAX_METADATA));
        }
        Ok(())
    }
}

impl Given {
    fn bytes(&self) -> usize {
        match self {
            Self::Value(MetaValue::Scalar(scalar)) => bytes(scalar),
            Self::Value(MetaValue::List(list)) => list.iter().map(bytes).sum(),
            Self::Null | Self::Nothing | Self::Sparse => 0,
        }
    }
}

fn bytes(scalar: &Scalar) -> usize {
    match scalar {
        Scalar::Str(text) => text.len(),
        Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_) => NUMBER_BYTES,
    }
}

impl<'de> Deserialize<'de> for MetadataBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = MetadataBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record's metadata: an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<MetadataBody, A::Error> {
        let mut found = Vec::with_capacity(members.size_hint().unwrap_or(8));
        while let Some(key) = members.next_key()? {
            found.push((key, members.next_value()?));
        }
        Ok(MetadataBody(found))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value)
    }
}

struct Value;

impl<'de> Visitor<'de> for Value {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number, bool, or list of one of these")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Given, E> {
        Ok(Given::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Given, E> {
        Ok(scalar(Scalar::Bool(flag)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Given, E> {
        Ok(scalar(Scalar::Int(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Given, E> {
        Ok(scalar(unsigned(number)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Given, E> {
        Ok(scalar(Scalar::Float(number)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Given, E> {
        Ok(scalar(Scalar::Str(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Given, E> {
        Ok(scalar(Scalar::Str(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Given, A::Error> {
        let mut list: Vec<Scalar> = Vec::new();
        while let Some(item) = items.next_element_seed(Item)? {
            if list.first().is_some_and(|first| first.kind() != item.kind()) {
                return Err(de::Error::custom("a list of several kinds, expected one"));
            }
            list.push(item);
        }
        if list.iter().any(|item| matches!(item, Scalar::Float(_))) {
            // A list with a float is one of floats.
            for item in &mut list {
                if let Scalar::Int(int) = item {
                    *item = Scalar::Float(*int as f64);
                }
            }
        }
        Ok(if list.is_empty() { Given::Nothing } else { Given::Value(MetaValue::List(list)) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Given, A::Error> {
        let mut sparse = false;
        while let Some(key) = members.next_key::<String>()? {
            sparse |= key == TYPE_KEY;
            members.next_value::<IgnoredAny>()?;
        }
        if sparse { Ok(Given::Sparse) } else { Err(de::Error::custom("an object within metadata")) }
    }
}

/// An item of a list.
struct Item;

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Item {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or bool")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(unsigned(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Str(text.to_owned()))
    }
}

fn scalar(scalar: Scalar) -> Given {
    Given::Value(MetaValue::Scalar(scalar))
}

/// Beyond 64 bits signed an integer is the nearest float.
fn unsigned(number: u64) -> Scalar {
    i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Int)
}

/// A record's metadata as its owner sees it; null for none, but none beside a uri is an empty object.
pub(super) struct Shown<'a>(pub(super) &'a RecordView);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(metadata) = &self.0.metadata else { return serializer.serialize_none() };
        let hidden = usize::from(metadata.contains_key(URI_KEY));
        if metadata.is_empty() {
            return serializer.serialize_none();
        }
        let mut map = serializer.serialize_map(Some(metadata.len() - hidden))?;
        for (key, value) in metadata.iter().filter(|(key, _)| *key != URI_KEY) {
            map.serialize_entry(key, &JsonValue(value))?;
        }
        map.end()
    }
}

/// A record's uri.
pub(super) fn uri_of(record: &RecordView) -> Option<&str> {
    match record.metadata.as_ref()?.get(URI_KEY) {
        Some(MetaValue::Scalar(Scalar::Str(uri))) => Some(uri),
        _ => None,
    }
}

/// A uri as it is kept.
pub(super) fn kept_uri(uri: String) -> (String, MetaValue) {
    (URI_KEY.to_owned(), MetaValue::Scalar(Scalar::Str(uri)))
}

#[cfg(test)]
mod tests {
    use lacuna_model::value::{chroma_metadata_from_json, chroma_metadata_patch_from_json};
    use serde_json::json;

    use super::*;

    fn body(json: &serde_json::Value) -> Result<MetadataBody, serde_json::Error> {
        serde_json::from_str(&json.to_string())
    }

    #[test]
    fn it_is_read_as_the_model_reads_chromas_metadata() {
        let json = json!({"s": "é\n", "i": 1, "n": -3, "f": 1.0, "b": true, "big": u64::MAX, "list": [1, 2.5],
            "ints": [1, 2], "none": [], "words": ["", "a"], "flags": [true]});
        let expected = chroma_metadata_from_json(json.as_object().expect("an object")).expect("metadata");
        assert_eq!(body(&json).expect("a body").into_new(0).expect("metadata"), expected);
        let change = json!({"a": null, "b": [], "c": "x"});
        let expected =
            chroma_metadata_patch_from_json(change.as_object().expect("an object")).expect("a patch");
        assert_eq!(body(&change).expect("a body").into_patch(0).expect("a patch"), expected);
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for wrong in [
            json!(7),
            json!([]),
            json!({"a": {}}),
            json!({"a": [1, "x"]}),
            json!({"a": [null]}),
            json!({"a": [[1]]}),
        ] {
            assert!(body(&wrong).is_err(), "{wrong}");
        }
        assert!(body(&json!({"a": null})).expect("a body").into_new(0).is_err());
        assert!(body(&json!({ URI_KEY: "u" })).expect("a body").into_patch(0).is_err());
        let sparse = json!({"a": {"#type": "sparse_vector", "indices": [1], "values": [0.5]}});
        assert!(body(&sparse).expect("a body").into_new(0).is_err());
        let large = json!({"a": "x".repeat(MAX_METADATA)});
        assert!(body(&large).expect("a body").into_new(0).is_err());
    }
}
