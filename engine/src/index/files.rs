//! The graphs' files in an index's directory: written, read back, removed when their part is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lacuna_model::Incarnation;
use parking_lot::RwLock;

use super::graph_file::GraphFile;
use super::measure::{hash, hash_id};
use super::part::Part;
use super::reload::LoadingPart;
use super::rows::Rows;

const EXTENSION: &str = "graph";
const UNFINISHED: &str = "tmp";

/// Which part's graph is in which file.
#[derive(Debug)]
pub(crate) struct GraphFiles {
    dir: Option<PathBuf>,
    next: u64,
    kept: HashMap<(Incarnation, u32), PathBuf>,
}

impl GraphFiles {
    /// Of a directory, not looked into yet.
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir, next: 1, kept: HashMap::new() }
    }

    /// Keeps the graph of a part, if it has one: written aside, synced, renamed.
    pub(crate) fn write(
        &mut self,
        incarnation: Incarnation,
        rows: &RwLock<Rows>,
        number: u32,
    ) -> io::Result<()> {
        let Some(dir) = self.dir.clone() else { return Ok(()) };
        let Some(file) = contents(incarnation, &rows.read(), number) else { return Ok(()) };
        let bytes = file.encode().map_err(io::Error::other)?;
        fs::create_dir_all(&dir)?;
        let path = dir.join(format!("{:016x}-{:08}.{EXTENSION}", incarnation.0, self.next));
        self.next += 1;
        let unfinished = path.with_extension(UNFINISHED);
        let mut out = File::create(&unfinished)?;
        out.write_all(&bytes)?;
        out.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&dir)?.sync_all()?;
        self.kept.insert((incarnation, number), path);
        Ok(())
    }

    /// Removes the files of parts that are no more.
    pub(crate) fn remove_unneeded(&mut self, needed: impl Fn(Incarnation, u32) -> bool) {
        self.kept.retain(|(incarnation, part), path| {
            let keep = needed(*incarnation, *part);
            if !keep {
                remove(path);
            }
            keep
        });
    }

    /// Reads every file back; what is unfinished, damaged or foreign is deleted.
    pub(crate) fn read_all(&mut self) -> HashMap<Incarnation, Vec<LoadingPart>> {
        let mut all = HashMap::<Incarnation, Vec<LoadingPart>>::new();
        for path in self.dir.as_deref().map(listed).unwrap_or_default() {
            self.next = self.next.max(sequence(&path).unwrap_or(0) + 1);
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(UNFINISHED) => remove(&path),
                Some(EXTENSION) => match read(&path) {
                    Ok(file) => {
                        let parts = all.entry(file.incarnation).or_default();
                        let number = parts.len() as u32 + 1;
                        self.kept.insert((file.incarnation, number), path);
                        parts.push(LoadingPart::new(number, file));
                    }
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "a graph's file is of no use and is deleted");
                        remove(&path);
                    }
                },
                Some(_) | None => {}
            }
        }
        all
    }
}

fn contents(incarnation: Incarnation, rows: &Rows, number: u32) -> Option<GraphFile> {
    let part: &Part = rows.vectors.as_ref()?.sealed.get(&number)?;
    let graph = part.graph()?.clone();
    let members = part.members.iter().zip(0..);
    let members = members.map(|(member, at)| {
        let row = rows.of_member(*member)?;
        Some((hash_id(&row.id), hash(part.vector(at))))
    });
    let stride = part.stride as u32;
    Some(GraphFile { incarnation, metric: rows.metric, stride, members: members.collect(), graph })
}

fn read(path: &Path) -> io::Result<GraphFile> {
    GraphFile::decode(&fs::read(path)?).map_err(io::Error::other)
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}

fn sequence(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.split_once('-')?.1.parse().ok()
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a graph's file can't be removed");
    }
}
