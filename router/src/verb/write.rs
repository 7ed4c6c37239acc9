//! Writes by id: upsert, insert, update, delete by ids. Named, planned, sent, folded; exactly once.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::access::Right;
use lacuna_model::catalog::{ClusterInfo, Resolved};
use lacuna_model::command::{CallRef, Command, Window, Write, WriteVerb};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{Piece, PieceFate, ShardError, WriteAnswer, WriteCounts, fold_write};
use lacuna_model::meta::{ClaimKey, MetaBody, MetaCommand, MetaOutcome, MetaQuery};
use lacuna_model::op_id::{OpId, OpIdParts};
use lacuna_model::outcome::{CommandOutcome, Refusal};
use lacuna_model::record::{Change, Kind, Metric, RecordPatch, Schema};
use lacuna_model::{Account, Incarnation, MapEpoch, Stamp};

use crate::app::Router;
use crate::catalog::{Fresh, meta_unavailable, odd_body};
use crate::core::{Core, Target, unexpected};
use crate::error::{Verb, VerbError};
use crate::fanout::{self, CommandFate, ForShard};
use crate::plan::{Parcel, ids_of, plan};
use crate::verb::Call;

/// Pause before a request is planned anew on contents that the meta group may not have replaced yet.
const REPLAN_PAUSE: Duration = Duration::from_millis(20);

/// Contents that don't exist: nothing is sent for them.
const NO_CONTENTS: Incarnation = Incarnation(0);

/// Where a call's name comes from, which says what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Made now: it may be given up for a new one while nothing was done under it.
    Made,
    /// Carried back by the client, or claimed: its plan stands.
    Fixed,
}

/// A named call on known contents.
struct Named {
    op_id: OpId,
    born: Stamp,
    window: Window,
    origin: Origin,
    incarnation: Incarnation,
    schema: Schema,
}

/// What a write came to: its name and each piece's fate. No pieces: the namespace has no contents.
pub(crate) struct Ran {
    pub(crate) op_id: OpId,
    pub(crate) incarnation: Incarnation,
    pub(crate) cluster: Arc<ClusterInfo>,
    pub(crate) pieces: Vec<Piece>,
}

impl Router {
    /// Upserts, inserts, merges or updates records. In a namespace without contents an update finds nothing.
    pub async fn write(&self, target: &Target, call: &Call, verb: WriteVerb) -> Verb<WriteAnswer> {
        self.write_these(target, call, &verb).await
    }

    /// The same, leaving the records with the caller.
    pub(crate) async fn write_these(
        &self,
        target: &Target,
        call: &Call,
        verb: &WriteVerb,
    ) -> Verb<WriteAnswer> {
        let items = verb.items() as u64;
        let ran = run(self.core(), target, call, verb).await?;
        if ran.incarnation == NO_CONTENTS {
            let counts =
                WriteCounts { inserted: Some(0), updated: Some(0), kept: Some(0), absent: Some(items) };
            let status = lacuna_model::merge::DeleteStatus::Complete;
            return Ok(WriteAnswer { op_id: ran.op_id, status, counts, shards: Vec::new() });
        }
        let settles_by = call.deadline.unix_ms();
        fold_write(ran.op_id.clone(), ran.pieces)
            .map_err(|failure| VerbError::from_failure(failure, &ran.op_id, settles_by))
    }
}

/// Names, plans and sends a write until each piece's fate is settled or the deadline passes.
pub(crate) async fn run(core: &Core, target: &Target, call: &Call, verb: &WriteVerb) -> Verb<Ran> {
    tracing::trace!(items = verb.items(), "write");
    let mut fresh = Fresh::Leased;
    loop {
        let named = name(core, target, call, (verb, fresh)).await?;
        call.trace.name(&named.op_id);
        let cluster = core.cluster(call.deadline).await.map_err(|error| error.of(&named.op_id))?;
        call.trace.mark("resolve");
        let pieces = if named.incarnation == NO_CONTENTS {
            Vec::new()
        } else {
            send(core, &cluster, call, (&named, target, verb)).await
        };
        call.trace.mark("shards");
        match replan(&named, &pieces) {
            Some(again) if !call.deadline.passed() => {
                fresh = again;
                call.deadline.pause(REPLAN_PAUSE).await;
            }
            _ => {
                let (op_id, incarnation) = (named.op_id, named.incarnation);
                note_counts(core, incarnation, &pieces);
                return Ok(Ran { op_id, incarnation, cluster, pieces });
            }
        }
    }
}

