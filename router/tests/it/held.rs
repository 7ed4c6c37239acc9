//! What was given up stays given up: nothing of it arrives behind a delete that was acknowledged later.

use std::time::{Duration, Instant};

use lacuna_model::command::{Command, WriteVerb};
use serde_json::json;

use crate::fake::{Fault, On, SHARDS};
use crate::http::{Client, many};

fn fail_shards(client: &Client, fault: &Fault) {
    (0..SHARDS).for_each(|shard| client.fake.fail(On::Shard(shard), fault.clone(), usize::MAX));
}

/// Upserts that reached a shard in time.
fn upserts(client: &Client) -> usize {
    let world = client.fake.world.lock();
    let upsert = |(_, command): &&(u32, Command)| matches!(command, Command::Write(write) if matches!(write.verb, WriteVerb::Upsert(_)));
    world.applied.iter().filter(upsert).count()
}

#[tokio::test]
async fn an_upsert_held_in_the_network_past_its_deadline_does_not_come_back_after_a_delete() {
    let client = Client::new().await;
    client.load(1).await;
    // The first attempt arrives just behind the answer, the last one twice as late.
    fail_shards(&client, &Fault::Late(Duration::from_millis(320)));
    let body = json!({"records": [{"id": "held", "vector": [1, 2, 3]}]});
    let answer = client.within(300, "upsert", &body).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    client.fake.heal();
    let deleted = client.records("delete", &json!({"ids": ["held"]})).await;
    assert_eq!((deleted.status, &deleted.body["absent"]), (200, &json!(1)), "{deleted:?}");
    let before = upserts(&client);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!((upserts(&client), client.fake.live()), (before, 1), "it settled by its deadline");
    let found = client.records("get", &json!({"ids": ["held"]})).await;
    assert_eq!(found.body["records"], json!([]), "{found:?}");
}

#[tokio::test]
async fn an_upsert_that_arrives_within_the_margin_before_its_answer_is_refused_too() {
    let client = Client::new().await;
    client.load(1).await;
    let before = upserts(&client);
    // One attempt only: 60 ms before the client's own deadline the node has passed the one it was given.
    for shard in 0..SHARDS {
        client.fake.fail(On::Shard(shard), Fault::Late(Duration::from_millis(340)), 1);
        client.fake.fail(On::Shard(shard), Fault::Stopped, usize::MAX);
    }
    let answer = client.within(400, "upsert", &json!({"records": many(1)})).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(upserts(&client), before);
}

#[tokio::test]
async fn an_upsert_still_under_way_is_not_answered_for_because_a_later_attempt_was_refused() {
    let client = Client::new().await;
    client.load(1).await;
    // A node that lost a call is left alone for a second; then it is asked again, and refuses.
    for shard in 0..SHARDS {
        client.fake.fail(On::Shard(shard), Fault::Late(Duration::from_millis(1_500)), 1);
        client.fake.fail(On::Shard(shard), Fault::NoRoom, usize::MAX);
    }
    let body = json!({"records": [{"id": "held", "vector": [1, 2, 3]}]});
    let begun = Instant::now();
    let answer = client.within(1_700, "upsert", &body).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(
        begun.elapsed() >= Duration::from_millis(1_690),
        "it settles at its deadline: {:?}",
        begun.elapsed()
    );
    client.fake.heal();
    let deleted = client.records("delete", &json!({"ids": ["held"]})).await;
    assert_eq!((deleted.status, &deleted.body["deleted"]), (200, &json!(1)), "it had arrived: {deleted:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(client.fake.live(), 1);
}

#[tokio::test]
async fn a_keyed_upsert_that_was_given_up_is_finished_by_nobody_after_a_delete() {
    let client = Client::new().await;
    client.load(1).await;
    fail_shards(&client, &Fault::LostBefore);
    let body = json!({"records": [{"id": "keyed", "vector": [1, 2, 3]}]});
    let path = "/v1/collections/c/records/upsert";
    let headers = [("idempotency-key", "mine"), ("lacuna-deadline-ms", "300")];
    let answer = client.post_with(path, &body, &headers).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    client.fake.heal();
    let deleted = client.records("delete", &json!({"ids": ["keyed"]})).await;
    assert_eq!((deleted.status, &deleted.body["absent"]), (200, &json!(1)), "{deleted:?}");
    let before = upserts(&client);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((upserts(&client), client.fake.live()), (before, 1), "the claim alone moves nothing");
    // Only the client itself may ask for it once more: that is a new wish, and has one outcome.
    let again = client.keyed("mine", "upsert", &body).await;
    assert_eq!((again.status, &again.body["inserted"]), (200, &json!(1)), "{again:?}");
    assert_eq!(client.keyed("mine", "upsert", &body).await.body, again.body);
}
