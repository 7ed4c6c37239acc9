//! Nearest neighbours of one vector in one incarnation.
//!
//! A search looks at the rows under the lock only to narrow by the filter, to scan the active part and to list the
//! sealed ones; sealed parts are searched without it. Each hit then gets a last look (INV-4): if its row has died or
//! was rewritten meanwhile, the search is made again, the last time with writes waiting, so that a record that was there
//! all the time isn't missed.

use std::sync::Arc;

use lacuna_model::record::Metric;
use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::cost::{Depth, Walk};
use super::graph::{Graph, Space};
use super::measure::{Probe, score, working};
use super::narrow::{Candidates, narrow};
use super::nearest::{Found, Nearest};
use super::part::Part;
use super::rows::Rows;
use super::{Filtered, Precision, SearchError, SearchHit, SearchRequest};

/// Vectors scanned at a time: their keys stay in the first cache.
const BLOCK: usize = 256;
/// How often a search is made again because rows changed under it; the next time none may.
const AGAIN: usize = 3;

/// Whether rows may change during an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    Pass,
    Wait,
}

/// What an attempt found.
struct Attempt {
    hits: Vec<SearchHit>,
    /// Rows changed under it.
    lost: bool,
    /// Nothing more can be found by going deeper.
    complete: bool,
}

/// Hits, best first, ties by id.
pub(crate) fn search(
    rows: &RwLock<Rows>,
    request: &SearchRequest<'_>,
    default_ef: usize,
) -> Result<Vec<SearchHit>, SearchError> {
    let Some(query) = check(&rows.read(), request)? else { return Ok(Vec::new()) };
    let ef = ef(request.ef, request.k, default_ef);
    let searcher = Searcher { rows, request, probe: Probe::new(request.metric, query), ef };
    let mut depth = match request.precision {
        Precision::Usual => Depth::Usual,
        Precision::Exact => Depth::Exhaustive,
    };
    let mut again = 0;
    loop {
        let writes = if again < AGAIN { Writes::Pass } else { Writes::Wait };
        let attempt = searcher.attempt(depth, writes);
        if attempt.lost && writes == Writes::Pass {
            again += 1;
        } else if attempt.hits.len() >= request.k || attempt.complete || depth == Depth::Exhaustive {
            return Ok(attempt.hits);
        } else {
            depth = Depth::Exhaustive;
        }
    }
}

/// Candidates to keep in a graph for `k` hits.
pub(crate) fn ef(wished: Option<usize>, k: usize, default_ef: usize) -> usize {
    wished.unwrap_or(default_ef).max(k)
}

/// The query as the index works with it; `None` if there is nothing to find.
fn check(rows: &Rows, request: &SearchRequest<'_>) -> Result<Option<Vec<super::simd::Lane>>, SearchError> {
    if rows.metric != request.metric {
        return Err(SearchError::Metric { contents: rows.metric, query: request.metric });
    }
    let Some(dimension) = rows.dimension else { return Ok(None) };
    if dimension != request.vector.len() {
        return Err(SearchError::Dimension { contents: dimension, query: request.vector.len() });
    }
    let query = working(request.metric, request.vector).ok_or(SearchError::NotFinite)?;
    Ok((request.k > 0).then_some(query))
}

/// The part of the rows that the filter leaves.
fn share(rows: &Rows, candidates: Option<&RoaringBitmap>) -> f64 {
    candidates.map_or(1.0, |candidates| candidates.len() as f64 / (rows.live.len().max(1)) as f64)
}

struct Searcher<'a> {
    rows: &'a RwLock<Rows>,
    request: &'a SearchRequest<'a>,
    probe: Probe,
    ef: usize,
}

