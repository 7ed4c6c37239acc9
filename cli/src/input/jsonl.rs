//! JSON lines: one record a line; empty lines are skipped.

use std::io::{BufRead, BufReader, Read};

use anyhow::Context;

use super::record::{InputRecord, Placed};

pub(super) fn read(source: Box<dyn Read + Send>) -> impl Iterator<Item = anyhow::Result<Placed>> + Send {
    let lines = BufReader::with_capacity(1 << 16, source).lines();
    lines.zip(1u64..).filter_map(|(line, place)| match line {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => Some(parse(&text, place)),
        Err(error) => Some(Err(error).with_context(|| format!("line {place} can't be read"))),
    })
}

fn parse(text: &str, place: u64) -> anyhow::Result<Placed> {
    let record: InputRecord = serde_json::from_str(text).with_context(|| {
        format!("line {place}: expected {{\"id\": \"…\", \"vector\": […], \"document\": \"…\", \"metadata\": {{…}}}}")
    })?;
    Ok(Placed { place, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &'static str) -> Vec<anyhow::Result<Placed>> {
        read(Box::new(text.as_bytes())).collect()
    }

    #[test]
    fn records_keep_their_line_numbers() {
        let found = all("{\"id\":\"a\",\"vector\":[1,2.5]}\n\n{\"id\":\"b\",\"metadata\":{\"k\":null}}\n");
        let found: Vec<Placed> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].record.vector, Some(vec![1.0, 2.5]));
        assert_eq!(found[1].place, 3);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error =
            format!("{:#}", all("{\"id\":\"a\"}\n{\"id\":\"b\",\"vektor\":[1]}\n")[1].as_ref().unwrap_err());
        assert!(error.contains("line 2") && error.contains("vektor"), "{error}");
    }
}
