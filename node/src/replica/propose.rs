//! One task a group proposes: it merges what waits, checks each call's deadline, and hands entries over in one
//! order, each bound to the term of the check (protocol PC1, PE1).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lacuna_model::LogPosition;
use lacuna_proto::call::{CallError, NodeDeadline};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::form::EntryForm;
use crate::clock::Clock;
use crate::config::QueueLimits;
use crate::raft::group::{Group, Leadership, Proposed};

/// How long after a refusal for want of a quorum it is tried again.
const QUORUM_PAUSE: Duration = Duration::from_millis(10);
/// So long a leader without a quorum is waited for.
const QUORUM_PATIENCE: Duration = Duration::from_millis(1500);
/// A caller waits so much longer than its deadline for an answer that is on its way.
const GRACE: Duration = Duration::from_millis(20);

/// Not proposed; the caller may still give it up.
const WAITING: u8 = 0;
/// Handed over (or about to be): its fate is the log's.
const PROPOSED: u8 = 1;
/// Given up by its caller: never to be proposed.
const GIVEN_UP: u8 = 2;

/// A call that was applied.
#[derive(Clone, Debug)]
pub(crate) struct Done<O> {
    /// The entry that carried it.
    pub(crate) at: LogPosition,
    /// What it was answered.
    pub(crate) outcome: O,
    /// Time until it was handed over.
    pub(crate) queued: Duration,
    /// Time from then until it was applied here.
    pub(crate) logged: Duration,
}

struct Waiting<F: EntryForm> {
    piece: F::Piece,
    deadline: NodeDeadline,
    answer: oneshot::Sender<Result<Done<F::Outcome>, CallError>>,
    fate: Arc<AtomicU8>,
    asked: Instant,
    refused: Option<Instant>,
}

impl<F: EntryForm> Waiting<F> {
    fn tell(self, result: Result<Done<F::Outcome>, CallError>) {
        // The caller may have stopped waiting.
        let _ = self.answer.send(result);
    }
}

/// Entries under way: the calls in them, until openraft says what became of it.
type Batch<F> = Vec<Waiting<F>>;

/// One group's way to propose.
pub(crate) struct Proposer<F: EntryForm> {
    queue: mpsc::Sender<Waiting<F>>,
    queued_bytes: Arc<AtomicUsize>,
    limits: QueueLimits,
    clock: Arc<Clock>,
}

impl<F: EntryForm> Proposer<F> {
    /// Starts the group's proposing task; it ends with the last handle.
    pub(crate) fn start(group: Group, clock: Arc<Clock>, limits: QueueLimits, pause: Pause) -> Self {
        let (queue, inbox) = mpsc::channel(limits.waiting_calls);
        let (refused, returned) = mpsc::unbounded_channel();
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let task = Task {
            group,
            clock: Arc::clone(&clock),
            inbox,
            refused,
            returned,
            pending: VecDeque::new(),
            under_way: Arc::new(Semaphore::new(limits.entries_under_way.max(1))),
            queued_bytes: Arc::clone(&queued_bytes),
            pause,
        };
        tokio::spawn(task.run());
        Self { queue, queued_bytes, limits, clock }
    }

    /// Proposes a piece and waits until it is applied here. The error says what may have happened.
    pub(crate) async fn propose(
        &self,
        piece: F::Piece,
        deadline: NodeDeadline,
    ) -> Result<Done<F::Outcome>, CallError> {
        tracing::trace!("propose");
        let left = self.clock.left(deadline)?;
        let (_, bytes) = F::weight(&piece);
        let (answer, answered) = oneshot::channel();
        let fate = Arc::new(AtomicU8::new(WAITING));
        let waiting = Waiting {
            piece,
            deadline,
            answer,
            fate: Arc::clone(&fate),
            asked: Instant::now(),
            refused: None,
        };
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) > self.limits.waiting_bytes {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(CallError::Busy);
        }
        if let Err(error) = self.queue.try_send(waiting) {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(match error {
                mpsc::error::TrySendError::Full(_) => CallError::Busy,
                mpsc::error::TrySendError::Closed(_) => {
                    CallError::Unavailable("the replica has stopped".to_owned())
                }
            });
        }
        match tokio::time::timeout(left + GRACE, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(CallError::Unknown("the replica stopped".to_owned())),
            Err(_) if swap(&fate, WAITING, GIVEN_UP) => Err(CallError::Expired),
            Err(_) => Err(CallError::Unknown("not applied by its deadline".to_owned())),
        }
    }
}

