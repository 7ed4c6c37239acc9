//! Files of text: each becomes an item with its text as raw file, a record for each paragraph, and, where it links to
//! others, nodes and edges.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lacuna_model::limits::{MAX_BODY_BYTES, MAX_ITEMS, MAX_NAME_BYTES};
use lacuna_model::{DatasetId, ItemId};
use lacuna_router::embed::{BY_WORDS, by_words};
use serde_json::json;

use super::item::{NewItem, item_id};
use super::links::links;
use super::paragraphs::paragraphs;
use super::record::{Components, End, Kind, MemoryRecord};
use super::{CHUNKS, NODES};

/// What a record takes in a request beside its text, at most: 512 components and its fields.
const RECORD_BYTES: usize = 8 << 10;
/// Text in a request is escaped, and stands there twice: as raw file and as paragraphs.
const TEXT_WEIGHT: usize = 3;

/// A file of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TextFile {
    path: PathBuf,
    /// Its way from the folder, with `/`.
    pub(crate) name: String,
}

/// A file that is left out, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Skipped {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of their names.
    pub(crate) files: Vec<TextFile>,
    pub(crate) skipped: Vec<Skipped>,
}

/// The text files of a folder and of the folders in it, or the one file. Each is looked through, so that what can't be
/// an item is known before anything is sent.
pub(crate) fn find(root: &Path) -> anyhow::Result<Found> {
    let mut found = Found::default();
    if root.is_dir() {
        walk(root, root, &mut found)?;
    } else {
        let name = root.file_name().map_or(root, Path::new);
        match looked_through(root, name)? {
            Ok(file) => found.files.push(file),
            Err(why) => bail!("{}: {why}. Nothing was sent.", root.display()),
        }
    }
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    found.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Found) -> anyhow::Result<()> {
    let unreadable = || format!("{} can't be read. Nothing was sent.", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let (path, kind) = (entry.path(), entry.file_type().with_context(unreadable)?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            let name = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            match looked_through(&path, &name)? {
                Ok(file) => found.files.push(file),
                Err(why) => found.skipped.push(Skipped { path, why }),
            }
        } else {
            found.skipped.push(Skipped { path, why: "no regular file (a link is not followed)".to_owned() });
        }
    }
    Ok(())
}

/// The file, or why it is none that can be an item.
fn looked_through(path: &Path, name: &Path) -> anyhow::Result<Result<TextFile, String>> {
    let parts: Option<Vec<&str>> = name.components().map(|part| part.as_os_str().to_str()).collect();
    let Some(name) = parts.map(|parts| parts.join("/")) else {
        return Ok(Err("its name isn't UTF-8".to_owned()));
    };
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let why = format!("its name is longer than {MAX_NAME_BYTES} bytes or has control characters");
        return Ok(Err(why));
    }
    let extension = Path::new(&name).extension().and_then(|it| it.to_str()).unwrap_or("").to_lowercase();
    if matches!(extension.as_str(), "jsonl" | "ndjson") {
        return Ok(Err("records, not text: ingest it by itself".to_owned()));
    }
    let bytes = std::fs::read(path)
        .with_context(|| format!("{} can't be read. Nothing was sent.", path.display()))?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Err("not UTF-8 text".to_owned())) };
    let records = paragraphs(&text).len() + 2 * links(&text).len() + 1;
    if records > MAX_ITEMS || records * RECORD_BYTES + text.len() * TEXT_WEIGHT > MAX_BODY_BYTES {
        let why = format!(
            "{} bytes of text in {} paragraphs are too much for one item; split it",
            text.len(),
            paragraphs(&text).len()
        );
        return Ok(Err(why));
    }
    if text.trim().is_empty() {
        return Ok(Err("empty".to_owned()));
    }
    Ok(Ok(TextFile { path: path.to_owned(), name }))
}

impl TextFile {
    /// Reads it.
    pub(crate) fn item(&self, dataset: DatasetId) -> anyhow::Result<NewItem> {
        let unreadable = || format!("{} can't be read", self.path.display());
        let text = std::fs::read_to_string(&self.path).with_context(unreadable)?;
        let records = records(item_id(dataset, &self.name), &self.name, &text);
        let mime_type = match self.path.extension().and_then(|it| it.to_str()) {
            Some("md" | "markdown") => "text/markdown; charset=utf-8",
            Some(_) | None => "text/plain; charset=utf-8",
        };
        let name = self.name.clone();
        Ok(NewItem { name, mime_type, raw: Some(text), embedder: Some(BY_WORDS), records })
    }
}

