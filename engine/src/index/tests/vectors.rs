//! Vectors of every sort, and deletes of every size.

use super::*;

const SMALL: IndexConfig = IndexConfig { seal_rows: 64, graph_rows: 128, default_ef: 32 };

#[test]
fn every_metric_and_dimension_agrees_with_a_plain_loop() {
    for metric in [Metric::L2, Metric::Cosine, Metric::Dot] {
        for dimension in [1, 2, 3, 16, 17, 100] {
            let mut world = World::new(SMALL, metric, dimension, 5);
            world.add(50);
            let query = world.vector();
            let hits = world.ask(&query, 10, None);
            let truth = world.truth(&query, 10);
            for (hit, id) in hits.iter().zip(&truth) {
                let (found, best) = (&world.live[hit.id.as_ref()], &world.live[id]);
                let (found, best) = (plain(metric, &query, found), plain(metric, &query, best));
                assert!((found - best).abs() <= 1e-4 * best.abs().max(1.0), "{metric:?} {dimension}");
                let score = if metric == Metric::L2 { found } else { -found };
                assert!((f64::from(hit.score) - score).abs() <= 1e-4 * score.abs().max(1.0));
            }
        }
    }
}

#[test]
fn ten_thousand_equal_vectors_are_found_in_the_order_of_their_ids() {
    let config = IndexConfig { seal_rows: 1_000, graph_rows: 2_000, default_ef: 32 };
    let index = ShardIndex::new(config, None);
    let schema = schema(8, Metric::L2);
    for i in 0..6_000 {
        put(&index, schema, &format!("{i:05}"), &record(Some(vec![1.0; 8]), Metadata::new()));
    }
    for i in 0..4_000u16 {
        let vector = (0..8).map(|at| f32::from(i % (7 + at)) + 2.0).collect();
        put(&index, schema, &format!("x{i:05}"), &record(Some(vector), Metadata::new()));
    }
    let ask = |k: usize| {
        let vector = &[1.0; 8];
        let request = SearchRequest {
            metric: Metric::L2,
            vector,
            k,
            ef: None,
            precision: Precision::Usual,
            filter: None,
        };
        index.search(INC, &request).unwrap()
    };
    for settled in [false, true] {
        assert!(!settled || index.settle(LONG));
        let hits = ask(100);
        let ids: Vec<String> = hits.iter().map(|hit| hit.id.to_string()).collect();
        assert_eq!(ids, (0..100).map(|i| format!("{i:05}")).collect::<Vec<_>>());
        assert!(hits.iter().all(|hit| hit.score == 0.0));
    }
    for i in 0..6_000 {
        index.remove(INC, &format!("{i:05}"));
    }
    assert!(ask(10).iter().all(|hit| hit.id.starts_with('x')));
}

#[test]
fn hostile_values_neither_panic_nor_hide_the_others() {
    for metric in [Metric::L2, Metric::Cosine, Metric::Dot] {
        let index = ShardIndex::new(SMALL, None);
        let schema = schema(2, metric);
        let values = [0.0, -0.0, 1e-45, 1.0, -1.0, 1e30, -3.4e38, 3.4e38];
        for i in 0..600 {
            let vector = vec![values[i % 8], values[i / 8 % 8]];
            put(&index, schema, &i.to_string(), &record(Some(vector), Metadata::new()));
        }
        put(&index, schema, "nan", &record(Some(vec![f32::NAN, 1.0]), Metadata::new()));
        put(&index, schema, "longer", &record(Some(vec![1.0; 3]), Metadata::new()));
        put(&index, schema, "none", &record(None, Metadata::new()));
        assert!(index.settle(LONG));
        assert_eq!(index.len(INC), 603);
        for query in values {
            let vector = &[query, 1.0];
            let request = SearchRequest {
                metric,
                vector,
                k: 1_000,
                ef: None,
                precision: Precision::Usual,
                filter: None,
            };
            let hits = index.search(INC, &request).unwrap();
            assert_eq!(hits.len(), 600);
            assert!(hits.iter().all(|hit| hit.score.is_finite()));
        }
    }
}

#[test]
fn a_query_that_does_not_fit_is_refused() {
    let mut world = World::new(SMALL, Metric::L2, 3, 1);
    world.add(1);
    let ask = |metric: Metric, vector: &[f32]| {
        let request =
            SearchRequest { metric, vector, k: 1, ef: None, precision: Precision::Usual, filter: None };
        world.index.search(INC, &request)
    };
    assert_eq!(ask(Metric::L2, &[1.0; 2]), Err(SearchError::Dimension { contents: 3, query: 2 }));
    let metric = SearchError::Metric { contents: Metric::L2, query: Metric::Dot };
    assert_eq!(ask(Metric::Dot, &[1.0; 3]), Err(metric));
    assert_eq!(ask(Metric::L2, &[f32::NAN; 3]), Err(SearchError::NotFinite));
    assert_eq!(ask(Metric::L2, &[0.0; 3]).unwrap().len(), 1);
}

#[test]
fn deleting_all_and_filling_again_leaves_nothing_behind() {
    let mut world = World::new(SMALL, Metric::L2, 4, 3);
    for _ in 0..rounds(12) {
        world.add(700);
        world.remove(100);
        assert!(world.recall(3, None) > 0.8);
        world.remove(world.live.len());
        assert_eq!(world.index.len(INC), 0);
        assert!(world.ask(&[0.0; 4], 5, None).is_empty());
    }
    assert!(world.index.settle(LONG));
    let stats = world.index.stats();
    assert_eq!((stats.segments, stats.active_rows, stats.dead_rows), (0, 0, 0), "{stats:?}");
}

#[test]
fn a_rewritten_record_is_found_where_it_is_now_and_only_there() {
    let mut world = World::new(SMALL, Metric::L2, 2, 9);
    world.add(300);
    assert!(world.index.settle(LONG));
    let generation = world.index.stats().generation;
    put(&world.index, world.schema, "r5", &record(Some(vec![900.0, 900.0]), Metadata::new()));
    assert_eq!(world.ask(&[900.0, 900.0], 1, None)[0].id.as_ref(), "r5");
    let old = world.live["r5"].clone();
    assert!(world.ask(&old, 299, None).iter().all(|hit| hit.id.as_ref() != "r5"));
    put(&world.index, world.schema, "r6", &record(Some(world.live["r6"].clone()), Metadata::new()));
    put(&world.index, world.schema, "r7", &record(None, Metadata::new()));
    assert_eq!(world.ask(&[0.0, 0.0], 1_000, None).len(), 299);
    assert_eq!(world.index.len(INC), 300);
    let stats = world.index.stats();
    assert_eq!(stats.dead_rows, 2, "an unchanged vector stays where it is: {stats:?}");
    assert_eq!(stats.generation, generation);
}
