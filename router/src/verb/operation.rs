//! Durable operations: recorded in the meta group, begun on every shard, watched until they end or the
//! deadline passes. Whatever dies after the recording, the meta leader drives them to their end.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::access::Right;
use lacuna_model::catalog::{CollectionRef, Operation, OperationKind};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{DeleteAnswer, DeleteKind, DeleteStatus, OperationFacts, fold_operation};
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, RecordOperation};
use lacuna_model::op_id::OpId;
use lacuna_model::{Incarnation, MapEpoch};
use lacuna_proto::peer_clock::boottime_ns;

use crate::catalog::Fresh;
use crate::client::Doubt;
use crate::core::{Core, Target, unexpected};
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::failpoint::{self, Point};
use crate::verb::operation_shards::{States, drive, known, report};
use crate::verb::write::{check_digest, make_op_id};
use crate::verb::{Call, Respond};

/// After a deleteAll's or drop's entry was seen, no answer but a complete one goes out for so long: by then no
/// router begins a call on the old contents (protocol PN5).
pub(crate) const LEASE_WAIT: Duration = Duration::from_millis(3_100);
/// Pause between looks at an operation that waits for earlier ones.
const WATCH_PAUSE: Duration = Duration::from_millis(50);

/// Records and runs an operation; its answer, complete or as far as it is known.
pub(crate) async fn run(
    core: &Arc<Core>,
    target: &Target,
    call: &Call,
    (kind, respond): (OperationKind, Respond),
) -> Verb<DeleteAnswer> {
    tracing::trace!(kind = ?delete_kind(&kind), "record");
    permitted(core, target, call, right_of(&kind)).await?;
    let operation = record(core, target, call, kind).await?;
    let seen = Deadline::within(LEASE_WAIT);
    call.trace.name(&operation.op_id);
    call.trace.mark("record");
    failpoint::reach(Point::AfterRecord);
    let fences = ends_contents(&operation.kind);
    let until = if fences { call.deadline.max(seen) } else { call.deadline };
    let answer = match respond {
        Respond::Async => {
            let answer = fold(&operation, &known(&operation));
            let (core, operation) = (Arc::clone(core), operation);
            tokio::spawn(async move {
                let states = drive(&core, &operation, until).await;
                report(&core, operation.number, &states).await;
            });
            answer
        }
        Respond::Wait => wait(core, operation, call, until).await,
    };
    if fences && answer.status != DeleteStatus::Complete {
        tokio::time::sleep(seen.left()).await;
    }
    failpoint::reach(Point::BeforeAnswer);
    Ok(answer)
}

/// Drives it, and tells the meta group in the background what the shards answered.
async fn wait(core: &Arc<Core>, operation: Operation, call: &Call, until: Deadline) -> DeleteAnswer {
    let began = boottime_ns();
    let states = drive(core, &operation, until).await;
    call.trace.asked(states.len());
    call.trace.mark("shards");
    let answer = fold(&operation, &states);
    metrics::histogram!("lacuna_delete_operation_seconds")
        .record((boottime_ns() - began) as f64 / 1_000_000_000.0);
    let waits = waits_for_earlier(&operation);
    if operation.finished.is_none() && !states.is_empty() {
        let (core, number, states) = (Arc::clone(core), operation.number, states);
        let reported = tokio::spawn(async move { report(&core, number, &states).await });
        if waits {
            // Complete only after the earlier ones of that name (protocol PN3): the meta group says when.
            let _told = reported.await;
        }
    }
    if waits { watch(core, operation, until).await.unwrap_or(answer) } else { answer }
}

/// Waits until the meta group has finished the operation; `None` if it can't be asked in time.
async fn watch(core: &Core, mut operation: Operation, until: Deadline) -> Option<DeleteAnswer> {
    loop {
        if let Some(now) = look_up(core, &operation.account, &operation.op_id, until).await.ok().flatten() {
            operation = now;
            if operation.finished.is_some() {
                break;
            }
        }
        if until.passed() {
            break;
        }
        until.pause(WATCH_PAUSE).await;
    }
    Some(fold(&operation, &known(&operation)))
}

fn waits_for_earlier(operation: &Operation) -> bool {
    operation.finished.is_none() && !operation.after.is_empty()
}

/// The operation as the meta group keeps it.
pub(crate) async fn look_up(
    core: &Core,
    account: &lacuna_model::Account,
    op_id: &OpId,
    deadline: Deadline,
) -> Verb<Option<Operation>> {
    let query = MetaQuery::Operation { account: account.clone(), op_id: op_id.clone() };
    let reply = core.catalog.read(&query, deadline).await;
    match reply.map_err(|error| crate::catalog::meta_unavailable(&error))?.body {
        MetaBody::Operation(operation) => Ok(operation.map(|operation| *operation)),
        other => Err(crate::catalog::odd_body(&other)),
    }
}

