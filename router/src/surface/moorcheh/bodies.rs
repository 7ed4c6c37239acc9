//! Bodies of this surface's requests. Unknown fields are passed over; raw clients' camelCase is taken too.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use utoipa::ToSchema;

use crate::surface::moorcheh::ids::ItemId;
use crate::surface::moorcheh::item::Item;
use crate::surface::moorcheh::tolerant::{RawPairs, Tolerant};

/// Makes a namespace.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct CreateBody {
    /// 1 to 128 characters of `[A-Za-z0-9_-]`.
    #[serde(alias = "namespaceName")]
    pub namespace_name: String,
    /// `text` or `vector`.
    pub r#type: String,
    /// 1 to 65,535 for vectors; null or missing for text.
    #[serde(default, alias = "vectorDimension")]
    pub vector_dimension: Option<i64>,
}

/// Documents to store.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct DocumentsBody {
    /// 1 to 100 of `{"id", "text", "metadata"?, <any other field>}`.
    #[schema(value_type = Vec<Object>)]
    pub(crate) documents: Vec<Tolerant<Item<true>>>,
}

/// Vectors to store.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct VectorsBody {
    /// 1 to 1,000 of `{"id", "vector", "text"?, "metadata"?, <any other field>}`.
    #[schema(value_type = Vec<Object>)]
    pub(crate) vectors: Vec<Tolerant<Item<false>>>,
}

/// Items by id.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct IdsBody {
    /// Strings or numbers; a number is its decimal text.
    #[schema(value_type = Vec<Object>)]
    pub(crate) ids: Vec<ItemId>,
}

/// Searches.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct SearchBody {
    /// Where; all of one type.
    pub namespaces: Vec<String>,
    /// A text, perhaps with `#key:value` and `#word` at its end, or a vector.
    #[schema(value_type = Object)]
    pub(crate) query: Sought,
    /// Hits, at most 100.
    #[serde(default, alias = "topK")]
    pub top_k: Option<i64>,
    /// Only hits of at least `threshold`.
    #[serde(default, alias = "kioskMode")]
    pub kiosk_mode: Option<bool>,
    /// 0 to 1; needed by, and only used with, `kiosk_mode`.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Only items whose metadata has these values.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Tolerant<RawPairs>>,
}

/// What is searched for.
#[derive(Debug)]
pub(crate) enum Sought {
    Text(String),
    Vector(Vec<f32>),
}

impl<'de> Deserialize<'de> for Sought {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Sought;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of numbers")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sought, E> {
                Ok(Sought::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sought, A::Error> {
                let mut vector = Vec::with_capacity(1_536);
                while let Some(component) = seq.next_element::<f32>()? {
                    vector.push(component);
                }
                Ok(Sought::Vector(vector))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Asks for an answer, which is not offered.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
pub struct AnswerBody {
    /// Where it would be looked for.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Files to delete.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct FilesBody {
    /// Their names.
    #[serde(alias = "fileNames")]
    pub file_names: Vec<String>,
}

/// A file to upload, which is not offered.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub struct FileBody {
    /// Its name.
    #[serde(alias = "fileName")]
    pub file_name: String,
}
