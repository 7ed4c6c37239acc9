//! Rolls back what no sync covered, from the journals that `chaos-tests/preload/` wrote.
//!
//! Journals are read backwards. A write is taken back unless a sync of its file stands behind it; a rename,
//! an unlink or a creation is taken back unless a sync of its directory does (a file's own sync also makes its
//! creation last, as ext4 does it).

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    Write { inode: u64, at: u64, size: u64, old: Vec<u8> },
    Truncate { inode: u64, size: u64, old: Vec<u8> },
    Created(String),
    Renamed { from: String, to: String, backup: Option<String> },
    Unlinked { path: String, backup: Option<String> },
    Synced(u64),
    DirectorySynced(String),
}

/// What a roll-back did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolledBack {
    /// Writes and truncations taken back.
    pub writes: usize,
    /// Creations, renames and unlinks taken back.
    pub names: usize,
    /// Changes that a sync covered.
    pub covered: usize,
}

/// Takes back everything in the journal that no sync covered; the files lie below `root`.
pub fn roll_back(root: &Path, journal: &Path) -> Result<RolledBack> {
    if !journal.exists() {
        bail!("no journal at {}: was the library preloaded?", journal.display());
    }
    let records = parse(&fs::read(journal)?)?;
    let mut paths = HashMap::new();
    index_by_inode(root, &mut paths)?;
    let mut done = RolledBack::default();
    let mut synced = HashSet::new();
    let mut directories = HashSet::new();
    for record in records.iter().rev() {
        match record {
            Record::Synced(inode) => {
                synced.insert(*inode);
            }
            Record::DirectorySynced(path) => {
                directories.insert(path.clone());
            }
            Record::Write { inode, at, size, old } => {
                let file = if synced.contains(inode) { None } else { paths.get(inode) };
                done.covered += usize::from(synced.contains(inode));
                if let Some(path) = file {
                    restore(path, *at, *size, old)?;
                    done.writes += 1;
                }
            }
            Record::Truncate { inode, size, old } => {
                done.covered += usize::from(synced.contains(inode));
                if let (false, Some(path)) = (synced.contains(inode), paths.get(inode)) {
                    restore(path, size - old.len() as u64, *size, old)?;
                    done.writes += 1;
                }
            }
            Record::Created(path) => {
                let inode = fs::metadata(path).map(|meta| meta.ino()).ok();
                let lasts = lasting(path, &directories) || inode.is_none_or(|inode| synced.contains(&inode));
                done.covered += usize::from(lasts);
                if !lasts {
                    fs::remove_file(path)?;
                    done.names += 1;
                }
            }
            Record::Renamed { from, to, backup } => {
                done.covered += usize::from(lasting(to, &directories));
                if !lasting(to, &directories) && Path::new(to).exists() {
                    fs::rename(to, from)?;
                    if let Some(backup) = backup {
                        fs::hard_link(backup, to)?;
                    }
                    paths.clear();
                    index_by_inode(root, &mut paths)?;
                    done.names += 1;
                }
            }
            Record::Unlinked { path, backup } => {
                done.covered += usize::from(lasting(path, &directories));
                if let (false, Some(backup)) = (lasting(path, &directories), backup)
                    && let Some(parent) = Path::new(path).parent()
                {
                    fs::create_dir_all(parent)?;
                    fs::hard_link(backup, path)?;
                    paths.insert(fs::metadata(path)?.ino(), PathBuf::from(path));
                    done.names += 1;
                }
            }
        }
    }
    remove_journal(journal)?;
    Ok(done)
}

fn lasting(path: &str, directories: &HashSet<String>) -> bool {
    Path::new(path).parent().is_some_and(|parent| directories.contains(parent.to_string_lossy().as_ref()))
}

fn restore(path: &Path, at: u64, size: u64, old: &[u8]) -> Result<()> {
    let file: File = OpenOptions::new().write(true).open(path).context("restoring")?;
    file.write_all_at(old, at)?;
    file.set_len(size)?;
    Ok(())
}

fn index_by_inode(dir: &Path, found: &mut HashMap<u64, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            index_by_inode(&entry.path(), found)?;
        } else {
            found.insert(meta.ino(), entry.path());
        }
    }
    Ok(())
}

/// The next run writes a journal of its own.
fn remove_journal(journal: &Path) -> Result<()> {
    let name = journal.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(parent) = journal.parent() else { return Ok(()) };
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if other == name || other.starts_with(&format!("{name}.")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut rest = bytes;
    // The process was killed: its last record may be whole or not. One cut short changed nothing yet.
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).context("a journal line is no text")?;
        rest = &rest[end + 1..];
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let backup =
            |at: usize| fields.get(at).filter(|field| **field != "-").map(|field| (*field).to_owned());
        let text = |at: usize| fields.get(at).map(|field| (*field).to_owned()).unwrap_or_default();
        let mut old = |length: Option<u64>| {
            let length = usize::try_from(length?).ok()?;
            let (old, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(old.to_vec())
        };
        let record = match (fields[0], number(1), number(2), number(3)) {
            ("W", Some(inode), Some(at), Some(size)) => match old(number(4)) {
                Some(old) => Record::Write { inode, at, size, old },
                None => break,
            },
            ("T", Some(inode), Some(size), length) => match old(length) {
                Some(old) => Record::Truncate { inode, size, old },
                None => break,
            },
            ("S", Some(inode), ..) => Record::Synced(inode),
            ("C", ..) => Record::Created(text(1)),
            ("D", ..) => Record::DirectorySynced(text(1)),
            ("R", ..) => Record::Renamed { from: text(1), to: text(2), backup: backup(3) },
            ("U", ..) => Record::Unlinked { path: text(1), backup: backup(2) },
            _ => bail!("unreadable journal line {line:?}"),
        };
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_write_behind_the_last_sync_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        fs::create_dir(&root).unwrap();
        let path = root.join("log");
        fs::write(&path, b"AAAAbbbb+tail").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        let journal = dir.path().join("journal");
        let mut lines = File::create(&journal).unwrap();
        // "aaaa" → "AAAA" was synced; "BBBB" → "bbbb" and the tail were not.
        write!(lines, "W {inode} 0 8 4\naaaaS {inode}\nW {inode} 4 8 4\nBBBBW {inode} 8 8 0\n").unwrap();
        let done = roll_back(&root, &journal).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"AAAABBBB");
        assert_eq!(done, RolledBack { writes: 2, names: 0, covered: 1 });
        assert!(!journal.exists());
    }

    #[test]
    fn a_rename_without_a_directory_sync_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        fs::create_dir(&root).unwrap();
        let (new, old, journal) =
            (root.join("CURRENT"), root.join("CURRENT.tmp"), dir.path().join("journal"));
        fs::write(&new, b"2").unwrap();
        fs::write(dir.path().join("journal.1.0"), b"1").unwrap();
        let backup = dir.path().join("journal.1.0");
        fs::write(&journal, format!("R {} {} {}\n", old.display(), new.display(), backup.display())).unwrap();
        assert_eq!(roll_back(&root, &journal).unwrap().names, 1);
        assert_eq!(fs::read(&new).unwrap(), b"1");
        assert_eq!(fs::read(&old).unwrap(), b"2");
    }

    #[test]
    fn a_missing_journal_is_an_error_and_not_a_quiet_pass() {
        let dir = tempfile::tempdir().unwrap();
        assert!(roll_back(dir.path(), &dir.path().join("none")).is_err());
    }
}
