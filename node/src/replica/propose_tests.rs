//! The bracket of protocol PC1: what is proposed late, and what never is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::catalog::{ClusterInfo, Home};
use lacuna_model::meta::{MetaBody, MetaCommand, MetaQuery};
use lacuna_model::record::{Kind, Metric, Schema};
use lacuna_model::{Account, NodeId};
use lacuna_proto::call::CallError;
use lacuna_proto::tls::cluster::Security;
use openraft::Vote;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::VoteRequest;
use tokio::sync::Semaphore;

use super::form::MetaForm;
use super::propose::{Pause, Proposer};
use crate::clock::Clock;
use crate::config::{QueueLimits, Timing};
use crate::meta::layout::plan;
use crate::meta::machine::{MetaMachine, MetaView};
use crate::raft::group::{Group, GroupSetup, Leadership, Voters};
use crate::raft::machine::GroupMachine;
use crate::raft::peers::Peers;
use crate::raft::state_machine::Durability;
use crate::wal::{RealFiles, Wal, WalConfig};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

struct Bench {
    _dir: tempfile::TempDir,
    group: Group,
    view: MetaView,
    clock: Arc<Clock>,
    gate: Arc<Semaphore>,
    proposer: Arc<Proposer<MetaForm>>,
}

/// A log in a directory.
pub(super) fn open_log(dir: &Path) -> Wal {
    let config = WalConfig { segment_bytes: 1 << 20, ..WalConfig::new(dir) };
    Wal::open(config, Arc::new(RealFiles)).unwrap().0
}

/// A group of one voter.
pub(super) async fn open_group(dir: &Path, wal: Wal, machine: impl GroupMachine) -> Group {
    let setup = GroupSetup {
        node: NodeId(1),
        group: 0,
        name: "meta".to_owned(),
        snapshots: dir.join("meta"),
        durability: Durability::File,
        voters: Voters::One,
        kept_entries: 0,
        timing: Timing::default(),
        wal,
        peers: Peers::new(Security::Loopback),
        on_failure: Arc::new(|_| ()),
    };
    let group = Group::open(setup, Box::new(machine)).await.unwrap();
    group.initialize(&[(NodeId(1), "127.0.0.1:1".to_owned())]).await.unwrap();
    group
}

/// A group of one voter whose proposing task stops between its check and the handing over, until let on.
async fn bench(limits: QueueLimits) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let machine = MetaMachine::new();
    let view = machine.view();
    let group = open_group(dir.path(), open_log(dir.path()), machine).await;
    let (clock, gate) = (Arc::new(Clock::default()), Arc::new(Semaphore::new(1)));
    let proposer =
        Arc::new(Proposer::start(group.clone(), Arc::clone(&clock), limits, Pause(Some(Arc::clone(&gate)))));
    let bench = Bench { _dir: dir, group, view, clock, gate, proposer };
    while matches!(bench.group.leadership(), Leadership::There(_)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bench.gate.add_permits(1);
    let map = plan(&[NodeId(1)], 1, 1);
    let cluster = ClusterInfo { cluster_id: 1, nodes: Vec::new(), map };
    bench.propose_command(MetaCommand::Init(cluster), LONG).await.unwrap();
    bench.propose("first", LONG).await.unwrap();
    bench
}

impl Bench {
    fn propose(
        &self,
        name: &str,
        within: Duration,
    ) -> impl Future<Output = Result<u64, CallError>> + Send + 'static {
        let schema = Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector };
        let home = Home::native(Account::default());
        let command =
            MetaCommand::CreateCollection { home, name: name.to_owned(), schema, extra: String::new() };
        self.propose_command(command, within)
    }

    fn propose_command(
        &self,
        command: MetaCommand,
        within: Duration,
    ) -> impl Future<Output = Result<u64, CallError>> + Send + 'static {
        let (proposer, deadline) = (Arc::clone(&self.proposer), self.clock.deadline_in(within));
        async move { proposer.propose(command, deadline).await.map(|done| done.at.index) }
    }

    /// Names of the collections, in the order of the log.
    fn collections(&self) -> Vec<String> {
        let query = MetaQuery::Collections { account: Account::default(), home: None };
        match self.view.query(&query).body {
            MetaBody::Collections(found) => found.into_iter().map(|collection| collection.name).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Another candidate takes the vote in a higher term; then this one, the only voter, stands again.
    async fn begin_new_term(&self) {
        let Leadership::Here { term: before } = self.group.leadership() else { panic!("it leads") };
        let mut request = VoteRequest::new(Vote::new(before + 1, 2), None);
        request.last_log_id = self.group.raft.metrics().borrow_watched().last_applied;
        request.leadership_transfer = true;
        self.group.raft.vote(request).await.unwrap();
        let newer = || matches!(self.group.leadership(), Leadership::Here { term } if term > before);
        while !newer() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposing_task_that_was_paused_past_a_change_of_term_proposes_nothing_that_has_expired() {
    let bench = bench(QueueLimits::default()).await;
    let late = tokio::spawn(bench.propose("late", SHORT));
    let given_up = late.await.unwrap();
    assert!(matches!(given_up, Err(CallError::Unknown(_))), "it had been checked already: {given_up:?}");
    bench.begin_new_term().await;
    bench.gate.add_permits(100);
    bench.propose("after", LONG).await.unwrap();
    assert_eq!(bench.collections(), ["first", "after"], "the late one was bound to the term of its check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_still_in_time_is_checked_again_in_the_new_term() {
    let bench = bench(QueueLimits::default()).await;
    let call = tokio::spawn(bench.propose("in time", LONG));
    tokio::time::sleep(SHORT).await;
    bench.begin_new_term().await;
    bench.gate.add_permits(100);
    call.await.unwrap().unwrap();
    assert_eq!(bench.collections(), ["first", "in time"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_call_in_an_unchanged_term_lies_before_everything_proposed_after_it() {
    let bench = bench(QueueLimits::default()).await;
    let late = tokio::spawn(bench.propose("late", SHORT));
    assert!(late.await.unwrap().is_err());
    let after = tokio::spawn(bench.propose("after", LONG));
    bench.gate.add_permits(100);
    assert!(after.await.unwrap().unwrap() < bench.propose("last", LONG).await.unwrap());
    assert_eq!(bench.collections(), ["first", "late", "after", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_given_up_while_it_waited_is_certain_never_to_be_proposed() {
    let bench = bench(QueueLimits { entries_under_way: 1, ..QueueLimits::default() }).await;
    let held = tokio::spawn(bench.propose("held", LONG));
    tokio::time::sleep(SHORT).await;
    assert_eq!(bench.propose("waiting", SHORT).await, Err(CallError::Expired));
    bench.gate.add_permits(100);
    held.await.unwrap().unwrap();
    bench.propose("after", LONG).await.unwrap();
    assert_eq!(bench.collections(), ["first", "held", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_busy_and_nothing_is_done() {
    let bench = bench(QueueLimits { entries_under_way: 1, waiting_calls: 1, ..QueueLimits::default() }).await;
    let calls: Vec<_> =
        (0..8).map(|number| tokio::spawn(bench.propose(&format!("call {number}"), LONG))).collect();
    tokio::time::sleep(SHORT).await;
    bench.gate.add_permits(100);
    let mut done = 1;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error, CallError::Busy),
        }
    }
    assert!(done < 9, "some were refused");
    assert_eq!(bench.collections().len(), done);
}
