//! Metadata from JSON and back. Integers stay integers, floats floats.

use serde_json::{Map, Number, Value};

use super::{MetaValue, Metadata, Scalar};

/// Metadata that is refused. The caller corrects it; nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A null (in an update it removes the key, but not within a list).
    #[error("{path}: null; expected a string, number, bool, or list of one of these")]
    Null {
        /// Where, as in `metadata.tags[1]`.
        path: String,
    },
    /// An object.
    #[error("{path}: a nested object; expected a string, number, bool, or list of one of these")]
    Object {
        /// Where.
        path: String,
    },
    /// A list in a list.
    #[error("{path}: a list in a list; expected a string, number or bool")]
    NestedList {
        /// Where.
        path: String,
    },
    /// A list of several kinds.
    #[error("{path}: of another kind than the list's first; expected all strings, all numbers or all bools")]
    MixedList {
        /// Where: the first item of another kind.
        path: String,
    },
    /// An integer beyond 64 bits signed that no float equals.
    #[error(
        "{path}: an integer that can't be kept exactly; expected one of at most 9223372036854775807, or a float"
    )]
    Inexact {
        /// Where.
        path: String,
    },
}

/// What becomes of an integer above `i64::MAX`. (Those above `u64::MAX` or below `i64::MIN` are floats already when JSON's
/// reader hands them over: that they were integers can't be told.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BigIntegers {
    /// The float that equals it, or refused. Native.
    Exact,
    /// The nearest float. Chroma, Pinecone.
    Nearest,
}

/// Keys to set (`Some`) or to remove (`None`).
pub type MetadataPatch = Vec<(String, Option<MetaValue>)>;

/// Reads a record's metadata. Lists may mix integers and floats; null and nested objects are refused by path.
pub fn metadata_from_json(object: &Map<String, Value>) -> Result<Metadata, ValueError> {
    object.iter().map(|(key, value)| Ok((key.clone(), meta_value(key, value, BigIntegers::Exact)?))).collect()
}

/// Reads the change of a record's metadata: a null removes the key.
pub fn metadata_patch_from_json(object: &Map<String, Value>) -> Result<MetadataPatch, ValueError> {
    object
        .iter()
        .map(|(key, value)| match value {
            Value::Null => Ok((key.clone(), None)),
            _ => Ok((key.clone(), Some(meta_value(key, value, BigIntegers::Exact)?))),
        })
        .collect()
}

/// Reads metadata as Chroma keeps it: a list with a float is a list of floats, an empty list is left out, an
/// integer beyond `i64` is the nearest float.
pub fn chroma_metadata_from_json(object: &Map<String, Value>) -> Result<Metadata, ValueError> {
    let mut metadata = Metadata::new();
    for (key, value) in object {
        if let Some(value) = chroma_value(key, value)? {
            metadata.insert(key.clone(), value);
        }
    }
    Ok(metadata)
}

/// Reads a change of metadata as Chroma keeps it: a null removes the key, and so does an empty list.
pub fn chroma_metadata_patch_from_json(object: &Map<String, Value>) -> Result<MetadataPatch, ValueError> {
    let mut patch = Vec::with_capacity(object.len());
    for (key, value) in object {
        let value = if value.is_null() { None } else { chroma_value(key, value)? };
        patch.push((key.clone(), value));
    }
    Ok(patch)
}

/// Writes metadata as JSON.
pub fn metadata_to_json(metadata: &Metadata) -> Map<String, Value> {
    metadata.iter().map(|(key, value)| (key.clone(), value.to_json())).collect()
}

impl MetaValue {
    /// Writes it as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Scalar(scalar) => scalar.to_json(),
            Self::List(items) => items.iter().map(Scalar::to_json).collect(),
        }
    }
}

impl Scalar {
    /// Reads a JSON scalar. `None`: null, a list, an object, or an integer that can't be kept.
    pub fn from_json(value: &Value, big: BigIntegers) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Str(text.clone())),
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            Value::Number(number) => number_from_json(number, big),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Str(text) => Value::String(text.clone()),
            Self::Int(int) => Value::Number(Number::from(*int)),
            Self::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
            Self::Bool(bool) => Value::Bool(*bool),
        }
    }
}