impl Searcher<'_> {
    fn attempt(&self, depth: Depth, writes: Writes) -> Attempt {
        let keep = match (depth, &self.request.filter) {
            (_, None) => self.request.k,
            (Depth::Usual, Some(_)) => self.ef,
            (Depth::Exhaustive, Some(_)) => usize::MAX,
        };
        let mut nearest = Nearest::new(keep);
        let rows = self.rows.read();
        let rewrites = rows.rewrites;
        let candidates = self.candidates(&rows);
        let walk = Walk { ef: self.ef, share: share(&rows, candidates.as_ref()), depth };
        let mut walked = false;
        let let_go = |rows| match writes {
            Writes::Pass => {
                drop(rows);
                None
            }
            Writes::Wait => Some(rows),
        };
        let held = match candidates {
            Some(candidates) if walk.dearer_than_rows(&rows, candidates.len()) => {
                let picks = self.by_row(&rows, &candidates, &mut nearest);
                let held = let_go(rows);
                for (part, picks) in &picks {
                    self.pick(part, picks, &mut nearest);
                }
                held
            }
            candidates => {
                let sealed: Vec<Arc<Part>> =
                    rows.vectors.iter().flat_map(|vectors| vectors.sealed.values().cloned()).collect();
                self.scan_active(&rows, candidates.as_ref(), &mut nearest);
                let held = let_go(rows);
                for part in &sealed {
                    match walk.graph(part) {
                        Some(graph) => self.walk_part(part, graph, candidates.as_ref(), &mut nearest),
                        None => self.scan_part(part, candidates.as_ref(), &mut nearest),
                    }
                    walked |= walk.graph(part).is_some();
                }
                held
            }
        };
        let (found, pruned) = nearest.finish();
        let (named, rewrites_now) = self.last_look(&found);
        drop(held);
        let lost = named.len() < found.len() || rewrites_now != rewrites;
        Attempt { hits: self.judge(named), lost, complete: !pruned && !walked }
    }

    /// Rows the filter leaves; `None` for all.
    fn candidates(&self, rows: &Rows) -> Option<RoaringBitmap> {
        let filter = self.request.filter.as_ref()?;
        match narrow(rows, filter.filter) {
            Candidates::All => None,
            Candidates::Rows(candidates) => Some(candidates),
        }
    }

    /// Looks the candidates up: those in the active part are offered at once, the others listed by part.
    fn by_row(
        &self,
        rows: &Rows,
        candidates: &RoaringBitmap,
        nearest: &mut Nearest,
    ) -> Vec<(Arc<Part>, Vec<u32>)> {
        let Some(vectors) = rows.vectors.as_ref() else { return Vec::new() };
        let mut picks = std::collections::BTreeMap::<u32, Vec<u32>>::new();
        let mut active = Vec::new();
        for place in candidates.iter().filter_map(|row| rows.row(row)?.place) {
            if place.part == vectors.active.number {
                active.push(place.member);
            } else {
                picks.entry(place.part).or_default().push(place.member);
            }
        }
        let mut keys = Vec::new();
        self.probe.picked(&vectors.active.lanes, &active, &mut keys);
        for (key, member) in keys.iter().zip(&active) {
            nearest.offer(*key, vectors.active.members[*member as usize]);
        }
        picks
            .into_iter()
            .filter_map(|(part, picks)| Some((vectors.sealed.get(&part)?.clone(), picks)))
            .collect()
    }

    fn pick(&self, part: &Part, picks: &[u32], nearest: &mut Nearest) {
        let mut keys = Vec::new();
        for picks in picks.chunks(BLOCK) {
            self.probe.picked(&part.lanes, picks, &mut keys);
            for (key, member) in keys.iter().zip(picks) {
                nearest.offer(*key, part.members[*member as usize]);
            }
        }
    }

    fn scan_active(&self, rows: &Rows, candidates: Option<&RoaringBitmap>, nearest: &mut Nearest) {
        let Some(vectors) = rows.vectors.as_ref() else { return };
        let (lanes, members) = (&vectors.active.lanes, &vectors.active.members);
        let mut keys = Vec::new();
        for (lanes, members) in lanes.chunks(BLOCK * self.probe.stride()).zip(members.chunks(BLOCK)) {
            self.probe.rows(lanes, &mut keys);
            for (key, member) in keys.iter().zip(members) {
                if nearest.takes(*key) && candidates.is_none_or(|rows| rows.contains(member.row)) {
                    nearest.offer(*key, *member);
                }
            }
        }
    }

    fn walk_part(
        &self,
        part: &Part,
        graph: &Graph,
        candidates: Option<&RoaringBitmap>,
        nearest: &mut Nearest,
    ) {
        let wanted = |member: u32| {
            !part.dead.has(member)
                && candidates.is_none_or(|rows| rows.contains(part.members[member as usize].row))
        };
        let lives = |node: u32| {
            wanted(node)
                || !graph.twins.is_empty()
                    && graph.twins.get(&node).is_some_and(|twins| twins.iter().any(|twin| wanted(*twin)))
        };
        let space = Space { lanes: &part.lanes, probe: &self.probe };
        for (key, node) in graph.nearest(space, self.ef, lives) {
            let twins = graph.twins.get(&node).into_iter().flatten().copied();
            for member in std::iter::once(node).chain(twins).filter(|member| wanted(*member)) {
                nearest.offer(key, part.members[member as usize]);
            }
        }
    }

    fn scan_part(&self, part: &Part, candidates: Option<&RoaringBitmap>, nearest: &mut Nearest) {
        let mut keys = Vec::new();
        let blocks =
            part.lanes.chunks(BLOCK * self.probe.stride()).zip(part.members.chunks(BLOCK)).enumerate();
        for (block, (lanes, members)) in blocks {
            self.probe.rows(lanes, &mut keys);
            for (at, (key, member)) in keys.iter().zip(members).enumerate() {
                let dead = || part.dead.has((block * BLOCK + at) as u32);
                if nearest.takes(*key) && !dead() && candidates.is_none_or(|rows| rows.contains(member.row)) {
                    nearest.offer(*key, *member);
                }
            }
        }
    }

    /// Names what was found, by the rows as they are now (INV-4): best first, ties by id; and how many vectors had
    /// been rewritten by then.
    fn last_look(&self, found: &[Found]) -> (Vec<(f32, Arc<str>)>, u64) {
        // The attempt may hold the lock already, and a writer wait for it.
        let rows = self.rows.read_recursive();
        let named =
            found.iter().filter_map(|found| Some((found.key, rows.of_member(found.member)?.id.clone())));
        let mut named: Vec<(f32, Arc<str>)> = named.collect();
        let rewrites = rows.rewrites;
        drop(rows);
        named.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        (named, rewrites)
    }

    /// Asks the filter's judge (INV-3), from the best on, until there are enough.
    fn judge(&self, named: Vec<(f32, Arc<str>)>) -> Vec<SearchHit> {
        let verdict = |id: &str| match &self.request.filter {
            Some(Filtered { verify, .. }) => verify(id),
            None => true,
        };
        let hits = named.into_iter().filter(|(_, id)| verdict(id)).take(self.request.k);
        hits.map(|(key, id)| SearchHit { score: score(self.request.metric, key), id }).collect()
    }
}

/// Why a vector can't be searched for in these contents.
pub(super) fn describe(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "cosine",
        Metric::L2 => "l2",
        Metric::Dot => "dot",
    }
}
