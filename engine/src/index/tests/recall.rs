//! Recall of graphs: before and after deletes, and under churn.

use super::*;

/// Graphs as small as the cost estimate still prefers to a scan at `EF`.
const CONFIG: IndexConfig = IndexConfig { seal_rows: 2_048, graph_rows: 4_096, default_ef: 28 };
const EF: Option<usize> = Some(28);

fn world(metric: Metric) -> World {
    let mut world = World::new(CONFIG, metric, 24, 11);
    world.add(4_300);
    assert!(world.index.settle(LONG));
    assert_eq!(world.index.stats().graphs, 1, "{:?}", world.index.stats());
    world
}

#[test]
fn recall_stays_what_it_was_when_half_is_deleted_and_after_the_rebuild() {
    let mut world = world(Metric::L2);
    let before = world.recall(100, EF);
    assert!(before >= 0.99, "{before}");
    world.remove(2_150);
    let marked = world.recall(100, EF);
    assert!(marked >= 0.99, "{marked}");
    assert!(world.index.settle(LONG));
    let stats = world.index.stats();
    assert!(stats.dead_rows * 10 < stats.records * 5, "{stats:?}");
    let rebuilt = world.recall(100, EF);
    assert!(rebuilt >= 0.99, "{rebuilt}");
}

#[test]
fn cosine_and_dot_are_found_by_graphs_too() {
    for metric in [Metric::Cosine, Metric::Dot] {
        let recall = world(metric).recall(100, EF);
        assert!(recall >= 0.97, "{metric:?}: {recall}");
    }
}

#[test]
fn recall_holds_through_rounds_of_two_percent_out_and_in() {
    let mut world = world(Metric::L2);
    for round in 0..rounds(25) {
        world.remove(86);
        world.add(86);
        let recall = world.recall(4, EF);
        assert!(recall >= 0.9, "round {round}: {recall}");
    }
    assert!(world.index.settle(LONG));
    let recall = world.recall(100, EF);
    assert!(recall >= 0.99, "{recall}");
}

#[test]
fn with_the_nearest_ninety_percent_gone_the_rest_is_still_found() {
    let mut world = world(Metric::L2);
    let query = world.vector();
    for id in world.truth(&query, 3_870) {
        world.index.remove(INC, &id);
        world.live.remove(&id);
    }
    let hits = world.ask(&query, 10, Some(64));
    assert_eq!(hits.len(), 10);
    let truth = world.truth(&query, 10);
    let found = hits.iter().filter(|hit| truth.iter().any(|id| **id == *hit.id)).count();
    assert!(found >= 9, "{found} of {truth:?}");
}

#[test]
fn a_real_sample_is_found_to_ninety_nine_percent() {
    // Rows of 128 unsigned bytes; the last 200 are the queries (cli/data/README.md says where they come from).
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/data/sift10k.u8")).unwrap();
    let rows: Vec<Vec<f32>> =
        bytes.chunks_exact(128).map(|row| row.iter().map(|x| f32::from(*x)).collect()).collect();
    let (base, queries) = rows.split_at(rows.len() - 200);
    let mut world = World::new(IndexConfig::default(), Metric::L2, 128, 1);
    for (at, vector) in base.iter().enumerate() {
        put(&world.index, world.schema, &at.to_string(), &record(Some(vector.clone()), Metadata::new()));
        world.live.insert(at.to_string(), vector.clone());
    }
    assert!(world.index.settle(LONG));
    assert_eq!(world.index.stats().graphs, 1, "{:?}", world.index.stats());
    assert!(share_found(&world, queries) >= 0.99);
    for at in (0..base.len()).step_by(2) {
        world.index.remove(INC, &at.to_string());
        world.live.remove(&at.to_string());
    }
    assert!(share_found(&world, queries) >= 0.99);
    assert!(world.index.settle(LONG));
    assert!(share_found(&world, queries) >= 0.99);
}

fn share_found(world: &World, queries: &[Vec<f32>]) -> f64 {
    let found = |query: &Vec<f32>| {
        let truth = world.truth(query, 10);
        world.ask(query, 10, None).iter().filter(|hit| truth.iter().any(|id| **id == *hit.id)).count()
    };
    queries.iter().map(found).sum::<usize>() as f64 / (queries.len() * 10) as f64
}
