//! A collection's configuration: what create and modify send, and what is kept of it.

use lacuna_model::record::Metric;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::{NOTHING, misshapen};
use crate::surface::chroma::old_parameters::parameters_of;
use crate::surface::chroma::record_keys::check_key;
use crate::surface::chroma::schema::vectors_of;

/// A distance function, in Chroma's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub(crate) enum Space {
    /// Squared Euclidean distance.
    #[default]
    L2,
    /// 1 − cosine.
    Cosine,
    /// 1 − dot product.
    Ip,
}

/// How a collection's index is configured.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigurationBody {
    /// Index parameters.
    #[serde(default)]
    pub(super) hnsw: Option<HnswBody>,
    /// Index parameters of Chroma's cloud: only the space and those it shares with `hnsw` are kept.
    #[serde(default)]
    pub(super) spann: Option<SpannBody>,
    /// The client's embedding function; kept verbatim.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) embedding_function: Option<Value>,
    /// What clients before 1.0 send.
    #[serde(default)]
    pub(super) hnsw_configuration: Option<HnswBody>,
    /// The same.
    #[serde(default, rename = "_type")]
    #[schema(value_type = Option<String>)]
    _type: Option<IgnoredAny>,
}

/// Index parameters.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HnswBody {
    /// The distance.
    #[serde(default)]
    pub(super) space: Option<Space>,
    /// What can be changed later.
    #[serde(default)]
    pub(super) ef_search: Option<u32>,
    /// Candidates while building.
    #[serde(default)]
    pub(super) ef_construction: Option<u32>,
    /// Neighbours of a node.
    #[serde(default, alias = "M")]
    pub(super) max_neighbors: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) num_threads: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) batch_size: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) sync_threshold: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) resize_factor: Option<f64>,
    /// What clients before 1.0 send.
    #[serde(default, rename = "_type")]
    #[schema(ignore)]
    _type: Option<IgnoredAny>,
}

/// Index parameters of Chroma's cloud.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct SpannBody {
    /// The distance.
    #[serde(default)]
    pub(super) space: Option<Space>,
    /// Candidates while searching.
    #[serde(default)]
    pub(super) ef_search: Option<u32>,
    /// Candidates while building.
    #[serde(default)]
    pub(super) ef_construction: Option<u32>,
    /// Neighbours of a node.
    #[serde(default)]
    pub(super) max_neighbors: Option<u32>,
}

/// Changes of a configuration; the space is fixed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConfigurationBody {
    /// Index parameters that may change.
    #[serde(default)]
    pub(super) hnsw: Option<NewHnswBody>,
    /// The same, in the words of Chroma's cloud.
    #[serde(default)]
    pub(super) spann: Option<NewSpannBody>,
    /// The client's embedding function; kept verbatim.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) embedding_function: Option<Value>,
}

/// Index parameters that may change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewHnswBody {
    /// Candidates while searching.
    #[serde(default)]
    pub(super) ef_search: Option<u32>,
    /// Neighbours of a node.
    #[serde(default)]
    pub(super) max_neighbors: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) num_threads: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) batch_size: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) sync_threshold: Option<u32>,
    /// Kept, without effect.
    #[serde(default)]
    pub(super) resize_factor: Option<f64>,
}

/// Index parameters of Chroma's cloud that may change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSpannBody {
    /// Candidates while searching.
    #[serde(default)]
    pub(super) ef_search: Option<u32>,
    /// Kept, without effect.
    #[serde(default, rename = "search_nprobe")]
    #[schema(value_type = Option<u32>)]
    _search_nprobe: Option<u32>,
}

/// Index parameters as they are kept and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Hnsw {
    /// The distance.
    pub(super) space: Space,
    /// Candidates while building.
    pub(super) ef_construction: u32,
    /// Candidates while searching.
    pub(super) ef_search: u32,
    /// Neighbours of a node.
    pub(super) max_neighbors: u32,
    /// Kept, without effect.
    pub(super) resize_factor: f64,
    /// Kept, without effect.
    pub(super) sync_threshold: u32,
    /// Kept, without effect; shown if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) num_threads: Option<u32>,
    /// Kept, without effect; shown if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) batch_size: Option<u32>,
}

