//! Namespaces of a collection, with their counts.

use lacuna_model::catalog::CollectionRef;
use lacuna_model::meta::{MetaBody, MetaQuery};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{Incarnation, NamespaceName};

use futures::stream::{StreamExt as _, TryStreamExt as _};
use lacuna_model::catalog::ClusterInfo;

use crate::app::Router;
use crate::catalog::{meta_unavailable, odd_body};
use crate::error::Verb;
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

impl Router {
    /// The default namespace and every other one with contents, by name, each with its count.
    pub async fn namespaces(&self, call: &Call, collection: &CollectionRef) -> Verb<Vec<Namespace>> {
        let found = self.describe_collection(call, collection).await?;
        let reply = self.core().catalog.read(&MetaQuery::Namespaces(found.id), call.deadline).await;
        let open = match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Namespaces(open) => open,
            other => return Err(odd_body(&other)),
        };
        let cluster = self.core().cluster(call.deadline).await?;
        let counted = futures::stream::iter(open).map(|(name, incarnation)| {
            let cluster = &cluster;
            async move {
                let count = self.count_contents(cluster, call, incarnation).await?;
                Verb::Ok(Namespace { name, count })
            }
        });
        let mut namespaces: Vec<Namespace> = counted.buffered(AT_ONCE).try_collect().await?;
        if !namespaces.iter().any(|namespace| namespace.name.is_default()) {
            namespaces.insert(0, Namespace { name: NamespaceName::default(), count: Some(0) });
        }
        Ok(namespaces)
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
        for (_, reply) in fanout::read_all(self.core(), cluster, &requests, call.deadline).await {
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
