//! A log line for each request that took too long, with its phases.

use std::time::Duration;

use lacuna_model::command::Command;

/// From when on a request is slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlowLimit(pub(crate) Duration);

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Name of the operation that a command belongs to.
pub(crate) fn op_id(command: Option<&Command>) -> String {
    match command {
        Some(Command::Write(write)) => write.call.op_id.to_string(),
        Some(Command::StartWhere(start)) => start.op_id.to_string(),
        Some(Command::Fence(fence)) => fence.op_id.to_string(),
        Some(Command::StartRelease(start)) => start.op_id.to_string(),
        Some(Command::AdvanceRelease(advance)) => format!("operation {}", advance.number),
        Some(Command::Advance(advance)) => format!("operation {}", advance.number),
        Some(Command::Close(_) | Command::SetSlots(_)) | None => String::new(),
    }
}

impl SlowLimit {
    /// A write: waiting for its turn, then log, quorum and apply.
    pub(crate) fn write(self, group: &str, op_id: &str, (queued, logged): (Duration, Duration)) {
        if queued + logged > self.0 {
            let (queue_ms, log_ms) = (ms(queued), ms(logged));
            tracing::warn!(shard = group, op_id, queue_ms, log_ms, "slow write");
        }
    }

    /// A read: waiting for the read index, then the answer.
    pub(crate) fn read(self, group: &str, what: &str, (index, answer): (Duration, Duration)) {
        if index + answer > self.0 {
            let (index_ms, answer_ms) = (ms(index), ms(answer));
            tracing::warn!(shard = group, read = what, index_ms, answer_ms, "slow read");
        }
    }
}
