//! A process killed in the middle of applying: its store comes back at a whole entry (INV-1), whatever was on
//! the way to it.

use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use lacuna_engine::EntryAt;
use lacuna_model::command::{Upto, WriteVerb};

use crate::making::{all_slots, entry_at, ids_at, n_is, new_dir, open, record, start, write};

const DIR: &str = "LACUNA_TEST_KILLED_DIR";

/// The log: the same in the killed process and beside it.
fn entry(index: u64) -> EntryAt {
    if index == 1 {
        return entry_at(1, 1, vec![all_slots()]);
    }
    let records =
        (0..20).map(|n| record(&format!("r{}", (index * 7 + n) % 300), (index % 5).cast_signed())).collect();
    let gone = format!("r{}", index * 13 % 300);
    let commands = vec![
        write(&format!("u{index}"), 1, WriteVerb::Upsert(records)),
        write(&format!("d{index}"), 1, WriteVerb::DeleteIds(ids_at(&[&gone]))),
        lacuna_model::command::Command::StartWhere(start(index, n_is((index % 7).cast_signed()), Upto::End)),
    ];
    entry_at(index, index, commands)
}

/// Not a test by itself: the process that is killed.
#[test]
fn applies_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let engine = open(Path::new(&dir));
    for index in engine.applied().index + 1.. {
        engine.apply(&[entry(index)], b"s").unwrap();
    }
}

#[test]
fn a_killed_process_leaves_a_store_that_ends_at_a_whole_entry() {
    let dir = new_dir();
    let path = dir.path().join("killed");
    let mut last = 0;
    for round in 0..4_u64 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::applies_until_it_is_killed"])
            .env(DIR, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + 90 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let engine = open(&path);
        let applied = engine.applied().index;
        assert!(applied >= last, "an entry that was in the store is gone");
        let beside = open(&dir.path().join(format!("beside-{round}")));
        let log: Vec<EntryAt> = (1..=applied).map(entry).collect();
        beside.apply(&log, b"s").unwrap();
        assert_eq!(engine.digest(), beside.digest(), "at entry {applied}");
        last = applied;
    }
    assert!(last > 0, "no round got as far as its first write");
}
