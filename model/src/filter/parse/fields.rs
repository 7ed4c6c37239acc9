//! Tests of one field in the dialects whose objects may hold several operators: the native one and Pinecone's.

use serde_json::Value;

use super::{Parsed, Parser, exists, kind, order, unknown};
use crate::filter::error::Path;
use crate::filter::{FieldTest, Filter, FilterError, Look};

/// Where such dialects differ.
pub(super) struct FieldRules {
    /// Where equality looks.
    pub(super) equality: Look,
    /// Where `$contains` looks; `None`: it is no operator here.
    pub(super) contains: Option<Look>,
    /// The operators, for messages.
    pub(super) operators: &'static str,
}

impl Parser {
    /// A field's value: a scalar (`$eq`), or an object of operators that all hold.
    pub(super) fn field(&mut self, rules: &FieldRules, key: &str, value: &Value, path: &Path<'_>) -> Parsed {
        match value {
            Value::Object(tests) if tests.is_empty() => {
                Err(FilterError::at(path, "an empty object", rules.operators))
            }
            Value::Object(tests) => {
                let parts: Parsed<Vec<Filter>> = tests
                    .iter()
                    .map(|(operator, operand)| self.field_test(rules, key, (operator, operand), path))
                    .collect();
                Ok(Filter::all_of(parts?))
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                self.count(path)?;
                Ok(Filter::field(key, self.equals(value, rules.equality, path)?))
            }
            Value::Null | Value::Array(_) => {
                Err(FilterError::at(path, kind(value), "a string, number, bool, or an object of operators"))
            }
        }
    }

    fn field_test(
        &mut self,
        rules: &FieldRules,
        key: &str,
        (operator, operand): (&str, &Value),
        parent: &Path<'_>,
    ) -> Parsed {
        let path = &parent.key(operator);
        self.count(path)?;
        if let Some(order) = order(operator) {
            return Ok(Filter::field(key, self.compare(operand, order, path)?));
        }
        let field = |test: FieldTest| Filter::field(key, test);
        Ok(match (operator, rules.contains) {
            ("$eq", _) => field(self.equals(operand, rules.equality, path)?),
            ("$ne", _) => field(self.equals(operand, rules.equality, path)?).negated(),
            ("$in", _) => field(self.one_of(operand, rules.equality, path)?),
            ("$nin", _) => field(self.one_of(operand, rules.equality, path)?).negated(),
            ("$contains", Some(look)) => field(self.equals(operand, look, path)?),
            ("$not_contains", Some(look)) => field(self.equals(operand, look, path)?).negated(),
            ("$exists", _) => exists(key, operand, path)?,
            _ => return Err(unknown(operator, parent, rules.operators)),
        })
    }
}
