//! Pinecone's dialect: members of an object all hold, and equality looks into lists.

use serde_json::Value;

use super::fields::FieldRules;
use super::{Parsed, Parser, unknown};
use crate::filter::error::Path;
use crate::filter::{Filter, FilterError, Look, Usage};
use crate::value::BigIntegers;

const CLAUSES: &str = "$and, $or or a field's name";
const FIELDS: FieldRules = FieldRules {
    equality: Look::ScalarOrElement,
    contains: None,
    operators: "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin or $exists",
};

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
            _ => self.field(&FIELDS, key, value, path),
        }
    }

    fn pinecone_parts(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Parsed<Vec<Filter>> {
        self.parts(value, path, |parser, item, path| parser.pinecone_filter(item, path, depth + 1))
    }
}