/// Keeps the counters that the shards told.
fn note_counts(core: &Core, incarnation: Incarnation, pieces: &[Piece]) {
    for piece in pieces {
        if let PieceFate::Applied(outcome) = &piece.fate {
            core.counts.note((incarnation, piece.shard), outcome.at, outcome.remaining);
        }
    }
}

/// May the call be planned anew? Only if no part of it was applied or is unknown (protocol PE7), and its
/// name isn't somebody's.
fn replan(named: &Named, pieces: &[Piece]) -> Option<Fresh> {
    if named.origin == Origin::Fixed {
        return None;
    }
    let mut again = None;
    for piece in pieces {
        match &piece.fate {
            PieceFate::Applied(_) | PieceFate::Unknown(_) => return None,
            PieceFate::Refused(error) if error.code == ErrorCode::Fenced => again = Some(Fresh::Asked),
            PieceFate::Refused(error) if error.code == ErrorCode::Forgotten => {
                again = again.or(Some(Fresh::Leased));
            }
            PieceFate::Refused(_) => {}
        }
    }
    again
}

/// Resolves the names and gives the call its own.
async fn name(core: &Core, target: &Target, call: &Call, (verb, fresh): (&WriteVerb, Fresh)) -> Verb<Named> {
    let carried = call.key.as_ref().and_then(|key| key.parts().map(|parts| (key, parts)));
    // A claim fixes the contents for a day: it is made for what the name means now.
    let fresh = if call.key.is_some() && carried.is_none() { Fresh::Asked } else { fresh };
    let resolved = core.resolve(target, call, (right_of(verb), fresh)).await?;
    // Before the namespace gets contents: a refused write makes none.
    let schema = fit(core, target, call, (verb, &resolved)).await?;
    let resolved = match (needs_contents(verb), &carried) {
        (true, None) => core.open(target, resolved, call.deadline).await?,
        (true, Some(_)) | (false, _) => resolved,
    };
    let incarnation = resolved.incarnation.unwrap_or(NO_CONTENTS);
    match (&call.key, carried) {
        (None, _) => {
            let epoch = core.cluster(call.deadline).await?.map.epoch;
            let (op_id, born) = make_op_id(core, call, incarnation, epoch);
            Ok(Named { op_id, born, window: Window::Short, origin: Origin::Made, incarnation, schema })
        }
        (Some(_), Some((key, parts))) => {
            check_digest(call, key, &parts)?;
            check_contents(core, target, call, (&resolved, key, &parts)).await?;
            Ok(Named {
                op_id: key.clone(),
                born: parts.born,
                window: Window::Short,
                origin: Origin::Fixed,
                incarnation: parts.incarnation,
                schema,
            })
        }
        (Some(key), None) => claim(core, target, call, (key, &resolved, schema)).await,
    }
}

/// What the caller must be allowed.
fn right_of(verb: &WriteVerb) -> Right {
    match verb {
        WriteVerb::Upsert(_)
        | WriteVerb::Merge(_)
        | WriteVerb::Insert(_)
        | WriteVerb::Update(_)
        | WriteVerb::Contribute(..)
        | WriteVerb::Retain(..) => Right::Write,
        WriteVerb::DeleteIds(_) | WriteVerb::DeleteIdsWhere(..) => Right::Delete,
    }
}

/// Does the write bring records, so that the namespace needs contents to hold them?
fn needs_contents(verb: &WriteVerb) -> bool {
    match verb {
        WriteVerb::Upsert(_) | WriteVerb::Merge(_) | WriteVerb::Insert(_) | WriteVerb::Contribute(..) => true,
        WriteVerb::Update(_)
        | WriteVerb::DeleteIds(_)
        | WriteVerb::DeleteIdsWhere(..)
        | WriteVerb::Retain(..) => false,
    }
}

/// A new op_id, carrying what any router needs to plan a repeat as the first call was (protocol PC3).
pub(crate) fn make_op_id(
    core: &Core,
    call: &Call,
    incarnation: Incarnation,
    epoch: MapEpoch,
) -> (OpId, Stamp) {
    let born = core.peers.stamp();
    let parts = OpIdParts { random: rand::random(), born, incarnation, epoch, digest: call.digest };
    (OpId::from_parts(&parts), born)
}

/// A router-made op_id repeats one request only.
pub(crate) fn check_digest(call: &Call, key: &OpId, parts: &OpIdParts) -> Verb<()> {
    if parts.digest == call.digest {
        return Ok(());
    }
    let message = "this op_id belongs to another request (verb, names or body differ); nothing was changed";
    Err(VerbError::new(ErrorCode::OpIdReused, message).of(key))
}

