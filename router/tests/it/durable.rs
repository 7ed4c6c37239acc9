//! Where-deletes, deleteAll and drops: recorded first, then brought to every shard.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fake::{Fault, On};
use crate::http::Client;

#[tokio::test]
async fn a_sweeping_row_is_watched_until_it_is_done() {
    let client = Client::new().await;
    client.load(20).await;
    for shard in client.fake.world.lock().shards.values_mut() {
        shard.looks = 3;
    }
    let answer = client.records("delete", &json!({"filter": {"even": true}})).await;
    assert_eq!(
        (answer.status, &answer.body["deleted"], &answer.body["remaining"]),
        (200, &json!(10), &json!(10))
    );
    assert_eq!(answer.body["erasure"]["level"], "E1");
}

#[tokio::test]
async fn a_row_that_sweeps_on_at_the_deadline_is_pending_with_unknown_counts() {
    let client = Client::new().await;
    client.load(20).await;
    client.fake.world.lock().shards.get_mut(&0).expect("a shard").looks = usize::MAX;
    let answer = client.within(300, "delete", &json!({"filter": {"even": true}})).await;
    assert_eq!((answer.status, answer.says.as_deref()), (202, Some("pending")), "{answer:?}");
    let shard = &answer.body["shards"][0];
    assert_eq!((&shard["status"], &shard["deleted"]), (&json!("pending"), &json!(null)));
    assert!(shard["bound"].is_u64(), "its bound is fixed: {shard}");
    assert!(answer.body["deleted"].is_null() && answer.body["note"].is_string());
    assert_eq!(answer.body["erasure"]["level"], "E0");
}

#[tokio::test]
async fn a_shard_away_is_pending_and_the_operation_can_be_joined() {
    let client = Client::new().await;
    client.load(20).await;
    client.fake.fail(On::Shard(3), Fault::Stopped, usize::MAX);
    let body = json!({"filter": {"even": true}});
    let answer = client.within(300, "delete", &body).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    let pending = |answer: &crate::http::Answer| -> Vec<u64> {
        let shards = answer.body["shards"].as_array().cloned().unwrap_or_default();
        shards
            .iter()
            .filter(|shard| shard["status"] == "pending")
            .filter_map(|shard| shard["shard"].as_u64())
            .collect()
    };
    assert_eq!(pending(&answer), [3]);
    let op_id = answer.operation.expect("a name");
    let told = client.get(&format!("/v1/operations/{op_id}")).await;
    assert_eq!((told.status, &told.body["status"]), (200, &json!("partial")), "{told:?}");
    assert_eq!(pending(&told), [3], "the others are asked for their rows");
    client.fake.heal();
    let joined = client.keyed(&op_id, "delete", &body).await;
    assert_eq!((joined.status, &joined.body["deleted"]), (200, &json!(10)), "{joined:?}");
    assert_eq!(joined.operation.as_deref(), Some(op_id.as_str()));
    assert_eq!(completed(&client, &op_id).await.body["deleted"], json!(10));
}

#[tokio::test]
async fn a_delete_all_that_is_not_complete_waits_out_every_routers_lease() {
    let client = Client::new().await;
    client.load(8).await;
    client.fake.fail(On::Shard(1), Fault::Unavailable, usize::MAX);
    let begun = Instant::now();
    let answer = client.within(200, "delete", &json!({"delete_all": true})).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    assert!(begun.elapsed() >= Duration::from_millis(3_100), "answered after {:?}", begun.elapsed());
}

#[tokio::test]
async fn respond_async_answers_once_it_is_recorded_and_runs_on() {
    let client = Client::new().await;
    client.load(20).await;
    let path = "/v1/collections/c/records/delete";
    let body = json!({"filter": {"even": true}});
    let answer = client.post_with(path, &body, &[("prefer", "respond-async")]).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("pending")), "{answer:?}");
    let op_id = answer.operation.expect("a name");
    assert_eq!(completed(&client, &op_id).await.body["deleted"], json!(10));
}

/// The operation once it is complete: shards' answers reach the meta group behind the client's.
async fn completed(client: &Client, op_id: &str) -> crate::http::Answer {
    for _ in 0..100 {
        let told = client.get(&format!("/v1/operations/{op_id}")).await;
        if told.body["status"] == "complete" {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it didn't run on");
}

#[tokio::test]
async fn a_limit_goes_through_the_shards_one_after_another() {
    let client = Client::new().await;
    client.load(40).await;
    let answer = client.records("delete", &json!({"filter": {"n": {"$gte": 0}}, "limit": 13})).await;
    assert_eq!(
        (answer.status, &answer.body["deleted"], &answer.body["remaining"]),
        (200, &json!(13), &json!(27))
    );
    assert_eq!(client.fake.live(), 27);
}

#[tokio::test]
async fn a_recording_without_an_answer_is_unknown_and_repeating_it_joins() {
    let client = Client::new().await;
    client.load(8).await;
    client.fake.fail(On::Meta, Fault::LostAfter, usize::MAX);
    let body = json!({"filter": {"even": true}});
    let answer = client.within(300, "delete", &body).await;
    assert_eq!(
        (answer.status, answer.body["error"]["code"].as_str()),
        (504, Some("outcome_unknown")),
        "{answer:?}"
    );
    client.fake.heal();
    let op_id = answer.operation.expect("a name");
    let again = client.keyed(&op_id, "delete", &body).await;
    assert_eq!((again.status, &again.body["deleted"]), (200, &json!(4)), "{again:?}");
    assert_eq!(client.fake.world.lock().meta.operations.len(), 1, "one operation, joined");
}

#[tokio::test]
async fn a_start_on_a_busy_shard_waits_its_turn() {
    let client = Client::new().await;
    client.load(8).await;
    client.fake.world.lock().shards.get_mut(&1).expect("a shard").busy = 2;
    let answer = client.records("delete", &json!({"filter": {"even": true}})).await;
    assert_eq!((answer.status, &answer.body["deleted"]), (200, &json!(4)), "{answer:?}");
}

#[tokio::test]
async fn what_a_closed_row_answered_is_asked_of_the_meta_group() {
    let client = Client::new().await;
    client.load(8).await;
    let body = json!({"filter": {"even": true}});
    let first = client.keyed("mine", "delete", &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    {
        let mut world = client.fake.world.lock();
        let number = world.meta.operations[0].0.number;
        world.shards.values_mut().for_each(|shard| shard.close(number));
    }
    client.load(8).await;
    let again = client.keyed("mine", "delete", &body).await;
    assert_eq!((again.status, &again.body["deleted"]), (200, &first.body["deleted"]), "{again:?}");
    assert_eq!(client.fake.live(), 8, "records written after the first answer stay");
}
