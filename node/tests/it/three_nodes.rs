//! Three nodes, three replicas a shard.

use std::time::Instant;

use futures::future::join_all;
use lacuna_model::ShardId;
use lacuna_model::outcome::Fate;
use lacuna_node::NodeConfig;
use lacuna_node::config::StorageSettings;
use lacuna_proto::call::CallError;
use lacuna_proto::tls::cluster::Security;

use crate::cluster::Cluster;
use crate::support::*;

const SHARD: ShardId = ShardId(0);

fn template() -> NodeConfig {
    NodeConfig { shards: 1, replicas: 3, balance_ms: 0, ..NodeConfig::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_outlive_the_leader_and_a_restarted_follower_catches_up() {
    let began = Instant::now();
    let mut cluster = Cluster::start(3, template()).await;
    println!("ready after {:?}", began.elapsed());
    let pong = ping(cluster.nodes[&1].as_ref()).await;
    for number in 0..20 {
        let outcomes = cluster.write(SHARD, vec![upsert(&pong, &format!("a{number}"), &id(number))]).await;
        assert_eq!(written(&outcomes[0]).count(Fate::Inserted), 1);
    }
    let leader = cluster.leader(SHARD).await;
    cluster.stop(leader).await;
    let began = Instant::now();
    for number in 0..10 {
        let outcomes = cluster.write(SHARD, vec![delete(&pong, &format!("b{number}"), &id(number))]).await;
        assert_eq!(written(&outcomes[0]).count(Fate::Deleted), 1);
        if number == 0 {
            println!("first write after the leader stopped: {:?}", began.elapsed());
        }
    }
    cluster.restart(leader).await;
    cluster.ready().await;
    let digests = cluster.digests(SHARD).await;
    assert_eq!(digests.len(), 3);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(digests[0].live, 10);
    let leader = cluster.leader(SHARD).await;
    assert_eq!(count(cluster.nodes[&leader].as_ref(), SHARD).await.unwrap(), 10);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_behind_a_purged_log_is_sent_a_snapshot() {
    // Every group purges as soon as it has written anything at all.
    let storage =
        StorageSettings { snapshot_log_bytes: 16 << 10, kept_entries: 8, ..StorageSettings::default() };
    let mut cluster = Cluster::start(3, NodeConfig { storage, ..template() }).await;
    let pong = ping(cluster.nodes[&1].as_ref()).await;
    let leader = cluster.leader(SHARD).await;
    let behind = *cluster.nodes.keys().find(|id| **id != leader).unwrap();
    cluster.stop(behind).await;
    let mut number = 0;
    until("the log is purged beyond what the stopped node has", async || {
        let writes = (number..number + 100).map(|number| {
            let command = upsert(&pong, &format!("c{number}"), &id(number % 50));
            write(cluster.nodes[&leader].as_ref(), SHARD, vec![command])
        });
        for outcome in join_all(writes).await {
            outcome.unwrap();
        }
        number += 100;
        status(cluster.nodes[&leader].as_ref()).await.groups[1].purged > 50
    })
    .await;
    cluster.restart(behind).await;
    let digests = cluster.digests(SHARD).await;
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(digests[0].live, 50);
    // What was installed is whole: it survives a restart, and the node goes on from there.
    cluster.stop(behind).await;
    cluster.restart(behind).await;
    cluster.ready().await;
    cluster.write(SHARD, vec![delete(&pong, "last", &id(0))]).await;
    let digests = cluster.digests(SHARD).await;
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(digests[0].live, 49);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_with_one_replica_are_spread_and_answer_where_they_are() {
    let cluster = Cluster::start(3, NodeConfig { shards: 6, replicas: 1, ..template() }).await;
    for node in cluster.nodes.values() {
        let remote = remote(node, &Security::Loopback);
        let groups = status(&remote).await.groups;
        assert_eq!(groups.len(), 3, "the meta group and two shards: {groups:?}");
        for shard in groups.iter().filter_map(|group| group.shard) {
            assert_eq!(count(&remote, shard).await, Ok(0));
        }
        let elsewhere =
            (0..6).map(ShardId).find(|shard| groups.iter().all(|group| group.shard != Some(*shard)));
        assert_eq!(count(&remote, elsewhere.unwrap()).await, Err(CallError::NotHere));
    }
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_go_back_to_the_preferred_replica_and_no_write_is_lost_on_the_way() {
    let mut cluster = Cluster::start(3, NodeConfig { balance_ms: 300, ..template() }).await;
    let pong = ping(cluster.nodes[&1].as_ref()).await;
    let preferred = cluster.leader(SHARD).await;
    cluster.stop(preferred).await;
    cluster.write(SHARD, vec![upsert(&pong, "f", &id(0))]).await;
    cluster.restart(preferred).await;
    let mut number = 1;
    until("the preferred replica leads again", async || {
        cluster.write(SHARD, vec![upsert(&pong, &format!("f{number}"), &id(number))]).await;
        number += 1;
        cluster.leader(SHARD).await == preferred
    })
    .await;
    cluster.ready().await;
    let digests = cluster.digests(SHARD).await;
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(digests[0].live, number as u64);
    cluster.stop_all().await;
}
