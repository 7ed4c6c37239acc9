//! Metadata of any JSON, returned as it came.
//!
//! A record's own metadata holds scalars and lists of one kind. What fits is kept so, and filters see it. What
//! doesn't (null, objects, mixed lists, numbers beyond 64 bits) is kept as JSON text in one more field, whose
//! name can't be written or seen: a user's key of that name goes into that text as well.

use std::collections::BTreeMap;

use lacuna_model::limits::MAX_METADATA_BYTES_MOORCHEH;
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::surface::moorcheh::tolerant::RawPairs;

/// The field that holds what doesn't fit.
pub(super) const HIDDEN: &str = "\u{0}json";

/// A record's metadata from an item's; of a repeated key the last one counts.
pub(super) fn keep(pairs: RawPairs) -> Result<Metadata, String> {
    let pairs: BTreeMap<String, Box<RawValue>> = pairs.into_iter().collect();
    // Quotes, colon and comma.
    let bytes: usize = 2 + pairs.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum::<usize>();
    if bytes > MAX_METADATA_BYTES_MOORCHEH {
        return Err(format!("metadata: {bytes} bytes, at most {MAX_METADATA_BYTES_MOORCHEH}"));
    }
    let mut kept = Metadata::new();
    let mut rest: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
    for (key, raw) in pairs {
        match fit(raw.get()) {
            _ if key == HIDDEN => {
                rest.insert(key, raw);
            }
            Fit::Whole(value) => {
                kept.insert(key, value);
            }
            Fit::Findable(value) => {
                kept.insert(key.clone(), MetaValue::Scalar(value));
                rest.insert(key, raw);
            }
            Fit::No => {
                rest.insert(key, raw);
            }
        }
    }
    if !rest.is_empty() {
        let text = serde_json::to_string(&rest).map_err(|error| format!("metadata: {error}"))?;
        kept.insert(HIDDEN.to_owned(), MetaValue::Scalar(Scalar::Str(text)));
    }
    Ok(kept)
}

/// How a value fits into a record's metadata.
enum Fit {
    /// It comes back as it was.
    Whole(MetaValue),
    /// A filter can find it so; it itself is kept as text.
    Findable(Scalar),
    No,
}

fn fit(raw: &str) -> Fit {
    match (scalar(raw), raw.as_bytes().first()) {
        (Some(scalar), Some(b'-' | b'0'..=b'9')) if matches!(scalar, Scalar::Str(_)) => Fit::Findable(scalar),
        (Some(scalar), _) => Fit::Whole(MetaValue::Scalar(scalar)),
        (None, Some(b'[')) => list(raw).map_or(Fit::No, |list| Fit::Whole(MetaValue::List(list))),
        (None, _) => Fit::No,
    }
}

/// A JSON scalar as filters see it: a number beyond 64 bits is its digits. `None`: null, a list, an object.
pub(super) fn scalar(raw: &str) -> Option<Scalar> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok().map(Scalar::Str),
        b't' => Some(Scalar::Bool(true)),
        b'f' => Some(Scalar::Bool(false)),
        b'-' | b'0'..=b'9' => Some(number(raw)),
        _ => None,
    }
}

fn number(raw: &str) -> Scalar {
    if raw.contains(['.', 'e', 'E']) {
        if let Some(float) = raw.parse().ok().filter(|float: &f64| float.is_finite()) {
            return Scalar::Float(float);
        }
    } else if let Ok(int) = raw.parse() {
        return Scalar::Int(int);
    }
    Scalar::Str(raw.to_owned())
}

/// A list of scalars of one kind, each of which comes back as it was.
fn list(raw: &str) -> Option<Vec<Scalar>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let mut list: Vec<Scalar> = Vec::with_capacity(items.len());
    for item in items {
        let item = match fit(item.get()) {
            Fit::Whole(MetaValue::Scalar(scalar)) => scalar,
            Fit::Whole(MetaValue::List(_)) | Fit::Findable(_) | Fit::No => return None,
        };
        if list.first().is_some_and(|first| first.kind() != item.kind()) {
            return None;
        }
        list.push(item);
    }
    Some(list)
}

/// An item's metadata as a client gets it back.
#[derive(Debug)]
pub(crate) struct ItemMetadata {
    kept: Metadata,
    rest: BTreeMap<String, Box<RawValue>>,
}

impl ItemMetadata {
    /// Of a record's metadata.
    pub(super) fn of(mut kept: Metadata) -> Self {
        let hidden = kept.remove(HIDDEN);
        let rest = match &hidden {
            Some(MetaValue::Scalar(Scalar::Str(text))) => serde_json::from_str(text).unwrap_or_default(),
            Some(MetaValue::Scalar(_) | MetaValue::List(_)) | None => BTreeMap::new(),
        };
        Self { kept, rest }
    }
}

impl Serialize for ItemMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.kept.iter().filter(|(key, _)| !self.rest.contains_key(*key)) {
            map.serialize_entry(key, &value.to_json())?;
        }
        for (key, raw) in &self.rest {
            map.serialize_entry(key, raw)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn pairs(text: &str) -> RawPairs {
        let pairs: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("an object");
        pairs.into_iter().collect()
    }

    fn back(metadata: Metadata) -> String {
        serde_json::to_string(&ItemMetadata::of(metadata)).expect("JSON")
    }

    #[test]
    fn any_json_comes_back_as_it_was() {
        for text in [
            "{}",
            r#"{"a":1,"b":-7,"c":1.5,"d":"x","e":true,"f":[1,2.5],"g":["a"],"h":[]}"#,
            r#"{"list":[1,"x",null,[2]],"nested":{"a":{"b":[{}]}},"none":null}"#,
            r#"{"big":123456789012345678901234567890,"huge":1e999,"u64":18446744073709551615}"#,
        ] {
            let sorted: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("an object");
            let found = back(keep(pairs(text)).expect("metadata"));
            let found: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&found).expect("an object");
            let texts = |map: BTreeMap<String, Box<RawValue>>| -> Vec<(String, String)> {
                map.into_iter().map(|(key, raw)| (key, raw.get().to_owned())).collect()
            };
            assert_eq!(texts(found), texts(sorted), "{text}");
        }
    }

    #[test]
    fn the_hidden_field_is_not_seen_and_a_users_key_of_its_name_is_kept() {
        let text = json!({HIDDEN: {"deep": 1}, "a": null}).to_string();
        let kept = keep(pairs(&text)).expect("metadata");
        assert_eq!(kept.len(), 1);
        assert_eq!(
            serde_json::from_str::<Value>(&back(kept)).expect("JSON"),
            json!({HIDDEN: {"deep": 1}, "a": null})
        );
        assert_eq!(back(keep(pairs(r#"{"a":null}"#)).expect("metadata")), r#"{"a":null}"#);
    }

    #[test]
    fn metadata_is_limited_by_its_bytes() {
        let text = |n: usize| format!(r#"{{"k":"{}"}}"#, "x".repeat(n));
        assert!(keep(pairs(&text(65_000))).is_ok());
        assert!(keep(pairs(&text(65_536))).is_err());
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let kept = keep(vec![("a".to_owned(), raw("1")), ("a".to_owned(), raw("null"))]).expect("metadata");
        assert_eq!(back(kept), r#"{"a":null}"#);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_comes_back(map in proptest::collection::btree_map(".{0,4}", any_json(), 0..6)) {
            let value = Value::Object(map.into_iter().collect());
            let kept = keep(pairs(&value.to_string())).expect("metadata");
            let found: Value = serde_json::from_str(&back(kept)).expect("JSON");
            prop_assert_eq!(found.to_string(), value.to_string());
        }
    }
}
