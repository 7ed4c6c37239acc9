//! `/search`: one query over several namespaces of one type, by text or by vector.

use std::collections::BTreeSet;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use lacuna_model::access::Right;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Hit, RecordView};
use lacuna_model::record::Kind;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::moorcheh::bodies::{SearchBody, Sought};
use crate::surface::moorcheh::failure::{Code, FailureView, refused};
use crate::surface::moorcheh::filters;
use crate::surface::moorcheh::metadata::ItemMetadata;
use crate::surface::moorcheh::namespace::{Lookup, Namespace, Wanted};
use crate::surface::moorcheh::read::TEXT_AND_METADATA;
use crate::surface::moorcheh::tolerant::Tolerant;
use crate::surface::moorcheh::views::{HitView, SearchView, TimingsView};
use crate::surface::request::Posted;
use crate::verb::list::Page;
use crate::verb::query::Query;
use crate::verb::{Call, Missing};

/// Hits when no number is given.
const DEFAULT_TOP_K: usize = 10;
/// Most hits; more is taken as this.
const MAX_TOP_K: usize = 100;
/// Namespaces searched at the same time.
const AT_ONCE: usize = 8;

/// Where each label begins.
const LABELS: [(f64, &str); 6] = [
    (0.894, "Close Match"),
    (0.632, "Very High Relevance"),
    (0.447, "High Relevance"),
    (0.316, "Good Relevance"),
    (0.224, "Low Relevance"),
    (0.1, "Very Low Relevance"),
];

/// A search, its body checked.
struct Search {
    namespaces: Vec<String>,
    kind: Kind,
    /// The text to embed, or the vector; `None`: filters alone.
    sought: Option<Sought>,
    filter: Option<Filter>,
    top_k: usize,
    /// With kiosk_mode: only hits of at least this.
    least: Option<f64>,
}

/// Searches namespaces of one type.
#[utoipa::path(post, path = "/moorcheh/v1/search", tag = "reading", request_body = SearchBody,
    responses((status = 200, body = SearchView), (status = "default", body = FailureView)))]
pub(crate) async fn search(State(router): State<Router>, posted: Posted<SearchBody>) -> Verb<Response> {
    let (began, call) = (Instant::now(), posted.call);
    let search = check(posted.body)?;
    let here = (&router, &call);
    let found = search.namespaces.iter().map(|name| look_up(here, name)).collect::<Vec<_>>();
    let found = stream::iter(found);
    let namespaces: Vec<Namespace> = found.buffered(AT_ONCE).try_collect().await?;
    for namespace in &namespaces {
        check_type(namespace, search.kind)?;
    }
    let vector = vector(here, &namespaces, &search).await?;
    let (search, vector) = (&search, vector.as_deref());
    let hits = namespaces.into_iter().map(|namespace| one(here, namespace, search, vector));
    let hits = stream::iter(hits.collect::<Vec<_>>()).buffered(AT_ONCE);
    let hits: Vec<Vec<HitView>> = hits.try_collect().await?;
    let mut results: Vec<HitView> = hits.into_iter().flatten().collect();
    results.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then_with(|| a.namespace_name.cmp(&b.namespace_name)).then_with(|| a.id.cmp(&b.id))
    });
    results.retain(|hit| search.least.is_none_or(|least| hit.score >= least));
    results.truncate(search.top_k);
    let seconds = began.elapsed().as_secs_f64();
    let view = SearchView { results, execution_time: seconds, timings: TimingsView { total: seconds } };
    Ok(answer::json(StatusCode::OK, &view))
}

async fn look_up(here: (&Router, &Call), name: &str) -> Verb<Namespace> {
    Lookup::new().up(here, name, Wanted::Any).await
}

fn check(body: SearchBody) -> Verb<Search> {
    let field = |words: &str| refused(Code::InvalidField, words);
    if body.namespaces.is_empty() {
        return Err(field("namespaces: an empty list, expected at least one name"));
    }
    let top_k = match body.top_k {
        None => DEFAULT_TOP_K,
        Some(top_k) if top_k < 1 => return Err(field(&format!("top_k: {top_k}, expected at least 1"))),
        Some(top_k) => usize::try_from(top_k).unwrap_or(MAX_TOP_K).min(MAX_TOP_K),
    };
    let least = match (body.kiosk_mode.unwrap_or(false), body.threshold) {
        (false, _) => None,
        (true, Some(threshold)) if (0.0..=1.0).contains(&threshold) => Some(threshold),
        (true, Some(threshold)) => {
            return Err(field(&format!("threshold: {threshold}, expected a number from 0 to 1")));
        }
        (true, None) => return Err(field("threshold: missing, kiosk_mode needs a number from 0 to 1")),
    };
    let mut filters = match body.metadata {
        None | Some(Tolerant::Null) => Vec::new(),
        Some(Tolerant::Good(pairs)) => filters::equal(&pairs)?,
        Some(Tolerant::Bad(kind)) => return Err(field(&format!("metadata: {kind}, expected an object"))),
    };
    let (kind, sought) = match body.query {
        Sought::Text(query) => {
            let parted = filters::part(&query);
            let text = parted.text.to_owned();
            filters.extend(parted.filters);
            if text.is_empty() && filters.is_empty() {
                return Err(field("query: blank, expected a text, filters, or a vector"));
            }
            (Kind::Text, (!text.is_empty()).then_some(Sought::Text(text)))
        }
        Sought::Vector(vector) if vector.is_empty() => {
            return Err(field("query: an empty list, expected a text or a vector"));
        }
        Sought::Vector(vector) => {
            if let Some(place) = vector.iter().position(|x| !x.is_finite()) {
                return Err(field(&format!("query[{place}]: not a finite 32-bit number")));
            }
            (Kind::Vector, Some(Sought::Vector(vector)))
        }
    };
    let namespaces: BTreeSet<String> = body.namespaces.into_iter().collect();
    let namespaces = namespaces.into_iter().collect();
    Ok(Search { namespaces, kind, sought, filter: filters::all(filters)?, top_k, least })
}

