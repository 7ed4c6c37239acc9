//! After any answer to a deleteAll or a drop that isn't complete, no router begins a call on the old contents
//! (protocol PN5): not even one that hears nothing of the meta group, on a shard that the Fence hasn't reached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use lacuna_model::command::Command;
use serde_json::json;

use crate::fake::{Fault, On, SHARDS};
use crate::http::{Answer, Client, many};

/// Two routers that know the name; the meta group can no longer be read, only written, and the Fence reaches
/// no shard from this one on.
async fn cut_off(unreached: std::ops::Range<u32>) -> (Client, Client) {
    let first = Client::new().await;
    first.load(20).await;
    let stale = Client::on(Arc::clone(&first.fake));
    assert_eq!(stale.records("count", &json!({})).await.body["count"], 20);
    first.fake.fail(On::MetaReads, Fault::Unavailable, usize::MAX);
    for shard in unreached {
        first.fake.fail(On::Shard(shard), Fault::Unavailable, usize::MAX);
    }
    (first, stale)
}

/// Writes that some shard applied to old contents or new.
fn writes(client: &Client) -> usize {
    let world = client.fake.world.lock();
    world.applied.iter().filter(|(_, command)| matches!(command, Command::Write(_))).count()
}

/// The answer is out, the shards can be reached again, the stale router still hears nothing: it has to give up.
async fn the_stale_router_gives_up(stale: &Client, answer: &Answer) {
    (0..SHARDS).for_each(|shard| stale.fake.heal_on(On::Shard(shard)));
    let before = writes(stale);
    for (verb, body) in [
        ("upsert", json!({"records": many(20)})),
        ("delete", json!({"ids": ["r0", "r1", "r2"]})),
        ("count", json!({})),
        ("get", json!({"ids": ["r1"]})),
        ("query", json!({"vector": [0, 0, 1], "top_k": 5})),
    ] {
        let told = stale.within(150, verb, &body).await;
        assert_eq!(told.status, 503, "{verb} after {answer:?}: {told:?}");
    }
    assert_eq!(writes(stale), before, "nothing reached the shards that have no Fence yet");
}

#[tokio::test]
async fn after_a_partial_answer_to_a_delete_all_a_stale_router_neither_writes_nor_reads_the_old_contents() {
    let (first, stale) = cut_off(1..2).await;
    let answer = first.within(200, "delete", &json!({"delete_all": true})).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    the_stale_router_gives_up(&stale, &answer).await;
    stale.fake.heal();
    let written = stale.records("upsert", &json!({"records": many(5)})).await;
    assert_eq!((written.status, &written.body["inserted"]), (200, &json!(5)), "new contents: {written:?}");
    assert_eq!(stale.records("count", &json!({})).await.body["count"], 5);
}

#[tokio::test]
async fn after_an_early_answer_to_a_delete_all_a_stale_router_neither_writes_nor_reads_the_old_contents() {
    let (first, stale) = cut_off(0..SHARDS).await;
    let begun = Instant::now();
    let path = "/v1/collections/c/records/delete";
    let early = [("prefer", "respond-async"), ("lacuna-deadline-ms", "200")];
    let answer = first.post_with(path, &json!({"delete_all": true}), &early).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(begun.elapsed() >= Duration::from_millis(3_100), "early, but not before the leases are over");
    // The Fence is still tried in the background for a moment; it must not be what stops the stale router.
    let fenced = |(_, command): &(u32, Command)| matches!(command, Command::Fence(_));
    assert!(!first.fake.world.lock().applied.iter().any(fenced));
    the_stale_router_gives_up(&stale, &answer).await;
}

#[tokio::test]
async fn after_a_partial_answer_to_a_drop_a_stale_router_neither_writes_nor_reads_the_old_contents() {
    let (first, stale) = cut_off(1..2).await;
    let drop = Request::delete("/v1/collections/c").header("lacuna-deadline-ms", "200");
    let answer = first.send(drop.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    the_stale_router_gives_up(&stale, &answer).await;
    stale.fake.heal();
    let told = stale.records("upsert", &json!({"records": many(5)})).await;
    assert_eq!(told.status, 404, "{told:?}");
}

#[tokio::test]
async fn absence_is_never_cached() {
    let first = Client::new().await;
    let other = Client::on(Arc::clone(&first.fake));
    let later = |verb: &str| json!({"namespace": format!("later-{verb}")});
    for (verb, key, value) in [("count", "count", json!(0)), ("list", "ids", json!([]))] {
        assert_eq!(other.records(verb, &later(verb)).await.body[key], value, "{verb}");
    }
    assert_eq!(other.get("/v1/collections/d").await.status, 404);
    assert_eq!(other.post("/v1/collections/d/records/count", &json!({})).await.status, 404);

    for verb in ["count", "list"] {
        let body = json!({"namespace": format!("later-{verb}"), "records": many(3)});
        assert_eq!(first.records("upsert", &body).await.status, 200);
    }
    let made = json!({"name": "d", "dimension": 3, "metric": "l2"});
    assert_eq!(first.post("/v1/collections", &made).await.status, 201);

    assert_eq!(other.records("count", &later("count")).await.body["count"], 3);
    assert_eq!(other.records("list", &later("list")).await.body["ids"].as_array().map(Vec::len), Some(3));
    assert_eq!(other.post("/v1/collections/d/records/count", &json!({})).await.body["count"], 0);
}
