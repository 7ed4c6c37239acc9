//! Answers of get and query: columns, written straight from the records.

use lacuna_model::read::{Hit, Include, RecordView};
use lacuna_model::record::Metric;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::surface::chroma::bodies::Part;
use crate::surface::chroma::metadata::{Shown, uri_of};

/// Columns of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns(Vec<Part>);

impl Columns {
    /// What was asked for, or the default.
    pub(super) fn new(asked: Option<Vec<Part>>, default: &[Part]) -> Self {
        Self(asked.unwrap_or_else(|| default.to_vec()))
    }

    fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }

    /// What of the records must be read for them.
    pub(super) fn include(&self) -> Include {
        Include {
            vector: self.has(Part::Embeddings),
            document: self.has(Part::Documents),
            metadata: self.has(Part::Metadatas) || self.has(Part::Uris),
        }
    }
}

/// Answer to a get.
pub(super) struct GetAnswer {
    pub(super) records: Vec<RecordView>,
    pub(super) columns: Columns,
}

/// Answer to a query.
pub(super) struct QueryAnswer {
    pub(super) results: Vec<Vec<Hit>>,
    pub(super) metric: Metric,
    pub(super) columns: Columns,
}

/// One of an answer's rows.
trait Row {
    fn record(&self) -> &RecordView;
    /// Its distance from the query vector, if it was searched for.
    fn distance(&self, metric: Metric) -> Option<f32>;
}

impl Row for RecordView {
    fn record(&self) -> &RecordView {
        self
    }

    fn distance(&self, _metric: Metric) -> Option<f32> {
        None
    }
}

impl Row for Hit {
    fn record(&self) -> &RecordView {
        &self.record
    }

    /// Smaller is nearer, whatever the metric.
    fn distance(&self, metric: Metric) -> Option<f32> {
        Some(match metric {
            Metric::L2 => self.score,
            Metric::Cosine | Metric::Dot => 1.0 - self.score,
        })
    }
}

/// One column of rows.
struct Column<'a, T> {
    rows: &'a [T],
    part: Part,
    metric: Metric,
}

impl<T: Row> Serialize for Column<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let records = self.rows.iter().map(Row::record);
        match self.part {
            Part::Documents => serializer.collect_seq(records.map(|record| record.document.as_deref())),
            Part::Embeddings => serializer.collect_seq(records.map(|record| record.vector.as_deref())),
            Part::Metadatas => serializer.collect_seq(records.map(Shown)),
            Part::Uris => serializer.collect_seq(records.map(uri_of)),
            Part::Distances => serializer.collect_seq(self.rows.iter().map(|row| row.distance(self.metric))),
        }
    }
}

/// Ids of rows.
struct Ids<'a, T>(&'a [T]);

impl<T: Row> Serialize for Ids<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|row| row.record().id.as_str()))
    }
}

/// A list for each query vector.
struct Lists<'a, F>(&'a [Vec<Hit>], F);

impl<'a, V: Serialize, F: Fn(&'a [Hit]) -> V> Serialize for Lists<'a, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|hits| (self.1)(hits)))
    }
}

const GET_COLUMNS: [(Part, &str); 4] = [
    (Part::Embeddings, "embeddings"),
    (Part::Documents, "documents"),
    (Part::Uris, "uris"),
    (Part::Metadatas, "metadatas"),
];

impl Serialize for GetAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("ids", &Ids(&self.records))?;
        for (part, name) in GET_COLUMNS {
            let column = Column { rows: &self.records, part, metric: Metric::L2 };
            map.serialize_entry(name, &self.columns.has(part).then_some(column))?;
        }
        map.serialize_entry("include", &self.columns.0)?;
        map.end()
    }
}

impl Serialize for QueryAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("ids", &Lists(&self.results, Ids))?;
        for (part, name) in GET_COLUMNS.into_iter().chain([(Part::Distances, "distances")]) {
            let column = |rows| Column { rows, part, metric: self.metric };
            map.serialize_entry(name, &self.columns.has(part).then_some(Lists(&self.results, column)))?;
        }
        map.serialize_entry("include", &self.columns.0)?;
        map.end()
    }
}

