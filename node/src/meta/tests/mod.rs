//! Tests of the meta group: each step is fed to two replicas through the log's encoding, which must agree.

mod access;
mod catalog;
mod claims;
mod databases;
mod driver;
mod fake_shards;
mod joins;
mod memory;
mod operations;
mod planning;
mod prune;
mod random;
mod snapshot;

use lacuna_model::catalog::{
    ClusterInfo, Collection, CollectionRef, Home, NodeInfo, Operation, OperationKind, ShardProgress,
};
use lacuna_model::filter::Filter;
use lacuna_model::meta::{
    MetaBody, MetaCommand, MetaEntry, MetaOutcome, MetaQuery, MetaRefusal, RecordOperation,
};
use lacuna_model::op_id::{OpId, RequestDigest};
use lacuna_model::outcome::{RowStatus, RowView};
use lacuna_model::record::{Kind, Metric, Schema};
use lacuna_model::{
    Account, CollectionId, Incarnation, LogPosition, NamespaceName, NodeId, OpNumber, ShardId, Stamp,
};

use super::layout;
use super::machine::{decode_entry, encode_entry};
use super::state::MetaState;

/// 24 h in µs.
const DAY: u64 = 24 * 3600 * 1_000_000;

/// A log with the state it makes.
struct Log {
    state: MetaState,
    twin: MetaState,
    index: u64,
    stamp: u64,
}

impl Log {
    /// A cluster of three nodes and so many shards, set up by entry 1.
    fn new(shards: u32) -> Self {
        let mut log = Self::bare();
        assert_eq!(log.run(MetaCommand::Init(cluster(shards))), MetaOutcome::Done);
        log
    }

    /// Before `Init`.
    fn bare() -> Self {
        Self { state: MetaState::default(), twin: MetaState::default(), index: 0, stamp: 1_000_000 }
    }

    fn run(&mut self, command: MetaCommand) -> MetaOutcome {
        self.index += 1;
        self.stamp += 1;
        let encoded = encode_entry(&MetaEntry { stamp: Stamp(self.stamp), command }).unwrap();
        let outcome = self.state.apply(self.index, decode_entry(&encoded).unwrap());
        let other = self.twin.apply(self.index, decode_entry(&encoded).unwrap());
        assert_eq!(outcome, other);
        assert_eq!(self.state, self.twin, "two replicas fed the same log");
        outcome
    }

    fn create(&mut self, name: &str) -> CollectionId {
        match self.run(create(name)) {
            MetaOutcome::Collection(made) => made.id,
            other => panic!("{other:?}"),
        }
    }

    fn open(&mut self, collection: CollectionId, namespace: &str) -> Incarnation {
        match self.run(MetaCommand::OpenNamespace { collection, namespace: named(namespace) }) {
            MetaOutcome::Resolved(resolved) => resolved.incarnation.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn record(&mut self, ask: RecordOperation) -> (Operation, bool) {
        match self.run(MetaCommand::Record(ask)) {
            MetaOutcome::Operation { operation, fresh } => (*operation, fresh),
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, command: MetaCommand) -> MetaRefusal {
        match self.run(command) {
            MetaOutcome::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Every shard reports that it is done with so many deleted each.
    fn finish(&mut self, number: OpNumber, deleted: u64) {
        let shards =
            self.get(number).shards.iter().map(|(shard, _)| (*shard, done(number, 9, deleted))).collect();
        self.run(MetaCommand::Report { number, shards });
    }

    fn close(&mut self, number: OpNumber) {
        for shard in self.get(number).unclosed {
            self.run(MetaCommand::Closed { shard, numbers: vec![number] });
        }
    }

    fn get(&self, number: OpNumber) -> Operation {
        self.state.operation(number).unwrap().clone()
    }

    fn resolve(
        &self,
        collection: CollectionRef,
        namespace: &str,
    ) -> Option<(Collection, Option<Incarnation>)> {
        let query = MetaQuery::Resolve { collection, namespace: named(namespace) };
        match self.state.query(&query).body {
            MetaBody::Resolved(resolved) => {
                resolved.map(|resolved| (resolved.collection, resolved.incarnation))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn cluster(shards: u32) -> ClusterInfo {
    let nodes: Vec<NodeId> = (1..=3).map(NodeId).collect();
    let info = |id: &NodeId| NodeInfo { id: *id, address: format!("127.0.0.1:{}", 7000 + id.0) };
    ClusterInfo {
        cluster_id: 7,
        nodes: nodes.iter().map(info).collect(),
        map: layout::plan(&nodes, shards, 3),
    }
}

fn home() -> Home {
    Home::native(Account::default())
}

fn schema() -> Schema {
    Schema { dimension: None, metric: Metric::Cosine, kind: Kind::Vector }
}

fn create(name: &str) -> MetaCommand {
    MetaCommand::CreateCollection {
        home: home(),
        name: name.to_owned(),
        schema: schema(),
        extra: String::new(),
    }
}

fn named(name: &str) -> NamespaceName {
    NamespaceName::new(name).unwrap()
}

fn key(text: &str) -> OpId {
    OpId::new(text).unwrap()
}

fn by_name(name: &str) -> CollectionRef {
    CollectionRef::Name(home(), name.to_owned())
}

fn by_id(id: CollectionId) -> CollectionRef {
    CollectionRef::Id(Account::default(), id)
}

fn ask(
    op_id: &str,
    collection: CollectionRef,
    namespace: Option<&str>,
    kind: OperationKind,
) -> RecordOperation {
    let parts = format!("{collection:?} {namespace:?} {kind:?}");
    RecordOperation {
        account: Account::default(),
        op_id: key(op_id),
        digest: RequestDigest::of(&[parts.as_bytes()]),
        collection,
        namespace: namespace.map(named),
        kind,
    }
}

fn delete_all(op_id: &str, collection: CollectionRef, namespace: &str) -> RecordOperation {
    ask(op_id, collection, Some(namespace), OperationKind::DeleteAll)
}

fn drop_of(op_id: &str, collection: CollectionRef) -> RecordOperation {
    ask(op_id, collection, None, OperationKind::DropCollection)
}

fn delete_where(op_id: &str, collection: CollectionRef, limit: Option<u64>) -> RecordOperation {
    let filter = Filter::Not(Box::new(Filter::And(Vec::new())));
    ask(op_id, collection, Some(""), OperationKind::DeleteWhere { filter, limit })
}

fn row(number: OpNumber, index: u64, status: RowStatus, deleted: u64) -> ShardProgress {
    ShardProgress::Row(RowView {
        bound_index: 1,
        matched: deleted,
        deleted,
        ..RowView::begun(number, status, LogPosition { term: 1, index })
    })
}

fn done(number: OpNumber, index: u64, deleted: u64) -> ShardProgress {
    row(number, index, RowStatus::Done, deleted)
}

/// Rounds of a random test: short by default, `LACUNA_TEST_ROUNDS` multiplies them.
fn rounds(base: u32) -> u32 {
    let factor = std::env::var("LACUNA_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    base * factor
}

/// All shards of the test clusters.
fn shard(number: u32) -> ShardId {
    ShardId(number)
}
