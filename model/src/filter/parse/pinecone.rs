//! Pinecone's dialect: members of an object all hold, and equality looks into lists.

use serde_json::Value;

use super::{Parsed, Parser, exists, kind, order, unknown};
use crate::filter::error::Path;
use crate::filter::{FieldTest, Filter, FilterError, Look, Usage};
use crate::value::BigIntegers;

const CLAUSES: &str = "$and, $or or a field's name";
const OPERATORS: &str = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin or $exists";

/// Parses a filter of Pinecone's dialect.
///
/// With [`Usage::Read`] `{}` is the filter that matches everything ([`Filter::is_everything`]) and `$in: []` matches
/// nothing; with [`Usage::Delete`] both are refused. Integers stay exact, so that a number always equals itself; those
/// beyond `i64` become the nearest float.
pub fn pinecone(json: &Value, usage: Usage) -> Result<Filter, FilterError> {
    let empty = json.as_object().is_some_and(serde_json::Map::is_empty);
    if empty && usage == Usage::Read {
        return Ok(Filter::And(Vec::new()));
    }
    Parser::new(usage, BigIntegers::Nearest).pinecone_filter(json, &Path::Root("filter"), 1)
}

impl Parser {
    fn pinecone_filter(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed {
        let object = Self::object(value, path, depth)?;
        if object.is_empty() {
            return Err(FilterError::at(path, "an empty object", CLAUSES));
        }
        let parts: Parsed<Vec<Filter>> =
            object.iter().map(|(key, value)| self.pinecone_clause(key, value, path, depth)).collect();
        Ok(Filter::all_of(parts?))
    }

    fn pinecone_clause(&mut self, key: &str, value: &Value, parent: &Path<'_>, depth: usize) -> Parsed {
        let path = &parent.key(key);
        match key {
            "$and" => Ok(Filter::all_of(self.pinecone_parts(value, path, depth)?)),
            "$or" => Ok(Filter::any_of(self.pinecone_parts(value, path, depth)?)),
            _ if key.starts_with('$') => Err(unknown(key, parent, CLAUSES)),
            _ => self.pinecone_field(key, value, path),
        }
    }

    fn pinecone_parts(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed<Vec<Filter>> {
        self.parts(value, path, |parser, item, path| parser.pinecone_filter(item, path, depth + 1))
    }

    fn pinecone_field(&mut self, key: &str, value: &Value, path: &Path<'_>) -> Parsed {
        match value {
            Value::Object(tests) if tests.is_empty() => {
                Err(FilterError::at(path, "an empty object", OPERATORS))
            }
            Value::Object(tests) => {
                let parts: Parsed<Vec<Filter>> = tests
                    .iter()
                    .map(|(operator, operand)| self.pinecone_test(key, operator, operand, path))
                    .collect();
                Ok(Filter::all_of(parts?))
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                self.count(path)?;
                Ok(Filter::field(key, self.equals(value, Look::ScalarOrElement, path)?))
            }
            Value::Null | Value::Array(_) => {
                Err(FilterError::at(path, kind(value), "a string, number, bool, or an object of operators"))
            }
        }
    }

    fn pinecone_test(&mut self, key: &str, operator: &str, operand: &Value, parent: &Path<'_>) -> Parsed {
        let path = &parent.key(operator);
        self.count(path)?;
        if let Some(order) = order(operator) {
            return Ok(Filter::field(key, self.compare(operand, order, path)?));
        }
        let field = |test: FieldTest| Filter::field(key, test);
        Ok(match operator {
            "$eq" => field(self.equals(operand, Look::ScalarOrElement, path)?),
            "$ne" => field(self.equals(operand, Look::ScalarOrElement, path)?).negated(),
            "$in" => field(self.one_of(operand, Look::ScalarOrElement, path)?),
            "$nin" => field(self.one_of(operand, Look::ScalarOrElement, path)?).negated(),
            "$exists" => exists(key, operand, path)?,
            _ => return Err(unknown(operator, parent, OPERATORS)),
        })
    }
}
