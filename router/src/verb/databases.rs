//! Tenants and databases: the levels above collections, where a surface has them (Chroma). Read from the meta
//! group, never from a cache.

use futures::future::join_all;
use lacuna_model::access::Right;
use lacuna_model::catalog::{CollectionRef, Database, DatabaseName, Home, OperationKind, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaRefusal};
use lacuna_model::{CollectionId, NamespaceName, limits};
use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::Router;
use crate::catalog::{meta_unavailable, odd_body};
use crate::core::{Target, refused_level};
use crate::error::{Verb, VerbError};
use crate::verb::collections::undecided;
use crate::verb::{Call, Respond, operation};

/// Pause before collections are looked for again that were made while a database was dropped.
const AGAIN: Duration = Duration::from_millis(20);

/// What became of a database's collections.
#[derive(Clone, Debug, Default)]
pub struct DatabaseDrop {
    /// Each collection's drop. The database is gone (the default one: empty) if all of them are complete;
    /// otherwise it stays until a repeat, which joins them.
    pub collections: Vec<(CollectionId, DeleteAnswer)>,
}

impl DatabaseDrop {
    /// The first collection whose drop isn't complete.
    pub fn open(&self) -> Option<&(CollectionId, DeleteAnswer)> {
        self.collections.iter().find(|(_, answer)| answer.status != DeleteStatus::Complete)
    }
}

impl Router {
    /// Makes a tenant in the caller's account; one that exists is refused.
    pub async fn create_tenant(&self, call: &Call, tenant: &str) -> Verb<()> {
        call.caller.need_everywhere(Right::Admin)?;
        check_name("tenant", tenant)?;
        let (account, tenant) = (call.caller.account.clone(), tenant.to_owned());
        let outcome = self.change_level(call, &MetaCommand::CreateTenant { account, tenant }).await?;
        if outcome == MetaOutcome::Done { Ok(()) } else { Err(refused_level(&outcome)) }
    }

    /// The tenants of the caller's account, by name; `default_tenant` is always there.
    pub async fn tenants(&self, call: &Call) -> Verb<Vec<String>> {
        match self.ask_level(call, &MetaQuery::Tenants(call.caller.account.clone())).await? {
            MetaBody::Tenants(tenants) => Ok(tenants),
            other => Err(odd_body(&other)),
        }
    }

    /// Makes a database in a tenant that exists; one that exists is refused.
    pub async fn create_database(&self, call: &Call, tenant: &str, name: &str) -> Verb<Database> {
        call.caller.need_everywhere(Right::Admin)?;
        check_name("database", name)?;
        let outcome =
            self.change_level(call, &MetaCommand::CreateDatabase(named(call, tenant, name))).await?;
        match outcome {
            MetaOutcome::Database(database) => Ok(database),
            other => Err(refused_level(&other)),
        }
    }

    /// The databases of a tenant, by name; an unknown tenant is 404.
    pub async fn databases(&self, call: &Call, tenant: &str) -> Verb<Vec<Database>> {
        let (account, tenant) = (call.caller.account.clone(), tenant.to_owned());
        match self.ask_level(call, &MetaQuery::Databases { account, tenant }).await? {
            MetaBody::Databases(Some(databases)) => Ok(databases),
            MetaBody::Databases(None) => Err(refused_level(&MetaOutcome::Refused(MetaRefusal::NoTenant))),
            other => Err(odd_body(&other)),
        }
    }

    /// One database; 404 if there is none of this name.
    pub async fn describe_database(&self, call: &Call, tenant: &str, name: &str) -> Verb<Database> {
        let all = self.databases(call, tenant).await?;
        let found = all.into_iter().find(|database| database.named.name == name);
        found.ok_or_else(|| refused_level(&MetaOutcome::Refused(MetaRefusal::NoDatabase)))
    }

