//! Records by id, in the order asked for.

use std::collections::HashMap;

use lacuna_model::RecordId;
use lacuna_model::access::Right;
use lacuna_model::read::{Include, ReadBody, ReadRequest, RecordView};

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::plan::ids_by_shard;
use crate::verb::Call;
use crate::verb::scatter::{complete, odd, scatter};

impl Router {
    /// The records with these ids, in the given order, without unknown ones. A repeated id counts once.
    pub async fn get(
        &self,
        target: &Target,
        call: &Call,
        ids: &[RecordId],
        include: Include,
    ) -> Verb<Vec<RecordView>> {
        let (_, scattered) = scatter(self.core(), target, (call, Right::Read), |_, incarnation, cluster| {
            let shards = ids_by_shard(&cluster.map, incarnation, ids);
            let request = |ids| ReadRequest::Get { incarnation, ids, include };
            shards.into_iter().map(|(shard, ids)| (shard, request(ids))).collect()
        })
        .await?;
        let mut found: HashMap<String, RecordView> = HashMap::with_capacity(ids.len());
        for (_, reply) in complete(scattered)? {
            let ReadBody::Records { records, .. } = reply.body else { return Err(odd(&reply.body)) };
            found.extend(records.into_iter().map(|record| (record.id.as_str().to_owned(), record)));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id.as_str())).collect())
    }
}
