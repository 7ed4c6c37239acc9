//! A collection's configuration: what create and modify send, and what is kept of it.

use lacuna_model::record::Metric;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::{NOTHING, misshapen};

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

    fn named(value: &Value, at: &str) -> Verb<Self> {
        Self::deserialize(value).map_err(|_| {
            misshapen(format!("{at}: unknown distance, expected \"l2\", \"cosine\" or \"ip\"; {NOTHING}"))
        })
    }
}

impl Kept {
    /// What is kept of a collection that is being made. Its space: of the configuration, else of the metadata,
    /// else of the schema, else `l2`.
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
        let given = configuration.hnsw.or(spann).or(configuration.hnsw_configuration).unwrap_or_default();
        let mut hnsw = Hnsw::default();
        let in_metadata = metadata.as_ref().and_then(|metadata| metadata.get("hnsw:space"));
        hnsw.space = match (given.space, in_metadata) {
            (Some(space), _) => space,
            (None, Some(space)) => Space::named(space, "metadata.hnsw:space")?,
            (None, None) => match schema.as_ref().and_then(space_of) {
                Some(space) => Space::named(space, "schema")?,
                None => Space::default(),
            },
        };
        set(&mut hnsw.ef_construction, given.ef_construction);
        set(&mut hnsw.ef_search, given.ef_search);
        set(&mut hnsw.max_neighbors, given.max_neighbors);
        set(&mut hnsw.resize_factor, given.resize_factor);
        set(&mut hnsw.sync_threshold, given.sync_threshold);
        hnsw.num_threads = given.num_threads;
        hnsw.batch_size = given.batch_size;
        Ok(Self {
            hnsw,
            ef: given.ef_search,
            embedding_function: configuration.embedding_function,
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

/// Where a client's schema says the distance: for the embeddings, else for all lists of floats.
fn space_of(schema: &Value) -> Option<&Value> {
    let places = [
        "/keys/#embedding/float_list/vector_index/config/space",
        "/defaults/float_list/vector_index/config/space",
    ];
    places.iter().find_map(|place| schema.pointer(place).filter(|space| !space.is_null()))
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
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(configuration: Value, metadata: Value, schema: Value) -> Verb<Kept> {
        let configuration = serde_json::from_value(configuration).expect("a configuration");
        let metadata = serde_json::from_value(metadata).expect("metadata");
        Kept::new(configuration, metadata, Some(schema).filter(|schema| !schema.is_null()))
    }

    #[test]
    fn configuration_wins_over_metadata_and_metadata_over_schema() {
        let null = Value::Null;
        let cosine = json!({"hnsw:space": "cosine"});
        let schema =
            json!({"keys": {"#embedding": {"float_list": {"vector_index": {"config": {"space": "ip"}}}}}});
        let space =
            |c: &Value, m: &Value, s: &Value| kept(c.clone(), m.clone(), s.clone()).expect("kept").hnsw.space;
        assert_eq!(space(&null, &null, &null), Space::L2);
        assert_eq!(space(&null, &null, &schema), Space::Ip);
        assert_eq!(space(&null, &cosine, &schema), Space::Cosine);
        assert_eq!(space(&json!({"hnsw": {"space": "ip"}}), &cosine, &null), Space::Ip);
        assert_eq!(space(&json!({"spann": {"space": "ip", "write_nprobe": 3}}), &null, &null), Space::Ip);
        let old = json!({"_type": "CollectionConfigurationInternal", "hnsw_configuration": {"space": "cosine", "M": 8,
            "_type": "HNSWConfigurationInternal", "num_threads": 4}});
        assert_eq!(space(&old, &null, &null), Space::Cosine);
        assert!(kept(null.clone(), json!({"hnsw:space": "L2"}), null).is_err());
    }

    #[test]
    fn what_a_configuration_does_not_know_is_refused() {
        for bad in [
            json!({"hnsw": {"space": "L2"}}),
            json!({"hnsw": {"m": 3}}),
            json!({"hnsw": {"ef_search": -1}}),
            json!({"other": 1}),
        ] {
            assert!(serde_json::from_value::<ConfigurationBody>(bad.clone()).is_err(), "{bad}");
        }
        let fixed = json!({"hnsw": {"space": "cosine"}});
        assert!(serde_json::from_value::<NewConfigurationBody>(fixed).is_err());
        let both = json!({"hnsw": {}, "spann": {}});
        assert!(kept(both, Value::Null, Value::Null).is_err());
    }

    #[test]
    fn what_is_kept_comes_back_and_only_an_asked_for_ef_rules_searches() {
        let mut made =
            kept(json!({"embedding_function": {"name": "x"}}), Value::Null, Value::Null).expect("kept");
        assert_eq!(ef_of(&made.written()), None);
        made.change(serde_json::from_value(json!({"hnsw": {"ef_search": 7}})).expect("a change"));
        assert_eq!(ef_of(&made.written()), Some(7));
        assert_eq!(Kept::read(&made.written(), Metric::L2), made);
        assert_eq!(Kept::read("", Metric::Dot).hnsw.space, Space::Ip);
    }
}
