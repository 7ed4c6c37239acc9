//! Collections: made, listed, described. Read from the meta group, never from a cache (protocol PN5).

use lacuna_model::NamespaceName;
use lacuna_model::catalog::{Collection, CollectionRef, Home};
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::Account;
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal};
use lacuna_model::record::Schema;

use crate::app::Router;
use crate::catalog::{Fresh, meta_unavailable, odd_body};
use crate::client::Doubt;
use crate::core::{Target, no_collection, unexpected};
use crate::error::{Verb, VerbError};
use crate::verb::Call;

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
        let reference = CollectionRef::Name(new.home.clone(), new.name.clone());
        let command = MetaCommand::CreateCollection {
            home: new.home,
            name: new.name,
            schema: new.schema,
            extra: new.extra.clone(),
        };
        let answer = self.core().catalog.write(&command, call.deadline).await;
        let (outcome, _) = answer.map_err(|error| match error.doubt {
            Doubt::Nothing => meta_unavailable(&error),
            Doubt::Unknown => VerbError::new(
                ErrorCode::OutcomeUnknown,
                format!(
                    "whether the collection was made is not known ({}); list the collections",
                    error.message
                ),
            )
            .with("settles_by", call.deadline.unix_ms()),
        })?;
        match outcome {
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

    /// Collections of an account: all, or those of one home; by name.
    pub async fn list_collections(
        &self,
        call: &Call,
        account: &Account,
        home: Option<Home>,
    ) -> Verb<Vec<Collection>> {
        let query = MetaQuery::Collections { account: account.clone(), home };
        let reply = self.core().catalog.read(&query, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Collections(collections) => Ok(collections),
            other => Err(odd_body(&other)),
        }
    }

    /// One collection.
    pub async fn describe_collection(&self, call: &Call, collection: &CollectionRef) -> Verb<Collection> {
        let target = Target {
            account: Account::default(),
            collection: collection.clone(),
            namespace: NamespaceName::default(),
        };
        let resolved = self
            .core()
            .catalog
            .resolve(&target.collection, &target.namespace, Fresh::Asked, call.deadline)
            .await?;
        resolved.map(|resolved| resolved.collection.clone()).ok_or_else(|| no_collection(collection))
    }
}