fn swap(fate: &AtomicU8, from: u8, to: u8) -> bool {
    fate.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Where a test holds the proposing task between its check and the handing over.
#[derive(Clone, Default)]
pub(crate) struct Pause(#[cfg(test)] pub(crate) Option<Arc<Semaphore>>);

impl Pause {
    #[cfg(test)]
    async fn wait(&self) {
        if let Some(gate) = &self.0 {
            gate.acquire().await.unwrap().forget();
        }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_async)]
    async fn wait(&self) {}
}

struct Task<F: EntryForm> {
    group: Group,
    clock: Arc<Clock>,
    inbox: mpsc::Receiver<Waiting<F>>,
    refused: mpsc::UnboundedSender<Batch<F>>,
    returned: mpsc::UnboundedReceiver<Batch<F>>,
    pending: VecDeque<Waiting<F>>,
    under_way: Arc<Semaphore>,
    queued_bytes: Arc<AtomicUsize>,
    pause: Pause,
}

impl<F: EntryForm> Task<F> {
    async fn run(mut self) {
        while self.gather().await {
            // While all permits are out, what arrives gathers for the next entry.
            let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else { return };
            self.take_what_waits();
            let batch = self.next_batch();
            self.hand_over(batch, permit).await;
        }
    }

    /// Waits until something is pending; `false` when nothing ever will be.
    async fn gather(&mut self) -> bool {
        if !self.pending.is_empty() {
            return true;
        }
        tokio::select! {
            biased;
            Some(batch) = self.returned.recv() => self.take_back(batch).await,
            waiting = self.inbox.recv() => match waiting {
                Some(waiting) => self.pending.push_back(waiting),
                None => return false,
            },
        }
        true
    }

    async fn take_back(&mut self, batch: Batch<F>) {
        tokio::time::sleep(QUORUM_PAUSE).await;
        for waiting in batch.into_iter().rev() {
            self.pending.push_front(waiting);
        }
    }

    fn take_what_waits(&mut self) {
        while let Ok(batch) = self.returned.try_recv() {
            for waiting in batch.into_iter().rev() {
                self.pending.push_front(waiting);
            }
        }
        while self.pending.len() < lacuna_model::command::MAX_COMMANDS {
            let Ok(waiting) = self.inbox.try_recv() else { return };
            self.pending.push_back(waiting);
        }
    }

    fn next_batch(&mut self) -> Batch<F> {
        let (mut batch, mut commands, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = self.pending.front() {
            let (more_commands, more_bytes) = F::weight(&next.piece);
            if !F::fits_with(commands, bytes, more_commands, more_bytes) {
                break;
            }
            commands += more_commands;
            bytes += more_bytes;
            batch.extend(self.pending.pop_front());
        }
        batch
    }

    fn leave_queue(&self, waiting: &Waiting<F>) {
        if waiting.refused.is_none() {
            self.queued_bytes.fetch_sub(F::weight(&waiting.piece).1, Ordering::Relaxed);
        }
    }

    /// Leader, patience, deadline: those that may be proposed now, and the term they are bound to.
    fn check(&self, batch: Batch<F>) -> Option<(u64, Batch<F>)> {
        let leadership = self.group.leadership();
        let mut live = Vec::with_capacity(batch.len());
        for waiting in batch {
            self.leave_queue(&waiting);
            let patient = waiting.refused.is_none_or(|since| since.elapsed() < QUORUM_PATIENCE);
            match (leadership, self.clock.left(waiting.deadline)) {
                (_, Err(error)) => waiting.tell(Err(error)),
                (Leadership::There(leader), Ok(_)) => waiting.tell(Err(CallError::NotLeader { leader })),
                (Leadership::Here { .. }, Ok(_)) if !patient => {
                    waiting.tell(Err(CallError::Unavailable("the leader hears from no quorum".to_owned())));
                }
                (Leadership::Here { .. }, Ok(_)) => {
                    // Otherwise its caller has given it up, and said so.
                    if swap(&waiting.fate, WAITING, PROPOSED) {
                        live.push(waiting);
                    }
                }
            }
        }
        match leadership {
            Leadership::Here { term } if !live.is_empty() => Some((term, live)),
            Leadership::Here { .. } | Leadership::There(_) => None,
        }
    }

    async fn hand_over(&self, batch: Batch<F>, permit: OwnedSemaphorePermit) {
        let Some((term, batch)) = self.check(batch) else { return };
        let pieces: Vec<&F::Piece> = batch.iter().map(|waiting| &waiting.piece).collect();
        let body = match F::entry(self.clock.stamp(), &pieces) {
            Ok(body) => body,
            Err(what) => {
                for waiting in batch {
                    waiting.tell(Err(CallError::BadCall(what.clone())));
                }
                return;
            }
        };
        self.pause.wait().await;
        metrics::histogram!("lacuna_entry_bytes").record(body.len() as f64);
        // In a slot of its own, so that it comes back if the group has stopped and takes nothing.
        let slot = Arc::new(Mutex::new(Some(batch)));
        let (taken, refused, handed) = (Arc::clone(&slot), self.refused.clone(), Instant::now());
        let done = move |result| {
            drop(permit);
            if let Some(batch) = taken.lock().take() {
                settle(batch, result, &refused, handed);
            }
        };
        if self.group.propose(term, body, done).await.is_err() {
            for waiting in slot.lock().take().into_iter().flatten() {
                waiting.tell(Err(CallError::Unavailable("the replica has stopped".to_owned())));
            }
        }
    }
}

/// Tells every call of an entry what became of it. Runs where openraft completes it, so it must be quick.
fn settle<F: EntryForm>(
    batch: Batch<F>,
    result: Proposed,
    refused: &mpsc::UnboundedSender<Batch<F>>,
    handed: Instant,
) {
    let error = match result {
        Proposed::Applied(at, reply) => {
            let commands: Vec<usize> = batch.iter().map(|waiting| F::weight(&waiting.piece).0).collect();
            match F::split(&reply, &commands) {
                Ok(outcomes) => return answer(batch, at, outcomes, handed),
                Err(what) => CallError::Unknown(format!("applied, but the reply can't be read: {what}")),
            }
        }
        // Never in the log: checked again, and by then the leader may be known.
        Proposed::NoQuorum | Proposed::NotLeader(None) => return give_back(batch, refused),
        Proposed::NotLeader(leader) => CallError::NotLeader { leader },
        Proposed::Discarded => {
            CallError::Unknown("another leader took over before it was committed".to_owned())
        }
    };
    for waiting in batch {
        waiting.tell(Err(error.clone()));
    }
}

fn answer<F: EntryForm>(batch: Batch<F>, at: LogPosition, outcomes: Vec<F::Outcome>, handed: Instant) {
    let logged = handed.elapsed();
    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
        let queued = handed.saturating_duration_since(waiting.asked);
        waiting.tell(Ok(Done { at, outcome, queued, logged }));
    }
}

fn give_back<F: EntryForm>(mut batch: Batch<F>, refused: &mpsc::UnboundedSender<Batch<F>>) {
    for waiting in &mut batch {
        swap(&waiting.fate, PROPOSED, WAITING);
        waiting.refused.get_or_insert_with(Instant::now);
    }
    if let Err(gone) = refused.send(batch) {
        for waiting in gone.0 {
            waiting.tell(Err(CallError::Unavailable("the replica has stopped".to_owned())));
        }
    }
}
