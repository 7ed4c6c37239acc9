//! `PATCH /indexes/{name}`: deletion protection, tags, and what is said of pods.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::catalog::{CollectionChange, Protection};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::pinecone::address::{Address, NOTHING};
use crate::surface::pinecone::create::Switch;
use crate::surface::pinecone::failure::ControlFailure;
use crate::surface::pinecone::host::Visitor;
use crate::surface::pinecone::index_model::{Deployment, IndexExtra, IndexView, PodSpec};
use crate::surface::pinecone::reply;
use crate::surface::request::Posted;

/// Most tags of an index.
const MAX_TAGS: usize = 20;
/// Longest name of a tag, characters.
const MAX_TAG_NAME: usize = 80;
/// Longest value of a tag, characters.
const MAX_TAG_VALUE: usize = 120;

/// Changes an index. What isn't given stays; other fields have no effect here.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ConfigureBody {
    /// Refuse to delete the index?
    #[serde(default)]
    pub deletion_protection: Option<Switch>,
    /// Tags to set; an empty value removes one.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// Of an index on pods: kept and shown.
    #[serde(default)]
    pub spec: Option<SpecChange>,
    /// The newer form of `spec`.
    #[serde(default)]
    pub deployment: Option<PodChange>,
}

/// What is changed of where an index is said to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SpecChange {
    /// Of pods.
    #[serde(default)]
    pub pod: Option<PodChange>,
}

/// What is changed of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct PodChange {
    /// Copies of each.
    #[serde(default)]
    pub replicas: Option<u32>,
    /// Their type.
    #[serde(default)]
    pub pod_type: Option<String>,
}

impl From<Switch> for Protection {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Enabled => Self::On,
            Switch::Disabled => Self::Off,
        }
    }
}

/// Changes an index's protection, its tags, and what is said of its pods.
#[utoipa::path(patch, path = "/pinecone/indexes/{index}", tag = "pinecone indexes",
    params(("index" = String, Path, description = "Name of the index")), request_body = ConfigureBody,
    responses((status = 202, body = IndexView), (status = 404, description = "No such index", body = ControlFailure),
        (status = "default", body = ControlFailure)))]
pub(crate) async fn configure(
    State(router): State<Router>,
    at: Address,
    visitor: Visitor,
    posted: Result<Posted<ConfigureBody>, VerbError>,
) -> Verb<Response> {
    let Posted { body, call } = at.known(&router, posted).await?;
    let before = router.describe_collection(&call, &at.collection()).await?;
    let extra = IndexExtra::of(&before.extra)?;
    let pods = body.deployment.or(body.spec.and_then(|spec| spec.pod)).unwrap_or_default();
    let wanted = IndexExtra {
        tags: merged(extra.tags.clone(), body.tags.unwrap_or_default())?,
        deployment: repodded(extra.deployment.clone(), pods)?,
        ..extra.clone()
    };
    let change = CollectionChange {
        name: None,
        extra: if wanted == extra { None } else { Some(wanted.to_text()?) },
        protected: body.deletion_protection.map(Protection::from),
    };
    let after = router.alter_collection(&call, &at.collection(), change).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &IndexView::of(&after, &visitor)?))
}

/// A deployment as it becomes: only pods have replicas and a type.
fn repodded(deployment: Deployment, change: PodChange) -> Verb<Deployment> {
    match deployment {
        Deployment::Pod(pod) => Ok(Deployment::Pod(PodSpec {
            pod_type: change.pod_type.unwrap_or(pod.pod_type),
            replicas: change.replicas.or(pod.replicas),
            ..pod
        })),
        other if change == PodChange::default() => Ok(other),
        Deployment::Managed { .. } | Deployment::Byoc { .. } => Err(VerbError::argument(format!(
            "replicas and pod_type are those of an index on pods, and this index isn't on pods; {NOTHING}"
        ))),
    }
}

/// Tags as they become: an empty value removes the tag.
pub(super) fn merged(
    mut tags: BTreeMap<String, String>,
    change: BTreeMap<String, String>,
) -> Verb<BTreeMap<String, String>> {
    for (name, value) in change {
        if value.is_empty() {
            tags.remove(&name);
            continue;
        }
        let sound = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=MAX_TAG_NAME).contains(&name.chars().count()) || !name.chars().all(sound) {
            return Err(VerbError::argument(format!(
                "tags: a name must have 1 to {MAX_TAG_NAME} letters, digits, '_' or '-', got {name:?}; {NOTHING}"
            )));
        }
        if value.chars().count() > MAX_TAG_VALUE {
            return Err(VerbError::argument(format!(
                "tags.{name}: a value has at most {MAX_TAG_VALUE} characters; {NOTHING}"
            )));
        }
        tags.insert(name, value);
    }
    if tags.len() > MAX_TAGS {
        let message = format!("tags: an index has at most {MAX_TAGS}, got {}; {NOTHING}", tags.len());
        return Err(VerbError::argument(message));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_are_merged_and_an_empty_value_removes() {
        let before = tags(&[("a", "1"), ("b", "2")]);
        let after = merged(before.clone(), tags(&[("a", ""), ("b", "3"), ("c", "4")])).expect("tags");
        assert_eq!(after, tags(&[("b", "3"), ("c", "4")]));
        assert_eq!(merged(before.clone(), BTreeMap::new()).expect("tags"), before);
    }

    #[test]
    fn tags_have_limits() {
        let many: BTreeMap<_, _> = (0..21).map(|n| (format!("t{n}"), "x".to_owned())).collect();
        assert!(merged(BTreeMap::new(), many).is_err());
        assert!(merged(BTreeMap::new(), tags(&[("a b", "x")])).is_err());
        assert!(merged(BTreeMap::new(), tags(&[("a", &"x".repeat(121))])).is_err());
        assert!(merged(BTreeMap::new(), tags(&[(&"a".repeat(81), "x")])).is_err());
    }
}
