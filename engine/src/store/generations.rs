//! `gen-<n>/` directories and the pointer file `CURRENT` that names the one in use.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{StoreError, sync_dir};

const POINTER: &str = "CURRENT";
const PREFIX: &str = "gen-";
const GRAPHS: &str = "graphs-";

/// The generations of one replica's directory.
#[derive(Clone, Debug)]
pub(crate) struct Generations {
    dir: PathBuf,
}

impl Generations {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Directory of a generation.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{PREFIX}{number}"))
    }

    /// Where a generation's graphs are kept.
    pub(crate) fn graphs(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{GRAPHS}{number}"))
    }

    /// The generation in use; `None` in a new directory.
    pub(crate) fn current(&self) -> Result<Option<u64>, StoreError> {
        let pointer = self.dir.join(POINTER);
        let text = match fs::read_to_string(&pointer) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&pointer, error)),
        };
        match text.trim().strip_prefix(PREFIX).and_then(|number| number.parse().ok()) {
            Some(number) if self.path(number).is_dir() => Ok(Some(number)),
            Some(_) => Err(StoreError::corrupt(format!("CURRENT names {:?}, which is missing", text.trim()))),
            None => Err(StoreError::corrupt(format!("CURRENT reads {text:?}, not a generation"))),
        }
    }

    /// Makes a generation the one in use, durably.
    pub(crate) fn switch(&self, number: u64) -> Result<(), StoreError> {
        let temporary = self.dir.join("CURRENT.tmp");
        let io = |error| StoreError::io(&temporary, error);
        let mut file = fs::File::create(&temporary).map_err(io)?;
        file.write_all(format!("{PREFIX}{number}\n").as_bytes()).map_err(io)?;
        file.sync_all().map_err(io)?;
        drop(file);
        fs::rename(&temporary, self.dir.join(POINTER)).map_err(io)?;
        sync_dir(&self.dir)
    }

    /// Removes every generation but `keep`.
    pub(crate) fn remove_others(&self, keep: u64) -> Result<(), StoreError> {
        for number in self.existing()? {
            if number != keep {
                self.remove(number)?;
            }
        }
        sync_dir(&self.dir)
    }

    /// Removes a generation's files.
    pub(crate) fn remove(&self, number: u64) -> Result<(), StoreError> {
        for path in [self.path(number), self.graphs(number)] {
            match fs::remove_dir_all(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io(&path, error)),
            }
        }
        Ok(())
    }

    /// Numbers of the generations that are there.
    pub(crate) fn existing(&self) -> Result<Vec<u64>, StoreError> {
        let io = |error| StoreError::io(&self.dir, error);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            numbers.extend(
                name.to_string_lossy().strip_prefix(PREFIX).and_then(|number| number.parse::<u64>().ok()),
            );
        }
        Ok(numbers)
    }
}
