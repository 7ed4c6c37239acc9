//! Where a page ended: the last id (or name) itself, so that it stays good whatever is deleted meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Verb, VerbError};

/// A cursor that says which was the last.
pub(crate) fn write(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1{last}"))
}

/// Reads a cursor that came in the given field.
pub(crate) fn read(field: &str, cursor: Option<&str>) -> Verb<Option<String>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let raw = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|raw| String::from_utf8(raw).ok());
    match raw.as_deref().and_then(|text| text.strip_prefix('1')) {
        Some(last) => Ok(Some(last.to_owned())),
        None => {
            Err(VerbError::argument(format!("{field}: not one that an answer gave; expected it unchanged"))
                .with("path", field))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_id_and_anything_else_is_refused() {
        assert_eq!(read("cursor", Some(&write("a/ä"))).expect("a cursor"), Some("a/ä".to_owned()));
        assert_eq!(read("cursor", None).expect("none"), None);
        assert!(read("cursor", Some("nonsense!")).is_err());
    }
}
