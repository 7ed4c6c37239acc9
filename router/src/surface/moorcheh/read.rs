//! Items by id, and a text namespace page by page.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::RecordId;
use lacuna_model::read::{Include, RecordView};
use lacuna_model::record::Kind;
use serde::Deserialize;

use crate::app::Router;
use crate::error::Verb;
use crate::surface::moorcheh::bodies::IdsBody;
use crate::surface::moorcheh::delete::check_number;
use crate::surface::moorcheh::failure::{Code, FailureView, refused};
use crate::surface::moorcheh::ids::distinct;
use crate::surface::moorcheh::metadata::ItemMetadata;
use crate::surface::moorcheh::namespace::{Lookup, Wanted};
use crate::surface::moorcheh::views::{
    FoundView, ItemView, PaginationView, StatisticsView, Status, TextItemView, TextPageView, counted,
};
use crate::surface::request::{Plain, Posted};
use crate::surface::time::rfc3339;
use crate::surface::{answer, cursor};
use crate::verb::list::{Listed, Page};

/// Most ids in a request, and items on a page.
const MOST: usize = 100;

/// What of the records is sent.
pub(super) const TEXT_AND_METADATA: Include = Include { vector: false, document: true, metadata: true };

/// Reads items by id.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/documents/get", tag = "reading",
    params(("ns" = String, Path, description = "The namespace, of either type")), request_body = IdsBody,
    responses((status = 200, description = "Also if some weren't found", body = FoundView),
        (status = "default", body = FailureView)))]
pub(crate) async fn get(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<IdsBody>,
) -> Verb<Response> {
    let (ids, call) = (posted.body.ids, posted.call);
    check_number(ids.len(), MOST)?;
    let wanted: Vec<RecordId> = distinct(&ids).into_iter().map(|id| id.id).collect();
    let mut lookup = Lookup::new();
    let records = loop {
        let namespace = lookup.up((&router, &call), &name, Wanted::Any).await?;
        match router.get(&namespace.target, &call, &wanted, TEXT_AND_METADATA).await {
            Err(error) if lookup.again(&error) => {}
            other => break other?,
        }
    };
    let items: Vec<ItemView> = records.into_iter().map(item).collect();
    let found: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let missing = wanted.iter().map(RecordId::as_str).filter(|id| !found.contains(id));
    let not_found_ids: Vec<String> = missing.map(str::to_owned).collect();
    let view = FoundView {
        status: if not_found_ids.is_empty() { Status::Success } else { Status::Partial },
        message: format!("Found {} of {} items in namespace '{name}'.", items.len(), wanted.len()),
        requested_ids: ids.len(),
        found_items: items.len(),
        documents: items.clone(),
        items,
        not_found_ids,
    };
    Ok(answer::json(StatusCode::OK, &view))
}

fn item(record: RecordView) -> ItemView {
    ItemView {
        id: record.id.into_string(),
        text: record.document,
        metadata: Arc::new(ItemMetadata::of(record.metadata.unwrap_or_default())),
    }
}

/// Query string of a page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    #[serde(default)]
    limit: Option<String>,
    #[serde(default, alias = "nextToken")]
    next_token: Option<String>,
}

/// Reads a text namespace page by page, by id.
#[utoipa::path(get, path = "/moorcheh/v1/namespaces/{ns}/documents/fetch-text-data", tag = "reading",
    params(("ns" = String, Path, description = "A text namespace"),
        ("limit" = Option<usize>, Query, description = "Most items on the page, 1 to 100; 100 if not given"),
        ("next_token" = Option<String>, Query, description = "Where the page before ended")),
    responses((status = 200, body = TextPageView), (status = "default", body = FailureView)))]
pub(crate) async fn page(
    State(router): State<Router>,
    Path(name): Path<String>,
    query: Result<Query<PageQuery>, axum::extract::rejection::QueryRejection>,
    Plain(call): Plain,
) -> Verb<Response> {
    const TEXT: Wanted = Wanted::Only(Kind::Text, "POST /namespaces/{ns}/documents/get with ids");
    let began = Instant::now();
    let Query(query) = query.map_err(|error| refused(Code::InvalidField, &error.body_text()))?;
    let limit = limit(query.limit.as_deref())?;
    let page = Page {
        prefix: String::new(),
        filter: None,
        after: cursor::read("next_token", query.next_token.as_deref())?,
        limit,
        include: TEXT_AND_METADATA,
    };
    let mut lookup = Lookup::new();
    let listed = loop {
        let namespace = lookup.up((&router, &call), &name, TEXT).await?;
        match router.list(&namespace.target, &call, &page).await {
            Err(error) if lookup.again(&error) => {}
            other => break other?,
        }
    };
    Ok(answer::json(StatusCode::OK, &page_view(name, limit, listed, began)))
}

fn limit(given: Option<&str>) -> Verb<usize> {
    let Some(given) = given else { return Ok(MOST) };
    let limit = given.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| {
        refused(Code::InvalidField, &format!("limit: \"{given}\", expected a whole number from 1 to {MOST}"))
    })
}

fn page_view(name: String, limit: usize, listed: Listed, began: Instant) -> TextPageView {
    let created: Vec<u64> = listed.records.iter().map(|record| record.ordinal.micros).collect();
    let items: Vec<TextItemView> = listed
        .records
        .into_iter()
        .map(|record| TextItemView {
            id: record.id.into_string(),
            text: record.document.unwrap_or_default(),
            metadata: ItemMetadata::of(record.metadata.unwrap_or_default()),
            created_at: rfc3339(record.ordinal.micros),
            is_summary: false,
        })
        .collect();
    TextPageView {
        status: Status::Success,
        message: format!("Read {} of namespace '{name}'.", counted(items.len(), "item")),
        namespace: name,
        statistics: StatisticsView {
            total_items: items.len(),
            total_text_chunks: items.len(),
            total_summary_chunks: 0,
            created_at_min: created.iter().min().copied().map(rfc3339),
            created_at_max: created.iter().max().copied().map(rfc3339),
            source_counts: std::collections::BTreeMap::new(),
        },
        items,
        pagination: PaginationView {
            limit,
            has_more: listed.next_after.is_some(),
            next_token: listed.next_after.as_deref().map(cursor::write),
        },
        execution_time: began.elapsed().as_secs_f64(),
    }
}
