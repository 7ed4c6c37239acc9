//! One shard's part of a round: what it is asked, and what it answered.

use std::collections::BTreeMap;

use futures::future::join_all;
use lacuna_model::command::{Close, Command};
use lacuna_model::outcome::{CommandOutcome, RowView};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{OpNumber, ShardId};
use lacuna_proto::call::NodeReply;

use super::drive::{ShardWork, row_of};
use super::shard_call::{AtShard, Question};

/// What shards answered.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows, by operation.
    pub(super) rows: BTreeMap<OpNumber, Vec<(ShardId, RowView)>>,
    /// Operations whose rows a shard has forgotten.
    pub(super) closed: BTreeMap<ShardId, Vec<OpNumber>>,
}

impl Found {
    /// Adds what another shard, or another round, found.
    pub(super) fn join(&mut self, other: Self) {
        for (number, rows) in other.rows {
            self.rows.entry(number).or_default().extend(rows);
        }
        for (shard, numbers) in other.closed {
            self.closed.entry(shard).or_default().extend(numbers);
        }
    }

    fn row(&mut self, shard: ShardId, row: RowView) {
        self.rows.entry(row.number).or_default().push((shard, row));
    }
}

/// Asks one shard everything of its work. What it doesn't answer is missing in what was found.
pub(super) async fn ask_shard(at: AtShard<'_>, work: ShardWork) -> Found {
    let asking = Asking(at);
    let mut found = Found::default();
    let reached = asking.write(work.starts, work.close, &mut found).await;
    // A shard that was asked to write and didn't answer isn't asked more in this round.
    if reached == Reached::Yes {
        for row in join_all(work.polls.iter().map(|number| asking.poll(*number))).await.into_iter().flatten()
        {
            found.row(at.shard, row);
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Yes,
    No,
}

struct Asking<'a>(AtShard<'a>);

impl Asking<'_> {
    /// Starts and closes rows by one call.
    async fn write(&self, starts: Vec<Command>, close: Option<Close>, found: &mut Found) -> Reached {
        let mut commands = starts;
        commands.extend(close.map(Command::Close));
        if commands.is_empty() {
            return Reached::Yes;
        }
        let question = Question::Write(commands);
        let answer = self.0.ask(&question).await;
        let Ok(NodeReply::Written { outcomes, at, .. }) = answer else {
            tracing::debug!(shard = self.0.shard.0, "a shard was not reached for its operations");
            return Reached::No;
        };
        let Question::Write(commands) = question else { return Reached::No };
        for (command, outcome) in commands.into_iter().zip(outcomes) {
            match (command, outcome) {
                (Command::Close(close), CommandOutcome::Done) => {
                    found.closed.entry(self.0.shard).or_default().extend(close.numbers);
                }
                (command, outcome) => {
                    if let Some(row) = row_of(&command, outcome, at) {
                        found.row(self.0.shard, row);
                    }
                }
            }
        }
        Reached::Yes
    }

    async fn poll(&self, number: OpNumber) -> Option<RowView> {
        let question = Question::Read(ReadRequest::Row(number));
        match self.0.ask(&question).await {
            Ok(NodeReply::Read(reply)) => match reply.body {
                ReadBody::Row(row) => row,
                ReadBody::Records { .. }
                | ReadBody::Hits(_)
                | ReadBody::Count(_)
                | ReadBody::Preview { .. }
                | ReadBody::Outcome(_)
                | ReadBody::Digest(_)
                | ReadBody::Fenced
                | ReadBody::Mismatch(_)
                | ReadBody::Ordinals(_)
                | ReadBody::Memory(_)
                | ReadBody::Held { .. }
                | ReadBody::MemoryHits(_)
                | ReadBody::MemoryStats(_)
                | ReadBody::Release(_) => None,
            },
            Ok(_) | Err(_) => None,
        }
    }
}
