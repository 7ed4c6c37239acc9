//! Readers beside the writer beside the sealer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// Long enough for a build to have begun, and far shorter than one takes.
const UNDER_WAY: Duration = Duration::from_millis(300);

/// Record `n` lies at (n, 0); `even` ones live for ever, `odd` ones come and go.
fn vector(n: usize) -> Vec<f32> {
    vec![n as f32, 0.0, 1.0]
}

#[test]
fn a_record_that_lives_is_found_and_one_that_is_gone_is_not_whatever_happens_meanwhile() {
    const COUNT: usize = 600;
    let config = IndexConfig { seal_rows: 64, graph_rows: 128, default_ef: 32 };
    let index = ShardIndex::new(config, None);
    let schema = schema(3, Metric::L2);
    for n in (0..COUNT).step_by(2) {
        put(&index, schema, &n.to_string(), &record(Some(vector(n)), Metadata::new()));
    }
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for reader in 0..2 {
            let (index, stop, asked) = (&index, &stop, &asked);
            threads.spawn(move || {
                let mut random = Random(reader);
                while !stop.load(Ordering::Relaxed) {
                    let n = random.below(COUNT / 2) * 2;
                    let vector = &vector(n);
                    let (metric, precision) = (Metric::L2, Precision::Usual);
                    let request = SearchRequest { metric, vector, k: 3, ef: None, precision, filter: None };
                    let hits = index.search(INC, &request).unwrap();
                    assert_eq!(hits[0].id.as_ref(), n.to_string(), "{hits:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut random = Random(99);
        let began = std::time::Instant::now();
        for round in 0.. {
            // At least until something was sealed beside all this.
            if round >= rounds(6_000) && (index.stats().generation > 3 || began.elapsed() > LONG) {
                break;
            }
            let n = random.below(COUNT / 2) * 2;
            // Rewritten, by a vector so near that it stays the nearest to where it was: it is there all the time.
            let mut moved = vector(n);
            moved[2] += random.unit() / 8.0;
            put(&index, schema, &n.to_string(), &record(Some(moved), Metadata::new()));
            let odd = (n + 1).to_string();
            put(&index, schema, &odd, &record(Some(vector(n + 1)), Metadata::new()));
            index.remove(INC, &odd);
            let request = SearchRequest {
                metric: Metric::L2,
                vector: &vector(n + 1),
                k: 1,
                ef: None,
                precision: Precision::Usual,
                filter: None,
            };
            assert_ne!(index.search(INC, &request).unwrap()[0].id.as_ref(), odd, "INV-4");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > 100);
    assert!(index.stats().generation > 0, "nothing was sealed: {:?}", index.stats());
}

#[test]
fn dropping_the_index_ends_a_build_under_way_at_once() {
    let mut world = World::new(IndexConfig::default(), Metric::L2, 64, 2);
    world.add(30_000);
    std::thread::sleep(UNDER_WAY);
    let began = std::time::Instant::now();
    drop(world.index);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_incarnation_dropped_during_its_build_leaves_nothing() {
    let mut world = World::new(IndexConfig::default(), Metric::L2, 64, 2);
    world.add(10_000);
    std::thread::sleep(UNDER_WAY);
    world.index.drop_incarnation(INC);
    assert!(world.index.settle(LONG));
    let stats = world.index.stats();
    assert_eq!((stats.incarnations, stats.generation), (0, 0), "{stats:?}");
}
