//! Slots to shards and shards to nodes, computed once when a cluster is made.
//!
//! The result is data of the meta group; the ring only computes it (design §3). The ring hashes raw bytes
//! with keys of our own: what `std::hash` makes of a type is not promised to stay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher};

use hashring::HashRing;
use lacuna_model::catalog::{ShardMap, ShardPlacement};
use lacuna_model::{MapEpoch, NodeId, SLOTS, ShardId, Slot};
use siphasher::sip::SipHasher13;

/// Points of each shard on the ring.
const VIRTUAL_POINTS: u32 = 256;

/// Keys of the ring's hash. Changing them changes which slots move when shards are added.
const RING_KEYS: (u64, u64) = (0x4c61_6375_6e61_2d72, 0x696e_672d_6861_7368);

/// Computes the first slot table: slots to shards by the ring, replicas and preferred leaders evenly over the
/// nodes, a shard's replicas on different nodes (at most one a node, however many are asked for).
pub fn plan(nodes: &[NodeId], shards: u32, replicas: u32) -> ShardMap {
    let nodes: Vec<NodeId> = nodes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let shards: Vec<ShardId> = (0..shards.max(1)).map(ShardId).collect();
    let placements = shards.iter().zip(replica_sets(&nodes, shards.len(), replicas.max(1) as usize));
    ShardMap {
        epoch: MapEpoch(1),
        slots: slot_table(&shards),
        shards: placements.map(|(shard, replicas)| ShardPlacement { shard: *shard, replicas }).collect(),
    }
}

/// The shard of each slot, by the ring.
fn slot_table(shards: &[ShardId]) -> Vec<ShardId> {
    let mut ring = HashRing::with_hasher(RingHash);
    let points = |shard: &ShardId| {
        let shard = *shard;
        (0..VIRTUAL_POINTS).map(move |number| RingPoint { shard, number })
    };
    ring.batch_add(shards.iter().flat_map(points).collect());
    (0..SLOTS).map(|slot| ring.get(&RingSlot(Slot(slot))).map_or(ShardId(0), |point| point.shard)).collect()
}

/// Nodes of each shard, the preferred leader first: those with the fewest replicas so far, so that no node holds
/// two more than another; then leaders are evened out.
fn replica_sets(nodes: &[NodeId], shards: usize, replicas: usize) -> Vec<Vec<NodeId>> {
    let count = nodes.len();
    let mut held = vec![0_usize; count];
    let mut led = vec![0_usize; count];
    let mut sets = Vec::with_capacity(shards);
    for shard in 0..shards {
        // Ties turn with the shard and shift each round, so that pairs of neighbours differ.
        let turn = |node: usize| (node + 2 * count - (shard + shard / count) % count) % count;
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|node| (held[*node], led[*node], turn(*node)));
        order.truncate(replicas);
        for node in &order {
            held[*node] += 1;
        }
        order.sort_by_key(|node| led[*node]);
        order.first().into_iter().for_each(|leader| led[*leader] += 1);
        sets.push(order.into_iter().map(|node| nodes[node]).collect());
    }
    even_leaders(nodes, &mut sets);
    sets
}

/// Hands preferred leadership on until no node leads two shards more than another.
fn even_leaders(nodes: &[NodeId], sets: &mut [Vec<NodeId>]) {
    loop {
        let mut led: BTreeMap<NodeId, usize> = nodes.iter().map(|node| (*node, 0)).collect();
        for leader in sets.iter().filter_map(|set| set.first()) {
            *led.entry(*leader).or_default() += 1;
        }
        let most = led.values().copied().max().unwrap_or(0);
        let chain = led
            .iter()
            .filter(|(_, count)| **count == most)
            .find_map(|(node, _)| chain_from(*node, most, &led, sets));
        let Some(chain) = chain else { return };
        for (shard, node) in chain {
            sets[shard].retain(|other| *other != node);
            sets[shard].insert(0, node);
        }
    }
}

/// Hand-overs (shard, its new leader) that move one leadership from `start` to a node with at least two fewer.
fn chain_from(
    start: NodeId,
    most: usize,
    led: &BTreeMap<NodeId, usize>,
    sets: &[Vec<NodeId>],
) -> Option<Vec<(usize, NodeId)>> {
    let mut reached: BTreeMap<NodeId, Option<(NodeId, usize)>> = BTreeMap::from([(start, None)]);
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        if led[&node] + 2 <= most {
            let mut chain = Vec::new();
            let mut at = node;
            while let Some((giver, shard)) = reached[&at] {
                chain.push((shard, at));
                at = giver;
            }
            return Some(chain);
        }
        for (shard, set) in sets.iter().enumerate().filter(|(_, set)| set.first() == Some(&node)) {
            for member in &set[1..] {
                if !reached.contains_key(member) {
                    reached.insert(*member, Some((node, shard)));
                    queue.push_back(*member);
                }
            }
        }
    }
    None
}

