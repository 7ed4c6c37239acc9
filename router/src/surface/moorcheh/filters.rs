//! Filters of a search: `#key:value` and `#word` at the end of a text query, and the body's `metadata` object.

use lacuna_model::filter::{DocumentTest, FieldTest, Filter, Look, Usage};
use lacuna_model::value::Scalar;

use crate::error::Verb;
use crate::surface::moorcheh::failure::{Code, refused};
use crate::surface::moorcheh::metadata;
use crate::surface::moorcheh::tolerant::RawPairs;

/// A text query taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parted<'a> {
    /// What is embedded.
    pub(super) text: &'a str,
    /// What the filters at its end ask for.
    pub(super) filters: Vec<Filter>,
}

/// Takes the filters off the end of a query: words that begin with `#` and have more than that.
pub(super) fn part(query: &str) -> Parted<'_> {
    let (mut text, mut filters) = (query.trim(), Vec::new());
    loop {
        let begin = text
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + text[space..].chars().next().map_or(0, char::len_utf8));
        let Some(token) = text[begin..].strip_prefix('#').filter(|token| !token.is_empty()) else { break };
        filters.push(match token.split_once(':') {
            Some((key, value)) => equals_text(key, value),
            None => has_word(token),
        });
        text = text[..begin].trim_end();
    }
    filters.reverse();
    Parted { text, filters }
}

/// Metadata equals the value as text: the string itself, or the number or bool that is written so.
fn equals_text(key: &str, value: &str) -> Filter {
    let mut values = vec![Scalar::Str(value.to_owned())];
    if is_number(value) || value == "true" || value == "false" {
        values.extend(metadata::scalar(value).filter(|scalar| *scalar != values[0]));
    }
    one_of(key, values)
}

/// Is it a number of JSON?
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn one_of(key: &str, values: Vec<Scalar>) -> Filter {
    // What is hidden can't be asked for either.
    let values = if key == metadata::HIDDEN { Vec::new() } else { values };
    Filter::field(key, FieldTest::OneOf { values, look: Look::Scalar })
}

/// The stored text has the word, whatever its case: between characters that are of no word.
fn has_word(word: &str) -> Filter {
    let mut escaped = String::with_capacity(word.len() + 8);
    for c in word.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Filter::Document(DocumentTest::Regex(format!(r"(?i)(?:^|\W){escaped}(?:\W|$)")))
}

/// The body's `metadata`: each key equals its value, a string, number or bool.
pub(super) fn equal(pairs: &RawPairs) -> Verb<Vec<Filter>> {
    let filters = pairs.iter().map(|(key, raw)| match metadata::scalar(raw.get()) {
        Some(scalar) => Ok(one_of(key, vec![scalar])),
        None => Err(refused(
            Code::InvalidField,
            &format!("metadata.{key}: {}, expected a string, number or bool", raw.get()),
        )),
    });
    filters.collect()
}

/// All of them; `None` of none.
pub(super) fn all(filters: Vec<Filter>) -> Verb<Option<Filter>> {
    if filters.is_empty() {
        return Ok(None);
    }
    let filter = Filter::all_of(filters);
    filter.validate(Usage::Read).map_err(|error| refused(Code::InvalidField, &format!("query: {error}")))?;
    Ok(Some(filter))
}

#[cfg(test)]
mod tests {
    use lacuna_model::value::{MetaValue, Metadata};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_taken_off_the_end_only() {
        for (query, text, filters) in [
            ("refund policy", "refund policy", 0),
            ("refund #lang:en", "refund", 1),
            ("  #1 in the world  #lang:en #now ", "#1 in the world", 2),
            ("#a:b", "", 1),
            ("a # b", "a # b", 0),
            ("a #", "a #", 0),
            ("", "", 0),
            ("退款\u{3000}#a:b", "退款", 1),
        ] {
            let parted = part(query);
            assert_eq!((parted.text, parted.filters.len()), (text, filters), "{query:?}");
        }
    }

    fn judged(query: &str, metadata: &Metadata, text: &str) -> bool {
        let filter = all(part(query).filters).expect("a filter").expect("some");
        filter.compile().expect("it compiles").matches("id", metadata, Some(text))
    }

