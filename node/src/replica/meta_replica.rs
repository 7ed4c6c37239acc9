//! This node's replica of the meta group, and the calls it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lacuna_model::meta::{MetaCommand, MetaOutcome, MetaQuery, MetaReply};
use lacuna_proto::call::{CallError, GroupStatus, NodeDeadline, NodeReply};

use super::form::MetaForm;
use super::propose::{Pause, Proposer};
use super::read::ReadIndexes;
use super::shard::Shared;
use crate::meta::driver::MetaGroup;
use crate::meta::machine::{MetaMachine, MetaView};
use crate::raft::group::{Group, GroupOpenError, GroupSetup, Leadership};

/// Name of the group in messages.
pub(crate) const NAME: &str = "meta";

/// One replica of the meta group.
pub(crate) struct MetaReplica {
    pub(crate) group: Group,
    pub(crate) view: MetaView,
    proposer: Proposer<MetaForm>,
    reads: ReadIndexes,
    shared: Shared,
}

impl MetaReplica {
    /// Opens it.
    pub(crate) async fn open(setup: GroupSetup, shared: Shared) -> Result<Arc<Self>, GroupOpenError> {
        let machine = MetaMachine::new();
        let view = machine.view();
        let group = Group::open(setup, Box::new(machine)).await?;
        shared.clock.observe(view.look(crate::meta::state::MetaState::stamp));
        let proposer =
            Proposer::start(group.clone(), Arc::clone(&shared.clock), shared.limits, Pause::default());
        let reads = ReadIndexes::start(group.clone());
        Ok(Arc::new(Self { group, view, proposer, reads, shared }))
    }

    /// Proposes a command.
    pub(crate) async fn write(
        &self,
        command: MetaCommand,
        deadline: NodeDeadline,
    ) -> Result<NodeReply, CallError> {
        tracing::trace!(?command, "write");
        self.shared.clock.left(deadline)?;
        if let Leadership::There(leader) = self.group.leadership() {
            return Err(CallError::NotLeader { leader });
        }
        let op_id = match &command {
            MetaCommand::Record(ask) => ask.op_id.to_string(),
            MetaCommand::Claim(ask) => ask.key.to_string(),
            MetaCommand::Init(_)
            | MetaCommand::CreateCollection { .. }
            | MetaCommand::OpenNamespace { .. }
            | MetaCommand::FixDimension { .. }
            | MetaCommand::Report { .. }
            | MetaCommand::Closed { .. }
            | MetaCommand::Tick
            | MetaCommand::AlterCollection { .. }
            | MetaCommand::CreateTenant { .. }
            | MetaCommand::CreateDatabase(_)
            | MetaCommand::DropDatabase { .. }
            | MetaCommand::Memory(_)
            | MetaCommand::CreateAccount(_)
            | MetaCommand::CreateKey(_)
            | MetaCommand::RotateKey { .. }
            | MetaCommand::RevokeKey { .. }
            | MetaCommand::DropTenant { .. } => String::new(),
        };
        let done = self.proposer.propose(command, deadline).await?;
        self.shared.clock.observe(done.outcome.stamp);
        self.shared.slow.write(NAME, &op_id, (done.queued, done.logged));
        let (outcome, stamp) = (done.outcome.outcome, done.outcome.stamp);
        Ok(NodeReply::MetaWritten { outcome, index: done.at.index, stamp })
    }

    /// Answers a question at a read index.
    pub(crate) async fn read(&self, query: &MetaQuery, budget: Duration) -> Result<MetaReply, CallError> {
        let asked = Instant::now();
        self.reads.ready(budget).await?;
        let indexed = asked.elapsed();
        let reply = self.view.query(query);
        self.shared.slow.read(NAME, "query", (indexed, asked.elapsed().saturating_sub(indexed)));
        Ok(reply)
    }

    /// How it is.
    pub(crate) fn status(&self) -> GroupStatus {
        let view = self.group.view();
        GroupStatus {
            shard: None,
            term: view.term,
            leader: view.leader,
            role: view.role.to_owned(),
            last_log: view.last_log,
            committed: view.committed,
            applied: view.applied,
            purged: view.purged,
            live: 0,
            recovered: view.recovered,
        }
    }
}

#[async_trait]
impl MetaGroup for MetaReplica {
    fn leads(&self) -> bool {
        matches!(self.group.leadership(), Leadership::Here { .. })
    }

    async fn propose(&self, command: MetaCommand, wait: Duration) -> Result<MetaOutcome, CallError> {
        let deadline = self.shared.clock.deadline_in(wait);
        Ok(self.proposer.propose(command, deadline).await?.outcome.outcome)
    }
}
