//! Shards and nodes that fail, hang and lose answers, and a meta group that loses some of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lacuna_model::command::{Command, StartWhere};
use lacuna_model::outcome::{CommandOutcome, Refusal};
use lacuna_model::read::{ReadBody, ReadReply, ReadRequest};
use lacuna_proto::call::{BootId, CallError, NodeCall, NodeReply, Pong};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::peer_clock::boottime_ns;
use parking_lot::Mutex;

use super::*;
use crate::meta::driver::MetaGroup;
use crate::meta::machine::{MetaMachine, MetaView, decode_reply};
use crate::meta::shard_call::Nodes;
use crate::raft::machine::{AppliedEntry, GroupMachine};

/// How a node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Refuses,
    Hangs,
    /// Never answers, not even after the wait it was given.
    Deaf,
    /// Loses all answers but those to pings.
    LosesAnswers,
    /// By a die: loses the answer, refuses, answers.
    Flaky,
}

/// 0, 1 or 2, without a pattern that a caller's own turns could fall into.
fn die(turn: u64) -> u64 {
    (turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 3
}

/// One shard's rows and counts; where-deletes take 3 records a look.
#[derive(Default)]
pub(super) struct FakeShard {
    pub(super) leader: NodeId,
    pub(super) live: BTreeMap<Incarnation, u64>,
    pub(super) matching: BTreeMap<Incarnation, u64>,
    pub(super) rows: BTreeMap<OpNumber, FakeRow>,
    pub(super) ended: BTreeSet<Incarnation>,
    pub(super) closed: BTreeSet<OpNumber>,
    pub(super) low: OpNumber,
    pub(super) starts: Vec<Command>,
    pub(super) index: u64,
}

pub(super) struct FakeRow {
    pub(super) view: RowView,
    incarnation: Incarnation,
    left: u64,
}

impl FakeShard {
    fn start(&mut self, start: &StartWhere) -> CommandOutcome {
        let at = LogPosition { term: 1, index: self.index };
        if self.ended.contains(&start.incarnation) {
            return CommandOutcome::Refused(Refusal::Fenced);
        }
        let matching = self.matching.remove(&start.incarnation).unwrap_or(0);
        let left = matching.min(start.limit.unwrap_or(u64::MAX));
        self.matching.insert(start.incarnation, matching - left);
        let status = if left == 0 { RowStatus::Done } else { RowStatus::Sweeping };
        let remaining = self.live.get(&start.incarnation).copied().unwrap_or(0);
        let view = RowView { remaining, ..RowView::begun(start.number, status, at) };
        self.rows.insert(start.number, FakeRow { view: view.clone(), incarnation: start.incarnation, left });
        CommandOutcome::Row(view)
    }

    fn command(&mut self, command: &Command, view: &MetaView) -> CommandOutcome {
        self.index += 1;
        let at = LogPosition { term: 1, index: self.index };
        let (number, incarnations) = match command {
            Command::StartWhere(start) => (start.number, Vec::new()),
            Command::Fence(fence) => (fence.number, fence.incarnations.clone()),
            Command::StartRelease(_) | Command::AdvanceRelease(_) => panic!("no memory collections here"),
            Command::Close(close) => {
                let open = |number: &OpNumber| {
                    view.look(|state| state.operation(*number).is_some_and(|op| op.finished.is_none()))
                };
                assert!(!close.numbers.iter().any(open), "closed before its result was stored");
                assert!(
                    !self.rows.keys().filter(|number| **number < close.low).any(open),
                    "low passes an open one"
                );
                self.low = self.low.max(close.low);
                self.closed.extend(&close.numbers);
                self.rows.retain(|number, _| *number >= self.low && !self.closed.contains(number));
                return CommandOutcome::Done;
            }
            Command::Write(_) | Command::Advance(_) | Command::SetSlots(_) => {
                panic!("not the driver's: {command:?}")
            }
        };
        self.starts.push(command.clone());
        if let Some(row) = self.rows.get(&number) {
            return CommandOutcome::Row(row.view.clone());
        }
        if number < self.low || self.closed.contains(&number) {
            return CommandOutcome::Refused(Refusal::Closed);
        }
        if let Command::StartWhere(start) = command {
            return self.start(start);
        }
        let mut count = 0;
        for incarnation in incarnations {
            self.ended.insert(incarnation);
            count += self.live.remove(&incarnation).unwrap_or(0);
            for row in self.rows.values_mut().filter(|row| row.incarnation == incarnation) {
                if row.view.status == RowStatus::Sweeping {
                    (row.view.status, row.view.at) = (RowStatus::Fenced, at);
                }
            }
        }
        let view = RowView { matched: count, deleted: count, ..RowView::begun(number, RowStatus::Done, at) };
        self.rows.insert(number, FakeRow { view: view.clone(), incarnation: Incarnation(0), left: 0 });
        CommandOutcome::Row(view)
    }

    /// Each look at a sweeping row takes its next range.
    fn look(&mut self, number: OpNumber) -> Option<RowView> {
        self.index += 1;
        let row = self.rows.get_mut(&number)?;
        if row.view.status == RowStatus::Sweeping {
            let taken = row.left.min(3);
            row.left -= taken;
            let live = self.live.entry(row.incarnation).or_default();
            *live -= taken;
            row.view.remaining = *live;
            row.view.deleted += taken;
            row.view.matched += taken;
            row.view.at.index = self.index;
            if row.left == 0 {
                row.view.status = RowStatus::Done;
            }
        }
        Some(row.view.clone())
    }
}

/// All shards, and how the nodes behave.
pub(super) struct World {
    pub(super) shards: BTreeMap<ShardId, FakeShard>,
    pub(super) moods: BTreeMap<NodeId, Mood>,
    pub(super) boots: BTreeMap<NodeId, u128>,
    pub(super) hints: bool,
    pub(super) calls: u64,
}

/// Nodes 1 to 3, each with a replica of every shard.
#[derive(Clone)]
pub(super) struct FakeNodes {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) view: MetaView,
}

