//! What every filter keeps to, whichever door it came through.

use regex::{Regex, RegexBuilder};

use super::error::Path;
use super::{DocumentTest, FieldTest, Filter, FilterError, Usage};
use crate::ids::RecordId;
use crate::limits::{
    MAX_FILTER_DEPTH, MAX_FILTER_ID_BYTES, MAX_FILTER_NODES, MAX_FILTER_REGEXES, MAX_IN_VALUES, MAX_ITEMS,
    MAX_REGEX_BYTES,
};
use crate::number::NumberKey;
use crate::value::Scalar;

/// Deepest tree. One nested object of a dialect makes at most two levels of the tree (its `$or` or `$not`, and the `And` of
/// its members); a few more for what surfaces put around it.
pub(super) const MAX_TREE_DEPTH: usize = 2 * MAX_FILTER_DEPTH + 8;
/// Most nodes of a tree. One test makes at most a leaf, a `Not` and a share of an `And`; and a surface may join two filters.
pub(super) const MAX_TREE_NODES: usize = 8 * MAX_FILTER_NODES;

impl Filter {
    /// Checks a filter that wasn't parsed here: one from another process, or made by hand. Whatever a parser of
    /// this crate returns passes with the same `usage`.
    pub fn validate(&self, usage: Usage) -> Result<(), FilterError> {
        let root = Path::Root("filter");
        if usage == Usage::Read && self.is_everything() {
            return Ok(());
        }
        Check { usage, nodes: 0, regexes: 0 }.visit(self, &root, 1)
    }
}

/// Most regular expressions of a tree: a surface may join two filters.
const MAX_TREE_REGEXES: usize = 2 * MAX_FILTER_REGEXES;

/// Counts along the walk.
struct Check {
    usage: Usage,
    nodes: usize,
    regexes: usize,
}

impl Check {
    fn visit(&mut self, filter: &Filter, path: &Path<'_>, depth: usize) -> Result<(), FilterError> {
        self.nodes += 1;
        if depth > MAX_TREE_DEPTH {
            return Err(FilterError::at(
                path,
                "nested too deep",
                format!("at most {MAX_TREE_DEPTH} levels of nodes"),
            ));
        }
        if self.nodes > MAX_TREE_NODES {
            return Err(FilterError::at(path, "too many nodes", format!("at most {MAX_TREE_NODES} nodes")));
        }
        match filter {
            Filter::And(parts) => self.parts(parts, &path.key("$and"), depth),
            Filter::Or(parts) => self.parts(parts, &path.key("$or"), depth),
            Filter::Not(inner) => self.visit(inner, &path.key("$not"), depth + 1),
            Filter::Field(key, test) => self.field(test, &path.key(key)),
            Filter::Document(test) => self.document(test, &path.key("$document")),
            Filter::Ids(set) => {
                let path = path.key("$ids");
                list_length(set.as_slice().len(), self.usage, &path)?;
                ids(set.as_slice(), &path)
            }
        }
    }

    fn parts(&mut self, parts: &[Filter], path: &Path<'_>, depth: usize) -> Result<(), FilterError> {
        if parts.is_empty() {
            return Err(FilterError::at(path, "an empty list", "at least one filter"));
        }
        for (index, part) in parts.iter().enumerate() {
            self.visit(part, &path.item(index), depth + 1)?;
        }
        Ok(())
    }

    fn field(&self, test: &FieldTest, path: &Path<'_>) -> Result<(), FilterError> {
        match test {
            FieldTest::Exists => Ok(()),
            FieldTest::OneOf { values, look: _ } => {
                let path = path.key("$in");
                list_length(values.len(), self.usage, &path)?;
                match values.iter().position(|value| !is_finite(value)) {
                    Some(index) => {
                        Err(FilterError::at(&path.item(index), "a number that isn't finite", "a finite one"))
                    }
                    None => Ok(()),
                }
            }
            FieldTest::Compare { order, than } => match NumberKey::of(than) {
                Some(_) if is_finite(than) => Ok(()),
                Some(_) | None => {
                    Err(FilterError::at(&path.key(order.operator()), "no finite number", "a finite number"))
                }
            },
        }
    }

    fn document(&mut self, test: &DocumentTest, path: &Path<'_>) -> Result<(), FilterError> {
        match test {
            DocumentTest::Contains(text) => pattern_given(text, &path.key("$contains")),
            DocumentTest::Regex(pattern) => {
                self.regexes += 1;
                let path = path.key("$regex");
                if self.regexes > MAX_TREE_REGEXES {
                    return Err(too_many_regexes(MAX_TREE_REGEXES, &path));
                }
                pattern_given(pattern, &path)?;
                regex(pattern, &path).map(drop)
            }
        }
    }
}

/// Ids within their limits, in number and size.
pub(super) fn ids(ids: &[RecordId], path: &Path<'_>) -> Result<(), FilterError> {
    if ids.len() > MAX_ITEMS {
        return Err(FilterError::at(path, format!("{} ids", ids.len()), format!("at most {MAX_ITEMS}")));
    }
    let bytes: usize = ids.iter().map(|id| id.as_str().len()).sum();
    if bytes > MAX_FILTER_ID_BYTES {
        return Err(FilterError::at(
            path,
            format!("ids of {bytes} bytes together"),
            format!("at most {MAX_FILTER_ID_BYTES} bytes beside a filter"),
        ));
    }
    Ok(())
}

fn is_finite(value: &Scalar) -> bool {
    match value {
        Scalar::Float(float) => float.is_finite(),
        Scalar::Str(_) | Scalar::Int(_) | Scalar::Bool(_) => true,
    }
}

/// A list of values to equal: not empty in a delete, and not too long.
pub(super) fn list_length(length: usize, usage: Usage, path: &Path<'_>) -> Result<(), FilterError> {
    if length == 0 && usage == Usage::Delete {
        return Err(FilterError::at(path, "an empty list", "at least one value"));
    }
    if length > MAX_IN_VALUES {
        return Err(FilterError::at(path, format!("{length} values"), format!("at most {MAX_IN_VALUES}")));
    }
    Ok(())
}

/// A pattern for documents that says something: `""` would match every document.
pub(super) fn pattern_given(pattern: &str, path: &Path<'_>) -> Result<(), FilterError> {
    if pattern.is_empty() {
        Err(FilterError::at(path, "an empty pattern", "a string of at least one character"))
    } else {
        Ok(())
    }
}

/// Each compiled expression may take [`MAX_REGEX_BYTES`], so their number is bounded too.
pub(super) fn too_many_regexes(most: usize, path: &Path<'_>) -> FilterError {
    FilterError::at(path, "too many regular expressions", format!("at most {most} in a filter"))
}

/// Compiles an expression within [`MAX_REGEX_BYTES`]; the `regex` crate matches in linear time.
pub(super) fn regex(pattern: &str, path: &Path<'_>) -> Result<Regex, FilterError> {
    let expected = format!(
        "a regular expression of the Rust `regex` syntax that compiles to at most {MAX_REGEX_BYTES} bytes"
    );
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(FilterError::at(path, format!("a pattern of {} bytes", pattern.len()), expected));
    }
    RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| FilterError::at(path, reason(&error), expected))
}

/// The last line of the crate's drawing of a syntax error is its reason.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or(&text).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
