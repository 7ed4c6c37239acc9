//! CSV with a header: `id`, optionally `document` and `vector` (a JSON array, or numbers separated by spaces,
//! commas or semicolons); every other column is metadata.
//!
//! A metadata cell becomes an integer or a float only if printing that number gives the same text again (so
//! `00123` stays text), `true` and `false` become booleans, an empty cell gives no key.

use std::io::Read;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use super::record::{InputRecord, Placed};

#[derive(Clone, Copy)]
enum Column {
    Id,
    Document,
    Vector,
    Metadata,
}

pub(super) fn read(
    source: Box<dyn Read + Send>,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Placed>> + Send> {
    let mut reader = csv::ReaderBuilder::new().from_reader(source);
    let header = reader.headers().context("the CSV header can't be read")?.clone();
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let columns: Vec<Column> = names
        .iter()
        .map(|name| match name.as_str() {
            "id" => Column::Id,
            "document" => Column::Document,
            "vector" => Column::Vector,
            _ => Column::Metadata,
        })
        .collect();
    if !columns.iter().any(|column| matches!(column, Column::Id)) {
        bail!("the CSV header has no column \"id\" (it has: {}). Nothing was written.", names.join(", "));
    }
    Ok(reader.into_records().map(move |row| {
        let row = row.context("a CSV row can't be read")?;
        let place = row.position().map_or(0, csv::Position::line);
        let record = record(&names, &columns, &row).with_context(|| format!("line {place}"))?;
        Ok(Placed { place, record })
    }))
}

fn record(names: &[String], columns: &[Column], row: &csv::StringRecord) -> anyhow::Result<InputRecord> {
    let mut record = InputRecord { id: String::new(), vector: None, document: None, metadata: None };
    let mut metadata = Map::new();
    for ((name, column), cell) in names.iter().zip(columns).zip(row) {
        match column {
            Column::Id => cell.clone_into(&mut record.id),
            Column::Document | Column::Vector | Column::Metadata if cell.trim().is_empty() => {}
            Column::Document => record.document = Some(cell.to_owned()),
            Column::Vector => record.vector = Some(vector(cell)?),
            Column::Metadata => {
                metadata.insert(name.clone(), value(cell));
            }
        }
    }
    if record.id.is_empty() {
        bail!("the column \"id\" is empty; an id has 1 to 4096 bytes");
    }
    record.metadata = (!metadata.is_empty()).then_some(metadata);
    Ok(record)
}

fn vector(cell: &str) -> anyhow::Result<Vec<f32>> {
    cell.trim()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split([' ', ',', ';'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().with_context(|| format!("{part:?} in the column \"vector\" is no number")))
        .collect()
}

fn value(cell: &str) -> Value {
    match cell {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = cell.parse::<i64>()
        && number.to_string() == cell
    {
        return Value::from(number);
    }
    if let Ok(number) = cell.parse::<f64>()
        && number.is_finite()
        && number.to_string() == cell
    {
        return Value::from(number);
    }
    Value::from(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_fields_and_typed_metadata() {
        let text = "id,vector,document,zip,n,x,ok,none\na,\"[1, 2.5]\",\"hi, you\",00123,-7,0.5,true,\nb,1 2,,,,,,\n";
        let found: Vec<Placed> = read(Box::new(text.as_bytes())).unwrap().map(Result::unwrap).collect();
        let a = &found[0].record;
        assert_eq!(a.vector, Some(vec![1.0, 2.5]));
        assert_eq!(a.document.as_deref(), Some("hi, you"));
        let expected = serde_json::json!({"zip": "00123", "n": -7, "x": 0.5, "ok": true});
        assert_eq!(Value::Object(a.metadata.clone().unwrap()), expected);
        assert_eq!(found[1].place, 3);
        assert_eq!(found[1].record.metadata, None);
    }

    #[test]
    fn a_file_without_ids_is_refused() {
        let error = read(Box::new("name\nx\n".as_bytes())).err().unwrap().to_string();
        assert!(error.contains("no column \"id\""), "{error}");
        let rows: Vec<_> = read(Box::new("id,vector\na,1 x\n".as_bytes())).unwrap().collect();
        assert!(format!("{:#}", rows[0].as_ref().unwrap_err()).contains("line 2"));
    }
}
