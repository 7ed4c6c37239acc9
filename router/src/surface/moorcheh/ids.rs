//! Items' ids: text or number, and a number is its decimal text.

use std::collections::HashSet;

use lacuna_model::RecordId;
use lacuna_model::command::IdAt;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

/// Longest id, bytes of UTF-8.
pub(super) const MAX_BYTES: usize = 512;

/// An item's id. `7` and `"7"` are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ItemId(pub(super) RecordId);

impl ItemId {
    /// Reads a JSON value as it was sent: digits that no number type holds are kept as well.
    pub(super) fn from_json(raw: &str) -> Result<Self, String> {
        let text = match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).map_err(|error| error.to_string())?,
            Some(b'-' | b'0'..=b'9') => number_text(raw)?,
            Some(b't' | b'f') => return Err(format!("a bool ({raw}); {EXPECTED}")),
            Some(b'n') => return Err(format!("null; {EXPECTED}")),
            Some(b'[') => return Err(format!("a list; {EXPECTED}")),
            Some(_) | None => return Err(format!("an object; {EXPECTED}")),
        };
        Self::new(text)
    }

    fn new(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!("an empty string; {EXPECTED}"));
        }
        if text.len() > MAX_BYTES {
            return Err(format!("{} bytes; an id has at most {MAX_BYTES}", text.len()));
        }
        RecordId::new(text).map(Self).map_err(|error| error.to_string())
    }

    /// A random one, for items sent without.
    pub(super) fn made() -> Result<Self, String> {
        let random = rand::random::<u128>();
        let version4 = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{version4:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Self::new(parts.join("-"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

const EXPECTED: &str = "an id is a non-empty string or a number";

/// Integers by their digits; other numbers by the shortest decimal that means them, without a fraction of zero.
fn number_text(raw: &str) -> Result<String, String> {
    if !raw.contains(['.', 'e', 'E']) {
        return Ok(if raw == "-0" { "0" } else { raw }.to_owned());
    }
    let number: f64 = raw.parse().map_err(|_| format!("{raw}; {EXPECTED}"))?;
    if !number.is_finite() {
        return Err(format!("{raw} is no 64-bit number; send it as a string"));
    }
    Ok(if number == 0.0 { "0".to_owned() } else { format!("{number}") })
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(D::Error::custom)
    }
}

/// Each id once, at its first place.
pub(super) fn distinct(ids: &[ItemId]) -> Vec<IdAt> {
    let mut seen = HashSet::with_capacity(ids.len());
    let placed = ids.iter().enumerate().filter(|(_, id)| seen.insert(*id));
    placed.map(|(position, id)| IdAt { position: position as u32, id: id.0.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_decimal_text() {
        for (raw, text) in [
            ("7", "7"),
            ("\"7\"", "7"),
            ("-12", "-12"),
            ("-0", "0"),
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("1e2", "100"),
            ("2.5E-3", "0.0025"),
            ("1e23", "100000000000000000000000"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("\"a b\"", "a b"),
            ("\"\\u00e9\"", "é"),
            ("\" 7\"", " 7"),
        ] {
            assert_eq!(ItemId::from_json(raw).as_ref().map(ItemId::as_str), Ok(text), "{raw}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_what_it_is() {
        for (raw, words) in [
            ("true", "a bool"),
            ("false", "a bool"),
            ("null", "null"),
            ("{}", "an object"),
            ("[1]", "a list"),
            ("\"\"", "empty"),
            ("1e999", "64-bit"),
        ] {
            let error = ItemId::from_json(raw).expect_err(raw);
            assert!(error.contains(words), "{raw}: {error}");
        }
        assert!(ItemId::from_json(&format!("\"{}\"", "x".repeat(512))).is_ok());
        assert!(ItemId::from_json(&format!("\"{}\"", "ü".repeat(257))).is_err(), "bytes, not characters");
    }

    #[test]
    fn made_ids_are_uuids_of_version_4() {
        let id = ItemId::made().expect("an id");
        let parts: Vec<&str> = id.as_str().split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id:?}");
    }

    #[test]
    fn a_repeated_id_keeps_its_first_place() {
        let id = |raw| ItemId::from_json(raw).expect("an id");
        let placed = distinct(&[id("1"), id("\"b\""), id("\"1\""), id("1.0"), id("2")]);
        let placed: Vec<_> = placed.iter().map(|id| (id.position, id.id.as_str())).collect();
        assert_eq!(placed, [(0, "1"), (1, "b"), (4, "2")]);
    }
}
