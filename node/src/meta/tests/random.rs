//! Random command sequences against what must always hold.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::MapEpoch;
use lacuna_model::catalog::{CollectionChange, Protection};
use lacuna_model::meta::ClaimKey;
use proptest::prelude::*;

use super::*;

/// A step over few names, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Open(u8, u8),
    DeleteAll(u8, u8, u8),
    Drop(u8, u8),
    Alter(u8, u8, Option<bool>),
    DeleteWhere(u8, u8, Option<u64>),
    Claim(u8, u8),
    Report(u8, u8, u8, u64),
    Finish(u8),
    Closed(u8, u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..3_u8;
    let step = prop_oneof![
        name().prop_map(Step::Create),
        (name(), name()).prop_map(|(c, n)| Step::Open(c, n)),
        (name(), name(), any::<u8>()).prop_map(|(c, n, k)| Step::DeleteAll(c, n, k)),
        (name(), any::<u8>()).prop_map(|(c, k)| Step::Drop(c, k)),
        (name(), name(), any::<Option<bool>>()).prop_map(|(c, n, p)| Step::Alter(c, n, p)),
        (name(), any::<u8>(), proptest::option::of(0..9_u64))
            .prop_map(|(c, k, l)| Step::DeleteWhere(c, k, l)),
        (any::<u8>(), 0..2_u8).prop_map(|(k, d)| Step::Claim(k, d)),
        (0..40_u8, 0..3_u8, 0..3_u8, 0..20_u64).prop_map(|(n, s, st, i)| Step::Report(n, s, st, i)),
        (0..40_u8).prop_map(Step::Finish),
        (0..40_u8, 0..3_u8).prop_map(|(n, s)| Step::Closed(n, s)),
        (0..DAY).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

fn command(step: &Step) -> MetaCommand {
    let collection = |c: &u8| by_name(&format!("c{c}"));
    let name = |n: &u8| format!("n{n}");
    match step {
        Step::Create(c) => create(&format!("c{c}")),
        Step::Open(..) | Step::Alter(..) | Step::Wait(_) | Step::Finish(_) => MetaCommand::Tick,
        Step::DeleteAll(c, n, k) => {
            MetaCommand::Record(delete_all(&format!("k{k}"), collection(c), &name(n)))
        }
        Step::Drop(c, k) => MetaCommand::Record(drop_of(&format!("k{k}"), collection(c))),
        Step::DeleteWhere(c, k, limit) => {
            MetaCommand::Record(delete_where(&format!("k{k}"), collection(c), *limit))
        }
        Step::Claim(k, d) => MetaCommand::Claim(ClaimKey {
            account: Account::default(),
            key: key(&format!("k{k}")),
            digest: RequestDigest(u128::from(*d)),
            collection: CollectionId(1),
            incarnation: Incarnation(1),
            epoch: MapEpoch(1),
        }),
        Step::Report(n, s, status, index) => {
            let number = OpNumber(u64::from(*n));
            let status = [RowStatus::Sweeping, RowStatus::Done, RowStatus::Fenced][usize::from(*status)];
            let progress = row(number, *index, status, *index);
            MetaCommand::Report { number, shards: vec![(shard(u32::from(*s)), progress)] }
        }
        Step::Closed(n, s) => {
            MetaCommand::Closed { shard: shard(u32::from(*s)), numbers: vec![OpNumber(u64::from(*n))] }
        }
    }
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    incarnations: BTreeMap<Incarnation, (CollectionId, NamespaceName)>,
    ended: BTreeSet<Incarnation>,
    last: OpNumber,
    progress: BTreeMap<(OpNumber, ShardId), ShardProgress>,
    finished: BTreeMap<OpNumber, Operation>,
}

impl Seen {
    fn check(&mut self, log: &Log, outcome: &MetaOutcome) {
        self.outcome(outcome);
        self.incarnations(log);
        self.operations(log);
        let encoded = postcard::to_stdvec(&log.state).unwrap();
        let back: MetaState = postcard::from_bytes(&encoded).unwrap();
        assert_eq!(back, log.state, "a snapshot gives the same state");
    }

    /// Numbers grow; nothing fresh has an old number.
    fn outcome(&mut self, outcome: &MetaOutcome) {
        let number = match outcome {
            MetaOutcome::Operation { operation, fresh: true } => operation.number,
            MetaOutcome::Claim { claim, fresh: true } => claim.number,
            MetaOutcome::Operation { operation, fresh: false } => {
                assert!(operation.number <= self.last);
                return;
            }
            MetaOutcome::Claim { fresh: false, .. }
            | MetaOutcome::Done
            | MetaOutcome::Collection(_)
            | MetaOutcome::Resolved(_)
            | MetaOutcome::Refused(_)
            | MetaOutcome::Database(_)
            | MetaOutcome::Memory(_)
            | MetaOutcome::Account(_)
            | MetaOutcome::Key(_) => return,
        };
        assert!(number > self.last);
        self.last = number;
    }

    /// One open incarnation a name, each only ever of one name, none back after its end.
    fn incarnations(&mut self, log: &Log) {
        let mut open = BTreeSet::new();
        let query = MetaQuery::Collections { account: Account::default(), home: None };
        let MetaBody::Collections(collections) = log.state.query(&query).body else { panic!() };
        for collection in collections {
            let found = log.resolve(by_name(&collection.name), "").map(|(found, _)| found);
            assert_eq!(found, Some(collection.clone()), "each is found by its name, and no two share one");
            let MetaBody::Namespaces(names) = log.state.query(&MetaQuery::Namespaces(collection.id)).body
            else {
                panic!()
            };
            for (name, incarnation) in names {
                assert!(open.insert(incarnation));
                assert!(!self.ended.contains(&incarnation));
                let owner = self.incarnations.entry(incarnation).or_insert((collection.id, name.clone()));
                assert_eq!(*owner, (collection.id, name));
            }
        }
        self.ended.extend(self.incarnations.keys().filter(|known| !open.contains(known)));
    }

    /// Shards never go back, ended operations stay as they are, and every ended incarnation has its operation.
    fn operations(&mut self, log: &Log) {
        let query = MetaQuery::Operations { account: Account::default(), limit: usize::MAX };
        let MetaBody::Operations(operations) = log.state.query(&query).body else { panic!() };
        let fenced = |operation: &&Operation| {
            matches!(operation.kind, OperationKind::DeleteAll | OperationKind::DropCollection)
        };
        let ended: Vec<Incarnation> =
            operations.iter().filter(fenced).flat_map(|operation| operation.incarnations.clone()).collect();
        assert_eq!(ended.len(), ended.iter().collect::<BTreeSet<_>>().len(), "an incarnation is ended once");
        assert!(ended.iter().all(|incarnation| self.ended.contains(incarnation)));
        for operation in operations {
            for (shard, progress) in &operation.shards {
                let known = self.progress.insert((operation.number, *shard), progress.clone());
                if let Some(ShardProgress::Row(old)) = known {
                    let ShardProgress::Row(new) = progress else { panic!("back to pending") };
                    assert!(old == *new || (old.status == RowStatus::Sweeping && new.at >= old.at));
                }
            }
            let all_done = operation.shards.iter().all(
                |(_, progress)| matches!(progress, ShardProgress::Row(row) if row.status != RowStatus::Sweeping),
            );
            let free = operation.after.iter().all(|earlier| self.is_ended(log, *earlier));
            assert_eq!(operation.finished.is_some(), all_done && free, "{operation:?}");
            if let Some(finished) = operation.finished {
                let before = self.finished.insert(operation.number, operation.clone());
                assert!(before.is_none_or(|before| before.finished == Some(finished)));
            }
        }
    }

    fn is_ended(&self, log: &Log, number: OpNumber) -> bool {
        log.state
            .operation(number)
            .map_or(self.finished.contains_key(&number), |other| other.finished.is_some())
    }
}

fn run(log: &mut Log, step: &Step) -> MetaOutcome {
    match step {
        Step::Open(c, n) => {
            let Some((collection, _)) = log.resolve(by_name(&format!("c{c}")), "") else {
                return MetaOutcome::Done;
            };
            let namespace = named(&format!("n{n}"));
            log.run(MetaCommand::OpenNamespace { collection: collection.id, namespace })
        }
        Step::Alter(c, n, protect) => {
            let Some((collection, _)) = log.resolve(by_name(&format!("c{c}")), "") else {
                return MetaOutcome::Done;
            };
            let protected = protect.map(|on| if on { Protection::On } else { Protection::Off });
            let change = CollectionChange { name: Some(format!("c{n}")), extra: None, protected };
            log.run(MetaCommand::AlterCollection { collection: collection.id, change })
        }
        Step::Finish(n) => {
            let number = OpNumber(u64::from(*n));
            if log.state.operation(number).is_some() {
                log.finish(number, 1);
            }
            MetaOutcome::Done
        }
        Step::Wait(micros) => {
            log.stamp += micros;
            log.run(MetaCommand::Tick)
        }
        Step::Create(_)
        | Step::DeleteAll(..)
        | Step::Drop(..)
        | Step::DeleteWhere(..)
        | Step::Claim(..)
        | Step::Report(..)
        | Step::Closed(..) => log.run(command(step)),
    }
}

#[test]
fn random_histories_keep_what_must_always_hold() {
    let config =
        ProptestConfig { cases: rounds(120), failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        let mut log = Log::new(3);
        let mut seen = Seen::default();
        for step in &steps {
            let outcome = run(&mut log, step);
            seen.check(&log, &outcome);
        }
    });
}
