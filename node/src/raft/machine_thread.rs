//! Runs a group's state machine on a thread of its own: apply may block, and the async workers never do.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use lacuna_model::LogPosition;
use openraft::EntryPayload;
use openraft::storage::ApplyResponder;
use tokio::sync::{oneshot, watch};

use super::machine::{AppliedEntry, GroupMachine, MachineError};
use super::types::{LogEntry, LogId, ReplyBytes, SnapshotMeta, StoredMembership, TypeConfig, position};

/// What ends the node when a state machine can't go on (R1).
pub(crate) type OnFailure = Arc<dyn Fn(&str) + Send + Sync>;

/// Entries to apply, each with whom to answer.
pub(crate) type ApplyItems = Vec<(LogEntry, Option<ApplyResponder<TypeConfig>>)>;

type Answer<T> = oneshot::Sender<io::Result<T>>;

enum Job {
    Apply(ApplyItems, Answer<()>),
    Export(PathBuf, Answer<SnapshotMeta>),
    Import(PathBuf, Answer<SnapshotMeta>),
    Barrier(Answer<SnapshotMeta>),
    Stop(Answer<()>),
}

/// The way to a group's machine thread; the thread ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct MachineHandle {
    jobs: mpsc::Sender<Job>,
    applied: watch::Receiver<LogPosition>,
}

impl MachineHandle {
    /// Gives the machine its thread; what it holds is made durable first (protocol PL4).
    pub(crate) fn start(
        name: String,
        machine: Box<dyn GroupMachine>,
        on_failure: OnFailure,
    ) -> Result<(Self, SnapshotMeta), MachineError> {
        let mut worker = Worker::open(name.clone(), machine, on_failure)?;
        let meta = worker.meta();
        let applied = worker.applied.subscribe();
        let (jobs, inbox) = mpsc::channel();
        std::thread::Builder::new().name(name).spawn(move || {
            while let Ok(job) = inbox.recv() {
                if let Job::Stop(answer) = job {
                    drop(worker);
                    let _ = answer.send(Ok(()));
                    return;
                }
                worker.run(job);
            }
        })?;
        Ok((Self { jobs, applied }, meta))
    }

    /// Where the machine is; changes as soon as effects can be read.
    pub(crate) fn applied(&self) -> watch::Receiver<LogPosition> {
        self.applied.clone()
    }

    pub(crate) async fn apply(&self, items: ApplyItems) -> io::Result<()> {
        self.ask(|answer| Job::Apply(items, answer)).await
    }

    pub(crate) async fn export(&self, path: PathBuf) -> io::Result<SnapshotMeta> {
        self.ask(|answer| Job::Export(path, answer)).await
    }

    pub(crate) async fn import(&self, path: PathBuf) -> io::Result<SnapshotMeta> {
        self.ask(|answer| Job::Import(path, answer)).await
    }

    pub(crate) async fn barrier(&self) -> io::Result<SnapshotMeta> {
        self.ask(Job::Barrier).await
    }

    /// Ends the thread and lets go of the machine, after everything asked before.
    pub(crate) async fn stop(&self) {
        // Ended already: nothing is left to do.
        let _ = self.ask(Job::Stop).await;
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> io::Result<T> {
        let (answer, asked) = oneshot::channel();
        let gone = || io::Error::other("the state machine's thread has ended");
        self.jobs.send(job(answer)).map_err(|_| gone())?;
        asked.await.map_err(|_| gone())?
    }
}

struct Worker {
    name: String,
    machine: Box<dyn GroupMachine>,
    last_applied: Option<LogId>,
    membership: StoredMembership,
    applied: watch::Sender<LogPosition>,
    on_failure: OnFailure,
}

impl Worker {
    fn open(
        name: String,
        mut machine: Box<dyn GroupMachine>,
        on_failure: OnFailure,
    ) -> Result<Self, MachineError> {
        machine.barrier()?;
        let applied = watch::Sender::new(LogPosition::default());
        let mut worker = Self {
            name,
            machine,
            last_applied: None,
            membership: StoredMembership::default(),
            applied,
            on_failure,
        };
        worker.load_sidecar()?;
        Ok(worker)
    }

    fn load_sidecar(&mut self) -> Result<(), MachineError> {
        (self.last_applied, self.membership) = match self.machine.sidecar() {
            None => (None, StoredMembership::default()),
            Some(sidecar) => postcard::from_bytes(&sidecar).map_err(|error| {
                MachineError::Damaged(format!("the stored applied id of {}: {error}", self.name))
            })?,
        };
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        self.applied.send_replace(self.last_applied.as_ref().map(position).unwrap_or_default());
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.last_applied, last_membership: self.membership.clone() }
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Apply(items, answer) => {
                let result = self.apply(items);
                self.answer("apply", result, answer);
            }
            Job::Export(path, answer) => {
                let result = self.machine.export(&path).map(|()| self.meta());
                self.answer("export", result, answer);
            }
            Job::Import(path, answer) => {
                let result =
                    self.machine.import(&path).and_then(|()| self.load_sidecar()).map(|()| self.meta());
                self.answer("import", result, answer);
            }
            Job::Barrier(answer) => {
                let result = self.machine.barrier().map(|()| self.meta());
                self.answer("barrier", result, answer);
            }
            // Ends the loop that calls this.
            Job::Stop(answer) => self.answer("stop", Ok(()), answer),
        }
    }

    fn answer<T>(&self, what: &str, result: Result<T, MachineError>, answer: Answer<T>) {
        if let Err(error) = &result {
            (self.on_failure)(&format!("{}: {what} failed: {error}", self.name));
        }
        // The asker may have gone away with its group.
        let _ = answer.send(result.map_err(io::Error::other));
    }

    fn apply(&mut self, items: ApplyItems) -> Result<(), MachineError> {
        let Some((last, _)) = items.last() else { return Ok(()) };
        let last_id = last.log_id;
        let mut entries = Vec::with_capacity(items.len());
        for (entry, _) in &items {
            let body = match &entry.payload {
                EntryPayload::Blank => None,
                EntryPayload::Normal(bytes) => Some(bytes.0.as_ref()),
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                    None
                }
            };
            entries.push(AppliedEntry { position: position(&entry.log_id), body });
        }
        let sidecar = postcard::to_stdvec(&(Some(last_id), &self.membership))
            .map_err(|error| MachineError::Damaged(error.to_string()))?;
        let replies = self.machine.apply(&entries, &sidecar)?;
        if replies.len() != items.len() {
            return Err(MachineError::Damaged(format!(
                "{} replies to {} entries",
                replies.len(),
                items.len()
            )));
        }
        self.last_applied = Some(last_id);
        self.publish();
        answer_all(items, replies);
        Ok(())
    }
}

fn answer_all(items: ApplyItems, replies: Vec<Bytes>) {
    for ((_, responder), reply) in items.into_iter().zip(replies) {
        if let Some(responder) = responder {
            responder.send(ReplyBytes(reply));
        }
    }
}