/// The operation's answer, from what is known of its shards.
pub(crate) fn fold(operation: &Operation, states: &States) -> DeleteAnswer {
    let facts = OperationFacts {
        op_id: operation.op_id.clone(),
        kind: delete_kind(&operation.kind),
        waits_for_earlier: waits_for_earlier(operation),
    };
    fold_operation(facts, states)
}

/// Its kind in answers.
pub(crate) fn delete_kind(kind: &OperationKind) -> DeleteKind {
    match kind {
        OperationKind::DeleteWhere { .. } => DeleteKind::DeleteWhere,
        OperationKind::DeleteAll => DeleteKind::DeleteAll,
        OperationKind::DropCollection => DeleteKind::DropCollection,
        OperationKind::UpdateWhere { .. } => DeleteKind::UpdateWhere,
        OperationKind::Release { .. } => DeleteKind::Forget,
    }
}

/// What the caller must be allowed.
fn right_of(kind: &OperationKind) -> Right {
    match kind {
        OperationKind::DeleteWhere { .. } | OperationKind::DeleteAll | OperationKind::Release { .. } => {
            Right::Delete
        }
        OperationKind::DropCollection => Right::Admin,
        OperationKind::UpdateWhere { .. } => Right::Write,
    }
}

/// May the caller do this there? The meta group finds the collection when it records, so only a key that reaches
/// some collections has it looked up before, and only if it is called by its id.
async fn permitted(core: &Core, target: &Target, call: &Call, right: Right) -> Verb<()> {
    call.caller.need(right)?;
    call.caller.owns(target)?;
    match &target.collection {
        CollectionRef::Name(home, name) => call.caller.may(right, home, name),
        CollectionRef::Id(..) if call.caller.reaches_all() => Ok(()),
        CollectionRef::Id(..) => core.resolve(target, call, (right, Fresh::Leased)).await.map(drop),
    }
}

fn ends_contents(kind: &OperationKind) -> bool {
    match kind {
        OperationKind::DeleteWhere { .. }
        | OperationKind::UpdateWhere { .. }
        | OperationKind::Release { .. } => false,
        OperationKind::DeleteAll | OperationKind::DropCollection => true,
    }
}

/// Records it, or joins the one that is open (protocol PN3, PC4).
async fn record(core: &Core, target: &Target, call: &Call, kind: OperationKind) -> Verb<Operation> {
    if let Some((key, parts)) = call.key.as_ref().and_then(|key| key.parts().map(|parts| (key, parts))) {
        check_digest(call, key, &parts)?;
    }
    loop {
        // The record fixes contents and table; a router-made name carries the rest.
        let made = || make_op_id(core, call, Incarnation(0), MapEpoch(0)).0;
        let op_id = call.key.clone().unwrap_or_else(made);
        let namespace = match kind {
            OperationKind::DropCollection | OperationKind::Release { .. } => None,
            OperationKind::DeleteAll
            | OperationKind::DeleteWhere { .. }
            | OperationKind::UpdateWhere { .. } => Some(target.namespace.clone()),
        };
        let command = MetaCommand::Record(RecordOperation {
            account: target.account.clone(),
            op_id: op_id.clone(),
            digest: call.digest,
            collection: target.collection.clone(),
            namespace,
            kind: kind.clone(),
        });
        let outcome = core.catalog.write(&command, call.deadline).await;
        match outcome.map_err(|error| unrecorded(&error, &op_id, call))?.0 {
            MetaOutcome::Operation { operation, .. } => return Ok(*operation),
            MetaOutcome::Refused(lacuna_model::meta::MetaRefusal::Forgotten(_))
                if call.key.is_none() && !call.deadline.passed() => {}
            other => return Err(unexpected(&other, &target.collection).of(&op_id)),
        }
    }
}

/// The recording wasn't answered: either it is certain that nothing happened, or it may still run (PC5).
fn unrecorded(error: &crate::client::Unanswered, op_id: &OpId, call: &Call) -> VerbError {
    match error.doubt {
        Doubt::Nothing => VerbError::new(
            error.code,
            format!(
                "the operation can't be recorded in time ({}); nothing was changed and nothing will be",
                error.message
            ),
        )
        .of(op_id),
        Doubt::Unknown => VerbError::new(
            ErrorCode::OutcomeUnknown,
            format!(
                "whether the operation was recorded is not known ({}). If it was, it will run by itself, also on what \
                 is written until it reaches a shard. Repeat it with this op_id as Idempotency-Key to learn it",
                error.message
            ),
        )
        .of(op_id)
        .with("settles_by", call.deadline.unix_ms()),
    }
}