fn check_type(namespace: &Namespace, kind: Kind) -> Verb<()> {
    if namespace.kind() == kind {
        return Ok(());
    }
    let (is, by) = match kind {
        Kind::Vector => ("text", "a text"),
        Kind::Text | Kind::Sparse => ("vector", "a vector"),
    };
    Err(refused(
        Code::WrongNamespaceType,
        &format!("namespace '{}' is of type '{is}'; search it by {by}", namespace.name),
    ))
}

/// The query's vector, fit for every namespace; `None`: filters alone.
async fn vector(
    (router, call): (&Router, &Call),
    namespaces: &[Namespace],
    search: &Search,
) -> Verb<Option<Vec<f32>>> {
    match &search.sought {
        None => Ok(None),
        Some(Sought::Text(text)) => {
            call.caller.need(Right::Read)?;
            let embedder = &router.core().embedder;
            for namespace in namespaces {
                namespace.check_embedder(embedder.name())?;
            }
            Ok(embedder.embed(vec![text.clone()], call.deadline).await?.pop())
        }
        Some(Sought::Vector(vector)) => {
            for namespace in namespaces {
                check_dimension(namespace, vector.len())?;
            }
            Ok(Some(vector.clone()))
        }
    }
}

fn check_dimension(namespace: &Namespace, got: usize) -> Verb<()> {
    let expected = namespace.dimension();
    if got == expected {
        return Ok(());
    }
    let words = format!("query: {got} components, expected {expected} as in namespace '{}'", namespace.name);
    Err(refused(Code::DimensionMismatch, &words))
}

/// Hits of one namespace.
async fn one(
    (router, call): (&Router, &Call),
    namespace: Namespace,
    search: &Search,
    vector: Option<&[f32]>,
) -> Verb<Vec<HitView>> {
    let (mut lookup, mut namespace) = (Lookup::new(), namespace);
    loop {
        let hits = match vector {
            Some(vector) => nearest((router, call), &namespace, search, vector).await,
            None => matching((router, call), &namespace, search).await,
        };
        match hits {
            Err(error) if lookup.again(&error) => {
                namespace = lookup.up((router, call), &namespace.name, Wanted::Any).await?;
                check_type(&namespace, search.kind)?;
            }
            Ok(hits) => {
                let name = &namespace.name;
                return Ok(hits.into_iter().map(|hit| view(name, hit)).collect());
            }
            Err(error) => return Err(error),
        }
    }
}

async fn nearest(
    (router, call): (&Router, &Call),
    namespace: &Namespace,
    search: &Search,
    vector: &[f32],
) -> Verb<Vec<Hit>> {
    let query = Query {
        vectors: vec![vector.to_vec()],
        top_k: search.top_k,
        ef: None,
        filter: search.filter.clone(),
        include: TEXT_AND_METADATA,
    };
    let mut found = router.query(&namespace.target, call, query).await?;
    match found.missing.first() {
        None => Ok(found.results.pop().unwrap_or_default()),
        Some(first) => Err(not_all(&found.missing, first)),
    }
}

/// Items that the filters let through, by id, all with a score of 0.
async fn matching(
    (router, call): (&Router, &Call),
    namespace: &Namespace,
    search: &Search,
) -> Verb<Vec<Hit>> {
    let page = Page {
        prefix: String::new(),
        filter: search.filter.clone(),
        after: None,
        limit: search.top_k,
        include: TEXT_AND_METADATA,
    };
    let listed = router.list(&namespace.target, call, &page).await?;
    Ok(listed.records.into_iter().map(|record| Hit { score: 0.0, record }).collect())
}

/// A part of the hits would look like all of them.
fn not_all(missing: &[Missing], first: &Missing) -> VerbError {
    let shards: Vec<u32> = missing.iter().map(|missing| missing.shard.0).collect();
    VerbError::new(
        lacuna_model::error::ErrorCode::Unavailable,
        format!("shards {shards:?} can't be searched now ({})", first.error.message),
    )
}

fn view(namespace: &str, hit: Hit) -> HitView {
    let score = (f64::from(hit.score).max(0.0) * 1e6).round() / 1e6;
    let label = LABELS.iter().find(|(least, _)| score >= *least).map_or("Irrelevant", |(_, label)| label);
    let RecordView { id, document, metadata, .. } = hit.record;
    HitView {
        id: id.into_string(),
        score,
        label,
        text: document.unwrap_or_default(),
        metadata: ItemMetadata::of(metadata.unwrap_or_default()),
        namespace_name: namespace.to_owned(),
    }
}
