//! Vectors in a write's body: base64 of little-endian 32-bit floats, or lists of numbers, straight to `f32`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::MAX_DIMENSION;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::NOTHING;

/// The vectors of a request, as they came in; a null leaves the old one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Embeddings {
    vectors: Vec<Option<Vec<f32>>>,
    /// The first that is a string but not one of floats, and why.
    fault: Option<(usize, String)>,
}

/// How a request writes its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Base64,
    Numbers,
}

/// Reads one vector after the other, with what is known from those before.
#[derive(Default)]
struct Reader {
    writing: Option<Writing>,
    /// Components of the vector before.
    length: usize,
    bytes: Vec<u8>,
}

/// One vector as it is written.
enum Written {
    Vector(Vec<f32>),
    Null,
    Fault(String),
}

impl Embeddings {
    /// The vectors, all of one length and finite, as many as there are ids.
    pub(super) fn checked(self, ids: usize) -> Verb<Vec<Option<Vec<f32>>>> {
        if let Some((position, why)) = self.fault {
            return Err(wrong(position, &why));
        }
        same_length("embeddings", self.vectors.len(), ids)?;
        check_vectors(
            self.vectors
                .iter()
                .enumerate()
                .filter_map(|(position, vector)| vector.as_deref().map(|vector| (position, vector))),
        )?;
        Ok(self.vectors)
    }

    /// The first null among them; one that can't be read is none.
    pub(super) fn first_null(&self) -> Option<usize> {
        if self.fault.is_some() { None } else { self.vectors.iter().position(Option::is_none) }
    }
}

/// A column has as many items as there are ids.
pub(super) fn same_length(field: &str, got: usize, ids: usize) -> Verb<()> {
    if got == ids {
        return Ok(());
    }
    let message = format!("{field}: {got} items for {ids} ids, expected as many; {NOTHING}");
    Err(VerbError::argument(message).with("field", field))
}

/// Vectors of one request: of one length, not empty, finite.
pub(super) fn check_vectors<'a>(vectors: impl Iterator<Item = (usize, &'a [f32])>) -> Verb<()> {
    let mut length = None;
    for (position, vector) in vectors {
        let expected = *length.get_or_insert(vector.len());
        if vector.is_empty() || vector.len() > MAX_DIMENSION as usize {
            let why = format!("{} components, expected 1 to {MAX_DIMENSION}", vector.len());
            return Err(wrong(position, &why));
        }
        if vector.len() != expected {
            let why = format!("{} components, others in this request have {expected}", vector.len());
            return Err(wrong(position, &why));
        }
        if let Some(place) = vector.iter().position(|component| !component.is_finite()) {
            return Err(wrong(position, &format!("component {place} is not a finite 32-bit float")));
        }
    }
    Ok(())
}

fn wrong(position: usize, why: &str) -> VerbError {
    let message = format!("embeddings[{position}]: {why}; {NOTHING}");
    VerbError::new(ErrorCode::InvalidVector, message).with("position", position)
}

impl<'de> de::Deserialize<'de> for Embeddings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Column)
    }
}

struct Column;

impl<'de> Visitor<'de> for Column {
    type Value = Embeddings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vectors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Embeddings, A::Error> {
        let (mut found, mut reader) = (Embeddings::default(), Reader::default());
        while let Some(item) = items.next_element_seed(&mut reader)? {
            match item {
                Written::Vector(vector) => {
                    reader.length = vector.len();
                    found.vectors.push(Some(vector));
                }
                Written::Null => found.vectors.push(None),
                Written::Fault(why) => {
                    found.fault.get_or_insert((found.vectors.len(), why));
                    found.vectors.push(None);
                }
            }
        }
        Ok(found)
    }
}

impl Reader {
    fn is<E: de::Error>(&mut self, writing: Writing) -> Result<(), E> {
        if *self.writing.get_or_insert(writing) == writing {
            Ok(())
        } else {
            Err(E::custom("base64 strings and lists of numbers are mixed, expected one kind"))
        }
    }

    fn decode(&mut self, text: &str) -> Written {
        self.bytes.clear();
        if let Err(error) = STANDARD.decode_vec(text, &mut self.bytes) {
            return Written::Fault(format!("no base64 ({error})"));
        }
        let (floats, rest) = self.bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Written::Fault(format!("{} bytes, expected 4 for each component", self.bytes.len()));
        }
        Written::Vector(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Written;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Written, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector: a base64 string or a list of numbers")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Written, E> {
        Ok(Written::Null)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        self.is(Writing::Base64)?;
        Ok(self.decode(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
        self.is(Writing::Numbers)?;
        let mut vector = Vec::with_capacity(self.length);
        while let Some(component) = items.next_element::<f32>()? {
            vector.push(component);
        }
        Ok(Written::Vector(vector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Embeddings, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn base64(vector: &[f32]) -> String {
        STANDARD.encode(vector.iter().flat_map(|component| component.to_le_bytes()).collect::<Vec<u8>>())
    }

    #[test]
    fn base64_and_numbers_are_the_same_vectors() {
        let vectors = [[1.0_f32, -0.5, 0.1], [f32::MAX, 0.0, -7.25]];
        let text = format!("[\"{}\", \"{}\"]", base64(&vectors[0]), base64(&vectors[1]));
        let expected = vectors.map(|vector| Some(vector.to_vec())).to_vec();
        assert_eq!(read(&text).expect("base64").checked(2).expect("vectors"), expected);
        let numbers = serde_json::to_string(&vectors).expect("JSON");
        assert_eq!(read(&numbers).expect("numbers").checked(2).expect("vectors"), expected);
        assert_eq!(read("[[1, 2]]").expect("integers").checked(1).expect("vectors"), [Some(vec![1.0, 2.0])]);
    }

    #[test]
    fn what_is_no_vector_has_the_wrong_shape_and_a_broken_one_breaks_a_rule() {
        for shape in [
            "7",
            "[7]",
            "[true]",
            "[{}]",
            "[[1e39]]",
            "[[\"a\"]]",
            "[[1], \"AACAPw==\"]",
            "[\"AACAPw==\", [1]]",
        ] {
            assert!(read(shape).is_err(), "{shape}");
        }
        for rule in ["[\"!!\"]", "[\"AACA\"]", "[\"\"]", "[[]]", "[[1], [1, 2]]", "[[1], [2]]"] {
            assert!(read(rule).expect(rule).checked(1).is_err(), "{rule}");
        }
        let nan = format!("[\"{}\"]", base64(&[f32::NAN]));
        assert!(read(&nan).expect("base64").checked(1).is_err());
    }

    #[test]
    fn a_null_among_them_is_kept_as_one() {
        let some = read("[null, [1, 2], null]").expect("vectors");
        assert_eq!(some.first_null(), Some(0));
        assert_eq!(some.checked(3).expect("vectors"), [None, Some(vec![1.0, 2.0]), None]);
    }
}
