//! The FORMAT file of a data directory: whose it is, and in which format (design §9).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lacuna_model::NodeId;
use serde::{Deserialize, Serialize};

const NAME: &str = "FORMAT";
/// Version of everything under the directory.
const VERSION: u32 = 1;

/// Why a data directory is refused. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Not a FORMAT file.
    #[error(
        "{0} can't be read as a FORMAT file; restore it from a backup, or move the directory aside and start with an empty one"
    )]
    Unreadable(PathBuf),
    /// Another version wrote it.
    #[error(
        "{dir} has format {found}, this version of lacuna reads format {VERSION}; start the version that wrote it"
    )]
    Version {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It belongs to another node.
    #[error("{dir} belongs to node {found}, this is node {wanted}; give each node its own data directory")]
    OtherNode {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        found: u64,
        /// Who asked.
        wanted: u64,
    },
    /// It belongs to another cluster.
    #[error(
        "{dir} belongs to cluster {found}, these nodes are cluster {wanted}; give each cluster its own data directories"
    )]
    OtherCluster {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        found: String,
        /// Which one was met.
        wanted: String,
    },
    /// There is something else in it.
    #[error(
        "{0} is not empty and has no FORMAT file: it isn't a Lacuna data directory; give an empty or a new one"
    )]
    Foreign(PathBuf),
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    node: u64,
    cluster: Option<String>,
}

/// Whose a data directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: NodeId,
    /// The cluster, hexadecimal; `None` before the node first met it.
    pub cluster: Option<String>,
}

/// Reads whose a directory is, and changes nothing.
pub(crate) fn owner(dir: &Path) -> Result<Owner, FormatError> {
    let path = dir.join(NAME);
    let content = match fs::read(&path) {
        Ok(bytes) => parse(dir, &bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FormatError::Foreign(dir.to_owned()));
        }
        Err(source) => return Err(FormatError::Io { path, source }),
    };
    Ok(Owner { node: NodeId(content.node), cluster: content.cluster })
}

fn parse(dir: &Path, bytes: &[u8]) -> Result<Content, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let unreadable = |_| FormatError::Unreadable(dir.join(NAME));
    let Version { version } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if version != VERSION {
        return Err(FormatError::Version { dir: dir.to_owned(), found: version });
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// A data directory that was found to be this node's.
#[derive(Debug)]
pub(crate) struct FormatFile {
    dir: PathBuf,
    content: Content,
}

impl FormatFile {
    /// Checks a directory, or claims a new one for this node.
    pub(crate) fn open(dir: &Path, node: NodeId) -> Result<Self, FormatError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| FormatError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(at(dir))?;
        let path = dir.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => Self::check(dir, node, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !is_empty(dir).map_err(at(dir))? {
                    return Err(FormatError::Foreign(dir.to_owned()));
                }
                let this = Self {
                    dir: dir.to_owned(),
                    content: Content { version: VERSION, node: node.0, cluster: None },
                };
                this.write()?;
                Ok(this)
            }
            Err(source) => Err(FormatError::Io { path, source }),
        }
    }

    fn check(dir: &Path, node: NodeId, bytes: &[u8]) -> Result<Self, FormatError> {
        let content = parse(dir, bytes)?;
        if content.node != node.0 {
            return Err(FormatError::OtherNode { dir: dir.to_owned(), found: content.node, wanted: node.0 });
        }
        Ok(Self { dir: dir.to_owned(), content })
    }

    /// Notes the cluster, or checks that it is the one noted.
    pub(crate) fn join(&mut self, cluster: u128) -> Result<(), FormatError> {
        let wanted = format!("{cluster:032x}");
        match &self.content.cluster {
            Some(found) if *found == wanted => Ok(()),
            Some(found) => {
                Err(FormatError::OtherCluster { dir: self.dir.clone(), found: found.clone(), wanted })
            }
            None => {
                self.content.cluster = Some(wanted);
                self.write()
            }
        }
    }

    fn write(&self) -> Result<(), FormatError> {
        let path = self.dir.join(NAME);
        let put = || -> io::Result<()> {
            let part = self.dir.join("FORMAT.part");
            let mut file = File::create(&part)?;
            file.write_all(&serde_json::to_vec_pretty(&self.content)?)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        put().map_err(|source| FormatError::Io { path: path.clone(), source })
    }
}

/// Empty but for a FORMAT file that was never finished.
fn is_empty(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        if entry?.file_name() != "FORMAT.part" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_only_its_own_node_and_cluster() {
        let dir = tempfile::tempdir().unwrap();
        FormatFile::open(dir.path(), NodeId(1)).unwrap().join(7).unwrap();
        FormatFile::open(dir.path(), NodeId(1)).unwrap().join(7).unwrap();
        assert!(matches!(
            FormatFile::open(dir.path(), NodeId(2)),
            Err(FormatError::OtherNode { found: 1, .. })
        ));
        let other = FormatFile::open(dir.path(), NodeId(1)).unwrap().join(8);
        assert!(matches!(other, Err(FormatError::OtherCluster { .. })));
    }

    #[test]
    fn unknown_versions_and_foreign_directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), br#"{"version": 9, "node": 1, "more": []}"#).unwrap();
        assert!(matches!(
            FormatFile::open(dir.path(), NodeId(1)),
            Err(FormatError::Version { found: 9, .. })
        ));
        fs::write(dir.path().join(NAME), b"notes").unwrap();
        assert!(matches!(FormatFile::open(dir.path(), NodeId(1)), Err(FormatError::Unreadable(_))));
        fs::rename(dir.path().join(NAME), dir.path().join("notes.txt")).unwrap();
        assert!(matches!(FormatFile::open(dir.path(), NodeId(1)), Err(FormatError::Foreign(_))));
    }
}
