//! Writing a snapshot: frozen while it runs (applies wait, reads don't).

use std::fs;
use std::path::Path;

use lacuna_model::LogPosition;

use super::SnapshotError;
use super::format::Writer;
use crate::engine::Engine;
use crate::store::keys::{self, Kind};
use crate::store::sync_dir;

/// A snapshot file, written and synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Last entry in it.
    pub applied: LogPosition,
    /// The raft layer's bytes in it.
    pub sidecar: Option<Vec<u8>>,
    /// Size of the file.
    pub bytes: u64,
}

impl Engine {
    /// Writes all state to a file: checksummed, synced, renamed into place, its directory synced. Records of
    /// ended incarnations stay out of it (protocol PE2).
    pub fn export(&self, path: &Path) -> Result<Exported, SnapshotError> {
        let live = self.live.upgradable_read();
        let applied = live.state.head.applied;
        let temporary = path.with_extension("tmp");
        let mut writer = Writer::create(&temporary, self.config.shard, applied)?;
        for pair in live.store.all() {
            let (key, value) = pair?;
            let garbage = Kind::of(&key) == Some(Kind::Record)
                && keys::number_of(&key).is_none_or(|number| live.state.ended.contains(number));
            if !garbage {
                writer.pair(&key, &value)?;
            }
        }
        let sidecar = live.state.sidecar.as_ref().map(|bytes| bytes.to_vec());
        drop(live);
        let bytes = writer.finish()?;
        fs::rename(&temporary, path)
            .map_err(|source| SnapshotError::File { path: path.to_owned(), source })?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Exported { applied, sidecar, bytes })
    }
}
