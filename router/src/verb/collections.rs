//! Collections: made, listed, described. Read from the meta group, never from a cache (protocol PN5).

use lacuna_model::NamespaceName;
use lacuna_model::access::Right;
use lacuna_model::catalog::{Collection, CollectionChange, CollectionRef, Home};
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal};
use lacuna_model::record::Schema;

use crate::app::Router;
use crate::catalog::{Fresh, meta_unavailable, odd_body};
use crate::client::{Doubt, Unanswered};
use crate::core::{Target, unexpected};
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::operation::LEASE_WAIT;

/// A collection to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCollection {
    /// Where its name is unique.
    pub home: Home,
    /// Its name.
    pub name: String,
    /// Dimension (if fixed), metric, kind.
    pub schema: Schema,
    /// What the surface keeps with it, as JSON text. It should tell two makings apart: an attempt whose answer
    /// was lost is recognised by it.
    pub extra: String,
}

impl Router {
    /// Makes a collection; a taken name is refused.
    pub async fn create_collection(&self, call: &Call, new: NewCollection) -> Verb<Collection> {
        call.caller.may(Right::Admin, &new.home, &new.name)?;
        let reference = CollectionRef::Name(new.home.clone(), new.name.clone());
        let command = MetaCommand::CreateCollection {
            home: new.home,
            name: new.name,
            schema: new.schema,
            extra: new.extra.clone(),
        };
        let answer = self.core().catalog.write(&command, call.deadline).await;
        match answer.map_err(|error| undecided(&error, call, "the collection was made"))?.0 {
            MetaOutcome::Collection(collection) => Ok(collection),
            // Ours: an earlier attempt of this call whose answer was lost.
            MetaOutcome::Refused(MetaRefusal::Exists(existing))
                if existing.extra == new.extra && !new.extra.is_empty() =>
            {
                Ok(*existing)
            }
            other => Err(unexpected(&other, &reference)),
        }
    }

    /// Collections of an account that the caller's key reaches: all, or those of one home; by name. Of an account
    /// that isn't the caller's there are none.
    pub async fn list_collections(
        &self,
        call: &Call,
        account: &Account,
        home: Option<Home>,
    ) -> Verb<Vec<Collection>> {
        let query = MetaQuery::Collections { account: account.clone(), home };
        let reply = self.core().catalog.read(&query, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Collections(mut collections) => {
                collections.retain(|found| call.caller.sees(&found.home, &found.name));
                Ok(collections)
            }
            other => Err(odd_body(&other)),
        }
    }

    /// One collection. Any right to it will do: whoever works on a collection may know its schema.
    pub async fn describe_collection(&self, call: &Call, collection: &CollectionRef) -> Verb<Collection> {
        self.known_collection(call, collection, Fresh::Asked).await
    }

    /// The same, or as it is known under the catalog's lease.
    pub(crate) async fn known_collection(
        &self,
        call: &Call,
        collection: &CollectionRef,
        fresh: Fresh,
    ) -> Verb<Collection> {
        let target = Target {
            account: call.caller.account.clone(),
            collection: collection.clone(),
            namespace: NamespaceName::default(),
        };
        Ok(self.core().find(&target, call, fresh).await?.collection.clone())
    }

    /// Changes a collection's name, extra or protection: all that the change names, or nothing. Repeating it
    /// changes nothing more. A taken name is refused.
    pub async fn alter_collection(
        &self,
        call: &Call,
        collection: &CollectionRef,
        change: CollectionChange,
    ) -> Verb<Collection> {
        call.caller.need(Right::Admin)?;
        let before = self.describe_collection(call, collection).await?;
        if let Some(name) = &change.name {
            // A key can't rename a collection out of its reach, nor into it.
            call.caller.may(Right::Admin, &before.home, name)?;
        }
        let renamed = change.name.as_ref().is_some_and(|name| *name != before.name);
        let command = MetaCommand::AlterCollection { collection: before.id, change };
        let answer = self.core().catalog.write(&command, call.deadline).await;
        let seen = Deadline::within(LEASE_WAIT);
        let outcome = answer.map_err(|error| undecided(&error, call, "the collection was changed"))?.0;
        let MetaOutcome::Collection(after) = outcome else { return Err(unexpected(&outcome, collection)) };
        // This router's own copies go now; another's when it next reads the changes, and after the lease at the latest.
        let _read = self.core().catalog.renew(call.deadline).await;
        if renamed && !before.home.surface.calls_by_id() {
            tokio::time::sleep(seen.left()).await;
        }
        Ok(after)
    }
}

/// A change of the catalog without an answer: it wasn't made, or whether it was isn't known.
pub(crate) fn undecided(error: &Unanswered, call: &Call, made: &str) -> VerbError {
    match error.doubt {
        Doubt::Nothing => meta_unavailable(error),
        Doubt::Unknown => VerbError::new(
            ErrorCode::OutcomeUnknown,
            format!("whether {made} is not known ({}); look before repeating it", error.message),
        )
        .with("settles_by", call.deadline.unix_ms()),
    }
}
