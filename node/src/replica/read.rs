//! Read index, shared by all reads that wait at the moment a round begins (protocol PR2).

use std::time::Duration;

use lacuna_proto::call::CallError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::raft::group::{Group, NoReadIndex};

type Asked = oneshot::Sender<Result<u64, NoReadIndex>>;

/// A round that took longer asked other nodes: worth sharing by more reads.
const CHEAP_ROUND: Duration = Duration::from_micros(300);
/// Rounds that ask other nodes follow each other no closer than this. Measured: with the rounds of four shards on
/// two cores, three nodes answer more queries by it than it costs each of them.
const GATHER: Duration = Duration::from_millis(2);

/// Reads wait at most so many for one round.
const WAITING: usize = 16_384;

/// One group's way to read indexes.
#[derive(Clone)]
pub(crate) struct ReadIndexes {
    asked: mpsc::Sender<Asked>,
    group: Group,
}

impl ReadIndexes {
    /// Starts the group's read task; it ends with the last handle.
    pub(crate) fn start(group: Group) -> Self {
        let (asked, inbox) = mpsc::channel(WAITING);
        tokio::spawn(rounds(group.clone(), inbox));
        Self { asked, group }
    }

    /// Waits until a read begun now may be answered from the replica's applied state.
    pub(crate) async fn ready(&self, within: Duration) -> Result<(), CallError> {
        if self.group.reads_at_once() {
            return Ok(());
        }
        let late = |_| CallError::Unavailable("no read index within the budget".to_owned());
        tokio::time::timeout(within, self.wait()).await.map_err(late)?
    }

    async fn wait(&self) -> Result<(), CallError> {
        let (asked, index) = oneshot::channel();
        self.asked.try_send(asked).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CallError::Busy,
            mpsc::error::TrySendError::Closed(_) => {
                CallError::Unavailable("the replica has stopped".to_owned())
            }
        })?;
        let index = index.await.unwrap_or(Err(NoReadIndex::Stopped)).map_err(|error| match error {
            NoReadIndex::NotLeader(leader) => CallError::NotLeader { leader },
            NoReadIndex::NoQuorum | NoReadIndex::Stopped => CallError::Unavailable(error.to_string()),
        })?;
        let mut applied = self.group.applied();
        let reached = applied.wait_for(|at| at.index >= index).await;
        reached.map(|_| ()).map_err(|_| CallError::Unavailable("the replica has stopped".to_owned()))
    }
}

async fn rounds(group: Group, mut inbox: mpsc::Receiver<Asked>) {
    let mut waiting = Vec::new();
    let mut rest = None;
    while inbox.recv_many(&mut waiting, WAITING).await > 0 {
        if let Some(until) = rest.take() {
            tokio::time::sleep_until(until).await;
            while let Ok(asked) = inbox.try_recv() {
                waiting.push(asked);
            }
        }
        // Every one of them asked before the round begins: its index is good for all.
        let begun = Instant::now();
        let index = group.read_index().await;
        if begun.elapsed() > CHEAP_ROUND {
            rest = Some(begun + GATHER);
        }
        for asked in waiting.drain(..) {
            // A reader may have given up.
            let _ = asked.send(index.clone());
        }
    }
}
