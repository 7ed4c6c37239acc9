//! A filter as bytes: its nodes in a flat list, children before parents. Decoding never recurses, so a hostile or torn
//! entry can't exhaust the stack; what nests too deep is refused before it is built.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::check::{MAX_TREE_DEPTH, MAX_TREE_NODES};
use super::{DocumentTest, FieldTest, Filter, IdSet};

/// One node as it is read. The order of variants is the format; [`NodeRef`] has the same.
#[derive(Deserialize)]
enum Node {
    /// The last so many nodes.
    And(usize),
    Or(usize),
    /// The last node.
    Not,
    Field(String, FieldTest),
    Document(DocumentTest),
    Ids(IdSet),
}

/// One node as it is written.
#[derive(Serialize)]
#[serde(rename = "Node")]
enum NodeRef<'a> {
    And(usize),
    Or(usize),
    Not,
    Field(&'a str, &'a FieldTest),
    Document(&'a DocumentTest),
    Ids(&'a IdSet),
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut nodes = Vec::new();
        flatten(self, &mut nodes);
        nodes.serialize(serializer)
    }
}

fn flatten<'a>(filter: &'a Filter, nodes: &mut Vec<NodeRef<'a>>) {
    match filter {
        Filter::And(parts) => {
            for part in parts {
                flatten(part, nodes);
            }
            nodes.push(NodeRef::And(parts.len()));
        }
        Filter::Or(parts) => {
            for part in parts {
                flatten(part, nodes);
            }
            nodes.push(NodeRef::Or(parts.len()));
        }
        Filter::Not(inner) => {
            flatten(inner, nodes);
            nodes.push(NodeRef::Not);
        }
        Filter::Field(key, test) => nodes.push(NodeRef::Field(key, test)),
        Filter::Document(test) => nodes.push(NodeRef::Document(test)),
        Filter::Ids(ids) => nodes.push(NodeRef::Ids(ids)),
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nodes = Vec::<Node>::deserialize(deserializer)?;
        if nodes.len() > MAX_TREE_NODES {
            return Err(D::Error::custom("a filter with too many nodes"));
        }
        let mut stack = Stack::default();
        for node in nodes {
            stack.take(node).map_err(D::Error::custom)?;
        }
        stack.finish().map_err(D::Error::custom)
    }
}

/// Finished parts, each with its depth.
#[derive(Default)]
struct Stack(Vec<(Filter, usize)>);

impl Stack {
    fn take(&mut self, node: Node) -> Result<(), &'static str> {
        let (filter, depth) = match node {
            Node::And(count) => {
                let (parts, depth) = self.pop(count)?;
                (Filter::And(parts), depth + 1)
            }
            Node::Or(count) => {
                let (parts, depth) = self.pop(count)?;
                (Filter::Or(parts), depth + 1)
            }
            Node::Not => {
                let (inner, depth) = self.0.pop().ok_or("a filter whose node lacks its parts")?;
                (Filter::Not(Box::new(inner)), depth + 1)
            }
            Node::Field(key, test) => (Filter::Field(key, test), 1),
            Node::Document(test) => (Filter::Document(test), 1),
            Node::Ids(ids) => (Filter::Ids(ids), 1),
        };
        if depth > MAX_TREE_DEPTH {
            return Err("a filter nested too deep");
        }
        self.0.push((filter, depth));
        Ok(())
    }

    fn pop(&mut self, count: usize) -> Result<(Vec<Filter>, usize), &'static str> {
        let start = self.0.len().checked_sub(count).ok_or("a filter whose node lacks its parts")?;
        let depth = self.0[start..].iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        Ok((self.0.drain(start..).map(|(part, _)| part).collect(), depth))
    }

    fn finish(mut self) -> Result<Filter, &'static str> {
        match (self.0.pop(), self.0.is_empty()) {
            (Some((filter, _)), true) => Ok(filter),
            (Some(_), false) | (None, _) => Err("a filter that isn't one tree"),
        }
    }
}
