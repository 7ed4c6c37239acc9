//! Random histories with power cuts, against a naive model.
//!
//! All steps go through one queue, so what is recovered must be the model after some prefix of the submissions, and a
//! prefix that holds every acknowledged one. That covers order, lost entries, and entries that outlive a truncation.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::sim::{Loss, SimDisk};
use super::super::{Retire, Upkeep, Wal, WalConfig, WalOp};
use super::config;

#[derive(Clone, Debug, Default, PartialEq)]
struct GroupModel {
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    entries: BTreeMap<u64, Bytes>,
}

type Model = BTreeMap<u32, GroupModel>;

fn apply(model: &mut Model, group: u32, op: &WalOp) {
    let g = model.entry(group).or_default();
    match op {
        WalOp::Vote(b) => g.vote = Some(b.clone()),
        WalOp::Committed(b) => g.committed = Some(b.clone()),
        WalOp::Append { index, body } => {
            g.entries.insert(*index, body.clone());
        }
        WalOp::TruncateAfter(after) => {
            g.entries.retain(|index, _| after.is_some_and(|after| *index <= after));
        }
        WalOp::Purge { upto, last } => {
            g.entries.retain(|index, _| index > upto);
            g.purged = Some((*upto, last.clone()));
        }
        WalOp::Drop => {
            model.remove(&group);
        }
    }
    // An empty group and an unknown one are the same.
    model.retain(|_, group| *group != GroupModel::default());
}

fn random_op(rng: &mut StdRng, group: &GroupModel) -> WalOp {
    let stamp = Bytes::from(format!("{:08x}", rng.random::<u32>()));
    let floor = group.purged.as_ref().map_or(0, |p| p.0);
    let last = group.entries.keys().next_back().copied();
    match rng.random_range(0..100) {
        0..8 => WalOp::Vote(stamp),
        8..14 => WalOp::Committed(stamp),
        14..24 => {
            let after = last.unwrap_or(floor).saturating_sub(rng.random_range(0..6));
            WalOp::TruncateAfter((after > 0).then_some(after))
        }
        24..32 => {
            let upto = (floor + rng.random_range(0..12)).min(last.unwrap_or(floor) + 1).max(floor);
            WalOp::Purge { upto, last: stamp }
        }
        32 => WalOp::Drop,
        _ => {
            let body = format!("{:08x}{}", rng.random::<u32>(), "b".repeat(rng.random_range(0..900)));
            WalOp::Append { index: last.unwrap_or(floor) + 1, body: Bytes::from(body) }
        }
    }
}

fn recovered(wal: &Wal) -> Model {
    let group = |id| {
        let state = wal.state(id);
        let entries: BTreeMap<_, _> = wal.read(id, 0..u64::MAX).unwrap().into_iter().collect();
        assert_eq!(
            (state.first, state.last),
            (entries.keys().next().copied(), entries.keys().next_back().copied())
        );
        GroupModel { vote: state.vote, committed: state.committed, purged: state.purged, entries }
    };
    let groups = wal.groups().into_iter().map(|id| (id, group(id)));
    groups.filter(|(_, group)| *group != GroupModel::default()).collect()
}

fn settings(rng: &mut StdRng) -> WalConfig {
    WalConfig {
        segment_bytes: 8 << 10,
        limit_bytes: if rng.random() { 40 << 10 } else { 1 << 40 },
        cache_bytes: if rng.random() { 2_000 } else { 1 << 20 },
        idle_batch: rng.random_bool(0.5).then_some(Duration::from_millis(1)),
        upkeep: if rng.random() { Upkeep::Inline } else { Upkeep::Background },
        retire: if rng.random() { Retire::Unlink } else { Retire::ZeroThenUnlink },
        on_failure: Arc::new(|_| {}),
        ..config(Path::new("/sim"))
    }
}

/// One life of a log: random steps until the disk stops. Gives the model after each submission, and how many were
/// acknowledged, in order.
fn live(wal: &Wal, rng: &mut StdRng, start: Model) -> (Vec<Model>, usize) {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut models = vec![start];
    for n in 1..=rng.random_range(1..300) {
        let mut model = models[n - 1].clone();
        let group = rng.random_range(0..4);
        let mut ops = Vec::new();
        for _ in 0..rng.random_range(1..4) {
            let op = random_op(rng, &model.get(&group).cloned().unwrap_or_default());
            apply(&mut model, group, &op);
            ops.push(op);
        }
        models.push(model);
        let seen = acknowledged.clone();
        wal.submit(group, ops, move |done| {
            if done.is_ok() {
                assert_eq!(seen.swap(n, Ordering::SeqCst), n - 1, "acknowledged in order, without a gap");
            }
        });
        match rng.random_range(0..100) {
            0..20 => drop(wal.flush()),
            20..23 => wal.checkpoint(rng.random_range(0..4), |_| {}),
            23 => wal.rewrite(|_| {}),
            _ => {}
        }
    }
    if rng.random() {
        drop(wal.flush());
    }
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    (models, acknowledged)
}

