//! The embedded default: one node, one voter a group.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use lacuna_model::command::{Command, RowAction, StartWhere, Upto};
use lacuna_model::filter::{FieldTest, Filter};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::Fate;
use lacuna_model::outcome::{CommandOutcome, RowStatus};
use lacuna_model::read::{ReadBody, ReadRequest};
use lacuna_model::value::{MetaValue, Scalar};
use lacuna_model::{NodeId, OpNumber, ShardId};
use lacuna_node::config::StorageSettings;
use lacuna_node::format_file::FormatError;
use lacuna_node::{Node, NodeConfig, NodeStartError};
use lacuna_proto::call::{BootId, CallError, NodeCall, NodeDeadline};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::tls::cluster::Security;

use crate::support::*;

const SHARD: ShardId = ShardId(0);

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_is_ready_at_once_and_keeps_what_it_acknowledged_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    println!("ready after {:?}", began.elapsed());
    let ids: Vec<_> = (0..50).map(id).collect();
    let pong = ping(node.as_ref()).await;
    let writes = ids.iter().enumerate().map(|(number, id)| {
        let (node, command) = (Arc::clone(&node), upsert(&pong, &format!("up-{number}"), id));
        async move { write(node.as_ref(), SHARD, vec![command]).await.unwrap() }
    });
    for outcomes in join_all(writes).await {
        assert_eq!(written(&outcomes[0]).count(Fate::Inserted), 1);
    }
    let deleted = write(node.as_ref(), SHARD, vec![delete(&pong, "del", &ids[7])]).await.unwrap();
    assert_eq!(written(&deleted[0]).remaining, 49);
    assert_eq!(get(node.as_ref(), SHARD, &ids).await.unwrap(), 49);
    node.shutdown().await.unwrap();
    drop(node);

    let began = Instant::now();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    println!("ready again after {:?}", began.elapsed());
    assert_eq!(count(node.as_ref(), SHARD).await.unwrap(), 49);
    assert_eq!(get(node.as_ref(), SHARD, &ids[7..8]).await.unwrap(), 0);
    let again = write(node.as_ref(), SHARD, vec![delete(&pong, "del", &ids[7])]).await.unwrap();
    assert_eq!(again, deleted, "a repeated call returns its first outcome");
    node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_call_and_one_of_another_run_are_refused_and_not_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    let pong = ping(node.as_ref()).await;
    let before = status(node.as_ref()).await.groups[1].last_log;
    let call = async |deadline| {
        let commands = vec![upsert(&pong, "late", &id(0))];
        node.call(NodeCall::Write { shard: SHARD, deadline, commands }, SECOND).await
    };
    let past = NodeDeadline { boot: pong.boot, at_ns: pong.now_ns };
    assert_eq!(call(past).await, Err(CallError::Expired));
    let other = NodeDeadline { boot: BootId(pong.boot.0 ^ 1), at_ns: u64::MAX };
    assert_eq!(call(other).await, Err(CallError::OtherBoot));
    assert_eq!(status(node.as_ref()).await.groups[1].last_log, before, "nothing was proposed");
    assert_eq!(count(node.as_ref(), SHARD).await.unwrap(), 0);
    node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_where_delete_too_large_for_one_entry_is_swept_to_its_end_by_the_leader() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    // By gRPC, as a router in another process does it.
    let remote = remote(&node, &Security::Loopback);
    let pong = ping(&remote).await;
    for part in 0..25 {
        let commands = (0..200).map(|n| part * 200 + n).map(|n| upsert(&pong, &format!("s{n}"), &id(n)));
        write(&remote, SHARD, commands.collect()).await.unwrap();
    }
    let start = StartWhere {
        number: OpNumber(1),
        op_id: OpId::new("where").unwrap(),
        incarnation: INCARNATION,
        filter: Filter::Not(Box::new(Filter::Field("missing".to_owned(), FieldTest::Exists))),
        limit: None,
        upto: Upto::End,
        action: RowAction::Delete,
    };
    let outcomes = write(&remote, SHARD, vec![Command::StartWhere(start)]).await.unwrap();
    let CommandOutcome::Row(begun) = &outcomes[0] else { panic!("{outcomes:?}") };
    println!("after its first range: {begun:?}");
    until("the row is done", async || {
        match read(&remote, SHARD, ReadRequest::Row(OpNumber(1))).await.unwrap().body {
            ReadBody::Row(Some(row)) => row.status == RowStatus::Done && row.deleted == 5_000,
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert_eq!(count(&remote, SHARD).await.unwrap(), 0);
    node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_by_filter_and_a_delete_of_what_it_makes_match_sweep_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    let pong = ping(node.as_ref()).await;
    for part in 0..25 {
        let commands = (0..200).map(|n| part * 200 + n).map(|n| upsert(&pong, &format!("s{n}"), &id(n)));
        write(node.as_ref(), SHARD, commands.collect()).await.unwrap();
    }
    let number = |at| OpNumber(at);
    let begin = |at, filter, action| {
        let op_id = OpId::new(format!("row-{at}")).unwrap();
        let (incarnation, limit, upto) = (INCARNATION, None, Upto::End);
        Command::StartWhere(StartWhere {
            number: number(at),
            op_id,
            incarnation,
            filter,
            limit,
            upto,
            action,
        })
    };
    let set = vec![("gone".to_owned(), Some(MetaValue::Scalar(Scalar::Bool(true))))];
    let unmarked = Filter::Not(Box::new(Filter::Field("gone".to_owned(), FieldTest::Exists)));
    let marked = Filter::Field("gone".to_owned(), FieldTest::Exists);
    let mark = begin(1, unmarked, RowAction::SetMetadata(set));
    let outcomes =
        write(node.as_ref(), SHARD, vec![mark, begin(2, marked, RowAction::Delete)]).await.unwrap();
    let CommandOutcome::Row(begun) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(begun.status, RowStatus::Sweeping, "more than one entry takes");
    let row = async |at| match read(node.as_ref(), SHARD, ReadRequest::Row(number(at))).await.unwrap().body {
        ReadBody::Row(Some(row)) => row,
        other => panic!("{other:?}"),
    };
    until("both rows are done", async || {
        row(1).await.status == RowStatus::Done && row(2).await.status == RowStatus::Done
    })
    .await;
    assert_eq!((row(1).await.updated, row(2).await.deleted), (5_000, 5_000));
    assert_eq!(count(node.as_ref(), SHARD).await.unwrap(), 0);
    node.shutdown().await.unwrap();
}

fn purging(dir: &std::path::Path) -> NodeConfig {
    let storage = StorageSettings { snapshot_log_bytes: 16 << 10, ..StorageSettings::default() };
    NodeConfig { storage, ..config(dir, 1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_open_is_built_anew_from_snapshot_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(purging(dir.path())).await.unwrap();
    ready(&node).await;
    let pong = ping(node.as_ref()).await;
    let fill = async |from: usize| {
        let commands = (from..from + 100).map(|n| upsert(&pong, &format!("d{n}"), &id(n)));
        write(node.as_ref(), SHARD, commands.collect()).await.unwrap();
    };
    fill(0).await;
    let mut filled = 100;
    until("the log is purged", async || {
        fill(filled).await;
        filled += 100;
        status(node.as_ref()).await.groups[1].purged > 3
    })
    .await;
    fill(filled).await;
    let live = count(node.as_ref(), SHARD).await.unwrap();
    node.shutdown().await.unwrap();
    drop(node);
    spoil(&dir.path().join("shards/0/store"));

    let node = Node::start(purging(dir.path())).await.unwrap();
    ready(&node).await;
    assert_eq!(count(node.as_ref(), SHARD).await.unwrap(), live);
    node.shutdown().await.unwrap();
}

/// Overwrites every file under a directory.
fn spoil(dir: &std::path::Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            spoil(&path);
        } else {
            let length = std::fs::metadata(&path).unwrap().len() as usize;
            std::fs::write(&path, vec![0x5a; length]).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_nodes_directory_and_a_corrupt_log_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    let pong = ping(node.as_ref()).await;
    for number in 0..5 {
        write(node.as_ref(), SHARD, vec![upsert(&pong, &format!("e{number}"), &id(number))]).await.unwrap();
    }
    node.shutdown().await.unwrap();
    drop(node);
    let other = Node::start(NodeConfig { node: 2, ..config(dir.path(), 1) }).await;
    assert!(
        matches!(other, Err(NodeStartError::Format(FormatError::OtherNode { found: 1, .. }))),
        "{other:?}"
    );

    let segments = std::fs::read_dir(dir.path().join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let first = segments.filter(|path| path.extension().is_some()).min().unwrap();
    let mut bytes = std::fs::read(&first).unwrap();
    let middle = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let corrupt = Node::start(config(dir.path(), 1)).await;
    let Err(error @ NodeStartError::Log(_)) = corrupt else { panic!("{corrupt:?}") };
    assert!(error.to_string().contains("corrupt"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contradicting_settings_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let stranger = lacuna_model::catalog::NodeInfo { id: NodeId(7), address: "127.0.0.1:1".to_owned() };
    let refused = Node::start(NodeConfig { initial_nodes: vec![stranger], ..config(dir.path(), 1) }).await;
    assert!(matches!(refused, Err(NodeStartError::Settings(_))), "{refused:?}");
}