/// A router-made op_id names the contents it was planned for, and anybody can write one: it is believed only if
/// those are open under the names of this request, or ended. Otherwise it would reach into another account.
async fn check_contents(
    core: &Core,
    target: &Target,
    call: &Call,
    (resolved, key, parts): (&Resolved, &OpId, &OpIdParts),
) -> Verb<()> {
    if parts.incarnation == NO_CONTENTS || resolved.incarnation == Some(parts.incarnation) {
        return Ok(());
    }
    let reply = core.catalog.read(&MetaQuery::Contents(parts.incarnation), call.deadline).await;
    match reply.map_err(|error| meta_unavailable(&error).of(key))?.body {
        MetaBody::Contents(Some((collection, namespace)))
            if collection != resolved.collection.id || namespace != target.namespace =>
        {
            let message = "this op_id belongs to a request on other contents; nothing was changed";
            Err(VerbError::new(ErrorCode::OpIdReused, message).of(key))
        }
        MetaBody::Contents(_) => Ok(()),
        other => Err(odd_body(&other)),
    }
}

async fn claim(
    core: &Core,
    target: &Target,
    call: &Call,
    (key, resolved, schema): (&OpId, &Resolved, Schema),
) -> Verb<Named> {
    let epoch = core.cluster(call.deadline).await?.map.epoch;
    let command = MetaCommand::Claim(ClaimKey {
        account: target.account.clone(),
        key: key.clone(),
        digest: call.digest,
        collection: resolved.collection.id,
        incarnation: resolved.incarnation.unwrap_or(NO_CONTENTS),
        epoch,
    });
    let (outcome, _) = core.change(&command, call.deadline).await.map_err(|error| error.of(key))?;
    call.trace.mark("claim");
    match outcome {
        MetaOutcome::Claim { claim, .. } => Ok(Named {
            op_id: key.clone(),
            born: claim.born,
            window: Window::Claim,
            origin: Origin::Fixed,
            incarnation: claim.incarnation,
            schema,
        }),
        other => Err(unexpected(&other, &target.collection).of(key)),
    }
}

/// Checks the vectors against the collection's dimension, fixing it with the first ones (protocol PE5).
async fn fit(
    core: &Core,
    target: &Target,
    call: &Call,
    (verb, resolved): (&WriteVerb, &Arc<Resolved>),
) -> Verb<Schema> {
    let mut schema = resolved.collection.schema;
    let vectors = vectors_of(verb);
    check_kind(schema, verb, &vectors)?;
    if let (None, Some((_, first))) = (schema.dimension, vectors.first()) {
        let dimension = first.len() as u32;
        let command = MetaCommand::FixDimension { collection: resolved.collection.id, dimension };
        match core.change(&command, call.deadline).await?.0 {
            MetaOutcome::Collection(collection) => schema = collection.schema,
            MetaOutcome::Refused(lacuna_model::meta::MetaRefusal::Dimension(fixed)) => {
                schema.dimension = Some(fixed);
            }
            other => return Err(unexpected(&other, &target.collection)),
        }
    }
    for (position, vector) in vectors {
        let expected = schema.dimension.unwrap_or(0);
        if vector.len() != expected as usize {
            return Err(wrong_dimension(position, vector.len(), expected));
        }
    }
    Ok(schema)
}

/// Sparse vectors are compared by the dot product alone; and a collection of them holds no others.
fn check_kind(schema: Schema, verb: &WriteVerb, dense: &[(u32, &Vec<f32>)]) -> Verb<()> {
    if let (Kind::Sparse, Some((position, _))) = (schema.kind, dense.first()) {
        let message = format!(
            "records[{position}].vector is dense, and this collection holds sparse vectors alone; nothing was changed"
        );
        return Err(VerbError::new(ErrorCode::InvalidVector, message).with("position", *position));
    }
    match sparse_at(verb) {
        Some(position) if schema.metric != Metric::Dot => {
            let message = format!(
                "records[{position}] has a sparse vector, which is compared by the dot product, and this collection \
                 has another metric; nothing was changed"
            );
            Err(VerbError::new(ErrorCode::InvalidVector, message).with("position", position))
        }
        Some(_) | None => Ok(()),
    }
}

/// Position of the first record with a sparse vector.
fn sparse_at(verb: &WriteVerb) -> Option<u32> {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
            records.iter().find(|record| record.sparse.is_some()).map(|record| record.position)
        }
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
            let set = |patch: &&RecordPatch| matches!(patch.sparse, Change::Set(_));
            patches.iter().find(set).map(|patch| patch.position)
        }
        WriteVerb::Contribute(..)
        | WriteVerb::Retain(..)
        | WriteVerb::DeleteIds(_)
        | WriteVerb::DeleteIdsWhere(..) => None,
    }
}

