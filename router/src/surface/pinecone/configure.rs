//! `PATCH /indexes/{name}`: deletion protection and tags.

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
use crate::surface::pinecone::index_model::{IndexExtra, IndexView};
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
}

impl From<Switch> for Protection {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Enabled => Self::On,
            Switch::Disabled => Self::Off,
        }
    }
}

/// Changes an index's protection and tags.
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
    let mut extra = IndexExtra::of(&before.extra)?;
    let tags = merged(extra.tags.clone(), body.tags.unwrap_or_default())?;
    let change = CollectionChange {
        name: None,
        extra: if tags == extra.tags {
            None
        } else {
            extra.tags = tags;
            Some(extra.to_text()?)
        },
        protected: body.deletion_protection.map(Protection::from),
    };
    let after = router.alter_collection(&call, &at.collection(), change).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &IndexView::of(&after, &visitor)?))
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
