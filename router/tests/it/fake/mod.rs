//! A cluster in memory: shards and a meta group with simple, real semantics, behind handles that fail as told.

mod keys;
mod meta;
mod shard;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lacuna_model::catalog::{ClusterInfo, NodeInfo, ShardMap, ShardPlacement};
use lacuna_model::command::Command;
use lacuna_model::meta::{MetaCommand, MetaOutcome};
use lacuna_model::op_id::RequestDigest;
use lacuna_model::{LogPosition, MapEpoch, NodeId, SLOTS, ShardId, Stamp};
use lacuna_proto::call::{BootId, CallError, GroupStatus, NodeCall, NodeReply, NodeStatus, Pong};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::peer_clock::boottime_ns;
use lacuna_router::Connector;
use lacuna_router::deadline::Deadline;
use lacuna_router::verb::Call;
use lacuna_router::verb::call::Trace;
use lacuna_router::verb::caller::Caller;
use parking_lot::Mutex;

pub(crate) use meta::Meta;
pub(crate) use shard::Shard;

pub(crate) const NODES: u64 = 3;
pub(crate) const SHARDS: u32 = 4;

/// Anybody's call, with 5 s for it.
pub(crate) fn call() -> Call {
    Call {
        caller: Caller::open(),
        deadline: Deadline::within(Duration::from_secs(5)),
        key: None,
        digest: RequestDigest(1),
        trace: Trace::default(),
    }
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The node says that another one leads.
    NotLeader(Option<u64>),
    Unreachable,
    Unavailable,
    Busy,
    NoRoom,
    OtherBoot,
    /// The connection breaks before the call is applied.
    LostBefore,
    /// The connection breaks after the call is applied.
    LostAfter,
    /// The node is stopped: no answer, nothing applied.
    Stopped,
    /// The call is applied once this much later, and its answer is lost.
    Late(Duration),
}

/// Which calls go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Shard(u32),
    ShardReads(u32),
    Meta,
    MetaReads,
    Node(u64),
    Pings,
}

struct Planned {
    on: On,
    fault: Fault,
    left: usize,
}

pub(crate) struct World {
    pub(crate) stamp: u64,
    pub(crate) shards: HashMap<u32, Shard>,
    pub(crate) meta: Meta,
    /// Where each group is led; the meta group is `None`.
    pub(crate) leaders: HashMap<Option<u32>, u64>,
    pub(crate) boot: u128,
    /// Commands that reached a shard, in order.
    pub(crate) applied: Vec<(u32, Command)>,
    pub(crate) recorded: Vec<MetaCommand>,
}

pub(crate) struct Fake {
    pub(crate) world: Mutex<World>,
    faults: Mutex<Vec<Planned>>,
}

struct FakeNode {
    fake: Arc<Fake>,
    id: u64,
}

pub(crate) struct FakeConnector(pub(crate) Arc<Fake>);

impl Connector for FakeConnector {
    fn handle(&self, node: &NodeInfo) -> Arc<dyn NodeHandle> {
        Arc::new(FakeNode { fake: Arc::clone(&self.0), id: node.id.0 })
    }
}

pub(crate) fn nodes() -> Vec<NodeInfo> {
    (1..=NODES).map(|id| NodeInfo { id: NodeId(id), address: format!("node-{id}:7001") }).collect()
}

fn cluster_info() -> ClusterInfo {
    let replicas: Vec<NodeId> = (1..=NODES).map(NodeId).collect();
    let shards =
        (0..SHARDS).map(|shard| ShardPlacement { shard: ShardId(shard), replicas: replicas.clone() });
    let slots = (0..SLOTS).map(|slot| ShardId(u32::from(slot) % SHARDS)).collect();
    ClusterInfo {
        cluster_id: 7,
        nodes: nodes(),
        map: ShardMap { epoch: MapEpoch(1), slots, shards: shards.collect() },
    }
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        let leaders = (0..SHARDS).map(|shard| (Some(shard), u64::from(shard) % NODES + 1));
        let world = World {
            stamp: 1_000_000_000,
            shards: (0..SHARDS).map(|shard| (shard, Shard::new(shard))).collect(),
            meta: Meta::new(cluster_info()),
            leaders: leaders.chain([(None, 1)]).collect(),
            boot: 1,
            applied: Vec::new(),
            recorded: Vec::new(),
        };
        Arc::new(Self { world: Mutex::new(world), faults: Mutex::new(Vec::new()) })
    }

    /// The next `times` calls of this kind go wrong.
    pub(crate) fn fail(&self, on: On, fault: Fault, times: usize) {
        self.faults.lock().push(Planned { on, fault, left: times });
    }

    pub(crate) fn heal(&self) {
        self.faults.lock().clear();
    }

    /// This kind goes well again; the others as before.
    pub(crate) fn heal_on(&self, on: On) {
        self.faults.lock().retain(|planned| planned.on != on);
    }

    fn fault(&self, kinds: &[On]) -> Option<Fault> {
        let mut faults = self.faults.lock();
        let planned = faults.iter_mut().find(|planned| planned.left > 0 && kinds.contains(&planned.on))?;
        planned.left -= 1;
        Some(planned.fault.clone())
    }

    /// Live records of all shards.
    pub(crate) fn live(&self) -> usize {
        self.world.lock().shards.values().map(Shard::live).sum()
    }

    fn answer(&self, node: u64, call: &NodeCall) -> Result<NodeReply, CallError> {
        let mut world = self.world.lock();
        world.stamp += 1;
        let (boot, stamp) = (BootId(world.boot), Stamp(world.stamp));
        let timely = |deadline: lacuna_proto::call::NodeDeadline| {
            if deadline.boot != boot {
                Err(CallError::OtherBoot)
            } else if deadline.at_ns <= boottime_ns() {
                Err(CallError::Expired)
            } else {
                Ok(())
            }
        };
        match call {
            NodeCall::Ping => {
                Ok(NodeReply::Pong(Pong { node: NodeId(node), boot, now_ns: boottime_ns(), stamp }))
            }
            NodeCall::Write { shard, deadline, commands } => {
                timely(*deadline)?;
                let outcomes = commands.iter().map(|command| world.apply(shard.0, command)).collect();
                let at = world.shards[&shard.0].at();
                Ok(NodeReply::Written { outcomes, stamp, at })
            }
            NodeCall::Read { shard, request, .. } => Ok(NodeReply::Read(world.read(shard.0, request))),
            NodeCall::MetaWrite { deadline, command } => {
                timely(*deadline)?;
                world.recorded.push(command.clone());
                let outcome: MetaOutcome = world.meta.apply(command, stamp);
                Ok(NodeReply::MetaWritten { outcome, index: world.meta.index, stamp })
            }
            NodeCall::MetaRead { query, .. } => Ok(NodeReply::MetaRead(world.meta.query(query, stamp))),
            NodeCall::Status => Ok(NodeReply::Status(world.status(node))),
            NodeCall::ReplicaDigest(shard) => {
                let request = lacuna_model::read::ReadRequest::Digest;
                Ok(NodeReply::Read(world.read(shard.0, &request)))
            }
        }
    }
}

