//! `POST /vectors/delete`, and its older form with a query string. The order of the refusals is the contract's.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::command::IdAt;
use lacuna_model::error::ErrorCode;
use lacuna_model::filter::Usage;
use lacuna_model::merge::{DeleteAnswer, DeleteStatus};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::Router;
use crate::config::EmptiedNamespace;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING, Spelt, namespace, record_id};
use crate::surface::pinecone::failure::{DataFailure, delete_in_doubt, no_namespace, unfinished_delete};
use crate::surface::pinecone::query_string::QueryString;
use crate::surface::pinecone::{filter, reply};
use crate::surface::repeated::first_of_each;
use crate::surface::request::{Plain, Posted};
use crate::verb::delete::{Selector, Wishes};
use crate::verb::{Call, Respond, Total};

/// Most ids in one request.
const MAX_IDS: usize = 1_000;
const WAIT: Wishes = Wishes { respond: Respond::Wait, total: Total::AsKnown };

/// Deletes by ids, by filter, or everything in a namespace: exactly one of these. Unknown fields are refused here: a
/// typo must not take something else away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeleteBody {
    /// The namespace; missing, `""` and `__default__` are the same one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// These, at most 1,000; unknown ones are ignored.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// What matches.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Everything in the namespace.
    #[serde(default)]
    pub delete_all: Option<bool>,
}

/// What a request gave to select by.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    pub(super) ids: Option<Vec<String>>,
    pub(super) filter: Option<Value>,
    pub(super) all: Option<bool>,
}

/// Deletes records.
#[utoipa::path(post, path = "/pc.v1/{index}/vectors/delete", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index")), request_body = DeleteBody,
    responses((status = 200, description = "Gone on every shard", body = reply::Nothing),
        (status = 404, description = "No such index or namespace", body = DataFailure),
        (status = 503, description = "Not yet done on every shard", body = DataFailure),
        (status = "default", body = DataFailure)))]
pub(crate) async fn by_body(
    State(router): State<Router>,
    at: Address,
    posted: Result<Posted<DeleteBody>, VerbError>,
) -> Verb<Response> {
    let parsed = posted.and_then(|Posted { body, call }| {
        let namespace = namespace(body.namespace)?;
        let given = Selectors { ids: body.ids, filter: body.filter, all: body.delete_all };
        Ok((call, namespace, selector(given)?))
    });
    let (call, namespace, selector): (_, Spelt, _) = at.known(&router, parsed).await?;
    let answer = delete(&router, (&at.target(&namespace), &call), selector, Emptied::AsConfigured).await?;
    Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &reply::Nothing {})))
}

/// Deletes records, as the API had it in 2024-04.
#[utoipa::path(delete, path = "/pc.v1/{index}/vectors/delete", tag = "pinecone records",
    params(("index" = String, Path, description = "Name of the index"),
        ("ids" = Option<Vec<String>>, Query, description = "These, `ids=a&ids=b`"),
        ("deleteAll" = Option<bool>, Query, description = "Everything in the namespace"),
        ("namespace" = Option<String>, Query, description = "The namespace")),
    responses((status = 200, description = "Gone on every shard", body = reply::Nothing),
        (status = "default", body = DataFailure)))]
pub(crate) async fn by_query_string(
    State(router): State<Router>,
    at: Address,
    query: QueryString,
    Plain(call): Plain,
) -> Verb<Response> {
    let parsed = query.namespace().and_then(|namespace| {
        let given = Selectors {
            ids: Some(query.all("ids")),
            filter: None,
            all: query.one("deleteAll").map(flag).transpose()?,
        };
        Ok((namespace, selector(given)?))
    });
    let (namespace, selector) = at.known(&router, parsed).await?;
    let answer = delete(&router, (&at.target(&namespace), &call), selector, Emptied::AsConfigured).await?;
    Ok(reply::written(&router, &answer.op_id, (StatusCode::OK, &reply::Nothing {})))
}

fn flag(text: &str) -> Verb<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(VerbError::argument(format!("deleteAll must be true or false, got {text:?}; {NOTHING}"))),
    }
}

fn refused(words: &str) -> VerbError {
    VerbError::argument(words)
}

