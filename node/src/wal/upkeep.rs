//! Preparing the next segment ahead of need, and unlinking retired ones.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::config::{Retire, Upkeep};
use super::error::{WalError, WalFailure};
use super::files::FileLayer;
use super::segment::Segment;
use super::shared::Done;

/// Extension of a segment that is being zeroed.
pub(super) const RETIRED: &str = "seg.old";

/// What both ways of upkeep need.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) files: Arc<dyn FileLayer>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) retire: Retire,
}

/// Called when the background thread meets a failure that must end the node.
pub(super) type Report = Box<dyn Fn(String) + Send>;

enum Task {
    Prepare(u64),
    Retire(Vec<Arc<Segment>>, Vec<Done>),
}

struct Worker {
    tasks: Sender<Task>,
    prepared: Receiver<Result<Arc<Segment>, WalError>>,
    thread: JoinHandle<()>,
}

/// The writer's side of it.
pub(super) struct Keeper {
    site: Site,
    spares: VecDeque<Arc<Segment>>,
    worker: Option<Worker>,
    asked: bool,
}

impl Keeper {
    /// `spares` are empty segments found at opening, `active` is the one in use.
    pub(super) fn start(
        site: Site,
        how: Upkeep,
        spares: VecDeque<Arc<Segment>>,
        active: u64,
        report: Report,
    ) -> io::Result<Self> {
        let worker = match how {
            Upkeep::Inline => None,
            Upkeep::Background => Some(Worker::start(site.clone(), report)?),
        };
        let mut keeper = Self { site, spares, worker, asked: false };
        keeper.prepare(active + 1);
        Ok(keeper)
    }

    fn prepare(&mut self, number: u64) {
        if self.spares.is_empty()
            && let Some(worker) = &self.worker
        {
            self.asked = worker.tasks.send(Task::Prepare(number)).is_ok();
        }
    }

    /// The segment of that number, with room for at least so many bytes.
    pub(super) fn take(&mut self, number: u64, room: u64) -> Result<Arc<Segment>, WalError> {
        if std::mem::take(&mut self.asked)
            && let Some(worker) = &self.worker
            // A failed preparation (a full disk) isn't yet a failed log: it is tried once more here, where it is.
            && let Ok(Ok(spare)) = worker.prepared.recv()
        {
            self.spares.push_back(spare);
        }
        let spare = self.spares.pop_front().filter(|s| s.number == number && s.size >= room);
        let segment = match spare {
            Some(spare) => spare,
            None => {
                Segment::create(&*self.site.files, &self.site.dir, number, room.max(self.site.segment_bytes))?
            }
        };
        self.prepare(number + 1);
        Ok(segment)
    }

    /// Unlinks segments, oldest first, then calls back.
    pub(super) fn retire(&self, segments: Vec<Arc<Segment>>, done: Vec<Done>) -> Result<(), String> {
        if segments.is_empty() && done.is_empty() {
            return Ok(());
        }
        match &self.worker {
            Some(worker) => {
                worker.tasks.send(Task::Retire(segments, done)).map_err(|_| "upkeep ended".to_owned())
            }
            None => self.site.retire(&segments, done),
        }
    }

    /// Waits for everything asked for.
    pub(super) fn stop(self) {
        if let Some(Worker { tasks, prepared, thread }) = self.worker {
            drop((tasks, prepared));
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn start(site: Site, report: Report) -> io::Result<Self> {
        let (tasks, inbox) = channel();
        let (outbox, prepared) = channel();
        let thread = std::thread::Builder::new().name("wal-upkeep".to_owned()).spawn(move || {
            for task in inbox {
                match task {
                    Task::Prepare(number) => {
                        let made = Segment::create(&*site.files, &site.dir, number, site.segment_bytes);
                        if let Err(error) = &made {
                            tracing::warn!(%error, number, "no spare log segment");
                        }
                        // The writer may have stopped meanwhile; the spare is found at the next opening.
                        let _ = outbox.send(made);
                    }
                    Task::Retire(segments, done) => {
                        if let Err(reason) = site.retire(&segments, done) {
                            report(reason);
                        }
                    }
                }
            }
        })?;
        Ok(Self { tasks, prepared, thread })
    }
}

impl Site {
    fn retire(&self, segments: &[Arc<Segment>], done: Vec<Done>) -> Result<(), String> {
        let gone = segments.iter().try_for_each(|segment| {
            self.unlink(segment).map_err(|e| format!("retiring {}: {e}", segment.path.display()))
        });
        for done in done {
            done(gone.clone().map_err(WalFailure::Failed));
        }
        gone
    }

    /// One at a time, each made durable: what is left is always without a gap.
    fn unlink(&self, segment: &Segment) -> io::Result<()> {
        match self.retire {
            Retire::Unlink => self.files.unlink(&segment.path)?,
            Retire::ZeroThenUnlink => {
                // Under another name first: a half-zeroed segment must not look like a damaged log.
                let old = segment.path.with_extension(RETIRED);
                self.files.rename(&segment.path, &old)?;
                self.files.sync_dir(&self.dir)?;
                segment.zero()?;
                self.files.unlink(&old)?;
            }
        }
        self.files.sync_dir(&self.dir)
    }
}
