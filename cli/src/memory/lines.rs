//! JSON lines: a record a line, with the name of its item. All is read and checked before anything is sent.

use std::collections::HashMap;
use std::io::BufRead;

use anyhow::{Context, bail};
use lacuna_model::limits::{MAX_ITEMS, MAX_NAME_BYTES};
use lacuna_router::embed::{BY_WORDS, by_words};
use serde_json::{Map, Value};

use super::item::NewItem;
use super::record::{Components, Kind, MemoryRecord};

/// What becomes of a text that comes without a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Embedding {
    /// It stays without.
    AsGiven,
    /// The built-in embedder makes one.
    ByWords,
}

const EXPECTED: &str = "expected {\"item\": \"…\", \"id\": \"…\", \"kind\": \"node\", \"text\": \"…\", …}";

/// Items in the order of their first lines; lines of one item may stand apart.
pub(crate) fn read(source: impl BufRead, embedding: Embedding) -> anyhow::Result<Vec<NewItem>> {
    let mut items = Items { embedding, all: Vec::new(), by_name: HashMap::new(), lines: HashMap::new() };
    for (line, number) in source.lines().zip(1u64..) {
        let line = line.with_context(|| format!("line {number} can't be read"))?;
        if line.trim().is_empty() {
            continue;
        }
        let (item, record) = parse(&line).with_context(|| format!("line {number}"))?;
        items.take(number, item, record).with_context(|| format!("line {number}"))?;
    }
    Ok(items.all)
}

struct Items {
    embedding: Embedding,
    all: Vec<NewItem>,
    /// Where each stands.
    by_name: HashMap<String, usize>,
    /// The line of each record, by item, collection and id.
    lines: HashMap<(usize, Option<String>, String), u64>,
}

impl Items {
    fn take(&mut self, number: u64, name: String, mut record: MemoryRecord) -> anyhow::Result<()> {
        let at = *self.by_name.entry(name.clone()).or_insert(self.all.len());
        if at == self.all.len() {
            let records = Vec::new();
            self.all.push(NewItem {
                name,
                mime_type: "application/json",
                raw: None,
                embedder: None,
                records,
            });
        }
        let item = &mut self.all[at];
        let collection = record.collection.clone().filter(|name| name != "default");
        if let Some(first) = self.lines.insert((at, collection, record.id.clone()), number) {
            let (id, name) = (&record.id, &item.name);
            bail!("record {id:?} stands in line {first} already, in the same collection and item {name:?}");
        }
        if item.records.len() >= MAX_ITEMS {
            bail!("item {:?} has more than {MAX_ITEMS} records, which is the most", item.name);
        }
        if let (Embedding::ByWords, None, Some(text)) = (self.embedding, &record.vector, &record.text) {
            record.vector = Some(Components(by_words(text)));
            item.embedder = Some(BY_WORDS);
        }
        item.records.push(record);
        Ok(())
    }
}

fn parse(line: &str) -> anyhow::Result<(String, MemoryRecord)> {
    let mut fields: Map<String, Value> = match serde_json::from_str(line) {
        Ok(fields) => fields,
        // To serde each line is the first.
        Err(error) => bail!("{EXPECTED}: {}", error.to_string().replace(" at line 1 column ", " at column ")),
    };
    let item = match fields.remove("item") {
        Some(Value::String(name)) => name,
        Some(other) => bail!("\"item\" is {other}; {EXPECTED}"),
        None => bail!("\"item\" is missing; {EXPECTED}"),
    };
    if item.is_empty() || item.len() > MAX_NAME_BYTES || item.chars().any(char::is_control) {
        bail!("\"item\" is a name of 1 to {MAX_NAME_BYTES} bytes without control characters");
    }
    let record: MemoryRecord = serde_json::from_value(Value::Object(fields)).context(EXPECTED)?;
    let ends = (record.source.is_some(), record.target.is_some());
    match record.kind {
        Kind::Edge if ends != (true, true) => bail!("an edge has a \"source\" and a \"target\""),
        Kind::Vector | Kind::Node if ends != (false, false) => {
            bail!("only an edge (\"kind\": \"edge\") has a \"source\" or a \"target\"")
        }
        Kind::Vector | Kind::Node | Kind::Edge => {}
    }
    if record.id.is_empty() {
        bail!("\"id\" is empty");
    }
    if record.vector.as_ref().is_some_and(|it| it.0.is_empty() || !it.0.iter().all(|x| x.is_finite())) {
        bail!("\"vector\" is a list of finite 32-bit numbers, not empty");
    }
    Ok((item, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> anyhow::Result<Vec<NewItem>> {
        read(text.as_bytes(), Embedding::AsGiven)
    }

    #[test]
    fn lines_of_one_item_may_stand_apart() {
        let items = all(
            "{\"item\":\"a\",\"id\":\"1\"}\n\n{\"item\":\"b\",\"id\":\"1\"}\n{\"item\":\"a\",\"id\":\"2\"}",
        )
        .unwrap();
        let found: Vec<(&str, usize)> =
            items.iter().map(|item| (item.name.as_str(), item.records.len())).collect();
        assert_eq!(found, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn a_malformed_line_is_named_with_what_is_wrong() {
        let cases = [
            ("{", "EOF"),
            ("[1]", "map"),
            ("{\"id\":\"1\"}", "\"item\" is missing"),
            ("{\"item\":7,\"id\":\"1\"}", "\"item\" is 7"),
            ("{\"item\":\"\",\"id\":\"1\"}", "1 to 512"),
            ("{\"item\":\"a\"}", "missing field `id`"),
            ("{\"item\":\"a\",\"id\":\"\"}", "empty"),
            ("{\"item\":\"a\",\"id\":\"1\",\"vektor\":[1]}", "vektor"),
            ("{\"item\":\"a\",\"id\":\"1\",\"kind\":\"knot\"}", "knot"),
            ("{\"item\":\"a\",\"id\":\"1\",\"vector\":[]}", "not empty"),
            ("{\"item\":\"a\",\"id\":\"1\",\"vector\":[1e39]}", "finite"),
            ("{\"item\":\"a\",\"id\":\"1\",\"kind\":\"edge\",\"source\":\"x\"}", "\"target\""),
            ("{\"item\":\"a\",\"id\":\"1\",\"source\":\"x\"}", "only an edge"),
            ("{\"item\":\"g\",\"id\":\"0\",\"collection\":\"default\"}", "line 1 already"),
        ];
        for (line, word) in cases {
            let error = all(&format!("{{\"item\":\"g\",\"id\":\"0\"}}\n{line}\n")).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains("line 2: ") && error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn a_text_without_a_vector_gets_one_if_asked() {
        let line = "{\"item\":\"a\",\"id\":\"1\",\"text\":\"Ada\"}\n{\"item\":\"a\",\"id\":\"2\",\"text\":\"x\",\"vector\":[1]}";
        let vectors = |embedding| {
            let item = read(line.as_bytes(), embedding).unwrap().remove(0);
            let vectors: Vec<_> =
                item.records.iter().map(|record| record.vector.clone().map(|it| it.0)).collect();
            (vectors, item.embedder)
        };
        assert_eq!(vectors(Embedding::AsGiven), (vec![None, Some(vec![1.0])], None));
        assert_eq!(
            vectors(Embedding::ByWords),
            (vec![Some(by_words("Ada")), Some(vec![1.0])], Some(BY_WORDS))
        );
    }
}
