//! Fold of writes by id: upserts, updates and deletes by ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Retry};
use crate::ids::ShardId;
use crate::merge::{
    DeleteAnswer, DeleteKind, DeleteStatus, Erasure, Failure, ShardAnswer, ShardError, ShardStatus, total,
};
use crate::op_id::OpId;
use crate::outcome::{Fate, WriteOutcome};

/// What is known of one piece of a request at the end of its deadline.
#[derive(Clone, Debug, PartialEq)]
pub enum PieceFate {
    /// Applied.
    Applied(WriteOutcome),
    /// Not applied, and it won't be.
    Refused(ShardError),
    /// Sent, and its fate isn't known.
    Unknown(ShardError),
}

/// One piece of a request: what one command carried to one shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The shard.
    pub shard: ShardId,
    /// What is known of it.
    pub fate: PieceFate,
    /// The ids it carried, in the request's order; needed only if it wasn't applied.
    pub ids: Vec<String>,
}

/// Counts of what a write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WriteCounts {
    /// Records that are new.
    pub inserted: Option<u64>,
    /// Records that were there and are replaced or changed.
    pub updated: Option<u64>,
    /// Records that were there and stayed as they were.
    pub kept: Option<u64>,
    /// Ids that weren't there.
    pub absent: Option<u64>,
}

/// One shard's part of the answer to an upsert or update. A count is known or `None` (INV-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardWrite {
    /// The shard.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub shard: ShardId,
    /// How far it is.
    pub status: ShardStatus,
    /// Term of the (last) entry that did it.
    pub term: Option<u64>,
    /// Index of the (last) entry that did it.
    pub index: Option<u64>,
    /// What it did.
    #[serde(flatten)]
    pub counts: WriteCounts,
    /// Live records after it.
    pub remaining: Option<u64>,
    /// Ids of the request that this shard hasn't written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unprocessed_ids: Vec<String>,
    /// Why not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ShardError>,
}

/// The answer to an upsert, insert or update, before a surface dresses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAnswer {
    /// Its name: repeat under it to learn the outcome again.
    pub op_id: OpId,
    /// Complete or partial.
    pub status: DeleteStatus,
    /// What it did in all.
    pub counts: WriteCounts,
    /// Each shard asked, ascending.
    pub shards: Vec<ShardWrite>,
}

/// Pieces of one shard, folded.
#[derive(Default)]
struct ShardFold {
    applied: Vec<WriteOutcome>,
    unknown: Option<ShardError>,
    refused: Option<ShardError>,
    unprocessed: Vec<String>,
}

impl ShardFold {
    fn take(&mut self, piece: Piece) {
        match piece.fate {
            PieceFate::Applied(outcome) => self.applied.push(outcome),
            PieceFate::Refused(error) => {
                self.refused.get_or_insert(error);
                self.unprocessed.extend(piece.ids);
            }
            PieceFate::Unknown(error) => {
                self.unknown.get_or_insert(error);
                self.unprocessed.extend(piece.ids);
            }
        }
    }

    /// Doubt outweighs refusal: a client that repeats must know that something may have happened.
    fn status(&self) -> ShardStatus {
        if self.unknown.is_some() {
            ShardStatus::Unknown
        } else if self.refused.is_some() {
            ShardStatus::Refused
        } else {
            ShardStatus::Applied
        }
    }

    /// Known only if all of the shard's pieces were applied (INV-6).
    fn count(&self, fates: &[Fate]) -> Option<u64> {
        (self.status() == ShardStatus::Applied).then(|| {
            self.applied
                .iter()
                .map(|outcome| fates.iter().map(|fate| outcome.count(*fate)).sum::<u64>())
                .sum()
        })
    }

    fn last(&self) -> Option<&WriteOutcome> {
        self.applied.iter().max_by_key(|outcome| outcome.at)
    }

    fn remaining(&self) -> Option<u64> {
        if self.status() == ShardStatus::Applied {
            self.last().map(|outcome| outcome.remaining)
        } else {
            None
        }
    }

    fn into_delete(self, shard: ShardId) -> ShardAnswer {
        ShardAnswer {
            shard,
            status: self.status(),
            term: self.last().map(|outcome| outcome.at.term),
            index: self.last().map(|outcome| outcome.at.index),
            bound: None,
            matched: self.count(&[Fate::Deleted, Fate::Held]),
            deleted: self.count(&[Fate::Deleted]),
            updated: None,
            absent: self.count(&[Fate::Absent]),
            held: self.count(&[Fate::Held]),
            remaining: self.remaining(),
            error: self.unknown.or(self.refused),
            unprocessed_ids: self.unprocessed,
        }
    }

