//! The driver: whatever fails, every recorded operation ends, with exact counts (PW4, PW5, PC5).

use std::sync::Arc;
use std::time::{Duration, Instant};

use lacuna_model::command::Command;
use lacuna_proto::peer_clock::PeerClocks;
use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::claims::claim_of;
use super::fake_shards::{FakeGroup, FakeNodes, FakeShard, Mood, World};
use super::*;
use crate::meta::driver::Driver;
use crate::meta::machine::MetaView;
use crate::meta::pace::Pace;

const SHARDS: u32 = 4;
/// Records and matches of the namespace on shard s: these plus s.
const LIVE: u64 = 20;
const MATCHING: u64 = 7;

struct Bench {
    group: Arc<FakeGroup>,
    nodes: FakeNodes,
    view: MetaView,
    collection: CollectionId,
    incarnation: Incarnation,
    _stop: DropGuard,
}

impl Bench {
    /// A running driver over four shards with one filled namespace; shard s is led by its preferred node.
    fn new() -> Self {
        let group = Arc::new(FakeGroup::new(SHARDS));
        let view = group.machine.lock().0.view();
        let MetaOutcome::Collection(made) = group.apply(create("a")) else { panic!() };
        let open = MetaCommand::OpenNamespace { collection: made.id, namespace: named("") };
        let MetaOutcome::Resolved(resolved) = group.apply(open) else { panic!() };
        let incarnation = resolved.incarnation.unwrap();
        let shards = cluster(SHARDS).map.shards.into_iter().map(|placement| {
            let extra = u64::from(placement.shard.0);
            let shard = FakeShard {
                leader: placement.replicas[0],
                live: [(incarnation, LIVE + extra)].into(),
                matching: [(incarnation, MATCHING + extra)].into(),
                ..FakeShard::default()
            };
            (placement.shard, shard)
        });
        let world =
            World { shards: shards.collect(), moods: [].into(), boots: [].into(), hints: true, calls: 0 };
        let nodes = FakeNodes { world: Arc::new(Mutex::new(world)), view: view.clone() };
        let stop = CancellationToken::new();
        let (lead, ways) = (Arc::clone(&group), Arc::new(nodes.clone()));
        let driver = Driver::new(lead, view.clone(), ways, Arc::new(PeerClocks::default())).at_pace(pace());
        tokio::spawn(driver.run(stop.clone()));
        Self { group, nodes, view, collection: made.id, incarnation, _stop: stop.drop_guard() }
    }

    fn record(&self, ask: RecordOperation) -> OpNumber {
        match self.group.apply(MetaCommand::Record(ask)) {
            MetaOutcome::Operation { operation, .. } => operation.number,
            other => panic!("{other:?}"),
        }
    }

    fn get(&self, number: OpNumber) -> Operation {
        self.view.look(|state| state.operation(number).unwrap().clone())
    }

    fn mood(&self, node: NodeId, mood: Mood) {
        self.nodes.world.lock().moods.insert(node, mood);
    }