/// Reads a number; `None` only for an integer that can't be kept exactly and must be.
fn number_from_json(number: &Number, big: BigIntegers) -> Option<Scalar> {
    if let Some(int) = number.as_i64() {
        return Some(Scalar::Int(int));
    }
    let float = number.as_f64().filter(|float| float.is_finite())?;
    match (number.as_u64(), big) {
        // In 128 bits, as `u64::MAX as f64` is 2^64 and would come back saturated.
        (Some(int), BigIntegers::Exact) if float as u128 != u128::from(int) => None,
        (Some(_) | None, BigIntegers::Exact | BigIntegers::Nearest) => Some(Scalar::Float(float)),
    }
}

fn chroma_value(key: &str, value: &Value) -> Result<Option<MetaValue>, ValueError> {
    Ok(match meta_value(key, value, BigIntegers::Nearest)? {
        MetaValue::List(items) if items.is_empty() => None,
        MetaValue::List(items) if items.iter().any(|item| matches!(item, Scalar::Float(_))) => {
            let as_float = |item| if let Scalar::Int(int) = item { Scalar::Float(int as f64) } else { item };
            Some(MetaValue::List(items.into_iter().map(as_float).collect()))
        }
        value @ (MetaValue::List(_) | MetaValue::Scalar(_)) => Some(value),
    })
}

fn meta_value(key: &str, value: &Value, big: BigIntegers) -> Result<MetaValue, ValueError> {
    let Value::Array(items) = value else {
        return Ok(MetaValue::Scalar(scalar(value, big, || format!("metadata.{key}"))?));
    };
    let mut list: Vec<Scalar> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = || format!("metadata.{key}[{index}]");
        let item = scalar(item, big, path)?;
        if list.first().is_some_and(|first| first.kind() != item.kind()) {
            return Err(ValueError::MixedList { path: path() });
        }
        list.push(item);
    }
    Ok(MetaValue::List(list))
}

