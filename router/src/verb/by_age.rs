//! Records in insertion order (protocol PR0), with an offset and a limit over all shards.
//!
//! Each shard has its own records in order; the pages of all are merged as they are needed, so that a small page of
//! a large collection is small work, and all of it goes through in pieces.

use std::collections::{HashSet, VecDeque};

use lacuna_model::access::Right;
use lacuna_model::catalog::ClusterInfo;
use lacuna_model::filter::Filter;
use lacuna_model::read::{AgePlace, Include, ReadBody, ReadRequest, RecordView};
use lacuna_model::record::Ordinal;
use lacuna_model::{Incarnation, RecordId, ShardId};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::core::{Core, Target};
use crate::error::Verb;
use crate::fanout;
use crate::verb::Call;
use crate::verb::scatter::{REPLAN_PAUSE, complete, ended, gather, odd};

/// Records that one shard is asked for at a time.
const MOST_AT_ONCE: usize = 2_000;

/// Which records.
#[derive(Clone, Debug, PartialEq)]
pub struct AgePage {
    /// Only records that match.
    pub filter: Option<Filter>,
    /// So many of those that match are passed over.
    pub offset: usize,
    /// At most so many; `None`: all.
    pub limit: Option<usize>,
    /// What of the records is sent.
    pub include: Include,
}

impl Router {
    /// Records oldest first, ties by id: of those that match, the ones behind `offset`, at most `limit`. A record
    /// keeps its place when it is written again; deleted and made anew it is the youngest. A long answer is read
    /// in pieces: what is written meanwhile may or may not be in it, everything else is in it once.
    pub async fn list_by_age(&self, target: &Target, call: &Call, page: &AgePage) -> Verb<Vec<RecordView>> {
        let core = self.core();
        let mut fresh = Fresh::Leased;
        loop {
            let resolved = core.resolve(target, call, (Right::Read, fresh)).await?;
            let Some(incarnation) = resolved.incarnation.filter(|_| page.limit != Some(0)) else {
                return Ok(Vec::new());
            };
            let cluster = core.cluster(call.deadline).await?;
            let contents =
                Contents { core, call, cluster: &cluster, incarnation, filter: page.filter.as_ref() };
            match contents.page(page).await? {
                Some(records) => return Ok(records),
                None if call.deadline.passed() => return Err(ended()),
                None => {
                    call.deadline.pause(REPLAN_PAUSE).await;
                    fresh = Fresh::Asked;
                }
            }
        }
    }
}

/// The contents that are read. Answers are `None` if they have ended meanwhile.
struct Contents<'a> {
    core: &'a Core,
    call: &'a Call,
    cluster: &'a ClusterInfo,
    incarnation: Incarnation,
    filter: Option<&'a Filter>,
}

