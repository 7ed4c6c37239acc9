//! Drives recorded operations to their end while this node leads the meta group (protocol PW4, PC5).
//!
//! Everything it does may be repeated, by it or by another node that leads meanwhile: starts and fences return
//! their rows, reports never take a shard back, closing what is closed changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::future::join_all;
use lacuna_model::catalog::ShardProgress;
use lacuna_model::memory::command::{MemoryChange, MemoryCommand};
use lacuna_model::meta::{MetaCommand, MetaOutcome};
use lacuna_model::op_id::OpId;
use lacuna_model::{NodeId, ShardId, Stamp};
use lacuna_proto::call::CallError;
use lacuna_proto::peer_clock::PeerClocks;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::drive::plan;
use super::machine::MetaView;
use super::pace::Pace;
use super::round::{Found, ask_shard};
use super::shard_call::{Nodes, ShardCaller};
use super::sightings::Sightings;

/// Longest wait for an entry of the meta group.
const PROPOSE_WAIT: Duration = Duration::from_secs(2);

/// The meta group, as this node takes part in it.
#[async_trait]
pub trait MetaGroup: Send + Sync {
    /// Does this node lead it, as far as it knows?
    fn leads(&self) -> bool;
    /// Proposes a command and waits, at most so long, until it is applied here.
    async fn propose(&self, command: MetaCommand, wait: Duration) -> Result<MetaOutcome, CallError>;
}

/// The driver; one on every node.
pub struct Driver {
    group: Arc<dyn MetaGroup>,
    view: MetaView,
    caller: Arc<ShardCaller>,
    pace: Pace,
    sightings: Sightings,
    tasks: JoinSet<(ShardId, Found)>,
    /// Shards that are being asked: one that hangs holds up nobody else.
    asked: HashMap<Id, ShardId>,
    found: Found,
    next_eviction: Instant,
}

impl Driver {
    /// A driver of the group whose state `view` shows.
    pub fn new(
        group: Arc<dyn MetaGroup>,
        view: MetaView,
        nodes: Arc<dyn Nodes>,
        clocks: Arc<PeerClocks>,
    ) -> Self {
        let pace = Pace::default();
        Self {
            group,
            view,
            caller: Arc::new(ShardCaller::new(nodes, clocks)),
            pace,
            sightings: Sightings::new(pace),
            tasks: JoinSet::new(),
            asked: HashMap::new(),
            found: Found::default(),
            next_eviction: Instant::now() + pace.evict_every,
        }
    }

    /// The same at another pace.
    #[must_use]
    pub fn at_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self.sightings = Sightings::new(pace);
        self.next_eviction = Instant::now() + pace.evict_every;
        self
    }

    /// Runs until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.pace.round);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.round().await,
                Some(answer) = self.tasks.join_next_with_id() => {
                    self.heard(answer);
                    if self.tasks.is_empty() {
                        self.store().await;
                    }
                }
            }
        }
    }

    async fn round(&mut self) {
        if !self.group.leads() {
            self.sightings = Sightings::new(self.pace);
            self.found = Found::default();
            return;
        }
        self.store().await;
        self.ask();
        self.give_up_lost_adds().await;
        self.evict().await;
    }

    /// Takes what a shard answered.
    fn heard(&mut self, answer: Result<(Id, (ShardId, Found)), JoinError>) {
        match answer {
            Ok((id, (_, found))) => {
                self.asked.remove(&id);
                self.found.join(found);
            }
            Err(error) => {
                self.asked.remove(&error.id());
                tracing::error!(%error, "asking a shard about operations failed");
            }
        }
    }

    /// Stores in the meta group what shards answered. What can't be stored now is asked again next round.
    async fn store(&mut self) {
        let Found { rows, closed } = std::mem::take(&mut self.found);
        let reports = rows.into_iter().map(|(number, rows)| MetaCommand::Report {
            number,
            shards: rows.into_iter().map(|(shard, row)| (shard, ShardProgress::Row(row))).collect(),
        });
        let closed = closed.into_iter().map(|(shard, numbers)| MetaCommand::Closed { shard, numbers });
        let commands: Vec<MetaCommand> = reports.chain(closed).collect();
        join_all(commands.into_iter().map(|command| self.propose(command))).await;
    }

    async fn propose(&self, command: MetaCommand) {
        let answer = tokio::time::timeout(PROPOSE_WAIT * 2, self.group.propose(command, PROPOSE_WAIT)).await;
        match answer {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "progress of operations not stored"),
            Err(_) => tracing::debug!("progress of operations not stored in time"),
        }
    }

    /// Asks every shard that has work and isn't being asked.
    fn ask(&mut self) {
        let now = Instant::now();
        let sightings = &mut self.sightings;
        let (work, replicas) = self.view.look(|state| {
            sightings.look(state, now);
            let work = plan(state, |operation| sightings.is_due(operation, now));
            let placements = state.cluster().into_iter().flat_map(|cluster| &cluster.map.shards);
            let replicas: BTreeMap<ShardId, Vec<NodeId>> =
                placements.map(|placement| (placement.shard, placement.replicas.clone())).collect();
            (work, replicas)
        });
        metrics::gauge!("lacuna_unfinished_operations_count").set(self.sightings.unfinished() as f64);
        for (shard, work) in work {
            let Some(replicas) = replicas.get(&shard) else { continue };
            if self.asked.values().any(|busy| *busy == shard) {
                continue;
            }
            let (caller, replicas, wait) = (Arc::clone(&self.caller), replicas.clone(), self.pace.call_wait);
            let task = self
                .tasks
                .spawn(async move { (shard, ask_shard(caller.at(shard, &replicas, wait), work).await) });
            self.asked.insert(task.id(), shard);
        }
    }

    /// Ends adds of memory items whose routers are lost (protocol PM1).
    async fn give_up_lost_adds(&self) {
        let overdue = self.view.look(|state| state.overdue_adds(clock_stamp()));
        let given_up = overdue.into_iter().filter_map(|(number, by)| {
            let op_id = OpId::new(format!("add-{number}-given-up")).ok()?;
            let change = MemoryChange::GiveUp { number, op_id };
            Some(self.propose(MetaCommand::Memory(MemoryCommand { by, change })))
        });
        join_all(given_up).await;
    }

    /// Proposes an empty entry if one would evict something.
    async fn evict(&mut self) {
        let now = Instant::now();
        if now < self.next_eviction {
            return;
        }
        let evictable = |stamp| self.view.look(|state| state.evictable(stamp));
        if evictable(clock_stamp()) {
            self.propose(MetaCommand::Tick).await;
        }
        // An entry evicts only so much: what is left comes next round.
        if !evictable(clock_stamp()) {
            self.next_eviction = now + self.pace.evict_every;
        }
    }
}

fn clock_stamp() -> Stamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp(now.as_micros() as u64)
}