fn records(item: ItemId, file: &str, text: &str) -> Vec<MemoryRecord> {
    let mut records: Vec<MemoryRecord> = (1..)
        .zip(paragraphs(text))
        .map(|(number, paragraph): (usize, &str)| MemoryRecord {
            // Of this item alone: two files with the same paragraph don't share it.
            id: format!("{item}/{number}"),
            collection: Some(CHUNKS.to_owned()),
            vector: Some(Components(by_words(paragraph))),
            text: Some(paragraph.to_owned()),
            metadata: json!({"file": file, "paragraph": number}).as_object().cloned(),
            ..MemoryRecord::default()
        })
        .collect();
    let own = Path::new(file).file_stem().and_then(|it| it.to_str()).unwrap_or(file);
    let names: Vec<String> = links(text).into_iter().filter(|name| name != own).collect();
    if !names.is_empty() {
        records.push(node(own));
    }
    for name in names {
        records.push(MemoryRecord {
            id: format!("{own} -> {name}"),
            collection: Some(NODES.to_owned()),
            kind: Kind::Edge,
            source: Some(End::Id(own.to_owned())),
            target: Some(End::Id(name.clone())),
            relationship: Some("links to".to_owned()),
            ..MemoryRecord::default()
        });
        records.push(node(&name));
    }
    records
}

/// One for all files that link to it, and for the file of that name.
fn node(name: &str) -> MemoryRecord {
    MemoryRecord {
        id: name.to_owned(),
        collection: Some(NODES.to_owned()),
        kind: Kind::Node,
        type_name: Some("Note".to_owned()),
        vector: Some(Components(by_words(name))),
        text: Some(name.to_owned()),
        ..MemoryRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_text_files_and_the_others_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("sub/.git")).unwrap();
        for (name, bytes) in [
            ("b.txt", &b"b"[..]),
            ("sub/a.md", b"a"),
            (".hidden", b"x"),
            ("sub/.git/x", b"x"),
            ("empty.txt", b" \n"),
            ("photo.png", b"\x89PNG"),
            ("graph.jsonl", b"{}"),
        ] {
            std::fs::write(at(name), bytes).unwrap();
        }
        let paragraph = "a\n\n".repeat(5_000);
        std::fs::write(at("huge.txt"), paragraph).unwrap();
        std::os::unix::fs::symlink(at("b.txt"), at("link.txt")).unwrap();
        let found = find(dir.path()).unwrap();
        let names: Vec<&str> = found.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["b.txt", "sub/a.md"]);
        let skipped: Vec<(&str, &str)> = found
            .skipped
            .iter()
            .map(|it| (it.path.file_name().unwrap().to_str().unwrap(), it.why.as_str()))
            .collect();
        let whys = ["empty", "records", "5000 paragraphs", "link", "UTF-8"];
        let files = ["empty.txt", "graph.jsonl", "huge.txt", "link.txt", "photo.png"];
        assert_eq!(skipped.len(), files.len());
        for ((file, why), (name, word)) in skipped.iter().zip(files.iter().zip(whys)) {
            assert!(file == name && why.contains(word), "{file}: {why}");
        }
        assert!(find(&at("photo.png")).unwrap_err().to_string().contains("Nothing was sent"));
        assert!(find(&at("nowhere")).is_err());
    }

    #[test]
    fn a_file_brings_its_paragraphs_and_shares_the_names_it_links_to() {
        let item = ItemId(7);
        let found = records(item, "notes/Ada.md", "Ada knew [[Charles]].\n\nSee [[Ada]], [[Mary]].");
        let ids: Vec<(&str, Kind)> = found.iter().map(|record| (record.id.as_str(), record.kind)).collect();
        let (first, second) = (format!("{item}/1"), format!("{item}/2"));
        let expected = [
            (first.as_str(), Kind::Vector),
            (second.as_str(), Kind::Vector),
            ("Ada", Kind::Node),
            ("Ada -> Charles", Kind::Edge),
            ("Charles", Kind::Node),
            ("Ada -> Mary", Kind::Edge),
            ("Mary", Kind::Node),
        ];
        assert_eq!(ids, expected);
        assert_eq!(found[0].vector, Some(Components(by_words("Ada knew [[Charles]]."))));
        assert_eq!(records(item, "plain.txt", "no links").len(), 1);
    }

    #[test]
    fn the_weight_of_a_record_is_an_upper_bound() {
        let text = "many words of all kinds, for as many components as there can be ".repeat(30);
        let found = records(ItemId(7), &"n".repeat(MAX_NAME_BYTES), &text);
        for record in found {
            let text = record.text.as_ref().unwrap().len();
            assert!(serde_json::to_string(&record).unwrap().len() - text < RECORD_BYTES);
        }
    }
}
