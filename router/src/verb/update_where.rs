//! Updates by filter: metadata of whatever matches, at one index on each shard.

use lacuna_model::catalog::OperationKind;
use lacuna_model::filter::Filter;
use lacuna_model::merge::DeleteAnswer;
use lacuna_model::value::MetaValue;

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::verb::{Call, Respond, operation};

/// An update by filter. Parsed at the door: the filter isn't empty.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateWhere {
    /// What is changed.
    pub filter: Filter,
    /// Metadata keys to set (`Some`) or to remove (`None`); the others, vector and document stay.
    pub set: Vec<(String, Option<MetaValue>)>,
}

impl Router {
    /// Changes what matches: a durable operation like a where-delete, its counts in `matched` and `updated`. What
    /// it would change is told by [`Router::preview`].
    pub async fn update_where(
        &self,
        target: &Target,
        call: &Call,
        update: UpdateWhere,
        respond: Respond,
    ) -> Verb<DeleteAnswer> {
        let kind = OperationKind::UpdateWhere { filter: update.filter, set: update.set };
        let answer = operation::run(self.core(), target, call, (kind, respond)).await;
        let status =
            answer.as_ref().map_or_else(|error| error.code.as_str(), |answer| answer.status.as_str());
        metrics::counter!("lacuna_updates_where_total", "status" => status).increment(1);
        answer
    }
}