impl Contents<'_> {
    async fn page(&self, page: &AgePage) -> Verb<Option<Vec<RecordView>>> {
        let limit = page.limit.unwrap_or(usize::MAX);
        let (place, skip) = match (page.offset, self.filter) {
            (0, _) => (None, 0),
            (offset, None) => match self.ordinal_at(offset).await? {
                None => return Ok(None),
                Some(None) => return Ok(Some(Vec::new())),
                Some(Some((ordinal, skip))) => (Some(AgePlace { ordinal, id: String::new() }), skip),
            },
            // What matches is known record by record: the first ones are met without their parts.
            (offset, Some(_)) => {
                let Some(passed) = self.walk((None, 0), offset, Include::default()).await? else {
                    return Ok(None);
                };
                match passed.last() {
                    Some(last) if passed.len() == offset => (Some(place_of(last)), 0),
                    Some(_) | None => return Ok(Some(Vec::new())),
                }
            }
        };
        self.walk((place, skip), limit, page.include).await
    }

    /// The ordinal of the record behind so many, and how many of them have this ordinal too; `Some(None)`: there
    /// are not so many.
    async fn ordinal_at(&self, offset: usize) -> Verb<Option<Option<(Ordinal, usize)>>> {
        let request =
            ReadRequest::Ordinals { incarnation: self.incarnation, limit: offset.saturating_add(1) };
        let asked = self.shards().map(|shard| (shard, request.clone())).collect::<Vec<_>>();
        let Some(bodies) = self.ask(&asked).await? else { return Ok(None) };
        let mut all: Vec<Ordinal> = Vec::new();
        for (_, body) in bodies {
            let ReadBody::Ordinals(ordinals) = body else { return Err(odd(&body)) };
            all.extend(ordinals);
        }
        if all.len() <= offset {
            return Ok(Some(None));
        }
        let (before, at, _) = all.select_nth_unstable(offset);
        let (at, older) = (*at, before.iter().filter(|ordinal| **ordinal < *at).count());
        Ok(Some(Some((at, offset - older))))
    }

    /// At most `limit` records behind a place, without the first `skip`.
    async fn walk(
        &self,
        (place, mut skip): (Option<AgePlace>, usize),
        limit: usize,
        include: Include,
    ) -> Verb<Option<Vec<RecordView>>> {
        let mut lanes: Vec<Lane> = self.shards().map(|shard| Lane::new(shard, place.clone())).collect();
        let mut records = Vec::new();
        let mut seen = HashSet::new();
        while records.len() < limit {
            let wanted = limit.saturating_sub(records.len()).saturating_add(skip);
            if lanes.iter().any(Lane::is_dry) && !self.refill(&mut lanes, wanted, include).await? {
                return Ok(None);
            }
            let Some(next) = next_of(&mut lanes) else { break };
            // One that was deleted and made anew while it was read stands at both its places.
            if skip > 0 {
                skip -= 1;
            } else if seen.insert(next.id.clone()) {
                records.push(next);
            }
        }
        Ok(Some(records))
    }

    /// Reads on in every shard that is dry or soon will be; false if the contents have ended.
    async fn refill(&self, lanes: &mut [Lane], wanted: usize, include: Include) -> Verb<bool> {
        let page = share(wanted, lanes.len());
        let low = |lane: &&mut Lane| lane.more && lane.records.len() <= page / 4;
        let asked: Vec<_> = lanes
            .iter_mut()
            .filter(low)
            .map(|lane| {
                let request = ReadRequest::Oldest {
                    incarnation: self.incarnation,
                    filter: self.filter.cloned(),
                    after: lane.read_to.clone(),
                    limit: page,
                    include,
                };
                (lane.shard, request)
            })
            .collect();
        let Some(bodies) = self.ask(&asked).await? else { return Ok(false) };
        for (shard, body) in bodies {
            let ReadBody::Records { records, more } = body else { return Err(odd(&body)) };
            let Some(lane) = lanes.iter_mut().find(|lane| lane.shard == shard) else { continue };
            lane.read_to = records.last().map(place_of).or(lane.read_to.take());
            // Nothing, with more behind it, would be asked for again and again.
            lane.more = more && !records.is_empty();
            lane.records.extend(records);
        }
        Ok(true)
    }

    async fn ask(&self, asked: &[(ShardId, ReadRequest)]) -> Verb<Option<Vec<(ShardId, ReadBody)>>> {
        self.call.trace.asked(asked.len());
        let answers = fanout::read_all(self.core, self.cluster, asked, self.call.deadline).await;
        self.call.trace.mark("shards");
        let Some(scattered) = gather(answers)? else { return Ok(None) };
        Ok(Some(complete(scattered)?.into_iter().map(|(shard, reply)| (shard, reply.body)).collect()))
    }

    fn shards(&self) -> impl Iterator<Item = ShardId> {
        self.cluster.map.shards.iter().map(|placement| placement.shard)
    }
}

/// One shard's records that were read and not yet used.
struct Lane {
    shard: ShardId,
    records: VecDeque<RecordView>,
    /// Everything up to here was read.
    read_to: Option<AgePlace>,
    more: bool,
}

impl Lane {
    fn new(shard: ShardId, from: Option<AgePlace>) -> Self {
        Self { shard, records: VecDeque::new(), read_to: from, more: true }
    }

    /// Must it be read on before the next record of all is known?
    fn is_dry(&self) -> bool {
        self.more && self.records.is_empty()
    }
}

/// The oldest record of all lanes, taken out.
fn next_of(lanes: &mut [Lane]) -> Option<RecordView> {
    let filled = lanes.iter_mut().filter(|lane| !lane.records.is_empty());
    filled.min_by(|a, b| age(a).cmp(&age(b)))?.records.pop_front()
}

fn age(lane: &Lane) -> Option<(Ordinal, &RecordId)> {
    lane.records.front().map(|record| (record.ordinal, &record.id))
}

fn place_of(record: &RecordView) -> AgePlace {
    AgePlace { ordinal: record.ordinal, id: record.id.as_str().to_owned() }
}

/// How many to ask each of so many shards for: its share of what is wanted, and some more, as shares vary.
fn share(wanted: usize, shards: usize) -> usize {
    let even = wanted / shards.max(1) + 1;
    even.saturating_add(4 * even.isqrt()).min(wanted.max(1)).min(MOST_AT_ONCE)
}