/// What this surface keeps with a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) hnsw: Hnsw,
    /// Was `ef_search` asked for? Only then does it rule searches.
    #[serde(default)]
    pub(super) ef: Option<u32>,
    pub(super) embedding_function: Option<Value>,
    pub(super) metadata: Option<Map<String, Value>>,
    /// As create sent it.
    pub(super) schema: Option<Value>,
    /// Tells this making from another one of the same name, should its answer be lost.
    made: String,
}

/// The one part of [`Kept`] that a search needs.
#[derive(Deserialize)]
struct Searching {
    #[serde(default)]
    ef: Option<u32>,
}

impl Default for Hnsw {
    fn default() -> Self {
        Self {
            space: Space::L2,
            ef_construction: 100,
            ef_search: 100,
            max_neighbors: 16,
            resize_factor: 1.2,
            sync_threshold: 1_000,
            num_threads: None,
            batch_size: None,
        }
    }
}

/// Whatever else stands there has the wrong shape.
impl TryFrom<String> for Space {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "l2" => Ok(Self::L2),
            "cosine" => Ok(Self::Cosine),
            "ip" => Ok(Self::Ip),
            _ => Err("unknown distance, expected \"l2\", \"cosine\" or \"ip\""),
        }
    }
}

impl Space {
    /// Its metric in the core.
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::L2 => Metric::L2,
            Self::Cosine => Metric::Cosine,
            Self::Ip => Metric::Dot,
        }
    }

    /// A metric in Chroma's words.
    pub(super) fn of(metric: Metric) -> Self {
        match metric {
            Metric::L2 => Self::L2,
            Metric::Cosine => Self::Cosine,
            Metric::Dot => Self::Ip,
        }
    }

    pub(super) fn named(value: &Value, at: &str) -> Verb<Self> {
        Self::deserialize(value).map_err(|_| {
            misshapen(format!("{at}: unknown distance, expected \"l2\", \"cosine\" or \"ip\"; {NOTHING}"))
        })
    }
}

impl Kept {
    /// What is kept of a collection that is being made. Its space and parameters: of the configuration, else of the
    /// metadata, else of the schema. Clients send a configuration of nothing but defaults beside a schema of their
    /// user's: then the schema is what counts.
    pub(super) fn new(
        configuration: Option<ConfigurationBody>,
        metadata: Option<Map<String, Value>>,
        schema: Option<Value>,
    ) -> Verb<Self> {
        let configuration = configuration.unwrap_or_default();
        if configuration.hnsw.is_some() && configuration.spann.is_some() {
            let message = format!("configuration: hnsw and spann cannot both be provided; {NOTHING}");
            return Err(VerbError::argument(message).with("path", "configuration"));
        }
        let spann = configuration.spann.map(HnswBody::from);
        let mut given = configuration.hnsw.or(spann).or(configuration.hnsw_configuration).unwrap_or_default();
        let mut embedding_function = configuration.embedding_function;
        let of_schema = schema.as_ref().map(vectors_of).transpose()?.unwrap_or_default();
        if says_something(&of_schema.hnsw, of_schema.embedding_function.as_ref()) {
            if says_something(&given, embedding_function.as_ref()) {
                let message = format!(
                    "configuration and schema: both say how vectors are indexed, expected one; {NOTHING}"
                );
                return Err(VerbError::argument(message).with("path", "schema"));
            }
            (given, embedding_function) = (HnswBody::default(), of_schema.embedding_function);
        }
        let given = given.or(&parameters_of(metadata.as_ref())?).or(&of_schema.hnsw);
        Ok(Self {
            hnsw: Hnsw::default().with(&given),
            ef: given.ef_search,
            embedding_function,
            metadata,
            schema,
            made: format!("{:032x}", rand::random::<u128>()),
        })
    }

    /// With a change.
    pub(super) fn change(&mut self, new: NewConfigurationBody) {
        let NewHnswBody { ef_search, max_neighbors, num_threads, batch_size, sync_threshold, resize_factor } =
            new.hnsw.unwrap_or_default();
        let ef_search = ef_search.or(new.spann.and_then(|spann| spann.ef_search));
        self.ef = ef_search.or(self.ef);
        set(&mut self.hnsw.ef_search, ef_search);
        set(&mut self.hnsw.max_neighbors, max_neighbors);
        set(&mut self.hnsw.sync_threshold, sync_threshold);
        set(&mut self.hnsw.resize_factor, resize_factor);
        self.hnsw.num_threads = num_threads.or(self.hnsw.num_threads);
        self.hnsw.batch_size = batch_size.or(self.hnsw.batch_size);
        self.embedding_function = new.embedding_function.or(self.embedding_function.take());
    }

