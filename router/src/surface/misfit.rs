//! What is wrong with a body, in JSON's words: the parser says it in Rust's.

use serde_json::error::Category;

/// Why a body is no JSON.
pub(super) fn no_json(bytes: &[u8], error: &serde_json::Error) -> String {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return "the body is empty; expected JSON".to_owned();
    }
    match (error.classify(), no_number(bytes, error)) {
        // Python's json module writes these on, and reads them.
        (Category::Syntax, Some(word)) => {
            format!(
                "the body is no valid JSON: {word} at line {} column {} is no number there",
                error.line(),
                error.column()
            )
        }
        (Category::Syntax | Category::Eof | Category::Io | Category::Data, _) => {
            format!("the body is no valid JSON: {error}")
        }
    }
}

/// The word at an error's place that stands for a number in some languages.
fn no_number(bytes: &[u8], error: &serde_json::Error) -> Option<&'static str> {
    let line = bytes.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    let rest = line.get(error.column().checked_sub(1)?..)?;
    ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()))
}

/// Why JSON doesn't fit; its place is told apart. `expected usize at line 1 column 11` is `expected a whole number, 0
/// or more`.
pub(super) fn misfit(words: &str) -> String {
    let words = without_place(words);
    let Some((got, expected)) = words.rsplit_once(", expected ") else { return words.to_owned() };
    let got = match got {
        "invalid type: map" => "invalid type: an object",
        "invalid type: sequence" => "invalid type: a list",
        other => other,
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" if got == "invalid type: null" => {
            "a number (JSON has no NaN and no infinity: both come as null)"
        }
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("{got}, expected {expected}")
}

fn without_place(words: &str) -> &str {
    let Some((before, place)) = words.rsplit_once(" at line ") else { return words };
    let is_place = place.split_once(" column ").is_some_and(|(line, column)| {
        line.bytes().all(|byte| byte.is_ascii_digit()) && column.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_place { before } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: serde::de::DeserializeOwned>(text: &str) -> serde_json::Error {
        serde_json::from_str::<T>(text).err().expect("refused")
    }

    #[derive(Debug, serde::Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "only read into")]
        n: usize,
    }

    #[test]
    fn what_does_not_fit_is_said_in_the_words_of_json() {
        for (words, said) in [
            (
                refused::<Body>(r#"{"n": "3"}"#),
                "invalid type: string \"3\", expected a whole number, 0 or more",
            ),
            (
                refused::<Body>(r#"{"n": -1}"#),
                "invalid value: integer `-1`, expected a whole number, 0 or more",
            ),
            (refused::<Body>("null"), "invalid type: null, expected an object"),
            (refused::<Body>("{}"), "missing field `n`"),
            (refused::<Vec<String>>(r#"{"a": 1}"#), "invalid type: an object, expected a list"),
            (refused::<Vec<i64>>("[[]]"), "invalid type: a list, expected a whole number"),
            (refused::<Vec<f32>>(r#"["x"]"#), "invalid type: string \"x\", expected a number"),
            (refused::<Vec<bool>>("[1]"), "invalid type: integer `1`, expected a boolean"),
        ] {
            assert_eq!(misfit(&words.to_string()), said);
        }
        assert!(misfit(&refused::<Vec<f32>>("[null]").to_string()).contains("both come as null"));
    }

    #[test]
    fn what_a_client_wrote_is_not_taken_for_a_place() {
        assert_eq!(misfit("got ' at line x column 1'"), "got ' at line x column 1'");
        assert_eq!(misfit("got 'b at line 2 column 3' at line 1 column 9"), "got 'b at line 2 column 3'");
    }

    #[test]
    fn a_body_that_is_no_json_says_why() {
        let said = |text: &str| no_json(text.as_bytes(), &refused::<serde_json::Value>(text));
        assert_eq!(said(" \n"), "the body is empty; expected JSON");
        assert!(
            said("{\n\"a\": [1, NaN]}").contains("NaN at line 2 column"),
            "{}",
            said("{\n\"a\": [1, NaN]}")
        );
        assert!(said("[Infinity]").contains("Infinity at line 1"), "{}", said("[Infinity]"));
        assert!(said("[-Infinity]").contains("Infinity at line 1"), "{}", said("[-Infinity]"));
        assert!(said("[1").contains("EOF"), "{}", said("[1"));
        assert!(said("[nope]").starts_with("the body is no valid JSON: expected"), "{}", said("[nope]"));
    }
}
