//! Nearest neighbours in a collection of the chosen datasets' spaces.

use std::collections::BTreeSet;

use lacuna_model::access::Right;
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::query::Chosen;
use lacuna_model::memory::sight::{MemoryRecord, Sight};
use lacuna_model::memory::words::Dataset;
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::{DatasetId, Principal};

use super::names::target;
use super::read::datasets_of;
use crate::app::Router;
use crate::error::Verb;
use crate::verb::Call;
use crate::verb::scatter::{complete, for_all, odd, scatter};

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySearchAsk {
    /// The query vector.
    pub vector: Vec<f32>,
    /// The collection.
    pub collection: String,
    /// In which datasets.
    pub chosen: Chosen,
    /// Hits.
    pub top_k: usize,
}

/// A hit.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryHit {
    /// Cosine, best highest.
    pub score: f32,
    /// The record.
    pub record: MemoryRecord,
    /// Chosen datasets that refer to it.
    pub datasets: Vec<DatasetId>,
}

impl Router {
    /// Searches; every shard must answer.
    pub async fn search_memory(&self, call: &Call, ask: &MemorySearchAsk) -> Verb<Vec<MemoryHit>> {
        call.caller.need(Right::Read)?;
        let view = self.memory_view(call, ask.chosen.clone()).await?;
        let sight = Sight::from(&view);
        let spaces: BTreeSet<Principal> = view.chosen.iter().map(Dataset::space).collect();
        let mut hits = Vec::new();
        for space in spaces {
            let found = self.search_space(call, space, (ask, &sight)).await?;
            hits.extend(found.into_iter().map(|(score, record)| {
                let datasets = datasets_of(&view, &record);
                MemoryHit { score, record, datasets }
            }));
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.record.id.cmp(&b.record.id)));
        hits.truncate(ask.top_k);
        Ok(hits)
    }

    async fn search_space(
        &self,
        call: &Call,
        space: Principal,
        (ask, sight): (&MemorySearchAsk, &Sight),
    ) -> Verb<Vec<(f32, MemoryRecord)>> {
        let target = target(&call.caller.account, space, &ask.collection);
        let asked = scatter(self.core(), &target, (call, Right::Read), |_, incarnation, cluster| {
            let request = ReadRequest::MemorySearch {
                incarnation,
                vector: ask.vector.clone(),
                top_k: ask.top_k,
                sight: sight.clone(),
            };
            for_all(cluster, &request)
        })
        .await;
        let scattered = match asked {
            // Nobody has added to this collection yet.
            Err(error) if error.code == ErrorCode::NotFound => return Ok(Vec::new()),
            asked => asked?.1,
        };
        let mut hits = Vec::new();
        for (_, reply) in complete(scattered)? {
            let ReadBody::MemoryHits(found) = reply.body else { return Err(odd(&reply.body)) };
            hits.extend(found);
        }
        Ok(hits)
    }
}
