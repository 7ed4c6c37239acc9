//! Leaders that moved, nodes that are away, answers that are lost: what is repeated, and what is said.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fake::{Fault, On};
use crate::http::{Client, many};

#[tokio::test]
async fn a_moved_leader_is_followed() {
    let client = Client::new().await;
    client.load(8).await;
    {
        let mut world = client.fake.world.lock();
        for leader in world.leaders.values_mut() {
            *leader = *leader % 3 + 1;
        }
    }
    let answer = client.records("delete", &json!({"filter": {"even": true}})).await;
    assert_eq!((answer.status, &answer.body["deleted"]), (200, &json!(4)), "{answer:?}");
}

#[tokio::test]
async fn passing_failures_are_repeated_until_they_are_over() {
    for fault in [
        Fault::NotLeader(None),
        Fault::NotLeader(Some(2)),
        Fault::Unreachable,
        Fault::Unavailable,
        Fault::Busy,
        Fault::OtherBoot,
        Fault::LostBefore,
        Fault::LostAfter,
    ] {
        let client = Client::new().await;
        for shard in 0..4 {
            client.fake.fail(On::Shard(shard), fault.clone(), 2);
        }
        client.fake.fail(On::Meta, fault.clone(), 2);
        let answer = client.records("upsert", &json!({"records": many(20)})).await;
        assert_eq!((answer.status, &answer.body["inserted"]), (200, &json!(20)), "{fault:?}: {answer:?}");
        assert_eq!(client.fake.live(), 20, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_learnt_by_repeating_the_same_call() {
    let client = Client::new().await;
    client.load(8).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::LostAfter, 1);
    }
    let ids: Vec<String> = (0..8).map(|n| format!("r{n}")).collect();
    let answer = client.records("delete", &json!({"ids": ids})).await;
    assert_eq!(
        (answer.status, &answer.body["deleted"]),
        (200, &json!(8)),
        "counted once, not as absent: {answer:?}"
    );
}

#[tokio::test]
async fn a_node_that_is_stopped_costs_one_wait_not_the_deadline() {
    let client = Client::new().await;
    client.load(8).await;
    client.fake.fail(On::Node(1), Fault::Stopped, usize::MAX);
    {
        let mut world = client.fake.world.lock();
        for leader in world.leaders.values_mut() {
            *leader = if *leader == 1 { 2 } else { *leader };
        }
    }
    let begun = Instant::now();
    let answer = client.records("delete", &json!({"filter": {"even": true}})).await;
    assert_eq!((answer.status, &answer.body["deleted"]), (200, &json!(4)), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_millis(2_500), "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn no_room_is_said_at_once_and_deletes_go_through() {
    let client = Client::new().await;
    client.load(4).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::NoRoom, 1);
    }
    let begun = Instant::now();
    let answer = client.records("upsert", &json!({"records": many(20)})).await;
    assert_eq!((answer.status, answer.body["error"]["code"].as_str()), (507, Some("no_room")), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(client.records("delete", &json!({"ids": ["r1"]})).await.status, 200);
}

#[tokio::test]
async fn a_shard_away_makes_a_partial_answer_that_names_what_to_repeat() {
    let client = Client::new().await;
    client.fake.fail(On::Shard(2), Fault::Unreachable, usize::MAX);
    let answer = client.within(300, "upsert", &json!({"records": many(20)})).await;
    assert_eq!((answer.status, answer.says.as_deref()), (207, Some("partial")), "{answer:?}");
    assert!(answer.body["upserted"].is_null(), "a total with a part unknown is null");
    let shards = answer.body["shards"].as_array().expect("shards");
    let away = shards.iter().find(|shard| shard["shard"] == 2).expect("the shard");
    assert_eq!((&away["status"], &away["error"]["retry"]), (&json!("refused"), &json!("same_request")));
    let unprocessed: Vec<&str> =
        away["unprocessed_ids"].as_array().expect("ids").iter().filter_map(|id| id.as_str()).collect();
    client.fake.heal();
    let again: Vec<_> = many(20)
        .into_iter()
        .filter(|record| unprocessed.contains(&record["id"].as_str().expect("id")))
        .collect();
    let answer = client.records("upsert", &json!({"records": again})).await;
    assert_eq!(answer.body["inserted"], json!(unprocessed.len()));
    assert_eq!(client.fake.live(), 20, "the ids named were exactly those left out");
}

#[tokio::test]
async fn a_write_of_unknown_fate_answers_at_its_deadline_and_names_when_it_settles() {
    let client = Client::new().await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::Stopped, usize::MAX);
    }
    let begun = Instant::now();
    let answer = client.within(400, "upsert", &json!({"records": many(3)})).await;
    let took = begun.elapsed();
    assert_eq!(
        (answer.status, answer.body["error"]["code"].as_str()),
        (504, Some("outcome_unknown")),
        "{answer:?}"
    );
    assert!((Duration::from_millis(380)..Duration::from_millis(900)).contains(&took), "{took:?}");
    assert!(answer.body["error"]["details"]["settles_by"].is_u64(), "{answer:?}");
    assert_eq!(answer.body["error"]["retry"], "outcome_unknown");
    client.fake.heal();
    let op_id = answer.operation.expect("a name");
    let again = client.keyed(&op_id, "upsert", &json!({"records": many(3)})).await;
    assert_eq!((again.status, again.operation.as_deref()), (200, Some(op_id.as_str())), "{again:?}");
}

#[tokio::test]
async fn a_write_held_in_the_network_past_its_deadline_is_never_applied() {
    let client = Client::new().await;
    client.load(1).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::Late(Duration::from_millis(400)), usize::MAX);
    }
    let body = json!({"records": [{"id": "late", "vector": [1, 2, 3]}]});
    let answer = client.within(300, "upsert", &body).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(client.fake.live(), 1, "its deadline travelled with it");
}

#[tokio::test]
async fn without_the_meta_group_nothing_is_done_and_503_says_so() {
    let client = Client::new().await;
    client.load(4).await;
    let other = Client::on(std::sync::Arc::clone(&client.fake));
    client.fake.fail(On::Meta, Fault::Unavailable, usize::MAX);
    for (verb, body) in
        [("delete", json!({"ids": ["r1"]})), ("delete", json!({"delete_all": true})), ("count", json!({}))]
    {
        let answer = other.within(200, verb, &body).await;
        assert_eq!(
            (answer.status, answer.body["error"]["code"].as_str()),
            (503, Some("unavailable")),
            "{answer:?}"
        );
    }
    assert_eq!(client.fake.live(), 4);
}
