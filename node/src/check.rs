//! Checking a stopped node's data directory: every checksum, digest and count, and that log, snapshots and stores
//! fit together. Nothing in it is changed: stores are opened as copies, since opening one writes to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lacuna_engine::{CheckReport, Engine};
use lacuna_model::ShardId;

use crate::format_file::{self, FormatError, Owner};
use crate::meta::machine::MetaMachine;
use crate::raft::machine::GroupMachine;
use crate::raft::{Looked, look};
use crate::wal::{self, GroupState, WalError, WalReport};

/// Why a directory could not be checked. (What a check finds wrong is in the report.)
#[derive(Debug, thiserror::Error)]
pub enum NodeCheckError {
    /// It isn't a node's directory, or of another version.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A node runs on it.
    #[error("{0}: a node is running on this directory; stop it first")]
    Running(PathBuf),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// What a check found.
#[derive(Debug)]
pub struct NodeCheck {
    /// Whose directory it is.
    pub owner: Owner,
    /// The log; `None`: there is none yet, or it is damaged.
    pub log: Option<WalReport>,
    /// The meta group's snapshot: the index it holds.
    pub meta_snapshot: Option<u64>,
    /// Each shard with a replica here, ascending.
    pub shards: Vec<ShardCheck>,
    /// What is wrong; empty in a sound directory.
    pub damage: Vec<String>,
}

/// What a check found of one shard.
#[derive(Debug)]
pub struct ShardCheck {
    /// The shard.
    pub shard: ShardId,
    /// Its store; `None`: it can't be read.
    pub store: Option<CheckReport>,
    /// Its snapshot: the index it holds.
    pub snapshot: Option<u64>,
}

/// Checks a directory, using room in `scratch` for a copy of one store at a time.
pub fn check(dir: &Path, scratch: &Path) -> Result<NodeCheck, NodeCheckError> {
    let owner = format_file::owner(dir)?;
    let mut damage = Vec::new();
    let log = match wal::check(dir) {
        Ok(log) => log,
        Err(WalError::Locked(_)) => return Err(NodeCheckError::Running(dir.to_owned())),
        Err(error) => {
            damage.push(error.to_string());
            None
        }
    };
    let meta = snapshot(&dir.join("meta"), "the meta group", &mut damage, &|path| {
        MetaMachine::new().import(path).map_err(|error| error.to_string())
    });
    gap("the meta group", log.as_ref(), 0, meta.unwrap_or_default(), &mut damage);
    let mut shards = Vec::new();
    for shard in hosted(&dir.join("shards"))? {
        let (found, wrong) = check_shard(&dir.join("shards").join(shard.to_string()), shard, scratch)?;
        let kept = found
            .store
            .as_ref()
            .map_or(0, |store| store.applied.index)
            .max(found.snapshot.unwrap_or_default());
        damage.extend(wrong);
        gap(&format!("shard {shard}"), log.as_ref(), shard.0 + 1, kept, &mut damage);
        shards.push(found);
    }
    Ok(NodeCheck { owner, log, meta_snapshot: meta, shards, damage })
}

fn check_shard(
    dir: &Path,
    shard: ShardId,
    scratch: &Path,
) -> Result<(ShardCheck, Vec<String>), NodeCheckError> {
    let mut damage = Vec::new();
    let name = format!("shard {shard}");
    let snapshot = snapshot(&dir.join("snapshots"), &name, &mut damage, &|path| {
        Engine::verify_snapshot(path).map(drop).map_err(|error| error.to_string())
    });
    let copy = scratch.join(format!("shard-{shard}"));
    copy_store(&dir.join("store"), &copy)?;
    let store = match lacuna_engine::check(&copy) {
        Ok(report) => {
            damage.extend(report.damage.iter().map(|what| format!("{name}: {what}")));
            Some(report)
        }
        Err(error) => {
            damage.push(format!("{name}: {error}"));
            None
        }
    };
    fs::remove_dir_all(&copy).map_err(|source| NodeCheckError::Io { path: copy, source })?;
    Ok((ShardCheck { shard, store, snapshot }, damage))
}

/// The snapshot's index, if there is one and it is whole.
fn snapshot(
    dir: &Path,
    name: &str,
    damage: &mut Vec<String>,
    verify: &dyn Fn(&Path) -> Result<(), String>,
) -> Option<u64> {
    match look(dir) {
        Ok(None) => None,
        Ok(Some(Looked { path, index, bytes })) => {
            let length = fs::metadata(&path).map(|metadata| metadata.len());
            let sound = match length {
                Ok(length) if length == bytes => verify(&path),
                Ok(length) => Err(format!("{} has {length} bytes of {bytes}", path.display())),
                Err(error) => Err(format!("{}: {error}", path.display())),
            };
            match sound {
                Ok(()) => Some(index),
                Err(what) => {
                    damage.push(format!("{name}: its snapshot is damaged: {what}"));
                    None
                }
            }
        }
        Err(error) => {
            damage.push(format!("{name}: {error}"));
            None
        }
    }
}

/// INV-5: what was purged from the log must be in the store or a snapshot.
fn gap(name: &str, log: Option<&WalReport>, group: u32, kept: u64, damage: &mut Vec<String>) {
    let state = log.and_then(|log| log.groups.iter().find(|(number, _)| *number == group));
    if let Some((_, GroupState { purged: Some((purged, _)), .. })) = state
        && *purged > kept
    {
        damage.push(format!(
            "{name}: its log is purged up to index {purged}, but store and snapshot only hold what is up to {kept}"
        ));
    }
}

fn hosted(shards: &Path) -> Result<Vec<ShardId>, NodeCheckError> {
    let failed = |source| NodeCheckError::Io { path: shards.to_owned(), source };
    let mut found = Vec::new();
    match fs::read_dir(shards) {
        Ok(entries) => {
            for entry in entries {
                found.extend(
                    entry
                        .map_err(failed)?
                        .file_name()
                        .to_str()
                        .and_then(|name| name.parse().ok())
                        .map(ShardId),
                );
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    found.sort_unstable();
    Ok(found)
}

/// Copies a store without its graphs, which are derived from it.
fn copy_store(from: &Path, to: &Path) -> Result<(), NodeCheckError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| NodeCheckError::Io { path, source }
    };
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with("graphs-") {
            continue;
        }
        if entry.file_type().map_err(at(&path))?.is_dir() {
            copy_store(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(at(&path))?;
        }
    }
    Ok(())
}