    /// Deletes a database with its collections: each is dropped as a durable operation, then the database goes.
    /// With a drop that isn't complete it stays, and repeating the call joins that drop.
    pub async fn drop_database(&self, call: &Call, tenant: &str, name: &str) -> Verb<DatabaseDrop> {
        call.caller.need_everywhere(Right::Admin)?;
        let database = self.describe_database(call, tenant, name).await?;
        let home = database.named.home(Surface::Chroma);
        let command = MetaCommand::DropDatabase { named: database.named, id: database.id };
        let mut dropped = DatabaseDrop::default();
        loop {
            let drops = self.collections_of(call, &home).await?.into_iter();
            let mut failed = None;
            for answer in join_all(drops.map(|id| self.drop_one(call, id))).await {
                match answer {
                    Ok(answer) => dropped.collections.extend(answer),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(some_dropped(error, dropped.collections.len()));
            }
            if dropped.open().is_some() {
                return Ok(dropped);
            }
            match self.change_level(call, &command).await? {
                MetaOutcome::Refused(MetaRefusal::NotEmpty(_)) if !call.deadline.passed() => {
                    call.deadline.pause(AGAIN).await;
                }
                // Gone already: by an earlier attempt of this call whose answer was lost, or by another's.
                MetaOutcome::Done | MetaOutcome::Refused(MetaRefusal::NoDatabase) => return Ok(dropped),
                other => return Err(refused_level(&other)),
            }
        }
    }

    /// Brings the caller's account back to the default tenant with its default database, empty. With a drop that
    /// isn't complete its database and tenant stay, and repeating the call joins that drop.
    pub async fn reset_databases(&self, call: &Call) -> Verb<DatabaseDrop> {
        call.caller.need_everywhere(Right::Admin)?;
        let mut all = DatabaseDrop::default();
        for tenant in self.tenants(call).await? {
            let mut gone = true;
            for database in self.databases(call, &tenant).await? {
                let dropped = self.drop_database(call, &tenant, &database.named.name).await?;
                gone &= dropped.open().is_none();
                all.collections.extend(dropped.collections);
            }
            if gone && tenant != DatabaseName::DEFAULT_TENANT {
                self.drop_tenant(call, tenant).await?;
            }
        }
        Ok(all)
    }

    /// Takes away a tenant whose databases were dropped.
    async fn drop_tenant(&self, call: &Call, tenant: String) -> Verb<()> {
        let account = call.caller.account.clone();
        match self.change_level(call, &MetaCommand::DropTenant { account, tenant }).await? {
            MetaOutcome::Done | MetaOutcome::Refused(MetaRefusal::NoTenant) => Ok(()),
            MetaOutcome::Refused(MetaRefusal::NotEmpty(_)) => {
                let message =
                    "a database was made in a tenant while its others were dropped; repeat the request";
                Err(VerbError::new(ErrorCode::Unavailable, message))
            }
            other => Err(refused_level(&other)),
        }
    }

    /// Collections of a home, with those whose contents an earlier drop is still ending.
    async fn collections_of(&self, call: &Call, home: &Home) -> Verb<BTreeSet<CollectionId>> {
        let listed = self.list_collections(call, &home.account, Some(home.clone())).await?;
        let mut all: BTreeSet<_> = listed.into_iter().map(|collection| collection.id).collect();
        match self.ask_level(call, &MetaQuery::Dropping(home.clone())).await? {
            MetaBody::Dropping(ids) => all.extend(ids),
            other => return Err(odd_body(&other)),
        }
        Ok(all)
    }

    /// Drops one, or joins its drop; `None`: somebody else's drop of it has ended meanwhile.
    async fn drop_one(&self, call: &Call, id: CollectionId) -> Verb<Option<(CollectionId, DeleteAnswer)>> {
        let account = call.caller.account.clone();
        let target = Target {
            collection: CollectionRef::Id(account.clone(), id),
            account,
            namespace: NamespaceName::default(),
        };
        // Each drop is an operation of its own: the caller's key can't name them all.
        let call = Call { key: None, ..call.clone() };
        let ran =
            operation::run(self.core(), &target, &call, (OperationKind::DropCollection, Respond::Wait)).await;
        match ran {
            Ok(answer) => Ok(Some((id, answer))),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn change_level(&self, call: &Call, command: &MetaCommand) -> Verb<MetaOutcome> {
        let answer = self.core().catalog.write(command, call.deadline).await;
        Ok(answer.map_err(|error| undecided(&error, call, "the change was made"))?.0)
    }

    async fn ask_level(&self, call: &Call, query: &MetaQuery) -> Verb<MetaBody> {
        let reply = self.core().catalog.read(query, call.deadline).await;
        Ok(reply.map_err(|error| meta_unavailable(&error))?.body)
    }
}

/// One collection can't be dropped; the words say what became of the others.
fn some_dropped(mut error: VerbError, dropped: usize) -> VerbError {
    if dropped > 0 {
        error.message = format!(
            "{dropped} of the database's collections are deleted or being deleted, but one isn't: {}. \
             Repeat the request to go on",
            error.message
        );
    }
    error.with("collections_dropped", dropped)
}

fn named(call: &Call, tenant: &str, name: &str) -> DatabaseName {
    DatabaseName { account: call.caller.account.clone(), tenant: tenant.to_owned(), name: name.to_owned() }
}

fn check_name(what: &str, name: &str) -> Verb<()> {
    let most = limits::MAX_NAME_BYTES;
    if name.is_empty() || name.len() > most || name.contains('/') || name.chars().any(char::is_control) {
        return Err(VerbError::argument(format!(
            "a {what}'s name must have 1 to {most} bytes without \"/\" and control characters; nothing was changed"
        ))
        .with("field", "name"));
    }
    Ok(())
}
