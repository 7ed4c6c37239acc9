//! Checking a stopped replica's directory: everything read, every digest and counter computed anew.

use std::path::Path;

use lacuna_model::read::DigestView;
use lacuna_model::{LogPosition, Stamp};

use crate::engine::{OpenError, view};
use crate::state;
use crate::store::{Generations, Store};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Generation in use.
    pub generation: u64,
    /// Last entry applied.
    pub applied: LogPosition,
    /// The state's stamp.
    pub stamp: Stamp,
    /// Digests and counters as stored.
    pub digest: DigestView,
    /// Open incarnations with their live records.
    pub incarnations: Vec<(lacuna_model::Incarnation, u64)>,
    /// Rows waiting or at work.
    pub rows: usize,
    /// Ended incarnations whose records are still to be removed.
    pub garbage: usize,
    /// What doesn't agree; empty in a sound replica.
    pub damage: Vec<String>,
}

/// Checks a replica's directory; its node must be stopped (the store's lock says so otherwise). No content is
/// changed.
pub fn check(dir: &Path) -> Result<CheckReport, OpenError> {
    let generations = Generations::new(dir);
    let missing = || OpenError::Corrupt { what: format!("{} holds no replica", dir.display()) };
    let generation = generations.current()?.ok_or_else(missing)?;
    let store = Store::open(&generations.path(generation), CACHE_BYTES, usize::MAX)?;
    let loaded = state::load(&store, |_, _, _, value| {
        crate::store::records::decode(value, crate::store::records::Vector::Read).map(drop)
    })?;
    let state = loaded.state;
    Ok(CheckReport {
        generation,
        applied: state.head.applied,
        stamp: state.head.stamp,
        digest: view(&state.head),
        incarnations: state.incarnations.iter().map(|(number, state)| (*number, state.live)).collect(),
        rows: state.rows.len(),
        garbage: state.garbage.len(),
        damage: loaded.damage,
    })
}

const CACHE_BYTES: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use lacuna_model::command::{Command, Entry, SetSlots, Window, Write, WriteVerb};
    use lacuna_model::record::{Kind, Metric, NewRecord, Ordinal, Schema};
    use lacuna_model::{Account, Incarnation, MapEpoch, RecordId, SLOTS, ShardId, Slot};

    use super::*;
    use crate::state::Head;
    use crate::store::{Writes, keys, values};
    use crate::{Engine, EngineConfig, EntryAt};

    const INCARNATION: Incarnation = Incarnation(1);

    fn filled(dir: &Path) {
        let engine = Engine::open(dir, EngineConfig::new(ShardId(0))).unwrap();
        let record = |id: &str| NewRecord {
            position: 0,
            id: RecordId::new(id).unwrap(),
            vector: Some(vec![1.0]),
            document: None,
            metadata: std::collections::BTreeMap::new(),
            ordinal: Ordinal::default(),
            sparse: None,
        };
        let write = Write {
            call: lacuna_model::command::CallRef {
                account: Account::default(),
                op_id: lacuna_model::op_id::OpId::new("u").unwrap(),
                part: 0,
                born: Stamp(0),
                window: Window::Short,
            },
            incarnation: INCARNATION,
            schema: Schema { dimension: Some(1), metric: Metric::L2, kind: Kind::Vector },
            verb: WriteVerb::Upsert(vec![record("a"), record("b")]),
        };
        let slots = SetSlots { epoch: MapEpoch(1), slots: (0..SLOTS).map(Slot).collect() };
        let commands = vec![Command::SetSlots(slots), Command::Write(write)];
        let entry = Entry { stamp: Stamp(1), commands };
        let position = LogPosition { term: 1, index: 1 };
        engine.apply(&[EntryAt { position, entry: Some(entry) }], b"").unwrap();
    }

    fn plant(dir: &Path, change: impl FnOnce(&Store) -> Writes) {
        let mut store = Store::open(&Generations::new(dir).path(1), CACHE_BYTES, usize::MAX).unwrap();
        let writes = change(&store);
        store.commit(writes).unwrap();
    }

    fn a() -> Vec<u8> {
        keys::record(INCARNATION, lacuna_model::slot_of(INCARNATION, "a"), "a")
    }

    #[test]
    fn a_sound_replica_is_reported_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let report = check(dir.path()).unwrap();
        assert_eq!(
            (report.damage.as_slice(), report.digest.live, report.applied.index),
            ([].as_slice(), 2, 1)
        );
        assert_eq!(report.incarnations, [(INCARNATION, 2)]);
    }

    #[test]
    fn every_planted_damage_is_found_and_the_replica_refused() {
        type Plant = fn(&Store) -> Writes;
        let plants: [(&str, Plant); 5] = [
            ("a record lost", |_| Writes::from([(a(), None)])),
            ("a record changed", |store| {
                let mut value = store.get(&a()).unwrap().unwrap().to_vec();
                value[1] ^= 1;
                Writes::from([(a(), Some(value.into()))])
            }),
            ("a record that came back", |store| {
                let value = store.get(&a()).unwrap();
                Writes::from([(keys::record(INCARNATION, Slot(9), "ghost"), value)])
            }),
            ("an outcome lost", |store| {
                let outcomes =
                    store.range(&keys::outcomes_from(Stamp(0)), &keys::outcomes_from(Stamp(u64::MAX)));
                outcomes.map(|pair| (pair.unwrap().0.to_vec(), None)).collect()
            }),
            ("a wrong counter", |store| {
                let key = keys::single(keys::Kind::Head);
                let head: Head = values::decode(&store.get(&key).unwrap().unwrap(), "head").unwrap();
                Writes::from([(key, Some(values::encode(&Head { live: 3, ..head }).unwrap()))])
            }),
        ];
        for (what, change) in plants {
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path());
            plant(dir.path(), change);
            let damaged = match check(dir.path()) {
                Ok(report) => !report.damage.is_empty(),
                Err(OpenError::Corrupt { .. }) => true,
                Err(OpenError::Store(error)) => panic!("{error}"),
            };
            assert!(damaged, "{what}");
            let opened = Engine::open(dir.path(), EngineConfig::new(ShardId(0)));
            assert!(matches!(opened, Err(OpenError::Corrupt { .. })), "{what}");
        }
    }

    #[test]
    fn a_directory_without_a_replica_is_an_error_and_stays_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(check(dir.path()), Err(OpenError::Corrupt { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
