//! The three dialects once more, straight from their contracts' text: JSON filter against JSON record, no tree, no
//! shared code. Slow and plain, to compare with.

use std::cmp::Ordering;

use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// A record as a client sends it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) metadata: Fields,
    pub(super) document: Option<String>,
}

/// The value times 2^20, exact for the numbers the tests use: integers, and floats with few binary places. Beyond
/// 2^100 all are one, which no test tells apart.
fn scaled(number: &Value) -> Option<i128> {
    let number = number.as_number()?;
    if let Some(int) = number.as_i64() {
        return Some(i128::from(int) << 20);
    }
    let float = number.as_f64().expect("a number");
    if float.abs() > 1e30 {
        return Some(if float > 0.0 { i128::MAX } else { i128::MIN });
    }
    Some((float * 1_048_576.0) as i128)
}

fn same(a: &Value, b: &Value) -> bool {
    match (scaled(a), scaled(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a == b && !a.is_array() && !a.is_object(),
        _ => false,
    }
}

fn ordered(operator: &str, found: &Value, than: &Value) -> bool {
    let (Some(found), Some(than)) = (scaled(found), scaled(than)) else { return false };
    match (operator, found.cmp(&than)) {
        ("$gt", Ordering::Greater) | ("$lt", Ordering::Less) => true,
        ("$gte", order) => order != Ordering::Less,
        ("$lte", order) => order != Ordering::Greater,
        _ => false,
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn on_document(operator: &str, operand: &Value, document: Option<&String>) -> bool {
    let pattern = operand.as_str().expect("a string");
    match (operator, document) {
        ("$contains", Some(text)) => text.contains(pattern),
        ("$not_contains", Some(text)) => !text.contains(pattern),
        ("$regex", Some(text)) => regex::Regex::new(pattern).expect("valid").is_match(text),
        ("$not_regex", Some(text)) => !regex::Regex::new(pattern).expect("valid").is_match(text),
        ("$not_contains" | "$not_regex", None) => true,
        ("$contains" | "$regex", None) => false,
        _ => panic!("{operator}"),
    }
}

pub(super) fn native(filter: &Value, record: &Record) -> bool {
    members(filter).all(|(key, value)| match key {
        "$and" => items(value).iter().all(|part| native(part, record)),
        "$or" => items(value).iter().any(|part| native(part, record)),
        "$not" => !native(value, record),
        "$document" => {
            members(value).all(|(operator, operand)| on_document(operator, operand, record.document.as_ref()))
        }
        _ if value.is_object() => {
            members(value).all(|(operator, operand)| native_test(operator, operand, record.metadata.get(key)))
        }
        _ => native_test("$eq", value, record.metadata.get(key)),
    })
}

fn native_test(operator: &str, operand: &Value, value: Option<&Value>) -> bool {
    let Some(value) = value else {
        // "a missing key matches nothing except …"
        return matches!(operator, "$ne" | "$nin" | "$not_contains")
            || (operator == "$exists" && operand == &Value::Bool(false));
    };
    match operator {
        "$eq" => same(value, operand),
        "$ne" => !same(value, operand),
        "$in" => items(operand).iter().any(|one| same(value, one)),
        "$nin" => !items(operand).iter().any(|one| same(value, one)),
        "$contains" => value.as_array().is_some_and(|list| list.iter().any(|item| same(item, operand))),
        "$not_contains" => value.as_array().is_none_or(|list| list.iter().all(|item| !same(item, operand))),
        "$exists" => operand == &Value::Bool(true),
        _ => ordered(operator, value, operand),
    }
}

pub(super) fn chroma(filter: &Value, record: &Record) -> bool {
    let (key, value) = members(filter).next().expect("exactly one key");
    match key {
        "$and" => items(value).iter().all(|part| chroma(part, record)),
        "$or" => items(value).iter().any(|part| chroma(part, record)),
        "#document" => chroma_document(value, record),
        _ => {
            let (operator, operand) =
                if value.is_object() { members(value).next().expect("one operator") } else { ("$eq", value) };
            chroma_test(operator, operand, record.metadata.get(key))
        }
    }
}

pub(super) fn chroma_document(filter: &Value, record: &Record) -> bool {
    let (key, value) = members(filter).next().expect("exactly one key");
    match key {
        "$and" => items(value).iter().all(|part| chroma_document(part, record)),
        "$or" => items(value).iter().any(|part| chroma_document(part, record)),
        _ => on_document(key, value, record.document.as_ref()),
    }
}

fn chroma_test(operator: &str, operand: &Value, value: Option<&Value>) -> bool {
    // "`[]` stores nothing"
    let value = value.filter(|value| value.as_array().is_none_or(|list| !list.is_empty()));
    match operator {
        "$eq" => value.is_some_and(|value| same(value, operand)),
        "$ne" => !chroma_test("$eq", operand, value),
        "$in" => items(operand).iter().any(|one| chroma_test("$eq", one, value)),
        "$nin" => !chroma_test("$in", operand, value),
        "$contains" => value.and_then(Value::as_array).is_some_and(|list| {
            // "`[1, 2.5]` is stored as floats" (rounded where need be); "in array `$contains` int and float are apart"
            let floats = list.iter().any(Value::is_f64);
            list.iter().any(|item| match item.as_f64() {
                Some(number) if floats => operand.is_f64() && same(&number.into(), operand),
                Some(_) => !operand.is_f64() && same(item, operand),
                None => same(item, operand),
            })
        }),
        "$not_contains" => !chroma_test("$contains", operand, value),
        _ => value.is_some_and(|value| ordered(operator, value, operand)),
    }
}

pub(super) fn pinecone(filter: &Value, record: &Record) -> bool {
    members(filter).all(|(key, value)| match key {
        "$and" => items(value).iter().all(|part| pinecone(part, record)),
        "$or" => items(value).iter().any(|part| pinecone(part, record)),
        _ if value.is_object() => members(value)
            .all(|(operator, operand)| pinecone_test(operator, operand, record.metadata.get(key))),
        _ => pinecone_test("$eq", value, record.metadata.get(key)),
    })
}

fn pinecone_test(operator: &str, operand: &Value, value: Option<&Value>) -> bool {
    match operator {
        "$eq" => match value {
            Some(Value::Array(list)) => list.iter().any(|item| same(item, operand)),
            Some(value) => same(value, operand),
            None => false,
        },
        "$ne" => !pinecone_test("$eq", operand, value),
        "$in" => items(operand).iter().any(|one| pinecone_test("$eq", one, value)),
        "$nin" => items(operand).iter().all(|one| pinecone_test("$ne", one, value)),
        "$exists" => operand == &Value::Bool(value.is_some()),
        _ => value.is_some_and(|value| ordered(operator, value, operand)),
    }
}
