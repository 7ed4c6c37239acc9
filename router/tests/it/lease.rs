//! A router with an old view of the names: it neither writes to ended contents nor answers "empty" from them.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::command::Command;
use serde_json::json;

use crate::fake::{Fault, On};
use crate::http::{Client, many};

/// Two routers before one cluster; the second has the name cached and no longer hears the meta group's changes.
async fn two() -> (Client, Client) {
    let first = Client::new().await;
    first.load(8).await;
    let stale = Client::on(Arc::clone(&first.fake));
    assert_eq!(stale.records("count", &json!({})).await.body["count"], 8);
    (first, stale)
}

#[tokio::test]
async fn a_stale_router_reads_the_new_contents_after_a_delete_all() {
    let (first, stale) = two().await;
    assert_eq!(first.records("delete", &json!({"delete_all": true})).await.body["deleted"], 8);
    first.records("upsert", &json!({"records": many(3)})).await;
    for (verb, body, found) in [
        ("count", json!({}), "count"),
        ("get", json!({"ids": ["r1"]}), "records"),
        ("query", json!({"vector": [0, 0, 1], "top_k": 5}), "matches"),
    ] {
        let answer = stale.records(verb, &body).await;
        let seen =
            answer.body[found].as_array().map_or(answer.body[found].as_u64(), |list| Some(list.len() as u64));
        assert!(answer.status == 200 && seen.is_some_and(|seen| seen > 0), "{verb}: never empty: {answer:?}");
    }
}

#[tokio::test]
async fn a_stale_router_writes_to_the_new_contents_only() {
    let (first, stale) = two().await;
    first.records("delete", &json!({"delete_all": true})).await;
    let before = first.fake.world.lock().applied.len();
    let answer = stale.records("upsert", &json!({"records": many(5)})).await;
    assert_eq!((answer.status, &answer.body["inserted"]), (200, &json!(5)), "{answer:?}");
    assert_eq!(first.records("count", &json!({})).await.body["count"], 5);
    let writes = |(_, command): &&(u32, Command)| matches!(command, Command::Write(_));
    let written = first.fake.world.lock().applied[before..].iter().filter(writes).count();
    assert!(written > 4, "it tried the old contents, was refused, and planned anew");
    let answer = stale.records("delete", &json!({"ids": ["r0"]})).await;
    assert_eq!(answer.body["deleted"], 1);
}

#[tokio::test]
async fn a_deleted_name_without_new_contents_is_known_to_be_empty() {
    let (first, stale) = two().await;
    first.records("delete", &json!({"delete_all": true})).await;
    let answer = stale.records("delete", &json!({"ids": ["r0", "r1"]})).await;
    assert_eq!((answer.status, &answer.body["absent"]), (200, &json!(2)), "{answer:?}");
    assert_eq!(stale.records("count", &json!({})).await.body["count"], 0);
}

#[tokio::test]
async fn a_stale_router_cut_off_from_the_meta_group_gives_up_rather_than_guess() {
    let (first, stale) = two().await;
    first.records("delete", &json!({"delete_all": true})).await;
    first.fake.fail(On::Meta, Fault::Unavailable, usize::MAX);
    for (verb, body) in [("count", json!({})), ("upsert", json!({"records": many(1)}))] {
        let answer = stale.within(300, verb, &body).await;
        assert_eq!(answer.status, 503, "{verb}: {answer:?}");
    }
    assert_eq!(first.fake.live(), 0);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_not_used() {
    let (first, stale) = two().await;
    first.fake.fail(On::Meta, Fault::Unavailable, usize::MAX);
    let used = stale.within(300, "count", &json!({})).await;
    assert_eq!((used.status, &used.body["count"]), (200, &json!(8)), "under the lease: {used:?}");
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    let answer = stale.within(300, "count", &json!({})).await;
    assert_eq!(answer.status, 503, "after it: {answer:?}");
    first.fake.heal();
    assert_eq!(stale.records("count", &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_repeat_planned_for_ended_contents_is_refused_not_moved_to_the_new_ones() {
    let client = Client::new().await;
    client.load(1).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::LostBefore, usize::MAX);
    }
    let body = json!({"records": many(4)});
    let lost = client.within(200, "upsert", &body).await;
    assert_eq!(lost.status, 504, "{lost:?}");
    client.fake.heal();
    client.records("delete", &json!({"delete_all": true})).await;
    let again = client.keyed(&lost.operation.expect("a name"), "upsert", &body).await;
    assert_eq!((again.status, again.body["error"]["code"].as_str()), (409, Some("fenced")), "{again:?}");
    assert_eq!(client.fake.live(), 0);
}