/// Builds the ring's hasher, with fixed keys.
#[derive(Clone)]
struct RingHash;

impl BuildHasher for RingHash {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(RING_KEYS.0, RING_KEYS.1)
    }
}

/// One point of a shard on the ring.
struct RingPoint {
    shard: ShardId,
    number: u32,
}

impl Hash for RingPoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut raw = *b"point\0\0\0\0\0\0\0\0";
        raw[5..9].copy_from_slice(&self.shard.0.to_be_bytes());
        raw[9..].copy_from_slice(&self.number.to_be_bytes());
        state.write(&raw);
    }
}

/// A slot's place on the ring.
struct RingSlot(Slot);

impl Hash for RingSlot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut raw = *b"slot\0\0";
        raw[4..].copy_from_slice(&self.0.0.to_be_bytes());
        state.write(&raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u64) -> Vec<NodeId> {
        (1..=count).map(NodeId).collect()
    }

    fn shares(map: &ShardMap) -> Vec<usize> {
        map.shards.iter().map(|placement| map.slots_of(placement.shard).len()).collect()
    }

    #[test]
    fn the_slot_table_has_golden_values() {
        let table: Vec<u8> =
            plan(&nodes(1), 8, 1).slots.iter().flat_map(|shard| shard.0.to_be_bytes()).collect();
        assert_eq!(crc32c::crc32c(&table), GOLDEN_CRC, "the ring's hash is part of how slots move");
        assert_eq!(shares(&plan(&nodes(1), 4, 1)), GOLDEN_SHARES);
    }

    const GOLDEN_CRC: u32 = 3_918_671_268;
    const GOLDEN_SHARES: [usize; 4] = [977, 1002, 1170, 947];

    #[test]
    fn each_slot_has_a_shard_and_shares_are_even_enough() {
        for shards in [1, 2, 4, 8, 16] {
            let shares = shares(&plan(&nodes(3), shards, 3));
            assert_eq!(shares.iter().sum::<usize>(), usize::from(SLOTS));
            let mean = usize::from(SLOTS) / shards as usize;
            assert!(
                shares.iter().all(|share| *share > mean * 6 / 10 && *share < mean * 15 / 10),
                "{shares:?}"
            );
        }
    }

    #[test]
    fn adding_a_shard_moves_slots_only_to_it() {
        let (before, after) = (plan(&nodes(3), 8, 1), plan(&nodes(3), 9, 1));
        let moved = before.slots.iter().zip(&after.slots).filter(|(old, new)| old != new);
        assert!(moved.clone().all(|(_, new)| *new == ShardId(8)));
        assert!(moved.count() < usize::from(SLOTS) / 6);
    }

    #[test]
    fn replicas_and_leaders_are_even_and_never_share_a_node() {
        for (count, shards, replicas) in
            (1..=7).flat_map(|n| (1..=24).flat_map(move |s| (1..=5).map(move |r| (n, s, r))))
        {
            let sets = replica_sets(&nodes(count), shards, replicas);
            let mut held = BTreeMap::new();
            let mut led = BTreeMap::new();
            for replicas_of in &sets {
                let set: BTreeSet<_> = replicas_of.iter().copied().collect();
                assert_eq!(set.len(), replicas_of.len());
                assert_eq!(set.len(), replicas.min(count as usize));
                for node in set {
                    *held.entry(node).or_insert(0) += 1;
                }
                *led.entry(replicas_of[0]).or_insert(0) += 1;
            }
            for load in [held, led] {
                let of = |node: &NodeId| load.get(node).copied().unwrap_or(0);
                let (least, most) = (nodes(count).iter().map(of).min(), nodes(count).iter().map(of).max());
                assert!(
                    most <= least.map(|least| least + 1),
                    "{count} nodes, {shards} shards × {replicas}: {load:?}"
                );
            }
        }
    }

    #[test]
    fn the_order_and_repeats_of_nodes_do_not_matter() {
        let shuffled = [NodeId(3), NodeId(1), NodeId(2), NodeId(1)];
        assert_eq!(plan(&shuffled, 8, 2), plan(&nodes(3), 8, 2));
    }
}
