//! A filter in the native dialect's words, to show what an operation does.

use serde_json::{Map, Value, json};

use super::{DocumentTest, FieldTest, Filter, Look, Order};
use crate::value::Scalar;

impl Order {
    /// The operator, the same in every dialect.
    pub(super) const fn operator(self) -> &'static str {
        match self {
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
        }
    }
}

impl Filter {
    /// The filter as the native dialect would write it.
    ///
    /// Tests without a native operator are shown under names of their own, which no parser accepts, each with a list of
    /// values: `$contains_same_kind` (Chroma's `$contains`, integers and floats apart), `$eq_or_contains` (Pinecone's
    /// equality: the scalar or an element of the list), `$contains_any` (made by no parser), and `$ids` (a surface's own
    /// list of ids).
    pub fn to_json(&self) -> Value {
        match self {
            Self::And(parts) if parts.is_empty() => json!({}),
            Self::And(parts) => one("$and", parts.iter().map(Self::to_json).collect()),
            Self::Or(parts) => one("$or", parts.iter().map(Self::to_json).collect()),
            Self::Not(inner) => negated(inner),
            Self::Field(key, test) => {
                let (operator, operand) = test_words(test);
                one(key, one(operator, operand))
            }
            Self::Document(test) => {
                let (operator, operand) = document_words(test);
                one("$document", one(operator, operand))
            }
            Self::Ids(ids) => one("$ids", ids.as_slice().iter().map(|id| Value::from(id.as_str())).collect()),
        }
    }
}

/// The complement, by a negative operator where there is one.
fn negated(inner: &Filter) -> Value {
    match inner {
        Filter::Field(key, FieldTest::Exists) => one(key, one("$exists", Value::Bool(false))),
        Filter::Field(key, test) => {
            let (operator, operand) = test_words(test);
            let negative = match operator {
                "$eq" => "$ne",
                "$in" => "$nin",
                "$contains" => "$not_contains",
                _ => return one("$not", inner.to_json()),
            };
            one(key, one(negative, operand))
        }
        Filter::Document(DocumentTest::Contains(text)) => {
            one("$document", one("$not_contains", text.clone().into()))
        }
        Filter::Document(DocumentTest::Regex(pattern)) => {
            one("$document", one("$not_regex", pattern.clone().into()))
        }
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Ids(_) => one("$not", inner.to_json()),
    }
}

fn test_words(test: &FieldTest) -> (&'static str, Value) {
    match test {
        FieldTest::Exists => ("$exists", Value::Bool(true)),
        FieldTest::OneOf { values, look } => match (look, values.as_slice()) {
            (Look::Scalar, [value]) => ("$eq", scalar(value)),
            (Look::Scalar, _) => ("$in", list(values)),
            (Look::Element, [value]) => ("$contains", scalar(value)),
            (Look::Element, _) => ("$contains_any", list(values)),
            (Look::ElementOfKind, _) => ("$contains_same_kind", list(values)),
            (Look::ScalarOrElement, _) => ("$eq_or_contains", list(values)),
        },
        FieldTest::Compare { order, than } => (order.operator(), scalar(than)),
    }
}

fn document_words(test: &DocumentTest) -> (&'static str, Value) {
    match test {
        DocumentTest::Contains(text) => ("$contains", text.clone().into()),
        DocumentTest::Regex(pattern) => ("$regex", pattern.clone().into()),
    }
}

fn one(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

fn list(values: &[Scalar]) -> Value {
    values.iter().map(scalar).collect()
}

fn scalar(value: &Scalar) -> Value {
    value.to_json()
}
