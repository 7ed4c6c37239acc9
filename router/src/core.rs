//! What all verbs share: catalog, peers, settings; and a request's own context.

use std::sync::Arc;

use lacuna_model::access::Right;
use lacuna_model::catalog::{ClusterInfo, CollectionRef, Resolved, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::meta::{MetaCommand, MetaOutcome, MetaRefusal};
use lacuna_model::{CollectionId, NamespaceName};
use lacuna_proto::peer_clock::boottime_ns;

use crate::catalog::{Catalog, Fresh};
use crate::client::{Doubt, Unanswered};
use crate::config::RouterConfig;
use crate::deadline::Deadline;
use crate::embed::Embedder;
use crate::error::{Verb, VerbError};
use crate::peers::Peers;
use crate::verb::Call;
use crate::verb::last_counts::LastCounts;

/// The router behind its surfaces.
pub(crate) struct Core {
    pub(crate) config: RouterConfig,
    pub(crate) peers: Arc<Peers>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) counts: LastCounts,
    pub(crate) embedder: Embedder,
}

/// What a request works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose.
    pub account: Account,
    /// The collection, by id or by name in its home.
    pub collection: CollectionRef,
    /// The namespace.
    pub namespace: NamespaceName,
}

impl Core {
    /// The slot table, leased.
    pub(crate) async fn cluster(&self, deadline: Deadline) -> Verb<Arc<ClusterInfo>> {
        self.catalog.cluster(Fresh::Leased, deadline).await
    }

    /// What the target stands for, if the caller may do this there; an unknown collection is 404, and so is
    /// one of another account.
    pub(crate) async fn resolve(
        &self,
        target: &Target,
        call: &Call,
        (right, fresh): (Right, Fresh),
    ) -> Verb<Arc<Resolved>> {
        call.caller.need(right)?;
        self.find(target, call, fresh).await
    }

    /// The same with any right: whoever works on a collection may know that it is there.
    pub(crate) async fn find(&self, target: &Target, call: &Call, fresh: Fresh) -> Verb<Arc<Resolved>> {
        call.caller.owns(target)?;
        let found = self.catalog.resolve(&target.collection, &target.namespace, fresh, call.deadline).await?;
        let resolved = found.ok_or_else(|| no_collection(&target.collection))?;
        call.caller.reach(&resolved.collection.home, &resolved.collection.name)?;
        not_past_its_owners(target, &resolved)?;
        Ok(resolved)
    }

    /// Gives the namespace an incarnation if it has none.
    pub(crate) async fn open(
        &self,
        target: &Target,
        resolved: Arc<Resolved>,
        deadline: Deadline,
    ) -> Verb<Arc<Resolved>> {
        if resolved.incarnation.is_some() {
            return Ok(resolved);
        }
        let command = MetaCommand::OpenNamespace {
            collection: resolved.collection.id,
            namespace: target.namespace.clone(),
        };
        let sent_ns = boottime_ns();
        let (outcome, index) = self.change(&command, deadline).await?;
        match outcome {
            MetaOutcome::Resolved(resolved) => {
                let resolved = Arc::new(resolved);
                let name = (&target.collection, &target.namespace);
                self.catalog.learned(name, &resolved, (index, sent_ns));
                Ok(resolved)
            }
            other => Err(unexpected(&other, &target.collection)),
        }
    }

    /// A catalog change that may be repeated at will: opening a namespace, fixing a dimension.
    pub(crate) async fn change(&self, command: &MetaCommand, deadline: Deadline) -> Verb<(MetaOutcome, u64)> {
        self.catalog.write(command, deadline).await.map_err(|error| harmless(&error))
    }
}

/// A repeatable catalog change without an answer: no record was touched whatever became of it.
fn harmless(error: &Unanswered) -> VerbError {
    let code = match error.doubt {
        Doubt::Nothing => error.code,
        Doubt::Unknown => ErrorCode::Unavailable,
    };
    VerbError::new(
        code,
        format!("the catalog can't be changed in time ({}); no record was changed", error.message),
    )
}

