//! A delete's answer, for people.

use std::fmt::Write as _;

use lacuna_model::merge::{DeleteAnswer, DeleteStatus, ShardAnswer, ShardStatus};

use crate::exit::Ending;

/// How the command ends by this answer.
pub(crate) fn ending(answer: &DeleteAnswer) -> Ending {
    match answer.status {
        DeleteStatus::Complete => Ending::Complete,
        DeleteStatus::Partial | DeleteStatus::Pending => Ending::Partial,
    }
}

/// A count, or that it isn't known: never 0 for unknown (INV-6).
pub(crate) fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "not known".to_owned(), |count| count.to_string())
}

/// The status in a word.
pub(crate) fn status(status: DeleteStatus) -> &'static str {
    match status {
        DeleteStatus::Complete => "complete",
        DeleteStatus::Partial => "partial",
        DeleteStatus::Pending => "pending",
    }
}

/// Prints the answer.
pub(crate) fn print(answer: &DeleteAnswer) {
    for line in lines(answer) {
        println!("{line}");
    }
}

/// The answer as lines.
pub(crate) fn lines(answer: &DeleteAnswer) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", status(answer.status), counts(answer))];
    lines.push(format!("operation {}", answer.op_id));
    lines.extend(answer.shards.iter().map(shard));
    lines.extend(answer.note.iter().map(|note| format!("note: {note}")));
    lines
}

fn counts(answer: &DeleteAnswer) -> String {
    let mut words = Vec::new();
    if let Some(requested) = answer.requested {
        words.push(format!("requested {requested}"));
    }
    if answer.requested.is_none() || answer.matched.is_some() {
        words.push(format!("matched {}", count(answer.matched)));
    }
    words.push(format!("deleted {}", count(answer.deleted)));
    if answer.requested.is_some() {
        words.push(format!("absent {}", count(answer.absent)));
    }
    if answer.held.is_some_and(|held| held > 0) {
        words.push(format!("held {}", count(answer.held)));
    }
    if let Some(remaining) = answer.remaining {
        words.push(format!("remaining {remaining}"));
    }
    words.join(", ")
}

fn shard(shard: &ShardAnswer) -> String {
    let number = shard.shard;
    match shard.status {
        ShardStatus::Applied => format!(
            "  shard {number}: applied at term {} index {}, deleted {}",
            count(shard.term),
            count(shard.index),
            count(shard.deleted)
        ),
        ShardStatus::Pending => format!("  shard {number}: pending{}", why(shard)),
        ShardStatus::Refused => format!("  shard {number}: refused{}", why(shard)),
        ShardStatus::Unknown => format!("  shard {number}: outcome not known{}", why(shard)),
    }
}

fn why(shard: &ShardAnswer) -> String {
    let mut words = String::new();
    if let Some(error) = &shard.error {
        let _ = write!(words, " ({}: {})", error.code.as_str(), error.message);
    }
    if !shard.unprocessed_ids.is_empty() {
        let _ = write!(words, ", {} ids not processed", shard.unprocessed_ids.len());
    }
    words
}

#[cfg(test)]
mod tests {
    use lacuna_model::ShardId;
    use lacuna_model::merge::{DeleteKind, Erasure};
    use lacuna_model::op_id::OpId;

    use super::*;

    #[test]
    fn an_unknown_count_is_never_shown_as_zero() {
        let answer = DeleteAnswer {
            op_id: OpId::new("x").unwrap(),
            kind: DeleteKind::DeleteWhere,
            status: DeleteStatus::Partial,
            requested: None,
            matched: None,
            deleted: None,
            updated: None,
            absent: None,
            held: None,
            released: None,
            remaining: None,
            shards: vec![ShardAnswer::open(ShardId(2), ShardStatus::Pending, None)],
            erasure: Erasure { level: "E0".to_owned(), target: None },
            note: None,
        };
        let text = lines(&answer).join("\n");
        assert!(text.contains("deleted not known") && text.contains("shard 2: pending"), "{text}");
        assert_eq!(ending(&answer), Ending::Partial);
    }
}
