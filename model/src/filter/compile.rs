//! A filter made ready to judge many records.

use std::collections::HashSet;

use regex::Regex;

use super::error::Path;
use super::{DocumentTest, FieldTest, Filter, FilterError, IdSet, Look, Order, check};
use crate::number::NumberKey;
use crate::value::{MetaValue, Metadata, Scalar};

/// A filter with its expressions compiled and its long lists hashed. Judging allocates nothing.
#[derive(Clone, Debug)]
pub struct CompiledFilter {
    root: Node,
}

#[derive(Clone, Debug)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Field(String, Test),
    Contains(String),
    Regex(Regex),
    Ids(IdSet),
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    /// A scalar that is among these.
    Scalar(Wanted),
    /// A list with an element among these.
    Element(Wanted),
    /// Either.
    ScalarOrElement(Wanted),
    /// A list with an element among these, integers and floats apart.
    ElementOfKind(Vec<Scalar>),
    Compare(Order, NumberKey),
}

/// Values to equal: the common single one apart from many.
#[derive(Clone, Debug)]
enum Wanted {
    Str(String),
    Number(NumberKey),
    Many { strings: HashSet<String>, numbers: HashSet<NumberKey>, yes: bool, no: bool },
}

impl Filter {
    /// Makes it ready to judge. Fails on a regular expression that doesn't compile, or on too deep a tree.
    pub fn compile(&self) -> Result<CompiledFilter, FilterError> {
        Ok(CompiledFilter { root: node(self, &Path::Root("filter"), 1)? })
    }
}

impl CompiledFilter {
    /// Whether a record with this id, metadata and document matches.
    pub fn matches(&self, id: &str, metadata: &Metadata, document: Option<&str>) -> bool {
        self.root.holds(Judged { id, metadata, document })
    }
}

fn node(filter: &Filter, path: &Path<'_>, depth: usize) -> Result<Node, FilterError> {
    if depth > check::MAX_TREE_DEPTH {
        return Err(FilterError::at(
            path,
            "nested too deep",
            format!("at most {} levels of nodes", check::MAX_TREE_DEPTH),
        ));
    }
    Ok(match filter {
        Filter::And(parts) => Node::And(nodes(parts, &path.key("$and"), depth)?),
        Filter::Or(parts) => Node::Or(nodes(parts, &path.key("$or"), depth)?),
        Filter::Not(inner) => Node::Not(Box::new(node(inner, &path.key("$not"), depth + 1)?)),
        Filter::Field(key, test) => Node::Field(key.clone(), field(test, &path.key(key))?),
        Filter::Document(DocumentTest::Contains(text)) => Node::Contains(text.clone()),
        Filter::Document(DocumentTest::Regex(pattern)) => {
            Node::Regex(check::regex(pattern, &path.key("$document").key("$regex"))?)
        }
        Filter::Ids(ids) => Node::Ids(ids.clone()),
    })
}

fn nodes(parts: &[Filter], path: &Path<'_>, depth: usize) -> Result<Vec<Node>, FilterError> {
    parts.iter().enumerate().map(|(index, part)| node(part, &path.item(index), depth + 1)).collect()
}

fn field(test: &FieldTest, path: &Path<'_>) -> Result<Test, FilterError> {
    Ok(match test {
        FieldTest::Exists => Test::Exists,
        FieldTest::OneOf { values, look: Look::Scalar } => Test::Scalar(Wanted::of(values)),
        FieldTest::OneOf { values, look: Look::Element } => Test::Element(Wanted::of(values)),
        FieldTest::OneOf { values, look: Look::ScalarOrElement } => Test::ScalarOrElement(Wanted::of(values)),
        FieldTest::OneOf { values, look: Look::ElementOfKind } => Test::ElementOfKind(values.clone()),
        FieldTest::Compare { order, than } => match NumberKey::of(than) {
            Some(than) => Test::Compare(*order, than),
            None => return Err(FilterError::at(&path.key(order.operator()), "no number", "a number")),
        },
    })
}

/// What a verdict depends on.
#[derive(Clone, Copy)]
struct Judged<'a> {
    id: &'a str,
    metadata: &'a Metadata,
    document: Option<&'a str>,
}

impl Node {
    fn holds(&self, of: Judged<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(of)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(of)),
            Self::Not(inner) => !inner.holds(of),
            Self::Field(key, test) => of.metadata.get(key).is_some_and(|value| test.holds(value)),
            Self::Contains(text) => of.document.is_some_and(|document| document.contains(text.as_str())),
            Self::Regex(regex) => of.document.is_some_and(|document| regex.is_match(document)),
            Self::Ids(ids) => ids.has(of.id),
        }
    }
}

impl Test {
    fn holds(&self, value: &MetaValue) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Scalar(wanted) | Self::ScalarOrElement(wanted), MetaValue::Scalar(scalar)) => {
                wanted.has(scalar)
            }
            (Self::Element(wanted) | Self::ScalarOrElement(wanted), MetaValue::List(items)) => {
                items.iter().any(|item| wanted.has(item))
            }
            (Self::ElementOfKind(values), MetaValue::List(items)) => {
                items.iter().any(|item| values.contains(item))
            }
            (Self::Compare(order, than), MetaValue::Scalar(scalar)) => {
                NumberKey::of(scalar).is_some_and(|number| order.holds(number.cmp(than)))
            }
            (Self::Scalar(_) | Self::Compare(..), MetaValue::List(_))
            | (Self::Element(_) | Self::ElementOfKind(_), MetaValue::Scalar(_)) => false,
        }
    }
}

impl Wanted {
    fn of(values: &[Scalar]) -> Self {
        match values {
            [Scalar::Str(text)] => return Self::Str(text.clone()),
            [Scalar::Int(int)] => return Self::Number(NumberKey::from(*int)),
            [Scalar::Float(float)] => return Self::Number(NumberKey::from(*float)),
            [Scalar::Bool(_)] | [] | [_, _, ..] => {}
        }
        Self::Many {
            strings: values
                .iter()
                .filter_map(|value| if let Scalar::Str(text) = value { Some(text.clone()) } else { None })
                .collect(),
            numbers: values.iter().filter_map(NumberKey::of).collect(),
            yes: values.contains(&Scalar::Bool(true)),
            no: values.contains(&Scalar::Bool(false)),
        }
    }

    fn has(&self, scalar: &Scalar) -> bool {
        match (self, scalar) {
            (Self::Str(wanted), Scalar::Str(text)) => wanted == text,
            (Self::Number(wanted), Scalar::Int(int)) => *wanted == NumberKey::from(*int),
            (Self::Number(wanted), Scalar::Float(float)) => *wanted == NumberKey::from(*float),
            (Self::Str(_), Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_))
            | (Self::Number(_), Scalar::Str(_) | Scalar::Bool(_)) => false,
            (Self::Many { strings, .. }, Scalar::Str(text)) => strings.contains(text),
            (Self::Many { numbers, .. }, Scalar::Int(int)) => numbers.contains(&NumberKey::from(*int)),
            (Self::Many { numbers, .. }, Scalar::Float(float)) => numbers.contains(&NumberKey::from(*float)),
            (Self::Many { yes, no, .. }, Scalar::Bool(bool)) => {
                if *bool {
                    *yes
                } else {
                    *no
                }
            }
        }
    }
}