    fn into_write(self, shard: ShardId) -> ShardWrite {
        ShardWrite {
            shard,
            status: self.status(),
            term: self.last().map(|outcome| outcome.at.term),
            index: self.last().map(|outcome| outcome.at.index),
            counts: WriteCounts {
                inserted: self.count(&[Fate::Inserted]),
                updated: self.count(&[Fate::Updated]),
                kept: self.count(&[Fate::Kept]),
                absent: self.count(&[Fate::Absent]),
            },
            remaining: self.remaining(),
            error: self.unknown.or(self.refused),
            unprocessed_ids: self.unprocessed,
        }
    }
}

fn by_shard(pieces: Vec<Piece>) -> (BTreeMap<ShardId, ShardFold>, bool) {
    let any = pieces.is_empty() || pieces.iter().any(|p| matches!(p.fate, PieceFate::Applied(_)));
    let mut shards: BTreeMap<ShardId, ShardFold> = BTreeMap::new();
    for piece in pieces {
        shards.entry(piece.shard).or_default().take(piece);
    }
    (shards, any)
}

fn status(shards: impl Iterator<Item = ShardStatus>) -> DeleteStatus {
    let mut shards = shards;
    if shards.all(|status| status == ShardStatus::Applied) {
        DeleteStatus::Complete
    } else {
        DeleteStatus::Partial
    }
}

/// The one code for shards of which none applied anything: doubt first, then what a repeat can't mend, then
/// what a refresh mends; a mixture of the rest is plain unavailability.
pub fn dominant_code(shards: &[ShardAnswer]) -> ErrorCode {
    let errors = || shards.iter().filter_map(|shard| shard.error.as_ref());
    if shards.iter().any(|shard| shard.status == ShardStatus::Unknown) {
        return ErrorCode::OutcomeUnknown;
    }
    let by_class = |class: Retry| errors().find(|error| error.retry == class).map(|error| error.code);
    if let Some(code) = by_class(Retry::Never).or_else(|| by_class(Retry::AfterRefresh)) {
        return code;
    }
    let mut codes = errors().map(|error| error.code);
    match codes.next() {
        Some(first) if codes.all(|code| code == first) => first,
        _ => ErrorCode::Unavailable,
    }
}

fn failure(shards: Vec<ShardAnswer>) -> Failure {
    Failure { code: dominant_code(&shards), shards }
}

/// Folds a delete by ids (with or without a filter). `requested` counts repeated ids once.
pub fn fold_delete(
    op_id: OpId,
    kind: DeleteKind,
    requested: u64,
    pieces: Vec<Piece>,
) -> Result<DeleteAnswer, Failure> {
    let (folds, any_applied) = by_shard(pieces);
    let shards: Vec<_> = folds.into_iter().map(|(shard, fold)| fold.into_delete(shard)).collect();
    if !any_applied {
        return Err(failure(shards));
    }
    let status = status(shards.iter().map(|shard| shard.status));
    Ok(DeleteAnswer {
        op_id,
        kind,
        status,
        requested: Some(requested),
        matched: total(&shards, |shard| shard.matched),
        deleted: total(&shards, |shard| shard.deleted),
        updated: None,
        absent: total(&shards, |shard| shard.absent),
        held: total(&shards, |shard| shard.held),
        released: None,
        remaining: None,
        erasure: if status == DeleteStatus::Complete { Erasure::decided() } else { Erasure::none() },
        note: None,
        shards,
    })
}

/// Folds an upsert, insert or update.
pub fn fold_write(op_id: OpId, pieces: Vec<Piece>) -> Result<WriteAnswer, Failure> {
    let (folds, any_applied) = by_shard(pieces);
    if !any_applied {
        return Err(failure(folds.into_iter().map(|(shard, fold)| fold.into_delete(shard)).collect()));
    }
    let shards: Vec<_> = folds.into_iter().map(|(shard, fold)| fold.into_write(shard)).collect();
    Ok(WriteAnswer {
        op_id,
        status: status(shards.iter().map(|shard| shard.status)),
        counts: WriteCounts {
            inserted: total(&shards, |shard| shard.counts.inserted),
            updated: total(&shards, |shard| shard.counts.updated),
            kept: total(&shards, |shard| shard.counts.kept),
            absent: total(&shards, |shard| shard.counts.absent),
        },
        shards,
    })
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
