//! Metadata as Pinecone takes it, read straight from the body: strings, numbers, booleans and lists of strings. A null
//! is left out; everything else is refused in the words that clients know.

use std::fmt;

use lacuna_model::value::{MetaValue, Metadata, Scalar};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

use crate::error::{Verb, VerbError};
use crate::surface::native::metadata::JsonMetadata;

/// Largest metadata of a record, bytes as JSON.
const MAX_BYTES: usize = 40_960;
/// Most characters of a refused value that are shown.
const SHOWN: usize = 80;
/// No number of JSON is longer, as we write it.
const LONGEST_NUMBER: usize = 25;

/// Metadata of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    pub(super) metadata: Metadata,
    /// Bytes as JSON, at most.
    bound: usize,
}

impl Given {
    /// Refuses what is larger than a record's metadata may be.
    pub(super) fn checked(self) -> Verb<Metadata> {
        // The exact size is only needed near the limit.
        if self.bound <= MAX_BYTES {
            return Ok(self.metadata);
        }
        let json = JsonMetadata(self.metadata);
        let bytes = serde_json::to_vec(&json).map_or(0, |text| text.len());
        if bytes <= MAX_BYTES {
            return Ok(json.0);
        }
        Err(VerbError::argument(format!(
            "Metadata size is {bytes} bytes, which exceeds the limit of {MAX_BYTES} bytes per vector"
        )))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Given, A::Error> {
        let mut given = Given { metadata: Metadata::new(), bound: 2 };
        while let Some(name) = fields.next_key::<String>()? {
            if name.starts_with('$') {
                return Err(A::Error::custom(format!("Metadata field '{name}' cannot start with '$'")));
            }
            if let Some(value) = fields.next_value_seed(OneValue(&name))? {
                given.bound += text_bound(&name) + 2 + bound(&value);
                given.metadata.insert(name, value);
            }
        }
        Ok(given)
    }
}

/// Escaped and quoted it is no longer than this.
fn text_bound(text: &str) -> usize {
    // A control character is written as six; all others that are escaped as two.
    2 + text.len()
        + text
            .bytes()
            .map(|byte| if byte < 0x20 { 5 } else { usize::from(matches!(byte, b'"' | b'\\')) })
            .sum::<usize>()
}

fn bound(value: &MetaValue) -> usize {
    match value {
        MetaValue::Scalar(scalar) => scalar_bound(scalar),
        MetaValue::List(items) => 2 + items.iter().map(|item| 1 + scalar_bound(item)).sum::<usize>(),
    }
}

fn scalar_bound(scalar: &Scalar) -> usize {
    match scalar {
        Scalar::Str(text) => text_bound(text),
        Scalar::Int(_) | Scalar::Float(_) => LONGEST_NUMBER,
        Scalar::Bool(_) => 5,
    }
}

/// The value of a field; `None` for null.
struct OneValue<'a>(&'a str);

impl OneValue<'_> {
    fn refused<E: Error>(&self, got: &Value) -> E {
        let mut got = got.to_string();
        if got.chars().count() > SHOWN {
            got = got.chars().take(SHOWN).chain(['…']).collect();
        }
        E::custom(format!(
            "Metadata value must be a string, number, boolean or list of strings, got '{got}' for field '{}'",
            self.0
        ))
    }
}

impl<'de> DeserializeSeed<'de> for OneValue<'_> {
    type Value = Option<MetaValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[allow(clippy::unnecessary_wraps)] // a visitor's answer
fn one<E>(scalar: Scalar) -> Result<Option<MetaValue>, E> {
    Ok(Some(MetaValue::Scalar(scalar)))
}

impl<'de> Visitor<'de> for OneValue<'_> {
    type Value = Option<MetaValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number, boolean or list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        one(Scalar::Str(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        one(Scalar::Str(text))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        one(Scalar::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        one(Scalar::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        // Beyond 64 bits signed it is the nearest float, as all numbers are to Pinecone.
        one(i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        one(Scalar::Float(number))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Value>()? {
            items.push(item);
        }
        if !items.iter().all(Value::is_string) {
            return Err(self.refused(&Value::Array(items)));
        }
        let texts = items.into_iter().filter_map(|item| match item {
            Value::String(text) => Some(Scalar::Str(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        });
        Ok(Some(MetaValue::List(texts.collect())))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        let object: Value = de::Deserialize::deserialize(MapAccessDeserializer::new(fields))?;
        Err(self.refused(&object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Given, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn strings_numbers_booleans_and_lists_of_strings_are_kept_and_null_is_left_out() {
        let text = r#"{"b":true,"e":"","f":1.5,"i":-7,"l":["a",""],"n":null,"none":[],"s":"x"}"#;
        let kept =
            serde_json::to_string(&JsonMetadata(read(text).expect("metadata").metadata)).expect("JSON");
        assert_eq!(kept, text.replace(r#""n":null,"#, ""));
    }

    #[test]
    fn everything_else_is_refused_in_pinecones_words() {
        for (text, words) in [
            (r#"{"a":{"b":1}}"#, r#"got '{"b":1}' for field 'a'"#),
            (r#"{"a":[1,2]}"#, "got '[1,2]' for field 'a'"),
            (r#"{"a":["x",null]}"#, r#"got '["x",null]' for field 'a'"#),
            (r#"{"$a":1}"#, "Metadata field '$a' cannot start with '$'"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(words), "{error}");
        }
        let error = read(r#"{"a":[[]]}"#).expect_err("a nested list");
        assert!(
            error.contains("Metadata value must be a string, number, boolean or list of strings"),
            "{error}"
        );
        assert!(read("[1]").is_err() && read("7").is_err());
    }

    #[test]
    fn the_limit_is_in_bytes_as_json() {
        let of = |bytes: usize| format!(r#"{{"k":"{}"}}"#, "x".repeat(bytes - 8));
        assert!(read(&of(MAX_BYTES)).expect("metadata").checked().is_ok());
        let error = read(&of(MAX_BYTES + 1)).expect("metadata").checked().expect_err("too large");
        assert_eq!(
            error.message,
            "Metadata size is 40961 bytes, which exceeds the limit of 40960 bytes per vector"
        );
        let quotes = format!(r#"{{"k":"{}"}}"#, "\\\"".repeat((MAX_BYTES - 8) / 2));
        assert!(read(&quotes).expect("metadata").checked().is_ok(), "each quote is two bytes");
        let numbers: Vec<String> = (0..3000).map(|n| format!(r#""{n}":1"#)).collect();
        assert!(read(&format!("{{{}}}", numbers.join(","))).expect("metadata").checked().is_ok());
    }
}
