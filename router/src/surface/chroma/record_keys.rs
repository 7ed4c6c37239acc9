//! Keys of metadata, of records and collections: those that a filter could never name are refused.

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::NOTHING;

/// How operators and Chroma's own keys begin.
const RESERVED: [char; 2] = ['#', '$'];

/// A key of metadata: not empty, and none that a filter reads as an operator. `at` says where it stands.
pub(super) fn check_key(at: &str, key: &str) -> Verb<()> {
    let wrong = if key.is_empty() {
        "an empty key".to_owned()
    } else if key.starts_with(RESERVED) {
        format!("the key \"{key}\" begins with '#' or '$'")
    } else {
        return Ok(());
    };
    let message = format!("{at}: {wrong}, expected a name that filters can ask for; {NOTHING}");
    Err(VerbError::argument(message).with("field", at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_no_filter_could_name_is_refused() {
        for bad in ["", "#", "#document", "$eq", "$"] {
            assert!(check_key("metadata", bad).is_err(), "{bad}");
        }
        for good in ["a", " ", "a#", "a$b", "é", "a.b", "chroma:x"] {
            assert!(check_key("metadata", good).is_ok(), "{good}");
        }
    }
}
