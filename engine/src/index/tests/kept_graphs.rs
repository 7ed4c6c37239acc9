//! Graphs kept in files over a restart.

use std::fs;
use std::path::Path;

use super::*;

const CONFIG: IndexConfig = IndexConfig { seal_rows: 1_024, graph_rows: 4_096, default_ef: 32 };

fn records(count: usize) -> BTreeMap<String, StoredRecord> {
    let mut world = World::new(CONFIG, Metric::L2, 12, 77);
    let mut all = BTreeMap::new();
    for n in 0..count {
        // Some are twins of others.
        let vector = if n % 10 == 9 { vec![(n % 50) as f32; 12] } else { world.vector() };
        all.insert(format!("r{n}"), record(Some(vector), Metadata::new()));
    }
    all
}

fn opened(dir: &Path, records: &BTreeMap<String, StoredRecord>) -> ShardIndex {
    let index = ShardIndex::new(CONFIG, Some(dir.to_owned()));
    index.begin_load();
    for (id, record) in records {
        index.load(INC, schema(12, Metric::L2), KeyedRecord { slot: slot_of(INC, id), id, record });
    }
    index.finish_load();
    index
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// How many of some records' ten nearest a search by graph finds.
fn recall(index: &ShardIndex, records: &BTreeMap<String, StoredRecord>) -> f64 {
    let (mut found, mut all) = (0, 0);
    for record in records.values().step_by(83) {
        let vector = record.vector.as_deref().unwrap();
        let ask = |precision: Precision| {
            let request =
                SearchRequest { metric: Metric::L2, vector, k: 10, ef: Some(32), precision, filter: None };
            index.search(INC, &request).unwrap()
        };
        let (exact, usual) = (ask(Precision::Exact), ask(Precision::Usual));
        assert_eq!(usual.len(), 10);
        assert!(usual.iter().all(|hit| records.contains_key(hit.id.as_ref())));
        all += exact.len();
        found += usual.iter().filter(|hit| exact.contains(hit)).count();
    }
    found as f64 / all as f64
}

#[test]
fn graphs_serve_again_after_a_restart_with_some_records_gone_or_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = records(4_500);
    let first = opened(dir.path(), &records);
    assert!(first.settle(LONG));
    assert_eq!((first.stats().graphs, files(dir.path()).len()), (1, 1), "{:?}", first.stats());
    drop(first);
    let same = opened(dir.path(), &records);
    let stats = same.stats();
    assert_eq!((stats.graphs, stats.generation, stats.dead_rows), (1, 0, 0), "{stats:?}");
    assert!(recall(&same, &records) >= 0.99);
    drop(same);
    for n in 0..450 {
        records.remove(&format!("r{}", n * 3));
        if let Some(record) = records.get_mut(&format!("r{}", n * 3 + 1)) {
            record.vector = Some(vec![n as f32 / 100.0; 12]);
        }
        // Other metadata, same vector: its place in the graph stays.
        if let Some(record) = records.get_mut(&format!("r{}", n * 3 + 2)) {
            record.written.index = 9;
        }
    }
    // So many new ones that a part is sealed while the rest comes in.
    for n in 0..1_100 {
        records.insert(format!("n{n}"), record(Some(vec![n as f32; 12]), Metadata::new()));
    }
    let changed = opened(dir.path(), &records);
    assert!(changed.settle(LONG));
    assert_eq!(files(dir.path()).len(), 1);
    let stats = changed.stats();
    assert_eq!((stats.graphs, stats.generation, stats.records), (1, 0, 5_150), "{stats:?}");
    // Of the 900 gone or rewritten, those that the graph was built over.
    assert!((600..=900).contains(&stats.dead_rows), "{stats:?}");
    let recall = recall(&changed, &records);
    assert!(recall >= 0.98, "{recall}");
}

#[test]
fn damaged_and_foreign_files_are_deleted_and_the_graph_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let records = records(4_500);
    let first = opened(dir.path(), &records);
    assert!(first.settle(LONG));
    drop(first);
    let [kept] = files(dir.path()).try_into().unwrap();
    let whole = fs::read(&kept).unwrap();
    fs::write(dir.path().join("0000000000000007-00000009.tmp"), b"half").unwrap();
    for at in [0, 9, 13, 40, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        assert!(super::super::graph_file::GraphFile::decode(&bytes).is_err(), "byte {at}");
    }
    for cut in [0, 7, 16, 100, whole.len() - 1] {
        assert!(super::super::graph_file::GraphFile::decode(&whole[..cut]).is_err(), "cut at {cut}");
    }
    let mut bytes = whole.clone();
    bytes[whole.len() / 3] ^= 1;
    fs::write(&kept, bytes).unwrap();
    let again = opened(dir.path(), &records);
    assert_eq!(again.stats().graphs, 0);
    assert!(again.settle(LONG));
    assert_eq!(again.stats().graphs, 1);
    assert_eq!(files(dir.path()).len(), 1);
    assert_ne!(files(dir.path()), [kept]);
}

#[test]
fn files_of_ended_incarnations_are_removed_now_or_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let records = records(4_500);
    let first = opened(dir.path(), &records);
    assert!(first.settle(LONG));
    assert_eq!(files(dir.path()).len(), 1);
    let bytes = fs::read(&files(dir.path())[0]).unwrap();
    first.drop_incarnation(INC);
    assert!(first.settle(LONG));
    assert!(files(dir.path()).is_empty());
    drop(first);
    fs::write(dir.path().join("0000000000000007-00000001.graph"), bytes).unwrap();
    let empty = opened(dir.path(), &BTreeMap::new());
    assert!(empty.settle(LONG));
    assert!(files(dir.path()).is_empty());
}
