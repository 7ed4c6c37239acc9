//! Objects inside of a body: serde would read a struct from a list too, by position, and a list is no record.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};

/// What was read from an object and from nothing else.
struct Object<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, fields: M) -> Result<T, M::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// A list of objects.
pub(crate) fn each<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(from)?;
    Ok(objects.into_iter().map(|Object(one)| one).collect())
}

/// An object, or null.
pub(crate) fn maybe<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let object = Option::<Object<T>>::deserialize(from)?;
    Ok(object.map(|Object(one)| one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct One {
        id: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(deserialize_with = "each")]
        all: Vec<One>,
        #[serde(default, deserialize_with = "maybe")]
        other: Option<One>,
    }

    fn read(text: &str) -> Result<Body, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_not_read_as_an_object() {
        let one = |id: &str| One { id: id.to_owned() };
        assert_eq!(read(r#"{"all": [{"id": "a"}]}"#), Ok(Body { all: vec![one("a")], other: None }));
        let both = r#"{"all": [], "other": {"id": "b"}}"#;
        assert_eq!(read(both), Ok(Body { all: Vec::new(), other: Some(one("b")) }));
        assert_eq!(read(r#"{"all": [], "other": null}"#), Ok(Body { all: Vec::new(), other: None }));
        for wrong in [r#"{"all": [["a"]]}"#, r#"{"all": [], "other": ["b"]}"#] {
            assert!(read(wrong).expect_err(wrong).contains("invalid type: sequence, expected an object"));
        }
        assert!(read("{}").expect_err("nothing").contains("missing field `all`"));
    }
}
