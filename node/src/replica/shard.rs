//! One replica of a shard: its engine, its group, and the calls it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lacuna_engine::{Engine, EngineConfig, Weight};
use lacuna_model::command::Command;
use lacuna_model::outcome::{CommandOutcome, RowStatus};
use lacuna_model::read::{ReadReply, ReadRequest};
use lacuna_model::{LogPosition, ShardId, Stamp};
use lacuna_proto::call::{CallError, GroupStatus, NodeDeadline, NodeReply};
use tokio::sync::{Notify, Semaphore};

use super::duties::RANGE_BUDGET;
use super::entry;
use super::form::ShardForm;
use super::propose::{Pause, Proposer};
use super::read::ReadIndexes;
use super::shard_machine::ShardMachine;
use super::slow::{SlowLimit, op_id};
use crate::clock::Clock;
use crate::config::QueueLimits;
use crate::raft::group::{Group, GroupOpenError, GroupSetup, Leadership};

/// What replicas of one node share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<Clock>,
    pub(crate) limits: QueueLimits,
    pub(crate) slow: SlowLimit,
    /// Permits of reads that scan or search.
    pub(crate) heavy: Arc<Semaphore>,
    pub(crate) store_cache_bytes: u64,
}

/// Why a replica can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaOpenError {
    /// Its store can't be opened, and nothing is left to rebuild it from.
    #[error("{0}: {1}")]
    Engine(ShardId, String),
    /// Its group can't be opened.
    #[error(transparent)]
    Group(#[from] GroupOpenError),
}

/// One replica of a shard.
pub(crate) struct ShardReplica {
    pub(crate) shard: ShardId,
    pub(crate) group: Group,
    pub(crate) engine: Arc<Engine>,
    pub(crate) sweep: Notify,
    name: String,
    proposer: Proposer<ShardForm>,
    reads: ReadIndexes,
    shared: Shared,
}

impl ShardReplica {
    /// Opens a replica under `dir`. Blocks while the store is read.
    pub(crate) async fn open(
        shard: ShardId,
        dir: &Path,
        setup: GroupSetup,
        shared: Shared,
    ) -> Result<Arc<Self>, ReplicaOpenError> {
        let began = Instant::now();
        let config = EngineConfig { cache_bytes: shared.store_cache_bytes, ..EngineConfig::new(shard) };
        let engine = open_engine(dir.to_owned(), config)
            .await
            .map_err(|what| ReplicaOpenError::Engine(shard, what))?;
        let store_ms = began.elapsed().as_millis() as u64;
        let name = setup.name.clone();
        let machine = ShardMachine::new(Arc::clone(&engine), Arc::clone(&shared.clock));
        let group = Group::open(setup, Box::new(machine)).await?;
        let (all_ms, live) = (began.elapsed().as_millis() as u64, engine.live_records());
        tracing::info!(%shard, live, store_ms, all_ms, "replica opened");
        let proposer =
            Proposer::start(group.clone(), Arc::clone(&shared.clock), shared.limits, Pause::default());
        let reads = ReadIndexes::start(group.clone());
        Ok(Arc::new(Self { shard, group, engine, sweep: Notify::new(), name, proposer, reads, shared }))
    }

    /// Proposes commands; each gets its own outcome.
    pub(crate) async fn write(
        &self,
        commands: Vec<Command>,
        deadline: NodeDeadline,
    ) -> Result<NodeReply, CallError> {
        tracing::trace!(shard = self.shard.0, commands = commands.len(), "write");
        self.shared.clock.left(deadline)?;
        if let Leadership::There(leader) = self.group.leadership() {
            return Err(CallError::NotLeader { leader });
        }
        let op_id = op_id(commands.first());
        let commands = self.narrowed(commands).await?;
        let pieces = entry::pieces(&commands).map_err(|error| CallError::BadCall(error.to_string()))?;
        drop(commands);
        let parts = join_all(pieces.into_iter().map(|piece| self.proposer.propose(piece, deadline))).await;
        let (mut outcomes, mut stamp, mut at) = (Vec::new(), Stamp::default(), LogPosition::default());
        let (mut failed, mut phases) = (None, (Duration::ZERO, Duration::ZERO));
        let several = parts.len() > 1;
        for part in parts {
            match part {
                Ok(done) => {
                    outcomes.extend(done.outcome.outcomes);
                    (stamp, at) = (stamp.max(done.outcome.stamp), at.max(done.at));
                    phases = (phases.0.max(done.queued), phases.1.max(done.logged));
                }
                Err(error) => failed = Some(worse(failed, error)),
            }
        }
        if outcomes.iter().any(is_sweeping) {
            self.sweep.notify_one();
        }
        self.shared.slow.write(&self.name, &op_id, phases);
        match failed {
            None => Ok(NodeReply::Written { outcomes, stamp, at }),
            Some(error) if several && error.nothing_done() && !outcomes.is_empty() => {
                Err(CallError::Unknown(format!("a part of the call was applied, another was not: {error}")))
            }
            Some(error) => Err(error),
        }
    }

    /// Starts that ask for a whole incarnation get a first range that one entry can take.
    async fn narrowed(&self, mut commands: Vec<Command>) -> Result<Vec<Command>, CallError> {
        for command in &mut commands {
            if let Command::StartRelease(start) = command {
                start.budget = RANGE_BUDGET as u32;
            }
        }
        if !commands.iter().any(|command| matches!(command, Command::StartWhere(_))) {
            return Ok(commands);
        }
        let engine = Arc::clone(&self.engine);
        let narrow = move || {
            for command in &mut commands {
                if let Command::StartWhere(start) = command {
                    engine.narrow_start(start, RANGE_BUDGET);
                }
            }
            commands
        };
        tokio::task::spawn_blocking(narrow).await.map_err(|error| CallError::Unavailable(error.to_string()))
    }

