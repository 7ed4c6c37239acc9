//! Values that may be of a wrong kind without spoiling the request: an item says so for itself.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A value of the wanted kind, or what was there instead.
#[derive(Debug)]
pub(crate) enum Tolerant<T> {
    Good(T),
    Null,
    /// Of another kind: which.
    Bad(&'static str),
}

/// A metadata object, its values as they were sent.
pub(crate) type RawPairs = Vec<(String, Box<RawValue>)>;

/// A kind of value to read, and to tolerate.
pub(super) trait Readable: Sized {
    fn from_text(_text: &str) -> Tolerant<Self> {
        Tolerant::Bad("a string")
    }
    fn from_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Tolerant<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tolerant::Bad("a list"))
    }
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Tolerant<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Tolerant::Bad("an object"))
    }
    fn from_number(_number: f64) -> Tolerant<Self> {
        Tolerant::Bad("a number")
    }
}

impl Readable for String {
    fn from_text(text: &str) -> Tolerant<Self> {
        Tolerant::Good(text.to_owned())
    }
}

impl Readable for RawPairs {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Tolerant<Self>, A::Error> {
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Tolerant::Good(pairs))
    }
}

/// Components straight to 32 bits; one that is no number is not finite, which is looked for later.
impl Readable for Vec<f32> {
    fn from_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Tolerant<Self>, A::Error> {
        let mut vector = Self::with_capacity(seq.size_hint().unwrap_or(1_536));
        while let Some(component) = seq.next_element::<Tolerant<f32>>()? {
            vector.push(match component {
                Tolerant::Good(component) => component,
                Tolerant::Null | Tolerant::Bad(_) => f32::NAN,
            });
        }
        Ok(Tolerant::Good(vector))
    }
}

impl Readable for f32 {
    fn from_number(number: f64) -> Tolerant<Self> {
        Tolerant::Good(number as Self)
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Readable> Visitor<'de> for Reader<T> {
    type Value = Tolerant<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Tolerant<T>, E> {
        Ok(Tolerant::Bad("a bool"))
    }
    fn visit_unit<E>(self) -> Result<Tolerant<T>, E> {
        Ok(Tolerant::Null)
    }
    fn visit_u64<E>(self, number: u64) -> Result<Tolerant<T>, E> {
        Ok(T::from_number(number as f64))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Tolerant<T>, E> {
        Ok(T::from_number(number as f64))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Tolerant<T>, E> {
        Ok(T::from_number(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Tolerant<T>, E> {
        Ok(T::from_text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Tolerant<T>, A::Error> {
        T::from_seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tolerant<T>, A::Error> {
        T::from_map(map)
    }
}

impl<'de, T: Readable> Deserialize<'de> for Tolerant<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}