/// What the request selects: exactly one way, said in so many words.
pub(super) fn selector(given: Selectors) -> Verb<Selector> {
    let ids = given.ids.filter(|ids| !ids.is_empty());
    if let Some(other) = given.filter.as_ref().filter(|filter| !filter.is_object()) {
        return Err(VerbError::argument(format!("filter must be an object, got {other}; {NOTHING}")));
    }
    match (given.all == Some(true), ids, given.filter) {
        (false, None, None) => Err(VerbError::new(
            ErrorCode::EmptySelector,
            format!("a delete must have one of ids, filter and deleteAll; got none; {NOTHING}"),
        )),
        (true, Some(_), _) => Err(refused("No explicit IDs allowed when delete_all=true")),
        (true, None, Some(_)) => Err(refused("No filter allowed when delete_all=true")),
        (false, Some(_), Some(_)) => Err(VerbError::argument(format!(
            "a delete takes ids or a filter, not both: which of them should count can't be told; {NOTHING}"
        ))),
        (true, None, None) => Ok(Selector::All),
        (false, Some(ids), None) => Ok(Selector::Ids(placed(ids)?)),
        (false, None, Some(json)) => {
            let empty = "Delete with empty metadata filter is not allowed";
            let filter = filter::required(Some(&json), Usage::Delete, empty)?;
            Ok(Selector::Where { filter, limit: None })
        }
    }
}

/// Ids with their positions, each once.
fn placed(texts: Vec<String>) -> Verb<Vec<IdAt>> {
    if texts.len() > MAX_IDS {
        let message = format!("ids: {} of them, at most {MAX_IDS} in one request; {NOTHING}", texts.len());
        return Err(VerbError::argument(message));
    }
    first_of_each(texts, |text, position| record_id(text, || format!("ids[{position}]")))
}

/// What becomes of a namespace whose records are deleted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emptied {
    /// As the setting says.
    AsConfigured,
    /// It goes: that was asked for.
    Dropped,
}

/// Deletes; an answer only if every shard has applied it. A namespace that doesn't exist is 404.
pub(super) async fn delete(
    router: &Router,
    (target, call): (&Target, &Call),
    selector: Selector,
    emptied: Emptied,
) -> Verb<DeleteAnswer> {
    let by_filter = matches!(selector, Selector::Where { .. });
    let all = matches!(selector, Selector::All);
    let default = target.namespace.is_default();
    // Before it is recorded; the other ways find it out by themselves (deleteAll may join one that is under way).
    if by_filter && !default && !router.namespace_exists(call, target).await? {
        return Err(no_namespace());
    }
    let answer = router.delete(target, call, selector, WAIT).await.map_err(delete_in_doubt)?;
    if answer.shards.is_empty() && !default {
        return Err(no_namespace());
    }
    let keep = router.config().pinecone_delete_all == EmptiedNamespace::Kept;
    if all && keep && emptied == Emptied::AsConfigured && !default {
        router.keep_namespace(call, target).await?;
    }
    if answer.status == DeleteStatus::Complete { Ok(answer) } else { Err(unfinished_delete(&answer)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn select(ids: &[&str], filter: Option<Value>, all: Option<bool>) -> Result<Selector, String> {
        let ids = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        selector(Selectors { ids, filter, all }).map_err(|error| error.message)
    }

    #[test]
    fn exactly_one_selector_must_be_present() {
        let filter = || Some(json!({"a": 1}));
        assert!(matches!(select(&["a"], None, None), Ok(Selector::Ids(ids)) if ids.len() == 1));
        assert!(matches!(select(&[], filter(), Some(false)), Ok(Selector::Where { limit: None, .. })));
        assert!(matches!(select(&[], None, Some(true)), Ok(Selector::All)));
        for (ids, filter, all, words) in [
            (&[][..], None, None, "got none"),
            (&[], None, Some(false), "got none"),
            (&["a"], None, Some(true), "No explicit IDs allowed when delete_all=true"),
            (&["a"], filter(), Some(true), "No explicit IDs allowed when delete_all=true"),
            (&[], filter(), Some(true), "No filter allowed when delete_all=true"),
            (&[], Some(json!({})), Some(true), "No filter allowed when delete_all=true"),
            (&["a"], filter(), None, "not both"),
            (&["a"], Some(json!({})), None, "not both"),
            (&[], Some(json!({})), None, "Delete with empty metadata filter is not allowed"),
            (&[], Some(json!([])), None, "must be an object"),
            (&[], Some(json!({"a": {"$in": []}})), None, "empty list"),
            (&[], Some(json!({"$match_all": "x"})), None, "$match_all"),
        ] {
            let error = select(ids, filter, all).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_repeated_id_counts_once_and_1001_are_refused() {
        assert!(matches!(select(&["a", "a", "b"], None, None), Ok(Selector::Ids(ids)) if ids.len() == 2));
        assert!(select(&["a"; 1_001], None, None).expect_err("too many").contains("at most 1000"));
        assert!(select(&["ok", ""], None, None).expect_err("an empty id").contains("ids[1]"));
    }
}
