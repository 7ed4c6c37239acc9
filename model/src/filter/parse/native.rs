//! The native dialect (design §4, "Filters").
//!
//! Members of an object all hold, fields and operators alike. A field's value is a scalar (`$eq`) or an object of
//! operators. The key `$document` addresses the document.

use serde_json::Value;

use super::fields::FieldRules;
use super::{Parsed, Parser, kind, unknown};
use crate::filter::error::Path;
use crate::filter::{Filter, FilterError, Look, Usage};
use crate::value::BigIntegers;

const CLAUSES: &str = "$and, $or, $not, $document or a field's name";
const FIELDS: FieldRules = FieldRules {
    equality: Look::Scalar,
    contains: Some(Look::Element),
    operators: "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $contains or $not_contains",
};

/// Parses a filter of the native dialect.
///
/// With [`Usage::Read`] `{}` is the filter that matches everything ([`Filter::is_everything`]). With
/// [`Usage::Delete`] it is refused. Integers above `i64::MAX` are taken when a float equals them, else refused.
pub fn native(json: &Value, usage: Usage) -> Result<Filter, FilterError> {
    let empty = json.as_object().is_some_and(serde_json::Map::is_empty);
    if empty && usage == Usage::Read {
        return Ok(Filter::And(Vec::new()));
    }
    // An empty `$in` is refused in reads too: nothing promises what it would mean.
    Parser::new(Usage::Delete, BigIntegers::Exact).native_filter(json, &Path::Root("filter"), 1)
}

impl Parser {
    fn native_filter(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed {
        let object = Self::object(value, path, depth)?;
        if object.is_empty() {
            return Err(FilterError::at(path, "an empty object", CLAUSES));
        }
        let parts: Parsed<Vec<Filter>> =
            object.iter().map(|(key, value)| self.native_clause(key, value, path, depth)).collect();
        Ok(Filter::all_of(parts?))
    }

    fn native_clause(&mut self, key: &str, value: &Value, parent: &Path<'_>, depth: usize) -> Parsed {
        let path = &parent.key(key);
        match key {
            "$and" => Ok(Filter::all_of(self.native_parts(value, path, depth)?)),
            "$or" => Ok(Filter::any_of(self.native_parts(value, path, depth)?)),
            "$not" => {
                self.count(path)?;
                Ok(self.native_filter(value, path, depth + 1)?.negated())
            }
            "$document" => self.native_document(value, path),
            _ if key.starts_with('$') => Err(unknown(key, parent, CLAUSES)),
            _ => self.field(&FIELDS, key, value, path),
        }
    }

    fn native_parts(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed<Vec<Filter>> {
        self.parts(value, path, |parser, item, path| parser.native_filter(item, path, depth + 1))
    }

    fn native_document(&mut self, value: &Value, path: &Path<'_>) -> Parsed {
        let tests = match value {
            Value::Object(tests) if !tests.is_empty() => tests,
            Value::Object(_) => {
                return Err(FilterError::at(path, "an empty object", "an operator on documents"));
            }
            other => return Err(FilterError::at(path, kind(other), "an object of operators on documents")),
        };
        let parts: Parsed<Vec<Filter>> =
            tests.iter().map(|(operator, operand)| self.document(operator, operand, path)).collect();
        Ok(Filter::all_of(parts?))
    }
}