    /// What was kept, read back; a collection that another door made has the defaults.
    pub(super) fn read(extra: &str, metric: Metric) -> Self {
        serde_json::from_str(extra).unwrap_or_else(|_| Self {
            hnsw: Hnsw { space: Space::of(metric), ..Hnsw::default() },
            ef: None,
            embedding_function: None,
            metadata: None,
            schema: None,
            made: String::new(),
        })
    }

    /// As it is kept.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Candidates while searching, where somebody asked for a number.
pub(super) fn ef_of(extra: &str) -> Option<usize> {
    serde_json::from_str::<Searching>(extra).ok()?.ef.map(|ef| ef as usize)
}

/// Is this more than what a client sends when its user said nothing?
fn says_something(given: &HnswBody, embedding_function: Option<&Value>) -> bool {
    let own = |function: &Value| {
        let is = |key: &str, word: &str| function.get(key).and_then(Value::as_str) == Some(word);
        !(function.is_null() || is("type", "legacy") || is("type", "unknown") || is("name", "default"))
    };
    Hnsw::default().with(given) != Hnsw::default() || embedding_function.is_some_and(own)
}

impl Hnsw {
    /// With what was given.
    fn with(mut self, given: &HnswBody) -> Self {
        set(&mut self.space, given.space);
        set(&mut self.ef_construction, given.ef_construction);
        set(&mut self.ef_search, given.ef_search);
        set(&mut self.max_neighbors, given.max_neighbors);
        set(&mut self.resize_factor, given.resize_factor);
        set(&mut self.sync_threshold, given.sync_threshold);
        self.num_threads = given.num_threads.or(self.num_threads);
        self.batch_size = given.batch_size.or(self.batch_size);
        self
    }
}

impl HnswBody {
    /// What is given here, else there.
    fn or(self, other: &Self) -> Self {
        Self {
            space: self.space.or(other.space),
            ef_search: self.ef_search.or(other.ef_search),
            ef_construction: self.ef_construction.or(other.ef_construction),
            max_neighbors: self.max_neighbors.or(other.max_neighbors),
            num_threads: self.num_threads.or(other.num_threads),
            batch_size: self.batch_size.or(other.batch_size),
            sync_threshold: self.sync_threshold.or(other.sync_threshold),
            resize_factor: self.resize_factor.or(other.resize_factor),
            _type: None,
        }
    }
}

fn set<T>(kept: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *kept = given;
    }
}

impl From<SpannBody> for HnswBody {
    fn from(spann: SpannBody) -> Self {
        let SpannBody { space, ef_search, ef_construction, max_neighbors } = spann;
        Self { space, ef_search, ef_construction, max_neighbors, ..Self::default() }
    }
}

/// A collection's new metadata: a null, which a new collection may not have, is a key less.
pub(super) fn check_new_metadata(metadata: Option<Map<String, Value>>) -> Verb<Option<Map<String, Value>>> {
    let field = "new_metadata";
    let Some(metadata) = metadata else { return Ok(None) };
    let some = !metadata.is_empty();
    let left: Map<String, Value> = metadata.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if some && left.is_empty() { Ok(Some(left)) } else { check_metadata(field, Some(left)) }
}

/// A collection's metadata: not empty, each value a scalar.
pub(super) fn check_metadata(
    field: &str,
    metadata: Option<Map<String, Value>>,
) -> Verb<Option<Map<String, Value>>> {
    let Some(metadata) = metadata else { return Ok(None) };
    if metadata.is_empty() {
        let message = format!("{field}: empty; expected at least one key, or none at all; {NOTHING}");
        return Err(VerbError::argument(message).with("field", field));
    }
    for (key, value) in &metadata {
        check_key(field, key)?;
        match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
            Value::Null | Value::Object(_) => {
                return Err(misshapen(format!(
                    "{field}.{key}: expected a string, number or bool; {NOTHING}"
                )));
            }
            Value::Array(_) => {
                return Err(VerbError::argument(format!(
                    "{field}.{key}: a list; a collection's metadata has strings, numbers and bools; {NOTHING}"
                ))
                .with("field", field));
            }
        }
    }
    Ok(Some(metadata))
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
