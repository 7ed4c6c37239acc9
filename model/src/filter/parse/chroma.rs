//! Chroma's dialect: `where` and `where_document`, each object with exactly one key, in reads and deletes alike.

use serde_json::Value;

use super::{Parsed, Parser, kind, list, order, single, unknown};
use crate::filter::error::Path;
use crate::filter::{FieldTest, Filter, FilterError, Look, Usage};
use crate::value::{BigIntegers, Scalar, ScalarKind};

const CLAUSE: &str = "exactly one of $and, $or, #document or a field's name";
const DOCUMENT_CLAUSE: &str = "exactly one of $and, $or, $contains, $not_contains, $regex or $not_regex";
const OPERATOR: &str = "exactly one of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains or $not_contains";

/// Parses a `where`. Integers beyond `i64` become the nearest float.
pub fn chroma_where(json: &Value) -> Result<Filter, FilterError> {
    Parser::new(Usage::Delete, BigIntegers::Nearest).chroma_where(json, &Path::Root("where"), 1)
}

/// Parses a `where_document`. With a `where` beside it, both must hold ([`Filter::all_of`]).
pub fn chroma_where_document(json: &Value) -> Result<Filter, FilterError> {
    Parser::new(Usage::Delete, BigIntegers::Nearest).chroma_document(json, &Path::Root("where_document"), 1)
}

impl Parser {
    fn chroma_where(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed {
        let (key, value) = single(Self::object(value, path, depth)?, path, CLAUSE)?;
        let inner = &path.key(key);
        match key {
            "$and" => Ok(Filter::all_of(self.chroma_parts(value, inner, depth)?)),
            "$or" => Ok(Filter::any_of(self.chroma_parts(value, inner, depth)?)),
            "#document" => {
                let Value::Object(test) = value else {
                    return Err(FilterError::at(
                        inner,
                        kind(value),
                        "an object with one operator on documents",
                    ));
                };
                let (operator, operand) = single(test, inner, DOCUMENT_CLAUSE)?;
                self.document(operator, operand, inner)
            }
            _ if key.starts_with('$') => Err(unknown(key, path, CLAUSE)),
            _ => self.chroma_field(key, value, inner),
        }
    }

    fn chroma_parts(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed<Vec<Filter>> {
        self.parts(value, path, |parser, item, path| parser.chroma_where(item, path, depth + 1))
    }

    fn chroma_document(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed {
        let (operator, operand) = single(Self::object(value, path, depth)?, path, DOCUMENT_CLAUSE)?;
        let inner = &path.key(operator);
        match operator {
            "$and" => Ok(Filter::all_of(self.chroma_document_parts(operand, inner, depth)?)),
            "$or" => Ok(Filter::any_of(self.chroma_document_parts(operand, inner, depth)?)),
            _ => self.document(operator, operand, path),
        }
    }

    fn chroma_document_parts(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed<Vec<Filter>> {
        self.parts(value, path, |parser, item, path| parser.chroma_document(item, path, depth + 1))
    }

    fn chroma_field(&mut self, key: &str, value: &Value, path: &Path<'_>) -> Parsed {
        self.count(path)?;
        let Value::Object(test) = value else {
            return Ok(Filter::field(key, self.equals(value, Look::Scalar, path)?));
        };
        let (operator, operand) = single(test, path, OPERATOR)?;
        let inner = &path.key(operator);
        if let Some(order) = order(operator) {
            return Ok(Filter::field(key, self.compare(operand, order, inner)?));
        }
        let field = |test: FieldTest| Filter::field(key, test);
        Ok(match operator {
            "$eq" => field(self.equals(operand, Look::Scalar, inner)?),
            "$ne" => field(self.equals(operand, Look::Scalar, inner)?).negated(),
            "$in" => field(self.chroma_list(operand, inner)?),
            "$nin" => field(self.chroma_list(operand, inner)?).negated(),
            "$contains" => field(self.equals(operand, Look::ElementOfKind, inner)?),
            "$not_contains" => field(self.equals(operand, Look::ElementOfKind, inner)?).negated(),
            _ => return Err(unknown(operator, path, OPERATOR)),
        })
    }

    /// The first item fixes the kind. Floats take integers among them (kept exact: values are compared by value),
    /// integers take no floats.
    fn chroma_list(&self, value: &Value, path: &Path<'_>) -> Parsed<FieldTest> {
        let items = list(value, path, "a list of values of one kind")?;
        let test = self.one_of(value, Look::Scalar, path)?;
        let FieldTest::OneOf { values, .. } = &test else { return Ok(test) };
        let Some(first) = values.first() else { return Ok(test) };
        let fits = |value: &Scalar| match (first, value) {
            (Scalar::Int(_), Scalar::Float(_)) => false,
            (first, value) => first.kind() == value.kind(),
        };
        match values.iter().position(|value| !fits(value)) {
            None => Ok(test),
            Some(index) => Err(FilterError::at(&path.item(index), kind(&items[index]), expected(first))),
        }
    }
}

fn expected(first: &Scalar) -> &'static str {
    match (first, first.kind()) {
        (Scalar::Int(_), _) => "an integer, as the list's first item is",
        (_, ScalarKind::Number) => "a number, as the list's first item is",
        (_, ScalarKind::Str) => "a string, as the list's first item is",
        (_, ScalarKind::Bool) => "a bool, as the list's first item is",
    }
}
