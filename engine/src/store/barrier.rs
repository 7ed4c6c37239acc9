//! The durability barrier: sled's own flush makes no fsync on Linux, so its files are synced by path.

use std::fs::{self, File};
use std::path::Path;

use super::StoreError;

/// Syncs `db`, every `snap.*` and `blobs/*` of a store's directory, then the directories.
pub(super) fn sync_files(dir: &Path) -> Result<(), StoreError> {
    for entry in list(dir)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "blobs" {
            for blob in list(&entry)? {
                sync_if_there(&blob)?;
            }
            sync_dir(&entry)?;
        } else if name == "db" || name == "conf" || name.starts_with("snap.") {
            sync_if_there(&entry)?;
        }
    }
    sync_dir(dir)
}

fn list(dir: &Path) -> Result<Vec<std::path::PathBuf>, StoreError> {
    let io = |error| StoreError::io(dir, error);
    fs::read_dir(dir).map_err(io)?.map(|entry| entry.map(|entry| entry.path()).map_err(io)).collect()
}

/// Snapshots and blobs come and go beside us; one that went needs no sync.
fn sync_if_there(path: &Path) -> Result<(), StoreError> {
    match sync_file(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Syncs a file's data and metadata.
fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(path, error))
}

/// Syncs a directory: the names in it.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    sync_file(path)
}