fn wrong_dimension(position: u32, got: usize, expected: u32) -> VerbError {
    VerbError::new(
        ErrorCode::InvalidVector,
        format!(
            "records[{position}].vector has {got} components, expected {expected} as this collection's dimension; \
             nothing was changed"
        ),
    )
    .with("position", position)
    .with("got", got)
    .with("dimension", expected)
}

fn vectors_of(verb: &WriteVerb) -> Vec<(u32, &Vec<f32>)> {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => records
            .iter()
            .filter_map(|record| record.vector.as_ref().map(|vector| (record.position, vector)))
            .collect(),
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => patches
            .iter()
            .filter_map(|patch| match &patch.vector {
                Change::Set(vector) => Some((patch.position, vector)),
                Change::Keep | Change::Remove => None,
            })
            .collect(),
        WriteVerb::Contribute(_, contributions) => contributions
            .iter()
            .filter_map(|new| new.content.vector.as_ref().map(|vector| (new.position, vector)))
            .collect(),
        WriteVerb::DeleteIds(_) | WriteVerb::DeleteIdsWhere(..) | WriteVerb::Retain(..) => Vec::new(),
    }
}

async fn send(
    core: &Core,
    cluster: &ClusterInfo,
    call: &Call,
    (named, target, verb): (&Named, &Target, &WriteVerb),
) -> Vec<Piece> {
    let mut batches: Vec<ForShard> = Vec::new();
    for parcel in plan(&cluster.map, named.incarnation, verb) {
        let shard = parcel.shard;
        let command = command(named, &target.account, parcel);
        match batches.last_mut() {
            Some(batch) if batch.shard == shard => batch.commands.push(command),
            _ => batches.push(ForShard { shard, commands: vec![command] }),
        }
    }
    call.trace.asked(batches.len());
    let fates = fanout::write_all(core, cluster, &batches, call.deadline).await;
    let mut pieces = Vec::new();
    for (batch, fates) in batches.into_iter().zip(fates) {
        for (command, fate) in batch.commands.iter().zip(fates) {
            pieces.push(piece(batch.shard, command, fate));
        }
    }
    pieces
}

fn command(named: &Named, account: &Account, parcel: Parcel) -> Command {
    Command::Write(Write {
        call: CallRef {
            account: account.clone(),
            op_id: named.op_id.clone(),
            part: parcel.part,
            born: named.born,
            window: named.window,
        },
        incarnation: named.incarnation,
        schema: named.schema,
        verb: parcel.verb,
    })
}

fn piece(shard: lacuna_model::ShardId, command: &Command, fate: CommandFate) -> Piece {
    let fate = match fate {
        CommandFate::Outcome(CommandOutcome::Written(outcome)) => PieceFate::Applied(outcome),
        CommandFate::Outcome(CommandOutcome::Refused(refusal)) => PieceFate::Refused(shard_refusal(&refusal)),
        CommandFate::Outcome(other @ (CommandOutcome::Row(_) | CommandOutcome::Done)) => {
            PieceFate::Unknown(ShardError::new(ErrorCode::OutcomeUnknown, format!("odd answer: {other:?}")))
        }
        CommandFate::Nothing(error) => PieceFate::Refused(error),
        CommandFate::Unknown(error) => PieceFate::Unknown(error),
    };
    let ids = match (&fate, command) {
        (PieceFate::Refused(_) | PieceFate::Unknown(_), Command::Write(write)) => ids_of(&write.verb),
        _ => Vec::new(),
    };
    Piece { shard, fate, ids }
}

/// A shard's refusal in the words of the closed list.
pub(crate) fn shard_refusal(refusal: &Refusal) -> ShardError {
    let code = match refusal {
        Refusal::WrongSlot(_) => ErrorCode::WrongSlot,
        // Released: the add was given up, or the item forgotten, while it was being written.
        Refusal::Fenced | Refusal::Released => ErrorCode::Fenced,
        Refusal::Forgotten(_) => ErrorCode::Forgotten,
        Refusal::Schema(_) => ErrorCode::InvalidVector,
        Refusal::Busy => ErrorCode::TooMany,
        Refusal::Closed | Refusal::Elsewhere => ErrorCode::Internal,
    };
    ShardError::new(code, refusal.to_string())
}