fn scalar(value: &Value, big: BigIntegers, path: impl Fn() -> String) -> Result<Scalar, ValueError> {
    Scalar::from_json(value, big).ok_or_else(|| match value {
        Value::Null => ValueError::Null { path: path() },
        Value::Object(_) => ValueError::Object { path: path() },
        Value::Array(_) => ValueError::NestedList { path: path() },
        Value::Number(_) | Value::String(_) | Value::Bool(_) => ValueError::Inexact { path: path() },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    #[test]
    fn integers_stay_integers_and_floats_floats() {
        let value = json!({"int": 1, "float": 1.0, "big": i64::MAX, "low": i64::MIN, "text": "a", "yes": true,
            "list": [1, 2.5], "none": [], "strings": ["", "b"], "bools": [true, false]});
        let metadata = metadata_from_json(object(&value)).unwrap();
        assert_eq!(metadata["int"], MetaValue::Scalar(Scalar::Int(1)));
        assert_eq!(metadata["float"], MetaValue::Scalar(Scalar::Float(1.0)));
        assert_eq!(metadata["list"], MetaValue::List(vec![Scalar::Int(1), Scalar::Float(2.5)]));
        let back = Value::Object(metadata_to_json(&metadata));
        assert_eq!(back.to_string(), value.to_string(), "to the letter");
    }

    #[test]
    fn what_is_no_metadata_is_refused_by_path() {
        let path = |text: &str| text.to_owned();
        for (value, error) in [
            (json!({"a": null}), ValueError::Null { path: path("metadata.a") }),
            (json!({"a": {"b": 1}}), ValueError::Object { path: path("metadata.a") }),
            (json!({"a": [1, null]}), ValueError::Null { path: path("metadata.a[1]") }),
            (json!({"a": [{}]}), ValueError::Object { path: path("metadata.a[0]") }),
            (json!({"a": [[1]]}), ValueError::NestedList { path: path("metadata.a[0]") }),
            (json!({"a": [1, 2.0, "x"]}), ValueError::MixedList { path: path("metadata.a[2]") }),
            (json!({"a": ["x", true]}), ValueError::MixedList { path: path("metadata.a[1]") }),
            (json!({"a": [true, 1]}), ValueError::MixedList { path: path("metadata.a[1]") }),
            (json!({"a": u64::MAX}), ValueError::Inexact { path: path("metadata.a") }),
            (json!({"a": [1, (1_u64 << 63) + 1]}), ValueError::Inexact { path: path("metadata.a[1]") }),
        ] {
            assert_eq!(metadata_from_json(object(&value)), Err(error.clone()), "{value}");
            let one_good = json!({"0": 1, "a": value["a"]});
            assert_eq!(metadata_from_json(object(&one_good)), Err(error), "{one_good}");
        }
        let text = metadata_from_json(object(&json!({"a": null}))).unwrap_err().to_string();
        assert_eq!(text, "metadata.a: null; expected a string, number, bool, or list of one of these");
    }

    #[test]
    fn an_integer_above_i64_is_the_float_that_equals_it() {
        let read = |big| Scalar::from_json(&json!(1_u64 << 63), big);
        assert_eq!(read(BigIntegers::Exact), Some(Scalar::Float(9_223_372_036_854_775_808.0)));
        assert_eq!(Scalar::from_json(&json!(u64::MAX), BigIntegers::Exact), None);
        let nearest = Scalar::from_json(&json!(u64::MAX), BigIntegers::Nearest);
        assert_eq!(nearest, Some(Scalar::Float(18_446_744_073_709_551_616.0)));
    }

    #[test]
    fn a_null_in_a_patch_removes_the_key() {
        let value = json!({"a": null, "b": 1, "c": []});
        let patch = metadata_patch_from_json(object(&value)).unwrap();
        let expected = [
            ("a".to_owned(), None),
            ("b".to_owned(), Some(MetaValue::Scalar(Scalar::Int(1)))),
            ("c".to_owned(), Some(MetaValue::List(vec![]))),
        ];
        assert_eq!(patch, expected);
        assert!(metadata_patch_from_json(object(&json!({"a": [null]}))).is_err());
        let chromas = chroma_metadata_patch_from_json(object(&value)).unwrap();
        assert_eq!((&chromas[..2], &chromas[2..]), (&expected[..2], &[("c".to_owned(), None)][..]));
    }

    #[test]
    fn chroma_keeps_lists_with_a_float_as_floats_and_no_empty_ones() {
        let value = json!({"mixed": [1, 2.5], "ints": [1, 2], "none": [], "big": u64::MAX, "text": ["a"]});
        let back = metadata_to_json(&chroma_metadata_from_json(object(&value)).unwrap());
        let expected =
            json!({"mixed": [1.0, 2.5], "ints": [1, 2], "big": 18_446_744_073_709_551_616.0, "text": ["a"]});
        assert_eq!(Value::Object(back), expected);
        assert!(chroma_metadata_from_json(object(&json!({"a": null}))).is_err());
        assert!(chroma_metadata_from_json(object(&json!({"a": [1, "x"]}))).is_err());
    }

    proptest! {
        #[test]
        fn every_number_comes_back_to_the_bit(int in any::<i64>(), float in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            let text = json!({"int": int, "float": float}).to_string();
            let metadata = metadata_from_json(object(&serde_json::from_str(&text).unwrap())).unwrap();
            prop_assert_eq!(&metadata["int"], &MetaValue::Scalar(Scalar::Int(int)));
            let MetaValue::Scalar(Scalar::Float(back)) = &metadata["float"] else { panic!("no float") };
            prop_assert_eq!(back.to_bits(), float.to_bits());
            prop_assert_eq!(Value::Object(metadata_to_json(&metadata)).to_string(), serde_json::from_str::<Value>(&text).unwrap().to_string());
        }
    }
}
