//! What the meta leader does next for the operations that were recorded: a function of the state, nothing else.

use std::collections::BTreeMap;

use lacuna_model::catalog::{Operation, OperationKind, ShardProgress};
use lacuna_model::command::{Close, Command, Fence, RowAction, StartRelease, StartWhere, Upto};
use lacuna_model::limits::MAX_OPEN_ROWS;
use lacuna_model::outcome::{CommandOutcome, Refusal, RowStatus, RowView};
use lacuna_model::{LogPosition, OpNumber, ShardId};

use super::state::MetaState;

/// Most commands for one shard in one round.
const MAX_STARTS: usize = 64;
/// No further command joins a round's call to a shard past this many bytes.
const START_BYTES: usize = 512 << 10;
/// Most rows closed by one command.
const MAX_CLOSES: usize = 1024;

/// What one shard is asked in one round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShardWork {
    /// Starts and fences, by operation number ascending. Repeated, they only return their rows.
    pub starts: Vec<Command>,
    /// Rows that sweep: how far are they?
    pub polls: Vec<OpNumber>,
    /// Rows to forget.
    pub close: Option<Close>,
}

impl ShardWork {
    /// Is there nothing to ask?
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty() && self.polls.is_empty() && self.close.is_none()
    }

    /// Is there room for one more row that sweeps? A shard takes no more rows than this at a time.
    fn has_room_for_row(&self) -> bool {
        let is_row =
            |command: &&Command| matches!(command, Command::StartWhere(_) | Command::StartRelease(_));
        let starting = self.starts.iter().filter(is_row).count();
        starting + self.polls.len() < MAX_OPEN_ROWS
    }
}

/// One step of an operation on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Poll,
}

/// What to ask each shard now, for the operations that are due: to be worked on if not finished, else to be closed.
pub fn plan(state: &MetaState, due: impl Fn(&Operation) -> bool) -> BTreeMap<ShardId, ShardWork> {
    let mut work: BTreeMap<ShardId, Builder> = BTreeMap::new();
    for operation in state.unfinished().filter(|operation| due(operation)) {
        for (shard, step) in steps(operation) {
            work.entry(shard).or_default().add(operation, step);
        }
    }
    let mut closing: BTreeMap<ShardId, Vec<OpNumber>> = BTreeMap::new();
    for operation in state.to_close().filter(|operation| due(operation)) {
        for shard in &operation.unclosed {
            closing.entry(*shard).or_default().push(operation.number);
        }
    }
    for (shard, mut numbers) in closing {
        numbers.truncate(MAX_CLOSES);
        let low = state.low(shard, &numbers);
        work.entry(shard).or_default().work.close = Some(Close { numbers, low });
    }
    work.into_iter()
        .map(|(shard, builder)| (shard, builder.work))
        .filter(|(_, work)| !work.is_empty())
        .collect()
}

/// A shard's work with the bytes it has come to.
#[derive(Default)]
struct Builder {
    work: ShardWork,
    bytes: usize,
}

impl Builder {
    fn add(&mut self, operation: &Operation, step: Step) {
        match step {
            Step::Poll => self.work.polls.push(operation.number),
            Step::Start if self.has_room(operation) => {
                let command = start(operation);
                self.bytes += postcard::experimental::serialized_size(&command).unwrap_or(START_BYTES);
                self.work.starts.push(command);
            }
            Step::Start => {}
        }
    }

    fn has_room(&self, operation: &Operation) -> bool {
        let rows = match operation.kind {
            OperationKind::DeleteWhere { .. }
            | OperationKind::UpdateWhere { .. }
            | OperationKind::Release { .. } => self.work.has_room_for_row(),
            OperationKind::DeleteAll | OperationKind::DropCollection => true,
        };
        rows && self.work.starts.len() < MAX_STARTS && self.bytes < START_BYTES
    }
}

/// The next steps of an unfinished operation: on every open shard at once, or, with a limit, on the first (PW5).
fn steps(operation: &Operation) -> Vec<(ShardId, Step)> {
    let open = operation.shards.iter().filter(|(_, progress)| !is_done(progress));
    let step = |(shard, progress): &(ShardId, ShardProgress)| {
        let step = match progress {
            ShardProgress::Pending => Step::Start,
            ShardProgress::Row(_) => Step::Poll,
        };
        (*shard, step)
    };
    match operation.kind {
        OperationKind::DeleteWhere { limit: Some(_), .. } => open.take(1).map(step).collect(),
        OperationKind::DeleteWhere { limit: None, .. }
        | OperationKind::UpdateWhere { .. }
        | OperationKind::DeleteAll
        | OperationKind::DropCollection
        | OperationKind::Release { .. } => open.map(step).collect(),
    }
}

/// The command that begins an operation on the next shard.
fn start(operation: &Operation) -> Command {
    let (number, op_id) = (operation.number, operation.op_id.clone());
    let incarnation = operation.incarnations.first().copied().unwrap_or_default();
    match &operation.kind {
        OperationKind::DeleteWhere { filter, limit } => Command::StartWhere(StartWhere {
            number,
            op_id,
            incarnation,
            filter: filter.clone(),
            limit: limit.map(|limit| limit.saturating_sub(deleted(operation))),
            upto: Upto::End,
            action: RowAction::Delete,
        }),
        OperationKind::UpdateWhere { filter, set } => Command::StartWhere(StartWhere {
            number,
            op_id,
            incarnation,
            filter: filter.clone(),
            limit: None,
            upto: Upto::End,
            action: RowAction::SetMetadata(set.clone()),
        }),
        OperationKind::DeleteAll | OperationKind::DropCollection => {
            Command::Fence(Fence { number, op_id, incarnations: operation.incarnations.clone() })
        }
        OperationKind::Release { items, takes } => Command::StartRelease(StartRelease {
            number,
            op_id,
            items: items.clone(),
            budget: 0,
            takes: *takes,
            ends: operation.incarnations.clone(),
        }),
    }
}

/// Records that an operation is known to have deleted.
fn deleted(operation: &Operation) -> u64 {
    let rows = operation.shards.iter().map(|(_, progress)| match progress {
        ShardProgress::Pending => 0,
        ShardProgress::Row(row) => row.deleted,
    });
    rows.sum()
}

fn is_done(progress: &ShardProgress) -> bool {
    match progress {
        ShardProgress::Pending => false,
        ShardProgress::Row(row) => row.status != RowStatus::Sweeping,
    }
}

/// The row that a shard's answer to a start tells; `None`: ask again.
pub fn row_of(command: &Command, outcome: CommandOutcome, at: LogPosition) -> Option<RowView> {
    match (command, outcome) {
        (_, CommandOutcome::Row(row)) => Some(row),
        // The contents had ended before the row began: it took nothing, and the fence counts all (PN4).
        (Command::StartWhere(start), CommandOutcome::Refused(Refusal::Fenced)) => {
            Some(RowView::begun(start.number, RowStatus::Fenced, at))
        }
        (_, CommandOutcome::Refused(_) | CommandOutcome::Written(_) | CommandOutcome::Done) => None,
    }
}