/// What a get answers; a column that wasn't asked for is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GetView {
    /// Ids, in the order of insertion.
    pub(super) ids: Vec<String>,
    /// Vectors.
    pub(super) embeddings: Option<Vec<Option<Vec<f32>>>>,
    /// Texts.
    pub(super) documents: Option<Vec<Option<String>>>,
    /// Uris.
    pub(super) uris: Option<Vec<Option<String>>>,
    /// Metadata.
    #[schema(value_type = Option<Vec<Option<Object>>>)]
    pub(super) metadatas: Option<Vec<Option<serde_json::Value>>>,
    /// The columns that were asked for.
    pub(super) include: Vec<Part>,
}

/// What a query answers: each column has a list for each query vector.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryView {
    /// Ids, nearest first.
    pub(super) ids: Vec<Vec<String>>,
    /// Vectors.
    pub(super) embeddings: Option<Vec<Vec<Option<Vec<f32>>>>>,
    /// Texts.
    pub(super) documents: Option<Vec<Vec<Option<String>>>>,
    /// Uris.
    pub(super) uris: Option<Vec<Vec<Option<String>>>>,
    /// Metadata.
    #[schema(value_type = Option<Vec<Vec<Option<Object>>>>)]
    pub(super) metadatas: Option<Vec<Vec<Option<serde_json::Value>>>>,
    /// Squared Euclidean distance, 1 − cosine, or 1 − dot product.
    pub(super) distances: Option<Vec<Vec<f32>>>,
    /// The columns that were asked for.
    pub(super) include: Vec<Part>,
}

#[cfg(test)]
mod tests {
    use lacuna_model::RecordId;
    use lacuna_model::record::{Ordinal, Written};
    use lacuna_model::value::metadata_from_json;
    use serde_json::json;

    use super::*;

    fn record(id: &str, metadata: &serde_json::Value) -> RecordView {
        RecordView {
            id: RecordId::new(id).expect("an id"),
            vector: Some(vec![0.1, -2.0]),
            document: None,
            metadata: metadata.as_object().map(|map| metadata_from_json(map).expect("metadata")),
            ordinal: Ordinal::default(),
            written: Written::default(),
            sparse: None,
        }
    }

    #[test]
    fn columns_stand_beside_the_ids_and_what_was_not_asked_for_is_null() {
        let records = vec![
            record("b", &json!({"chroma:uri": "u", "x": [1, 2]})),
            record("a", &json!({"chroma:uri": "v"})),
            record("c", &json!({})),
        ];
        let columns = Columns::new(Some(vec![Part::Metadatas, Part::Uris, Part::Embeddings]), &[]);
        let answer = serde_json::to_string(&GetAnswer { records, columns }).expect("JSON");
        let expected = "{\"ids\":[\"b\",\"a\",\"c\"],\"embeddings\":[[0.1,-2.0],[0.1,-2.0],[0.1,-2.0]],\"documents\":null,\
            \"uris\":[\"u\",\"v\",null],\"metadatas\":[{\"x\":[1,2]},{},null],\"include\":[\"metadatas\",\"uris\",\"embeddings\"]}";
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_query_has_a_list_for_each_vector_and_distances_are_smaller_the_nearer() {
        let hit = |score| Hit { score, record: record("a", &json!({})) };
        let columns = Columns::new(None, &[Part::Documents, Part::Distances]);
        let answer = QueryAnswer { results: vec![vec![hit(0.25)], vec![]], metric: Metric::Cosine, columns };
        let json = serde_json::to_value(&answer).expect("JSON");
        assert_eq!(json["ids"], json!([["a"], []]));
        assert_eq!(json["distances"], json!([[0.75], []]));
        assert_eq!(json["documents"], json!([[null], []]));
        assert_eq!(json["metadatas"], json!(null));
        assert_eq!(hit(4.0).distance(Metric::L2), Some(4.0));
        assert_eq!(hit(4.0).distance(Metric::Dot), Some(-3.0));
    }
}
