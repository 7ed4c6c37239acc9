//! Operations looked at: the recorded ones, and writes whose outcome their shards still keep.

use std::time::Duration;

use lacuna_model::catalog::Operation;
use lacuna_model::command::{CallRef, Window};
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::merge::DeleteAnswer;
use lacuna_model::meta::{MetaBody, MetaQuery};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::WriteOutcome;
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{ShardId, Stamp};

use crate::app::Router;
use crate::catalog::{meta_unavailable, odd_body};
use crate::core::Core;
use crate::error::{Verb, VerbError};
use crate::fanout;
use crate::plan::part_number;
use crate::verb::Call;
use crate::verb::operation::{fold, look_up};
use crate::verb::operation_shards::{known, look};

/// Shards are asked for their rows no longer than this.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// A recorded operation and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// As the meta group keeps it.
    pub operation: Operation,
    /// As its call would be answered now.
    pub answer: DeleteAnswer,
}

/// What is known of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Recorded in the meta group: a where-delete, a deleteAll, a drop.
    Recorded(Box<Recorded>),
    /// A write by id: what the shards still keep of it.
    Outcomes(Vec<(ShardId, Vec<WriteOutcome>)>),
}

impl Router {
    /// One operation of the caller's account by its name.
    pub async fn operation(&self, call: &Call, account: &Account, op_id: &OpId) -> Verb<Known> {
        let core = self.core();
        if *account != call.caller.account {
            return Err(unknown(op_id));
        }
        if let Some(operation) = look_up(core, account, op_id, call.deadline).await? {
            call.caller.reach(&operation.home, &operation.collection_name)?;
            let states = look(core, &operation, call.deadline.at_most(LOOK_TIME)).await;
            let answer = fold(&operation, &states);
            return Ok(Known::Recorded(Box::new(Recorded { operation, answer })));
        }
        let (born, window) = match op_id.parts() {
            Some(parts) => (parts.born, Window::Short),
            None => (claimed(core, call, account, op_id).await?, Window::Claim),
        };
        let question = |part| {
            let op_id = op_id.clone();
            ReadRequest::Outcome(CallRef { account: account.clone(), op_id, part, born, window })
        };
        let outcomes = ask_shards(core, call, &question).await?;
        if outcomes.is_empty() {
            return Err(unknown(op_id));
        }
        Ok(Known::Outcomes(outcomes))
    }

    /// Recorded operations of the caller's account on collections that its key reaches, newest first.
    pub async fn operations(&self, call: &Call, account: &Account, limit: usize) -> Verb<Vec<Recorded>> {
        let query = MetaQuery::Operations { account: account.clone(), limit };
        let reply = self.core().catalog.read(&query, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Operations(operations) => {
                let sees = |one: &Operation| call.caller.sees(&one.home, &one.collection_name);
                Ok(operations.into_iter().filter(sees).map(recorded).collect())
            }
            other => Err(odd_body(&other)),
        }
    }
}

fn recorded(operation: Operation) -> Recorded {
    let answer = fold(&operation, &known(&operation));
    Recorded { operation, answer }
}

async fn claimed(core: &Core, call: &Call, account: &Account, key: &OpId) -> Verb<Stamp> {
    let query = MetaQuery::Claim { account: account.clone(), key: key.clone() };
    match core.catalog.read(&query, call.deadline).await.map_err(|error| meta_unavailable(&error))?.body {
        MetaBody::Claim(Some(claim)) => Ok(claim.born),
        MetaBody::Claim(None) => Err(unknown(key)),
        other => Err(odd_body(&other)),
    }
}

fn unknown(op_id: &OpId) -> VerbError {
    VerbError::new(
        ErrorCode::NotFound,
        "nothing is kept of this operation: it was never applied, or it is too old (recorded operations and \
         claimed keys are kept for 24 h, other writes for 120 s)",
    )
    .of(op_id)
}

/// The outcomes that shards keep, piece after piece until there is none. All shards must answer: which of
/// them took part isn't known any more.
async fn ask_shards(
    core: &Core,
    call: &Call,
    question: &(dyn Fn(u32) -> ReadRequest + Sync),
) -> Verb<Vec<(ShardId, Vec<WriteOutcome>)>> {
    let cluster = core.cluster(call.deadline).await?;
    let mut open: Vec<ShardId> = cluster.map.shards.iter().map(|placement| placement.shard).collect();
    let mut found: Vec<(ShardId, Vec<WriteOutcome>)> = Vec::new();
    for piece in 0.. {
        let ask: Vec<_> = open.iter().map(|shard| (*shard, question(part_number(*shard, piece)))).collect();
        open.clear();
        for (shard, reply) in fanout::read_all(core, &cluster, &ask, call.deadline).await {
            let reply = reply.map_err(|error| VerbError::new(ErrorCode::Unavailable, error.message))?;
            let ReadBody::Outcome(Some(outcome)) = reply.body else { continue };
            open.push(shard);
            match found.iter_mut().find(|(known, _)| *known == shard) {
                Some((_, outcomes)) => outcomes.push(outcome),
                None => found.push((shard, vec![outcome])),
            }
        }
        if open.is_empty() {
            break;
        }
    }
    found.sort_by_key(|(shard, _)| *shard);
    Ok(found)
}
