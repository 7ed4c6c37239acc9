//! The background thread of an index: builds graphs, keeps their files, removes files nobody needs.
//!
//! Of all indexes of a process one builds at a time, at a lower priority: builders must not take the cores from those
//! who answer.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lacuna_model::Incarnation;
use parking_lot::{Condvar, Mutex, RwLock};

use super::files::GraphFiles;
use super::merge::Job;
use super::rows::Rows;

/// How much less a builder weighs than a thread that answers.
const NICENESS: i32 = 5;
/// How long to wait for another index's builder before looking whether to stop.
const TURN: Duration = Duration::from_millis(20);

/// One build at a time in a process.
static BUILDING: Mutex<()> = Mutex::new(());

/// What the index's threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The rows of each incarnation.
    pub(crate) incarnations: RwLock<HashMap<Incarnation, Arc<RwLock<Rows>>>>,
    /// Counts the parts put in place of others.
    pub(crate) generation: AtomicU64,
    files: Mutex<GraphFiles>,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
    /// Records are coming in from the store: nothing is built, and no file is unneeded yet.
    loading: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// Something may be there to do.
    Wanted,
    /// At work; a wish that comes now is not lost: the state goes back to `Wanted`.
    Busy,
}

impl Shared {
    /// Nothing there; graphs are kept in `dir`, or not at all.
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Self {
            incarnations: RwLock::default(),
            generation: AtomicU64::new(0),
            files: Mutex::new(GraphFiles::new(dir)),
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            loading: AtomicBool::new(false),
        }
    }

    /// The files of graphs.
    pub(crate) fn files(&self) -> &Mutex<GraphFiles> {
        &self.files
    }

    /// From now on the sealer leaves everything as it is.
    pub(crate) fn begin_load(&self) {
        self.loading.store(true, Ordering::Release);
    }

    /// The sealer may work again, and has a look.
    pub(crate) fn finish_load(&self) {
        self.loading.store(false, Ordering::Release);
        self.wake();
    }

    /// Asks the sealer to have a look.
    pub(crate) fn wake(&self) {
        *self.state.lock() = State::Wanted;
        self.changed.notify_all();
    }

    /// Waits until the sealer has nothing to do; false if it still had after `limit`.
    pub(crate) fn settle(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = self.state.lock();
        while *state != State::Idle {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return *state == State::Idle;
            }
        }
        true
    }

    /// Starts the thread.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let shared = Arc::clone(self);
        std::thread::Builder::new().name("lacuna-sealer".to_owned()).spawn(move || shared.run())
    }

    /// Asks the thread to end, at once.
    pub(crate) fn stop(&self) {
        // Under the lock, so that the thread is either before its look at the flag or already waiting.
        let state = self.state.lock();
        self.stop.store(true, Ordering::Release);
        self.changed.notify_all();
        drop(state);
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn run(&self) {
        // On Linux this is the priority of the thread; where it can't be set, it stays.
        let _ = rustix::process::nice(NICENESS);
        while self.wait_for_work() {
            if !self.loading.load(Ordering::Acquire) {
                while self.work_once() {}
                self.files.lock().remove_unneeded(|incarnation, part| self.has_part(incarnation, part));
            }
            let mut state = self.state.lock();
            if *state == State::Busy {
                *state = State::Idle;
            }
            self.changed.notify_all();
        }
    }

    fn has_part(&self, incarnation: Incarnation, part: u32) -> bool {
        let rows = self.incarnations.read().get(&incarnation).cloned();
        rows.is_some_and(|rows| rows.read().vectors.as_ref().is_some_and(|v| v.sealed.contains_key(&part)))
    }

    fn wait_for_work(&self) -> bool {
        let mut state = self.state.lock();
        while *state != State::Wanted && !self.stopping() {
            self.changed.wait(&mut state);
        }
        *state = State::Busy;
        !self.stopping()
    }

    /// Does one job; false if there was none.
    fn work_once(&self) -> bool {
        let all: Vec<(Incarnation, Arc<RwLock<Rows>>)> =
            self.incarnations.read().iter().map(|(incarnation, rows)| (*incarnation, rows.clone())).collect();
        for (incarnation, rows) in all {
            if self.stopping() {
                return false;
            }
            if let Some(job) = Job::next(&rows) {
                self.carry_out(incarnation, &rows, &job);
                return !self.stopping();
            }
        }
        false
    }

    fn carry_out(&self, incarnation: Incarnation, rows: &Arc<RwLock<Rows>>, job: &Job) {
        let gone = || {
            self.stopping()
                || !self.incarnations.read().get(&incarnation).is_some_and(|now| Arc::ptr_eq(now, rows))
        };
        let turn = loop {
            if gone() {
                return;
            }
            if let Some(turn) = BUILDING.try_lock_for(TURN) {
                break turn;
            }
        };
        let began = Instant::now();
        let Ok(part) = job.build(&gone) else { return };
        drop(turn);
        let (members, graph) = (part.members.len(), part.graph().is_some());
        let Some(number) = job.swap(rows, part) else { return };
        self.generation.fetch_add(1, Ordering::Release);
        metrics::histogram!("lacuna_index_seal_seconds").record(began.elapsed().as_secs_f64());
        tracing::debug!(%incarnation, members, graph, ms = began.elapsed().as_millis() as u64, "sealed a part");
        if let Err(error) = self.files.lock().write(incarnation, rows, number) {
            tracing::warn!(%incarnation, %error, "a graph's file can't be written: it will be built again at the next start");
        }
    }
}
