//! Reads without a round, where there is nobody to ask.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lacuna_model::Account;
use lacuna_model::catalog::{ClusterInfo, Home};
use lacuna_model::meta::{MetaBody, MetaCommand, MetaQuery};
use lacuna_model::record::{Kind, Metric, Schema};

use super::form::MetaForm;
use super::propose::{Pause, Proposer};
use super::propose_tests::{open_group, open_log};
use crate::clock::Clock;
use crate::config::QueueLimits;
use crate::meta::layout::plan;
use crate::meta::machine::{MetaMachine, MetaView};
use crate::raft::group::Group;
use crate::raft::machine::{AppliedEntry, GroupMachine, MachineError};

const COLLECTIONS: usize = 20;

/// A state machine that takes its time.
struct Slow(MetaMachine);

impl GroupMachine for Slow {
    fn sidecar(&self) -> Option<Vec<u8>> {
        self.0.sidecar()
    }

    fn apply(&mut self, entries: &[AppliedEntry<'_>], sidecar: &[u8]) -> Result<Vec<Bytes>, MachineError> {
        std::thread::sleep(Duration::from_millis(200));
        self.0.apply(entries, sidecar)
    }

    fn export(&mut self, path: &Path) -> Result<(), MachineError> {
        self.0.export(path)
    }

    fn import(&mut self, path: &Path) -> Result<(), MachineError> {
        self.0.import(path)
    }

    fn barrier(&mut self) -> Result<(), MachineError> {
        self.0.barrier()
    }
}

async fn reads_at_once(group: &Group) {
    while !group.reads_at_once() {
        tokio::task::yield_now().await;
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&there).unwrap();
            copy(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), there).unwrap();
        }
    }
}

fn collections(view: &MetaView) -> usize {
    match view.query(&MetaQuery::Collections { account: Account::default(), home: None }).body {
        MetaBody::Collections(found) => found.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_voter_begun_anew_answers_nothing_before_it_has_applied_what_its_log_holds() {
    let dir = tempfile::tempdir().unwrap();
    let machine = MetaMachine::new();
    let view = machine.view();
    let group = open_group(dir.path(), open_log(dir.path()), machine).await;
    reads_at_once(&group).await;
    let clock = Arc::new(Clock::default());
    let proposer: Proposer<MetaForm> =
        Proposer::start(group.clone(), Arc::clone(&clock), QueueLimits::default(), Pause::default());
    let deadline = clock.deadline_in(Duration::from_secs(60));
    let map = plan(&[lacuna_model::NodeId(1)], 1, 1);
    let first = MetaCommand::Init(ClusterInfo { cluster_id: 1, nodes: Vec::new(), map });
    proposer.propose(first, deadline).await.unwrap();
    for number in 0..COLLECTIONS {
        let schema = Schema { dimension: Some(2), metric: Metric::L2, kind: Kind::Vector };
        let (home, name) = (Home::native(Account::default()), format!("c{number}"));
        let command = MetaCommand::CreateCollection { home, name, schema, extra: String::new() };
        proposer.propose(command, deadline).await.unwrap();
        assert!(group.reads_at_once());
        assert_eq!(collections(&view), number + 1, "what was acknowledged is applied");
    }
    // What a killed process would leave.
    let left = tempfile::tempdir().unwrap();
    copy(dir.path(), left.path());
    group.shutdown().await;
    assert!(!group.reads_at_once(), "a stopped replica answers nothing");

    let machine = MetaMachine::new();
    let view = machine.view();
    assert_eq!(collections(&view), 0, "nothing is there until the log is applied");
    let group = open_group(left.path(), open_log(left.path()), Slow(machine)).await;
    reads_at_once(&group).await;
    assert_eq!(collections(&view), COLLECTIONS);
    group.shutdown().await;
}