impl Nodes for FakeNodes {
    fn handle(&self, node: NodeId) -> Option<Arc<dyn NodeHandle>> {
        Some(Arc::new(FakeNode { node, nodes: self.clone() }))
    }
}

struct FakeNode {
    node: NodeId,
    nodes: FakeNodes,
}

impl FakeNode {
    fn answer(&self, call: &NodeCall) -> Result<NodeReply, CallError> {
        let mut world = self.nodes.world.lock();
        let boot = BootId(world.boots.get(&self.node).copied().unwrap_or(1));
        let (at, stamp) = (LogPosition { term: 1, index: 1 }, Stamp(1));
        let shard = match call {
            NodeCall::Ping => {
                let pong = Pong { node: self.node, boot, now_ns: boottime_ns(), stamp };
                return Ok(NodeReply::Pong(pong));
            }
            NodeCall::Write { deadline, .. } if deadline.boot != boot => return Err(CallError::OtherBoot),
            NodeCall::Write { deadline, .. } if deadline.at_ns < boottime_ns() => {
                return Err(CallError::Expired);
            }
            NodeCall::Write { shard, .. } | NodeCall::Read { shard, .. } => *shard,
            NodeCall::MetaWrite { .. }
            | NodeCall::MetaRead { .. }
            | NodeCall::Status
            | NodeCall::ReplicaDigest(_) => panic!("not the driver's: {call:?}"),
        };
        let hints = world.hints;
        let shard = world.shards.get_mut(&shard).unwrap();
        if shard.leader != self.node {
            return Err(CallError::NotLeader { leader: hints.then_some(shard.leader) });
        }
        match call {
            NodeCall::Write { commands, .. } => {
                let outcomes =
                    commands.iter().map(|command| shard.command(command, &self.nodes.view)).collect();
                Ok(NodeReply::Written { outcomes, stamp, at })
            }
            NodeCall::Read { request: ReadRequest::Row(number), .. } => {
                let body = ReadBody::Row(shard.look(*number));
                Ok(NodeReply::Read(ReadReply { at, stamp, body }))
            }
            NodeCall::Read { .. }
            | NodeCall::Ping
            | NodeCall::MetaWrite { .. }
            | NodeCall::MetaRead { .. }
            | NodeCall::Status
            | NodeCall::ReplicaDigest(_) => panic!("not the driver's: {call:?}"),
        }
    }
}

#[async_trait]
impl NodeHandle for FakeNode {
    async fn call(&self, call: NodeCall, wait: Duration) -> Result<NodeReply, CallError> {
        let (mood, turn) = {
            let mut world = self.nodes.world.lock();
            world.calls += 1;
            (world.moods.get(&self.node).copied().unwrap_or(Mood::Well), world.calls)
        };
        let lost = Err(CallError::Lost("lost".to_owned()));
        match (mood, die(turn)) {
            (Mood::Well, _) | (Mood::Flaky, 2) => self.answer(&call),
            (Mood::LosesAnswers, _) if call == NodeCall::Ping => self.answer(&call),
            (Mood::Refuses, _) | (Mood::Flaky, 1) => Err(CallError::Unavailable("no".to_owned())),
            (Mood::LosesAnswers | Mood::Flaky, _) => self.answer(&call).and(lost),
            (Mood::Hangs, _) => {
                tokio::time::sleep(wait).await;
                lost
            }
            (Mood::Deaf, _) => std::future::pending().await,
        }
    }
}

/// A meta group of one replica.
pub(super) struct FakeGroup {
    pub(super) machine: Mutex<(MetaMachine, u64)>,
    pub(super) leads: Mutex<bool>,
    pub(super) mood: Mutex<Mood>,
    turn: Mutex<u64>,
}

impl FakeGroup {
    pub(super) fn new(shards: u32) -> Self {
        let group = Self {
            machine: Mutex::new((MetaMachine::new(), 0)),
            leads: Mutex::new(true),
            mood: Mutex::new(Mood::Well),
            turn: Mutex::new(0),
        };
        group.apply(MetaCommand::Init(cluster(shards)));
        group
    }

    pub(super) fn apply(&self, command: MetaCommand) -> MetaOutcome {
        let (machine, index) = &mut *self.machine.lock();
        *index += 1;
        let body: Bytes = encode_entry(&MetaEntry { stamp: Stamp(*index), command }).unwrap();
        let position = LogPosition { term: 1, index: *index };
        let replies = machine.apply(&[AppliedEntry { position, body: Some(&body) }], b"").unwrap();
        decode_reply(&replies[0]).unwrap().outcome
    }
}

#[async_trait]
impl MetaGroup for FakeGroup {
    fn leads(&self) -> bool {
        *self.leads.lock()
    }

    async fn propose(&self, command: MetaCommand, _wait: Duration) -> Result<MetaOutcome, CallError> {
        let turn = {
            let mut turn = self.turn.lock();
            *turn += 1;
            *turn
        };
        let mood = *self.mood.lock();
        match (mood, die(turn)) {
            (Mood::Well, _) | (Mood::Flaky, 2) => Ok(self.apply(command)),
            (Mood::LosesAnswers, _) | (Mood::Flaky, 0) => {
                self.apply(command);
                Err(CallError::Unknown("lost".to_owned()))
            }
            (Mood::Refuses | Mood::Hangs | Mood::Deaf | Mood::Flaky, _) => {
                Err(CallError::Unavailable("no".to_owned()))
            }
        }
    }
}