fn brief(model: &Model) -> String {
    let group = |(id, g): (&u32, &GroupModel)| {
        let range = (g.entries.keys().next(), g.entries.keys().next_back());
        format!("{id}: {:?} {:?} {:?} {range:?}; ", g.vote, g.committed, g.purged)
    };
    model.iter().map(group).collect()
}

fn rounds() -> u64 {
    std::env::var("LACUNA_TEST_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[test]
fn a_power_cut_loses_nothing_acknowledged_and_leaves_a_prefix_of_the_submissions() {
    let base: u64 = std::env::var("LACUNA_TEST_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let (mut cuts, mut gaps) = (0, 0);
    let last = base + 60 * rounds();
    // Where the power goes depends on the log's threads too, so a torn batch is met for sure only by going on.
    let mut next = base;
    while next < last || cuts == 0 && next < last + 600 {
        let seed = next;
        next += 1;
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let disk = SimDisk::new();
        let mut model = Model::new();
        for life in 0..4 {
            if life > 0 && rng.random_bool(0.2) {
                // Power also goes while the log is being opened.
                disk.stop_after(rng.random_range(1..40));
                drop(Wal::open(settings(&mut rng), Arc::new(disk.clone())));
                disk.cut_power(Loss::Some, rng.random());
            }
            let (wal, found) = Wal::open(settings(&mut rng), Arc::new(disk.clone())).unwrap();
            cuts += usize::from(found.cut.is_some());
            assert_eq!(recovered(&wal), model, "opening twice gives the same");
            disk.stop_after(rng.random_range(1..600));
            let (models, acknowledged) = live(&wal, &mut rng, model);
            disk.stop_after(0);
            drop(wal);
            match [None, Some(Loss::All), Some(Loss::Latest), Some(Loss::Some)][rng.random_range(0..4)] {
                Some(loss) => disk.cut_power(loss, rng.random()),
                None => disk.kill(),
            }
            let (wal, found) = Wal::open(settings(&mut rng), Arc::new(disk.clone())).unwrap();
            cuts += usize::from(found.cut.is_some());
            let now = recovered(&wal);
            let prefix = models.iter().rposition(|m| *m == now);
            let prefix =
                prefix.unwrap_or_else(|| panic!("seed {seed}, life {life}: no prefix gives {}", brief(&now)));
            assert!(prefix >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {prefix} recovered");
            gaps += usize::from(prefix < models.len() - 1);
            model = now;
            if rng.random() {
                drop(wal.close());
            } else {
                // What was recovered stays, even if nothing was written since.
                disk.stop_after(0);
                drop(wal);
                disk.cut_power(Loss::All, rng.random());
            }
        }
    }
    assert!(cuts > 0 && gaps > 0, "the rounds must meet torn batches ({cuts}) and lost submissions ({gaps})");
}

#[test]
fn a_segment_half_made_by_a_killed_process_doesnt_vanish_with_what_was_acknowledged_in_it() {
    let settings = || WalConfig { on_failure: Arc::new(|_| {}), ..config(Path::new("/sim")) };
    let append = |wal: &Wal| {
        let index = wal.state(1).last.unwrap_or(0) + 1;
        wal.submit_and_wait(1, vec![WalOp::Append { index, body: Bytes::from(vec![7; 10_000]) }])
            .map(|()| index)
    };
    // The process is killed at each operation around the making of segment 2.
    for operations in 10..40 {
        let disk = SimDisk::new();
        let (wal, _) = Wal::open(settings(), Arc::new(disk.clone())).unwrap();
        disk.stop_after(operations);
        while wal.segments().1 == 1 && append(&wal).is_ok() {}
        disk.stop_after(0);
        drop(wal);
        disk.kill();
        let (wal, _) = Wal::open(settings(), Arc::new(disk.clone())).unwrap();
        // Just into segment 2: making segment 3 would sync the directory.
        let mut last = append(&wal).unwrap();
        while wal.segments().1 == 1 {
            last = append(&wal).unwrap();
        }
        disk.stop_after(0);
        drop(wal);
        disk.cut_power(Loss::All, 0);
        let (wal, _) = Wal::open(settings(), Arc::new(disk.clone())).unwrap();
        assert_eq!(wal.state(1).last, Some(last), "killed after {operations} operations");
    }
}