/// Records of memory collections come and go with the items that refer to them: only their own verbs, which call
/// the collection by its name, may touch them.
fn not_past_its_owners(target: &Target, resolved: &Resolved) -> Verb<()> {
    match (&target.collection, resolved.collection.home.surface) {
        (CollectionRef::Id(..), Surface::Cognee) => {
            let message = "this collection's records belong to data items: add, read and forget them under /api/v1; \
                           nothing was changed";
            Err(VerbError::new(ErrorCode::Forbidden, message))
        }
        (CollectionRef::Id(..) | CollectionRef::Name(..), _) => Ok(()),
    }
}

/// 404, saying what was looked for.
pub(crate) fn no_collection(collection: &CollectionRef) -> VerbError {
    let wanted = match collection {
        CollectionRef::Id(_, id) => format!("with id {id}"),
        CollectionRef::Name(_, name) => format!("named \"{name}\""),
    };
    VerbError::new(ErrorCode::NotFound, format!("there is no collection {wanted}; nothing was changed"))
}

/// A refusal of the meta group, as a failure; anything else is a fault of ours.
pub(crate) fn unexpected(outcome: &MetaOutcome, collection: &CollectionRef) -> VerbError {
    match outcome {
        MetaOutcome::Refused(refusal) => refused(refusal, collection),
        MetaOutcome::Done
        | MetaOutcome::Collection(_)
        | MetaOutcome::Resolved(_)
        | MetaOutcome::Memory(_)
        | MetaOutcome::Operation { .. }
        | MetaOutcome::Claim { .. }
        | MetaOutcome::Database(_)
        | MetaOutcome::Account(_)
        | MetaOutcome::Key(_) => {
            VerbError::new(ErrorCode::Internal, "the meta group answered another question")
        }
    }
}

/// A refusal about tenants and databases.
pub(crate) fn refused_level(outcome: &MetaOutcome) -> VerbError {
    // No refusal of these commands names a collection.
    unexpected(outcome, &CollectionRef::Id(Account::default(), CollectionId(0)))
}

fn refused(refusal: &MetaRefusal, collection: &CollectionRef) -> VerbError {
    match refusal {
        MetaRefusal::NoCollection => no_collection(collection),
        MetaRefusal::Exists(existing) => VerbError::new(
            ErrorCode::AlreadyExists,
            format!(
                "there is a collection named \"{}\" already (id {}); nothing was changed",
                existing.name, existing.id
            ),
        )
        .with("id", existing.id.0),
        MetaRefusal::KeyReused => VerbError::new(
            ErrorCode::OpIdReused,
            "this Idempotency-Key was used for another request (verb, names or body differ); nothing was changed",
        ),
        MetaRefusal::Dimension(dimension) => VerbError::new(
            ErrorCode::InvalidVector,
            format!("the collection's vectors have {dimension} components; nothing was changed"),
        )
        .with("dimension", *dimension),
        MetaRefusal::NotReady => {
            VerbError::new(ErrorCode::Unavailable, "the cluster isn't set up yet; nothing was changed")
        }
        MetaRefusal::Forgotten(_) => VerbError::new(
            ErrorCode::Forgotten,
            "this op_id is too old: whether it ran is no longer known; nothing was changed now",
        ),
        MetaRefusal::Protected(id) => VerbError::new(
            ErrorCode::Forbidden,
            "the collection is protected from being deleted: switch its protection off first; nothing was changed",
        )
        .with("protected", true)
        .with("id", id.0),
        MetaRefusal::NoTenant => {
            VerbError::new(ErrorCode::NotFound, "there is no such tenant; nothing was changed")
        }
        MetaRefusal::NoDatabase => VerbError::new(
            ErrorCode::NotFound,
            "there is no such database in that tenant; nothing was changed",
        )
        .with("missing", "database"),
        MetaRefusal::TenantExists => {
            VerbError::new(ErrorCode::AlreadyExists, "the tenant exists already; nothing was changed")
        }
        MetaRefusal::DatabaseExists(there) => VerbError::new(
            ErrorCode::AlreadyExists,
            format!("the database \"{}\" exists already; nothing was changed", there.named.name),
        )
        .with("id", there.id.0),
        MetaRefusal::NotEmpty(held) => VerbError::new(
            ErrorCode::Unavailable,
            format!("the database still holds {held} collections: new ones were made in it meanwhile; repeat the request"),
        ),
        MetaRefusal::Access(refusal) => crate::verb::keys::refused(refusal),
    }
}