    #[test]
    fn a_word_is_found_whole_and_in_any_case() {
        let none = Metadata::new();
        for (query, text, found) in [
            ("#Refund", "the REFUND policy", true),
            ("#refund", "refunds", false),
            ("#c++", "I like C++.", true),
            ("#a.b", "axb", false),
            ("#été", "Un ÉTÉ chaud", true),
            ("#[x]", "see [x]", true),
            ("#a-b", "(a-b)", true),
        ] {
            assert_eq!(judged(query, &none, text), found, "{query} in {text}");
        }
    }

    #[test]
    fn a_value_is_compared_as_text() {
        let of = |scalar| Metadata::from([("k".to_owned(), MetaValue::Scalar(scalar))]);
        for (query, scalar, found) in [
            ("#k:5", Scalar::Int(5), true),
            ("#k:5", Scalar::Str("5".to_owned()), true),
            ("#k:5", Scalar::Float(5.0), true),
            ("#k:5", Scalar::Str("5.0".to_owned()), false),
            ("#k:05", Scalar::Int(5), false),
            ("#k:1.5", Scalar::Float(1.5), true),
            ("#k:true", Scalar::Bool(true), true),
            ("#k:true", Scalar::Str("true".to_owned()), true),
            ("#k:True", Scalar::Bool(true), false),
            ("#k:a:b", Scalar::Str("a:b".to_owned()), true),
            ("#k:", Scalar::Str(String::new()), true),
            ("#k:99999999999999999999", Scalar::Str("99999999999999999999".to_owned()), true),
        ] {
            assert_eq!(judged(query, &of(scalar.clone()), ""), found, "{query} of {scalar:?}");
        }
        assert!(!judged("#k:5", &Metadata::new(), ""));
    }

    #[test]
    fn the_hidden_field_is_not_found() {
        let kept = metadata::keep(vec![(
            "a".to_owned(),
            serde_json::value::RawValue::from_string("null".to_owned()).expect("JSON"),
        )]);
        let kept = kept.expect("metadata");
        assert_eq!(kept.len(), 1);
        assert!(!judged(&format!("#{}:{{\"a\":null}}", metadata::HIDDEN), &kept, ""));
    }

    proptest! {
        /// Against a reading of the contract by string handling alone.
        #[test]
        fn any_tail_of_filters_judges_as_a_naive_reading(
            words in proptest::collection::vec("[a-zA-Z]{1,3}", 1..12),
            wanted in proptest::collection::vec(prop_oneof!["[a-cA-C]{1,2}", "k[12]:(1|x|true|1\\.5)"], 1..4),
            values in proptest::collection::vec(prop_oneof![
                Just(Scalar::Int(1)), Just(Scalar::Str("x".to_owned())), Just(Scalar::Str("1".to_owned())),
                Just(Scalar::Bool(true)), Just(Scalar::Float(1.5)), Just(Scalar::Float(1.0))], 2),
        ) {
            let text = words.join(" ");
            let metadata: Metadata = [("k1", &values[0]), ("k2", &values[1])]
                .map(|(key, value)| (key.to_owned(), MetaValue::Scalar(value.clone()))).into();
            let naive = wanted.iter().all(|token| match token.split_once(':') {
                None => words.iter().any(|word| word.to_lowercase() == token.to_lowercase()),
                Some((key, value)) => match &metadata[key] {
                    MetaValue::Scalar(Scalar::Str(text)) => text == value,
                    MetaValue::Scalar(Scalar::Int(int)) => value.parse::<f64>() == Ok(*int as f64),
                    MetaValue::Scalar(Scalar::Float(float)) => value.parse::<f64>() == Ok(*float),
                    MetaValue::Scalar(Scalar::Bool(bool)) => value == bool.to_string(),
                    MetaValue::List(_) => false,
                },
            });
            let query = wanted.iter().fold("what".to_owned(), |query, token| format!("{query} #{token}"));
            prop_assert_eq!(part(&query).text, "what");
            prop_assert_eq!(judged(&query, &metadata, &text), naive, "{} in {:?} {}", query, metadata, text);
        }
    }
}
