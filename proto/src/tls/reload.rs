//! A value made of files, made anew when they change.
//!
//! The files are read every second and compared by content: a modification time says nothing on file systems that
//! keep it coarsely, nor where a link is turned to another directory (as Kubernetes does with secrets).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::files::TlsFileError;

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files that a value is made of.
pub trait Source: PartialEq + Sized + Send + Sync + 'static {
    /// What they make.
    type Value: Send + Sync + 'static;

    /// The same files as they are now.
    fn read_again(&self) -> Result<Self, TlsFileError>;

    /// Makes the value.
    fn make(&self) -> Result<Self::Value, TlsFileError>;

    /// The files' names, for the log.
    fn names(&self) -> String;
}

/// The value, and the files that it is made of.
pub struct Reloaded<S: Source> {
    current: ArcSwap<S::Value>,
    seen: Mutex<Seen<S>>,
    names: String,
}

/// What was found at the last look.
struct Seen<S> {
    files: S,
    problem: Option<String>,
}

/// What a look at the files came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// As they were.
    Unchanged,
    /// Changed, and in use from now on.
    Taken,
    /// Changed, and not usable: the value before stays. The reason is given once for each content.
    Refused(String),
}

impl<S: Source> std::fmt::Debug for Reloaded<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloaded").field("names", &self.names).finish_non_exhaustive()
    }
}

impl<S: Source> Reloaded<S> {
    /// Makes the value for the first time; what is wrong with the files is an error here.
    pub fn new(files: S) -> Result<Arc<Self>, TlsFileError> {
        let current = ArcSwap::from_pointee(files.make()?);
        let names = files.names();
        let seen = Mutex::new(Seen { files, problem: None });
        Ok(Arc::new(Self { current, seen, names }))
    }

    /// The value as it is now.
    pub fn current(&self) -> Arc<S::Value> {
        self.current.load_full()
    }

    /// Looks at the files once. Reads them, so not for an async task.
    pub fn look(&self) -> Look {
        let mut seen = self.seen.lock();
        let made = match seen.files.read_again() {
            Ok(files) if files == seen.files => return Look::Unchanged,
            Ok(files) => {
                seen.files = files;
                seen.problem = None;
                seen.files.make()
            }
            Err(error) => Err(error),
        };
        match made {
            Ok(value) => {
                self.current.store(Arc::new(value));
                Look::Taken
            }
            Err(error) => {
                let problem = Some(error.to_string());
                if seen.problem == problem {
                    return Look::Unchanged;
                }
                seen.problem = problem;
                Look::Refused(error.to_string())
            }
        }
    }

    /// Looks every second until told to stop, and says in the log what changed.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let this = Arc::clone(&self);
            let files = self.names.as_str();
            match tokio::task::spawn_blocking(move || this.look()).await {
                Ok(Look::Unchanged) => {}
                Ok(Look::Taken) => tracing::info!(files, "new certificates are in use for new connections"),
                Ok(Look::Refused(why)) => {
                    tracing::warn!(why, "changed certificates can't be used; those from before stay in use");
                }
                Err(error) => tracing::warn!(%error, files, "the certificates could not be looked at"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::files::PemFile;

    impl Source for PemFile {
        type Value = u32;

        fn read_again(&self) -> Result<Self, TlsFileError> {
            Self::read(&self.path)
        }

        fn make(&self) -> Result<u32, TlsFileError> {
            self.text()?.parse().map_err(|error: std::num::ParseIntError| {
                TlsFileError::content(&self.path, error.to_string())
            })
        }

        fn names(&self) -> String {
            self.path.display().to_string()
        }
    }

    #[test]
    fn a_changed_file_is_taken_and_a_bad_one_refused_once_with_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("value.pem");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write("1");
        let value = Reloaded::new(PemFile::read(&path).expect("there")).expect("loaded");
        assert_eq!((*value.current(), value.look()), (1, Look::Unchanged));
        write("2");
        assert_eq!((value.look(), *value.current()), (Look::Taken, 2));
        write("x");
        assert!(matches!(value.look(), Look::Refused(why) if why.contains("value.pem")));
        assert_eq!((value.look(), *value.current()), (Look::Unchanged, 2));
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(value.look(), Look::Refused(why) if why.contains("value.pem")));
        assert_eq!((value.look(), *value.current()), (Look::Unchanged, 2));
        write("3");
        assert_eq!((value.look(), *value.current()), (Look::Taken, 3));
    }
}
