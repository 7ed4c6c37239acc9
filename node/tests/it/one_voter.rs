//! The embedded default: one node, one voter a group.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use lacuna_model::outcome::Fate;
use lacuna_model::{SLOTS, ShardId, Slot};
use lacuna_node::Node;
use lacuna_proto::call::{BootId, CallError, NodeCall, NodeDeadline};
use lacuna_proto::handle::NodeHandle;

use crate::support::*;

const SHARD: ShardId = ShardId(0);

fn all_slots() -> Vec<Slot> {
    (0..SLOTS).map(Slot).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_is_ready_at_once_and_keeps_what_it_acknowledged_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let node = Node::start(config(dir.path(), 1)).await.unwrap();
    ready(&node).await;
    println!("ready after {:?}", began.elapsed());
    let slots = all_slots();
    let ids: Vec<_> = (0..50).map(|number| id_in(&slots, number)).collect();
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
    let id = id_in(&all_slots(), 0);
    let pong = ping(node.as_ref()).await;
    let before = status(node.as_ref()).await.groups[1].last_log;
    let mut call = async |deadline| {
        let commands = vec![upsert(&pong, "late", &id)];
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
