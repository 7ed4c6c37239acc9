//! From a dialect's JSON to the one tree. Nothing recurses deeper than [`MAX_FILTER_DEPTH`], whatever the JSON.

mod chroma;
mod fields;
mod native;
mod pinecone;

use serde_json::{Map, Value};

pub use chroma::{chroma_where, chroma_where_document};
pub use native::native;
pub use pinecone::pinecone;

use super::error::{Path, shown};
use super::{DocumentTest, FieldTest, Filter, FilterError, Look, Order, Usage, check};
use crate::limits::{MAX_FILTER_DEPTH, MAX_FILTER_NODES, MAX_FILTER_REGEXES};
use crate::value::{BigIntegers, Scalar};

type Parsed<T = Filter> = Result<T, FilterError>;

/// What the parsers of all dialects share: the counters, and the rules for operands.
struct Parser {
    usage: Usage,
    big: BigIntegers,
    nodes: usize,
    regexes: usize,
}

impl Parser {
    fn new(usage: Usage, big: BigIntegers) -> Self {
        Self { usage, big, nodes: 0, regexes: 0 }
    }

    /// Counts one test or logical operator.
    fn count(&mut self, path: &Path<'_>) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes > MAX_FILTER_NODES {
            let expected = format!("at most {MAX_FILTER_NODES} in a filter");
            return Err(FilterError::at(path, "too many tests and logical operators", expected));
        }
        Ok(())
    }

    /// The members of a nested filter (the outermost is at depth 1).
    fn object<'v>(value: &'v Value, path: &Path<'_>, depth: usize) -> Parsed<&'v Map<String, Value>> {
        if depth > MAX_FILTER_DEPTH {
            return Err(FilterError::at(
                path,
                "nested too deep",
                format!("at most {MAX_FILTER_DEPTH} filters in each other"),
            ));
        }
        match value {
            Value::Object(object) => Ok(object),
            other => Err(FilterError::at(path, kind(other), "an object")),
        }
    }

    /// The parts of `$and` or `$or`, each read by `part` one level deeper.
    fn parts(
        &mut self,
        value: &Value,
        path: &Path<'_>,
        mut part: impl FnMut(&mut Self, &Value, &Path<'_>) -> Parsed,
    ) -> Parsed<Vec<Filter>> {
        self.count(path)?;
        let items = list(value, path, "a list of at least one filter")?;
        if items.is_empty() {
            return Err(FilterError::at(path, "an empty list", "a list of at least one filter"));
        }
        items.iter().enumerate().map(|(index, item)| part(self, item, &path.item(index))).collect()
    }

    /// A string, number or bool.
    fn scalar(&self, value: &Value, path: &Path<'_>) -> Parsed<Scalar> {
        Scalar::from_json(value, self.big).ok_or_else(|| match value {
            Value::Number(_) => FilterError::at(
                path,
                "an integer beyond 64 bits signed that no float equals",
                "a smaller number",
            ),
            other => FilterError::at(path, kind(other), "a string, number or bool"),
        })
    }

    /// A field's value equals the operand.
    fn equals(&self, value: &Value, look: Look, path: &Path<'_>) -> Parsed<FieldTest> {
        Ok(FieldTest::OneOf { values: vec![self.scalar(value, path)?], look })
    }

    /// A field's value equals one of the operand's.
    fn one_of(&self, value: &Value, look: Look, path: &Path<'_>) -> Parsed<FieldTest> {
        let items = list(value, path, "a list of strings, numbers or bools")?;
        check::list_length(items.len(), self.usage, path)?;
        let values: Parsed<Vec<Scalar>> =
            items.iter().enumerate().map(|(index, item)| self.scalar(item, &path.item(index))).collect();
        Ok(FieldTest::OneOf { values: values?, look })
    }

    /// A field's value is a number in an order to the operand.
    fn compare(&self, value: &Value, order: Order, path: &Path<'_>) -> Parsed<FieldTest> {
        match value {
            Value::Number(_) => Ok(FieldTest::Compare { order, than: self.scalar(value, path)? }),
            other => Err(FilterError::at(path, kind(other), "a number")),
        }
    }

    /// One operator on the document: `$contains`, `$not_contains`, `$regex`, `$not_regex`.
    fn document(&mut self, operator: &str, operand: &Value, parent: &Path<'_>) -> Parsed {
        let path = &parent.key(operator);
        self.count(path)?;
        Ok(match operator {
            "$contains" => Filter::Document(DocumentTest::Contains(pattern(operand, path)?)),
            "$not_contains" => Filter::Document(DocumentTest::Contains(pattern(operand, path)?)).negated(),
            "$regex" => Filter::Document(self.regex(operand, path)?),
            "$not_regex" => Filter::Document(self.regex(operand, path)?).negated(),
            _ => return Err(unknown(operator, parent, "$contains, $not_contains, $regex or $not_regex")),
        })
    }

    fn regex(&mut self, operand: &Value, path: &Path<'_>) -> Parsed<DocumentTest> {
        self.regexes += 1;
        if self.regexes > MAX_FILTER_REGEXES {
            return Err(check::too_many_regexes(MAX_FILTER_REGEXES, path));
        }
        let pattern = pattern(operand, path)?;
        check::regex(&pattern, path)?;
        Ok(DocumentTest::Regex(pattern))
    }
}

/// `$exists`.
fn exists(key: &str, value: &Value, path: &Path<'_>) -> Parsed {
    let there = Filter::field(key, FieldTest::Exists);
    match value {
        Value::Bool(true) => Ok(there),
        Value::Bool(false) => Ok(there.negated()),
        other => Err(FilterError::at(path, kind(other), "true or false")),
    }
}

/// The order that an operator asks for.
fn order(operator: &str) -> Option<Order> {
    match operator {
        "$gt" => Some(Order::Greater),
        "$gte" => Some(Order::GreaterOrEqual),
        "$lt" => Some(Order::Less),
        "$lte" => Some(Order::LessOrEqual),
        _ => None,
    }
}

fn pattern(value: &Value, path: &Path<'_>) -> Parsed<String> {
    match value {
        Value::String(text) => check::pattern_given(text, path).map(|()| text.clone()),
        other => Err(FilterError::at(path, kind(other), "a string")),
    }
}

fn list<'v>(value: &'v Value, path: &Path<'_>, expected: &str) -> Parsed<&'v [Value]> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(FilterError::at(path, kind(other), expected)),
    }
}

/// The single member of an object, as Chroma wants it.
fn single<'v>(
    object: &'v Map<String, Value>,
    path: &Path<'_>,
    expected: &str,
) -> Parsed<(&'v str, &'v Value)> {
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((key, value)), None) => Ok((key, value)),
        (None, _) => Err(FilterError::at(path, "an empty object", expected)),
        (Some(_), Some(_)) => {
            Err(FilterError::at(path, format!("{} keys in one object", object.len()), expected))
        }
    }
}

fn unknown(operator: &str, parent: &Path<'_>, expected: &str) -> FilterError {
    FilterError::at(parent, format!("unknown operator {}", shown(operator)), expected)
}

/// What a JSON value is, never its content: that may be large, deep, or somebody's data.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
