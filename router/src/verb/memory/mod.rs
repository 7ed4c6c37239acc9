//! Memory collections: datasets, items and permissions in the meta group, their records on the shards. Each
//! request asks the meta group what the caller may do and see now; nothing of that is cached (protocol PM1–PM4).

mod add;
mod forget;
mod names;
mod prune;
mod raw;
mod read;
mod search;

use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::command::{MemoryChange, MemoryCommand, MemoryOutcome, MemoryRefusal};
use lacuna_model::memory::query::{Chosen, MemoryAsk, MemoryBody, MemoryQuery, MemoryView};
use lacuna_model::memory::words::Asker;
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal};

pub use add::{NewItem, NewMemory};
pub use forget::Forgot;
pub use names::DEFAULT_COLLECTION;
pub use prune::{Layer, Pruning};
pub use raw::sha256;
pub use read::{InCollection, Referrer};
pub use search::{MemoryHit, MemorySearchAsk};

use crate::app::Router;
use crate::catalog::{meta_unavailable, odd_body};
use crate::client::{Doubt, Unanswered};
use crate::error::{Verb, VerbError};
use crate::verb::Call;

/// Detail of a failure: its name on the wire, where the closed list is too coarse.
pub const ERROR_NAME: &str = "error_name";

/// Who asks.
pub(crate) fn asker(call: &Call) -> Asker {
    Asker { account: call.caller.account.clone(), user: call.caller.principal }
}

impl Router {
    /// Asks the meta group about datasets, items and rights.
    pub async fn memory(&self, call: &Call, ask: MemoryAsk) -> Verb<MemoryBody> {
        let query = MetaQuery::Memory(MemoryQuery { by: asker(call), ask });
        let reply = self.core().catalog.read(&query, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Memory(MemoryBody::Refused(refusal)) => Err(refused(&refusal)),
            MetaBody::Memory(body) => Ok(body),
            other => Err(odd_body(&other)),
        }
    }

    /// Changes them. Every change names what it makes, so a repeat does nothing more.
    pub async fn change_memory(&self, call: &Call, change: MemoryChange) -> Verb<MemoryOutcome> {
        if let Some(right) = right_of(&change) {
            call.caller.need(right)?;
        }
        let command = MetaCommand::Memory(MemoryCommand { by: asker(call), change });
        let answer = self.core().catalog.write(&command, call.deadline).await;
        match answer.map_err(|error| unanswered(&error))?.0 {
            MetaOutcome::Memory(MemoryOutcome::Refused(refusal)) => Err(refused(&refusal)),
            MetaOutcome::Memory(outcome) => Ok(outcome),
            MetaOutcome::Refused(MetaRefusal::KeyReused) => Err(VerbError::new(
                ErrorCode::OpIdReused,
                "this Idempotency-Key was used for another request; nothing was changed",
            )),
            MetaOutcome::Refused(_) => Err(VerbError::new(
                ErrorCode::Unavailable,
                "the cluster isn't set up yet; nothing was changed",
            )),
            _ => Err(odd()),
        }
    }

    /// What a read may show.
    pub(crate) async fn memory_view(&self, call: &Call, chosen: Chosen) -> Verb<MemoryView> {
        match self.memory(call, MemoryAsk::View(chosen)).await? {
            MemoryBody::View(view) => Ok(view),
            _ => Err(odd()),
        }
    }
}

/// What the key itself must have, whatever the user may do by the permissions on datasets: a key that only reads
/// shares nothing either. `None`: any will do.
fn right_of(change: &MemoryChange) -> Option<Right> {
    match change {
        MemoryChange::Forget(_) | MemoryChange::Prune(_) => Some(Right::Delete),
        MemoryChange::SelectTenant(_) | MemoryChange::GiveUp { .. } => None,
        MemoryChange::Open { .. }
        | MemoryChange::MakeUser { .. }
        | MemoryChange::MakeTenant { .. }
        | MemoryChange::AddToTenant { .. }
        | MemoryChange::RemoveFromTenant { .. }
        | MemoryChange::MakeRole { .. }
        | MemoryChange::DropRole(_)
        | MemoryChange::GiveRole { .. }
        | MemoryChange::TakeRole { .. }
        | MemoryChange::MakeDataset { .. }
        | MemoryChange::Grant { .. }
        | MemoryChange::Revoke { .. }
        | MemoryChange::BeginAdd { .. } => Some(Right::Write),
    }
}

/// The meta group answered with a body of another question: our fault.
pub(crate) fn odd() -> VerbError {
    VerbError::new(ErrorCode::Internal, "the meta group answered another question")
}

fn unanswered(error: &Unanswered) -> VerbError {
    match error.doubt {
        Doubt::Nothing => meta_unavailable(error),
        Doubt::Unknown => VerbError::new(
            ErrorCode::OutcomeUnknown,
            format!("whether this was recorded is not known ({}). Repeat it to learn it", error.message),
        ),
    }
}

/// A refusal, as a failure.
pub(crate) fn refused(refusal: &MemoryRefusal) -> VerbError {
    let (code, name) = match refusal {
        MemoryRefusal::NoDataset(_) | MemoryRefusal::NoDatasetNamed(_) => {
            (ErrorCode::NotFound, "DatasetNotFoundError")
        }
        MemoryRefusal::NoItem(_) => (ErrorCode::NotFound, "DataNotFoundError"),
        MemoryRefusal::NoPrincipal(_) => (ErrorCode::NotFound, "PrincipalNotFoundError"),
        MemoryRefusal::Lacks(..) | MemoryRefusal::Only(_) => (ErrorCode::Forbidden, "PermissionDeniedError"),
        MemoryRefusal::Taken(_) => (ErrorCode::AlreadyExists, "ConflictError"),
        MemoryRefusal::Wrong(_) => (ErrorCode::InvalidArgument, "InvalidRequestError"),
        MemoryRefusal::GivenUp => (ErrorCode::Unavailable, "AddGivenUpError"),
        MemoryRefusal::Pruning => (ErrorCode::Unavailable, "PruningError"),
    };
    VerbError::new(code, format!("{refusal}; nothing was changed")).with(ERROR_NAME, name)
}
