//! An item of an upload as it was sent: every field read once, what is wrong with it told by the item itself.

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::surface::moorcheh::ids::ItemId;
use crate::surface::moorcheh::tolerant::{RawPairs, Readable, Tolerant};

/// An item of an upload. All other fields than these four are metadata; in one `OF_TEXT`, a vector is too.
#[derive(Debug, Default)]
pub(crate) struct Item<const OF_TEXT: bool> {
    /// `None`: not sent.
    pub(super) id: Option<Result<ItemId, String>>,
    pub(super) text: Option<Tolerant<String>>,
    pub(super) vector: Option<Tolerant<Vec<f32>>>,
    pub(super) metadata: Option<Tolerant<RawPairs>>,
    pub(super) others: RawPairs,
}

impl<const OF_TEXT: bool> Readable for Item<OF_TEXT> {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Tolerant<Self>, A::Error> {
        let mut item = Self::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => item.id = Some(ItemId::from_json(map.next_value::<Box<RawValue>>()?.get())),
                "text" => item.text = Some(map.next_value()?),
                "vector" if !OF_TEXT => item.vector = Some(map.next_value()?),
                "metadata" => item.metadata = Some(map.next_value()?),
                _ => item.others.push((key, map.next_value()?)),
            }
        }
        Ok(Tolerant::Good(item))
    }
}

impl<const OF_TEXT: bool> Item<OF_TEXT> {
    /// Its id; `None` if none was sent.
    pub(super) fn take_id(&mut self) -> Result<Option<ItemId>, String> {
        self.id.take().transpose().map_err(|error| format!("id: {error}"))
    }

    /// Its metadata: the object's keys, and every other field whose name isn't among them.
    pub(super) fn take_pairs(&mut self) -> Result<RawPairs, String> {
        let mut pairs = match self.metadata.take() {
            None | Some(Tolerant::Null) => Vec::new(),
            Some(Tolerant::Good(pairs)) => pairs,
            Some(Tolerant::Bad(kind)) => return Err(format!("metadata: {kind}, expected an object")),
        };
        // The later of two keys counts, and the object's come after the others.
        let mut all = std::mem::take(&mut self.others);
        all.append(&mut pairs);
        Ok(all)
    }

    /// Its text, if there is one that isn't null.
    pub(super) fn take_text(&mut self) -> Result<Option<String>, String> {
        match self.text.take() {
            None | Some(Tolerant::Null) => Ok(None),
            Some(Tolerant::Good(text)) => Ok(Some(text)),
            Some(Tolerant::Bad(kind)) => Err(format!("text: {kind}, expected a string")),
        }
    }

    /// Its vector, of finite numbers.
    pub(super) fn take_vector(&mut self) -> Result<Vec<f32>, String> {
        match self.vector.take() {
            Some(Tolerant::Good(vector)) => match vector.iter().position(|x| !x.is_finite()) {
                None => Ok(vector),
                Some(place) => Err(format!("vector[{place}]: not a finite 32-bit number")),
            },
            None => Err("vector: missing".to_owned()),
            Some(Tolerant::Null) => Err("vector: null, expected a list of numbers".to_owned()),
            Some(Tolerant::Bad(kind)) => Err(format!("vector: {kind}, expected a list of numbers")),
        }
    }
}