    fn leader(&self, of: u32) -> NodeId {
        self.nodes.world.lock().shards[&shard(of)].leader
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the end and the closing of an operation; returns it as it ended.
    async fn end(&self, number: OpNumber) -> Operation {
        self.until("ended", |bench| bench.get(number).finished.is_some()).await;
        let ended = self.get(number);
        self.until("closed", |bench| bench.get(number).unclosed.is_empty()).await;
        let world = self.nodes.world.lock();
        assert!(world.shards.values().all(|shard| !shard.rows.contains_key(&number)), "a row is left");
        ended
    }
}

fn pace() -> Pace {
    Pace {
        round: Duration::from_millis(10),
        take_up: Duration::from_millis(20),
        close_after: Duration::from_millis(40),
        call_wait: Duration::from_secs(1),
        evict_every: Duration::from_secs(3600),
    }
}

fn deleted(operation: &Operation) -> Vec<u64> {
    let count = |(_, progress): &(ShardId, ShardProgress)| match progress {
        ShardProgress::Pending => panic!("pending"),
        ShardProgress::Row(row) => row.deleted,
    };
    operation.shards.iter().map(count).collect()
}

fn expected(base: u64) -> Vec<u64> {
    (0..u64::from(SHARDS)).map(|extra| base + extra).collect()
}

#[tokio::test]
async fn delete_all_and_where_delete_end_by_themselves_with_exact_counts() {
    let bench = Bench::new();
    let filtered = bench.record(delete_where("k", by_id(bench.collection), None));
    assert_eq!(deleted(&bench.end(filtered).await), expected(MATCHING));
    let all = bench.record(delete_all("l", by_id(bench.collection), ""));
    assert_eq!(deleted(&bench.end(all).await), vec![LIVE - MATCHING; SHARDS as usize]);
    let world = bench.nodes.world.lock();
    assert!(world.shards.values().all(|shard| shard.low > all), "nothing is open any more");
}

#[tokio::test]
async fn a_limit_goes_shard_after_shard_with_what_is_left() {
    let bench = Bench::new();
    let limit = MATCHING + 4;
    let number = bench.record(delete_where("k", by_id(bench.collection), Some(limit)));
    assert_eq!(deleted(&bench.end(number).await), [MATCHING, 4, 0, 0]);
    let world = bench.nodes.world.lock();
    let limits = world.shards.values().map(|shard| match shard.starts.last() {
        Some(Command::StartWhere(start)) => start.limit,
        other => panic!("{other:?}"),
    });
    assert_eq!(limits.collect::<Vec<_>>(), [Some(limit), Some(4), Some(0), Some(0)]);
}

#[tokio::test]
async fn a_hanging_node_holds_up_its_own_shards_only() {
    for mood in [Mood::Hangs, Mood::Deaf, Mood::Refuses] {
        let bench = Bench::new();
        let stopped = bench.leader(0);
        bench.mood(stopped, mood);
        let number = bench.record(delete_all("k", by_id(bench.collection), ""));
        let pending = |bench: &Bench| -> Vec<ShardId> {
            let shards = bench.get(number).shards;
            let open = shards.into_iter().filter(|(_, progress)| *progress == ShardProgress::Pending);
            open.map(|(shard, _)| shard).collect()
        };
        let its_own: Vec<ShardId> =
            (0..SHARDS).filter(|of| bench.leader(*of) == stopped).map(shard).collect();
        let begun = Instant::now();
        bench.until("the others are done", |bench| pending(bench) == its_own).await;
        assert!(begun.elapsed() < pace().call_wait, "{mood:?}: the others waited for it");
        assert_eq!(bench.get(number).finished, None);
        bench.mood(stopped, Mood::Well);
        assert_eq!(deleted(&bench.end(number).await), expected(LIVE));
    }
}

#[tokio::test]
async fn a_new_leader_is_found_with_and_without_a_hint() {
    for hints in [true, false] {
        let bench = Bench::new();
        let old = bench.leader(0);
        let first = bench.record(delete_where("k", by_id(bench.collection), None));
        bench.end(first).await;
        {
            let mut world = bench.nodes.world.lock();
            world.hints = hints;
            world.moods.insert(old, Mood::Hangs);
            for shard in world.shards.values_mut().filter(|shard| shard.leader == old) {
                shard.leader = NodeId(old.0 % 3 + 1);
            }
        }
        let second = bench.record(delete_all("l", by_id(bench.collection), ""));
        assert_eq!(deleted(&bench.end(second).await), vec![LIVE - MATCHING; SHARDS as usize]);
    }
}

#[tokio::test]
async fn lost_answers_change_no_count() {
    let bench = Bench::new();
    (1..=3).for_each(|node| bench.mood(NodeId(node), Mood::LosesAnswers));
    let filtered = bench.record(delete_where("k", by_id(bench.collection), None));
    let started =
        |bench: &Bench| bench.nodes.world.lock().shards.values().all(|shard| shard.starts.len() > 1);
    bench.until("each shard was started more than once", started).await;
    *bench.group.mood.lock() = Mood::Flaky;
    (1..=3).for_each(|node| bench.mood(NodeId(node), Mood::Flaky));
    assert_eq!(deleted(&bench.end(filtered).await), expected(MATCHING));
    let all = bench.record(delete_all("l", by_id(bench.collection), ""));
    assert_eq!(deleted(&bench.end(all).await), vec![LIVE - MATCHING; SHARDS as usize]);
}

#[tokio::test]
async fn many_operations_at_once_all_end() {
    let bench = Bench::new();
    (1..=3).for_each(|node| bench.mood(NodeId(node), Mood::Flaky));
    let numbers: Vec<OpNumber> = (0..150)
        .map(|at| bench.record(delete_where(&format!("k{at}"), by_id(bench.collection), None)))
        .collect();
    let mut sums = vec![0; SHARDS as usize];
    for number in numbers {
        let counts = deleted(&bench.end(number).await);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert_eq!(sums, expected(MATCHING));
}

#[tokio::test]
async fn a_where_delete_that_a_fence_forestalled_ends_with_nothing_taken() {
    let bench = Bench::new();
    for shard in bench.nodes.world.lock().shards.values_mut() {
        shard.ended.insert(bench.incarnation);
    }
    let number = bench.record(delete_where("k", by_id(bench.collection), None));
    let ended = bench.end(number).await;
    assert_eq!(deleted(&ended), [0; SHARDS as usize]);
    let fenced = |(_, progress): &(ShardId, ShardProgress)| matches!(progress, ShardProgress::Row(row) if row.status == RowStatus::Fenced);
    assert!(ended.shards.iter().all(fenced));
}

#[tokio::test]
async fn who_doesnt_lead_asks_nobody() {
    let bench = Bench::new();
    *bench.group.leads.lock() = false;
    tokio::time::sleep(Duration::from_millis(30)).await;
    let number = bench.record(delete_all("k", by_id(bench.collection), ""));
    let calls = bench.nodes.world.lock().calls;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((bench.nodes.world.lock().calls, bench.get(number).finished), (calls, None));
    *bench.group.leads.lock() = true;
    bench.end(number).await;
}

#[tokio::test]
async fn a_restarted_node_is_pinged_again() {
    let bench = Bench::new();
    let first = bench.record(delete_where("k", by_id(bench.collection), None));
    bench.end(first).await;
    bench.nodes.world.lock().boots = (1..=3).map(|node| (NodeId(node), 2)).collect();
    let begun = Instant::now();
    let second = bench.record(delete_all("l", by_id(bench.collection), ""));
    bench.end(second).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited until the old clock was too old to use");
}

#[tokio::test]
async fn a_keyed_upsert_that_was_given_up_is_not_finished_by_the_meta_leader() {
    let bench = Bench::new();
    let MetaOutcome::Claim { claim, .. } = bench.group.apply(claim_of("mine", 1)) else { panic!() };
    tokio::time::sleep(pace().take_up * 5).await;
    assert_eq!(bench.nodes.world.lock().calls, 0, "a claim is nobody's work");
    // Nor does it keep shards from forgetting: an operation behind it ends, and is closed past its number.
    let number = bench.record(delete_where("k", by_id(bench.collection), None));
    bench.end(number).await;
    let world = bench.nodes.world.lock();
    let sent: Vec<&Command> = world.shards.values().flat_map(|shard| &shard.starts).collect();
    assert!(
        sent.iter().all(|sent| matches!(sent, Command::StartWhere(start) if start.number == number)),
        "{sent:?}"
    );
    assert!(world.shards.values().all(|shard| shard.low > claim.number));
}