impl World {
    fn apply(&mut self, shard: u32, command: &Command) -> lacuna_model::outcome::CommandOutcome {
        self.applied.push((shard, command.clone()));
        let stamp = Stamp(self.stamp);
        self.shards.get_mut(&shard).expect("a shard").apply(command, stamp)
    }

    fn read(
        &mut self,
        shard: u32,
        request: &lacuna_model::read::ReadRequest,
    ) -> lacuna_model::read::ReadReply {
        let stamp = Stamp(self.stamp);
        self.shards.get_mut(&shard).expect("a shard").read(request, stamp)
    }

    fn status(&self, node: u64) -> NodeStatus {
        let group = |shard: Option<u32>| GroupStatus {
            shard: shard.map(ShardId),
            term: 1,
            leader: self.leaders.get(&shard).copied().map(NodeId),
            role: if self.leaders.get(&shard) == Some(&node) { "leader" } else { "follower" }.to_owned(),
            last_log: 9,
            committed: 9,
            applied: 9,
            purged: 0,
            live: shard.map_or(0, |shard| self.shards[&shard].live() as u64),
            recovered: true,
        };
        let groups: Vec<_> = std::iter::once(None).chain((0..SHARDS).map(Some)).map(group).collect();
        let ready = groups.iter().all(|group| group.leader.is_some());
        NodeStatus { node: NodeId(node), version: "0.1.0".to_owned(), groups, ready }
    }
}

/// A group, as the leaders are kept: `None` is the meta group.
type Group = Option<u32>;

/// What may go wrong with a call, and the group it is for, if it is for one.
fn kinds(node: u64, call: &NodeCall) -> (Vec<On>, Option<Group>) {
    let (mut kinds, group) = match call {
        NodeCall::Ping => (vec![On::Pings], None),
        NodeCall::Status | NodeCall::ReplicaDigest(_) => (vec![], None),
        NodeCall::Write { shard, .. } => (vec![On::Shard(shard.0)], Some(Some(shard.0))),
        NodeCall::Read { shard, .. } => {
            (vec![On::Shard(shard.0), On::ShardReads(shard.0)], Some(Some(shard.0)))
        }
        NodeCall::MetaWrite { .. } => (vec![On::Meta], Some(None)),
        NodeCall::MetaRead { .. } => (vec![On::Meta, On::MetaReads], Some(None)),
    };
    kinds.push(On::Node(node));
    (kinds, group)
}

#[async_trait]
impl NodeHandle for FakeNode {
    async fn call(&self, call: NodeCall, wait: Duration) -> Result<NodeReply, CallError> {
        let (kinds, group) = kinds(self.id, &call);
        let leader = group.and_then(|group| self.fake.world.lock().leaders.get(&group).copied());
        if group.is_some() && leader != Some(self.id) {
            if matches!(self.fake.fault(&[On::Node(self.id)]), Some(Fault::Stopped)) {
                tokio::time::sleep(wait).await;
                return Err(CallError::Lost("stopped".to_owned()));
            }
            return Err(CallError::NotLeader { leader: leader.map(NodeId) });
        }
        let lost = || CallError::Lost("the connection broke".to_owned());
        match self.fake.fault(&kinds) {
            None => self.fake.answer(self.id, &call),
            Some(Fault::NotLeader(leader)) => Err(CallError::NotLeader { leader: leader.map(NodeId) }),
            Some(Fault::Unreachable) => Err(CallError::Unreachable("connection refused".to_owned())),
            Some(Fault::Unavailable) => Err(CallError::Unavailable("no quorum".to_owned())),
            Some(Fault::Busy) => Err(CallError::Busy),
            Some(Fault::NoRoom) => Err(CallError::NoRoom),
            Some(Fault::OtherBoot) => Err(CallError::OtherBoot),
            Some(Fault::LostBefore) => Err(lost()),
            Some(Fault::LostAfter) => self.fake.answer(self.id, &call).and(Err(lost())),
            Some(Fault::Stopped) => {
                tokio::time::sleep(wait).await;
                Err(lost())
            }
            Some(Fault::Late(delay)) => {
                let (fake, id) = (Arc::clone(&self.fake), self.id);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    fake.answer(id, &call)
                });
                Err(lost())
            }
        }
    }
}

/// A position in the one term of this cluster.
pub(crate) fn position(index: u64) -> LogPosition {
    LogPosition { term: 1, index }
}
