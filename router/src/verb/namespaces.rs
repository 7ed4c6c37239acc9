//! Namespaces of a collection, with their counts.

use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::meta::{MetaBody, MetaQuery};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{Incarnation, NamespaceName};

use futures::stream::{StreamExt as _, TryStreamExt as _};
use lacuna_model::catalog::{ClusterInfo, Collection, CollectionRef};

use crate::app::Router;
use crate::catalog::{Fresh, meta_unavailable, odd_body};
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::fanout;
use crate::verb::Call;
use crate::verb::scatter::{for_all, odd};

/// Namespaces counted at the same time.
const AT_ONCE: usize = 16;

/// A namespace and its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: NamespaceName,
    /// Its records; `None` if a shard didn't answer (INV-6).
    pub count: Option<u64>,
}

/// A namespace, and which contents it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenNamespace {
    /// Its name.
    pub name: NamespaceName,
    /// Its contents; `None`: the default namespace before its first record.
    pub contents: Option<Incarnation>,
}

impl Router {
    /// The default namespace and every other one with contents, by name, each with its count.
    pub async fn namespaces(&self, call: &Call, collection: &CollectionRef) -> Verb<Vec<Namespace>> {
        let found = self.describe_collection(call, collection).await?;
        let open = self.open_namespaces(call, &found).await?;
        self.count_namespaces(call, open).await
    }

    /// The default namespace and every other one that has contents, by name.
    pub async fn open_namespaces(&self, call: &Call, collection: &Collection) -> Verb<Vec<OpenNamespace>> {
        call.caller.may(Right::Read, &collection.home, &collection.name)?;
        let reply = self.core().catalog.read(&MetaQuery::Namespaces(collection.id), call.deadline).await;
        let open = match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Namespaces(open) => open,
            other => return Err(odd_body(&other)),
        };
        let named = |(name, incarnation)| OpenNamespace { name, contents: Some(incarnation) };
        let mut namespaces: Vec<OpenNamespace> = open.into_iter().map(named).collect();
        if !namespaces.iter().any(|namespace| namespace.name.is_default()) {
            namespaces.insert(0, OpenNamespace { name: NamespaceName::default(), contents: None });
        }
        Ok(namespaces)
    }

    /// The namespace, if it exists: asked of the meta group.
    pub async fn find_namespace(&self, call: &Call, target: &Target) -> Verb<Option<OpenNamespace>> {
        let resolved = self.core().resolve(target, call, (Right::Read, Fresh::Asked)).await?;
        let name = target.namespace.clone();
        let exists = resolved.incarnation.is_some() || name.is_default();
        Ok(exists.then_some(OpenNamespace { name, contents: resolved.incarnation }))
    }

    /// Does the namespace exist, as far as the lease tells? (It may have been emptied in the last seconds; never the
    /// other way round.)
    pub async fn namespace_exists(&self, call: &Call, target: &Target) -> Verb<bool> {
        let resolved = self.core().find(target, call, Fresh::Leased).await?;
        Ok(resolved.incarnation.is_some() || target.namespace.is_default())
    }

    /// Makes a namespace without records; one that exists is refused.
    pub async fn create_namespace(&self, call: &Call, target: &Target) -> Verb<()> {
        let resolved = self.core().resolve(target, call, (Right::Write, Fresh::Asked)).await?;
        if resolved.incarnation.is_some() || target.namespace.is_default() {
            let message = format!(
                "there is a namespace \"{}\" already; nothing was changed",
                target.namespace.as_str()
            );
            return Err(VerbError::new(ErrorCode::AlreadyExists, message));
        }
        self.core().open(target, resolved, call.deadline).await.map(drop)
    }

    /// Has the namespace exist, with or without records.
    pub async fn keep_namespace(&self, call: &Call, target: &Target) -> Verb<()> {
        let resolved = self.core().resolve(target, call, (Right::Delete, Fresh::Asked)).await?;
        self.core().open(target, resolved, call.deadline).await.map(drop)
    }

    /// Counts the records of each.
    pub async fn count_namespaces(
        &self,
        call: &Call,
        namespaces: Vec<OpenNamespace>,
    ) -> Verb<Vec<Namespace>> {
        let cluster = self.core().cluster(call.deadline).await?;
        let counted = futures::stream::iter(namespaces).map(|namespace| {
            let cluster = &cluster;
            async move {
                let count = match namespace.contents {
                    Some(incarnation) => self.count_contents(cluster, call, incarnation).await?,
                    None => Some(0),
                };
                Verb::Ok(Namespace { name: namespace.name, count })
            }
        });
        counted.buffered(AT_ONCE).try_collect().await
    }

    /// Records of one incarnation. Contents that ended since the list was read hold none.
    async fn count_contents(
        &self,
        cluster: &ClusterInfo,
        call: &Call,
        incarnation: Incarnation,
    ) -> Verb<Option<u64>> {
        let request = ReadRequest::Count { incarnations: vec![incarnation], filter: None };
        let mut sum = Some(0);
        let requests = for_all(cluster, &request);
        for (shard, reply) in fanout::read_all(self.core(), cluster, &requests, call.deadline).await {
            if let Ok(reply) = &reply {
                call.trace.told(shard, reply.at.index);
            }
            match reply.map(|reply| reply.body) {
                Ok(ReadBody::Count(count)) => sum = sum.map(|sum| sum + count),
                Ok(ReadBody::Fenced) => {}
                Ok(other) => return Err(odd(&other)),
                Err(_) => sum = None,
            }
        }
        Ok(sum)
    }
}
