//! A space's collections: where a memory record lives.

use std::collections::BTreeMap;

use lacuna_model::catalog::{CollectionRef, Home, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::meta::{MetaCommand, MetaOutcome, MetaRefusal};
use lacuna_model::record::{Kind, Metric, Schema};
use lacuna_model::{Account, Incarnation, NamespaceName, Principal};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::verb::Call;

/// The collection of a record that names none.
pub const DEFAULT_COLLECTION: &str = "default";

/// Where a space's collections are at home.
pub(super) fn home(account: &Account, space: Principal) -> Home {
    Home { account: account.clone(), surface: Surface::Cognee, database: space.to_string() }
}

/// One of them.
pub(super) fn target(account: &Account, space: Principal, collection: &str) -> Target {
    Target {
        account: account.clone(),
        collection: CollectionRef::Name(home(account, space), collection.to_owned()),
        namespace: NamespaceName::default(),
    }
}

impl Router {
    /// Makes a space's collection, if it isn't there.
    pub(super) async fn make_memory_collection(
        &self,
        call: &Call,
        space: Principal,
        collection: &str,
    ) -> Verb<()> {
        let target = target(&call.caller.account, space, collection);
        let core = self.core();
        let known =
            core.catalog.resolve(&target.collection, &target.namespace, Fresh::Leased, call.deadline).await?;
        if known.is_some() {
            return Ok(());
        }
        let command = MetaCommand::CreateCollection {
            home: home(&call.caller.account, space),
            name: collection.to_owned(),
            schema: Schema { dimension: None, metric: Metric::Cosine, kind: Kind::Vector },
            extra: String::new(),
        };
        match core.change(&command, call.deadline).await?.0 {
            MetaOutcome::Collection(_) | MetaOutcome::Refused(MetaRefusal::Exists(_)) => Ok(()),
            _ => Err(VerbError::new(
                ErrorCode::Unavailable,
                "the collection can't be made; nothing was changed",
            )),
        }
    }

    /// The contents of a space's collections, by name: those that have any.
    pub(super) async fn memory_contents(
        &self,
        call: &Call,
        space: Principal,
    ) -> Verb<BTreeMap<Incarnation, String>> {
        let account = &call.caller.account;
        let home = home(account, space);
        let collections = self.list_collections(call, account, Some(home)).await?;
        let mut contents = BTreeMap::new();
        for collection in collections {
            let target = target(account, space, &collection.name);
            let catalog = &self.core().catalog;
            let resolved =
                catalog.resolve(&target.collection, &target.namespace, Fresh::Leased, call.deadline).await?;
            if let Some(incarnation) = resolved.and_then(|resolved| resolved.incarnation) {
                contents.insert(incarnation, collection.name);
            }
        }
        Ok(contents)
    }
}