    /// Answers a question at a read index.
    pub(crate) async fn read(&self, request: ReadRequest, budget: Duration) -> Result<ReadReply, CallError> {
        let asked = Instant::now();
        self.reads.ready(budget).await?;
        let indexed = asked.elapsed();
        let what = kind(&request);
        let reply = self.answer(request, budget.saturating_sub(indexed)).await?;
        self.shared.slow.read(&self.name, what, (indexed, asked.elapsed().saturating_sub(indexed)));
        Ok(reply)
    }

    async fn answer(&self, request: ReadRequest, left: Duration) -> Result<ReadReply, CallError> {
        let failed = |error: String| CallError::Unavailable(format!("the replica can't be read: {error}"));
        if self.engine.weight(&request) == Weight::Light {
            return self.engine.read(&request).map_err(|error| failed(error.to_string()));
        }
        let late = |_| CallError::Unavailable("no answer within the budget".to_owned());
        let work = async {
            // Given back when the read ends, even if its caller has gone: that is what bounds the work.
            let permit = Arc::clone(&self.shared.heavy)
                .acquire_owned()
                .await
                .map_err(|error| failed(error.to_string()))?;
            let engine = Arc::clone(&self.engine);
            let reading = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                engine.read(&request)
            });
            reading
                .await
                .map_err(|error| failed(error.to_string()))?
                .map_err(|error| failed(error.to_string()))
        };
        tokio::time::timeout(left, work).await.map_err(late)?
    }

    /// Digests of this very replica, at what it has applied.
    pub(crate) fn digest(&self) -> Result<ReadReply, CallError> {
        let failed = |error: lacuna_engine::ReadError| {
            CallError::Unavailable(format!("the replica can't be read: {error}"))
        };
        self.engine.read(&ReadRequest::Digest).map_err(failed)
    }

    /// Proposes commands of the leader's own.
    pub(crate) async fn propose_own(
        &self,
        commands: &[Command],
        within: Duration,
    ) -> Result<Vec<CommandOutcome>, CallError> {
        let deadline = self.shared.clock.deadline_in(within);
        let mut outcomes = Vec::new();
        for piece in entry::pieces(commands).map_err(|error| CallError::BadCall(error.to_string()))? {
            outcomes.extend(self.proposer.propose(piece, deadline).await?.outcome.outcomes);
        }
        Ok(outcomes)
    }

    /// How it is.
    pub(crate) fn status(&self) -> GroupStatus {
        let view = self.group.view();
        GroupStatus {
            shard: Some(self.shard),
            term: view.term,
            leader: view.leader,
            role: view.role.to_owned(),
            last_log: view.last_log,
            committed: view.committed,
            applied: view.applied,
            purged: view.purged,
            live: self.engine.live_records(),
            recovered: view.recovered && self.engine.has_slots(),
        }
    }
}

/// Opens a store. One that doesn't open is moved aside, and an empty one takes its place: the group fills it from its
/// snapshot and log, or refuses to start if those don't reach back far enough (protocol PL5).
async fn open_engine(dir: PathBuf, config: EngineConfig) -> Result<Arc<Engine>, String> {
    let (store, settings) = (dir.join("store"), config.clone());
    let opening = tokio::task::spawn_blocking(move || {
        Engine::open(&store, settings).map_err(|error| error.to_string())
    });
    let damage = match opening.await.map_err(|panic| panic.to_string()) {
        Ok(Ok(engine)) => return Ok(Arc::new(engine)),
        Ok(Err(damage)) | Err(damage) => damage,
    };
    let aside = dir.join(format!("store.damaged-{:08x}", rand::random::<u32>()));
    tracing::error!(shard = %config.shard, damage, aside = %aside.display(), "the store is moved aside and built anew");
    let rebuild = move || {
        std::fs::rename(dir.join("store"), &aside)
            .map_err(|error| format!("{damage}; it can't be moved aside: {error}"))?;
        Engine::open(&dir.join("store"), config).map(Arc::new).map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(rebuild).await.map_err(|error| error.to_string())?
}

/// Of two failures of one call's parts, the one that says less.
fn worse(known: Option<CallError>, new: CallError) -> CallError {
    match known {
        Some(known) if !known.nothing_done() => known,
        Some(_) | None => new,
    }
}

fn is_sweeping(outcome: &CommandOutcome) -> bool {
    matches!(outcome, CommandOutcome::Row(row) if row.status == RowStatus::Sweeping)
}

fn kind(request: &ReadRequest) -> &'static str {
    match request {
        ReadRequest::Get { .. } => "get",
        ReadRequest::Scan { .. } => "scan",
        ReadRequest::Search { .. } => "search",
        ReadRequest::Count { .. } => "count",
        ReadRequest::Preview { .. } => "preview",
        ReadRequest::Outcome(_) => "outcome",
        ReadRequest::Row(_) => "row",
        ReadRequest::Digest => "digest",
        ReadRequest::Oldest { .. } => "oldest",
        ReadRequest::Ordinals { .. } => "ordinals",
        ReadRequest::MemoryGet { .. } => "memory get",
        ReadRequest::MemoryHeld { .. } => "memory of items",
        ReadRequest::MemorySearch { .. } => "memory search",
        ReadRequest::MemoryStats(_) => "memory stats",
        ReadRequest::ReleasePreview(_) => "release preview",
        ReadRequest::Hybrid { .. } => "hybrid",
    }
}
