//! One name, one outcome: router-made names, claimed keys, and those too old to know.

use serde_json::json;

use crate::fake::{Fault, On};
use crate::http::{Client, many};

#[tokio::test]
async fn a_repeat_under_its_op_id_has_the_first_outcome() {
    let client = Client::new().await;
    client.load(4).await;
    let body = json!({"ids": ["r1", "no"]});
    let first = client.records("delete", &body).await;
    let op_id = first.operation.expect("a name");
    client.load(4).await;
    let again = client.keyed(&op_id, "delete", &body).await;
    assert_eq!(again.body, first.body);
    assert_eq!(client.fake.live(), 4, "the record written since stays");
    let told = client.get(&format!("/v1/operations/{op_id}")).await;
    assert_eq!(told.status, 200, "{told:?}");
    let deleted: u64 =
        told.body["shards"].as_array().expect("shards").iter().filter_map(|s| s["deleted"].as_u64()).sum();
    assert_eq!(deleted, 1, "{told:?}");
}

#[tokio::test]
async fn an_op_id_of_another_request_is_refused() {
    let client = Client::new().await;
    client.load(4).await;
    let op_id = client.records("delete", &json!({"ids": ["r1"]})).await.operation.expect("a name");
    let other = client.keyed(&op_id, "delete", &json!({"ids": ["r2"]})).await;
    assert_eq!(
        (other.status, other.body["error"]["code"].as_str()),
        (409, Some("op_id_reused")),
        "{other:?}"
    );
    let other = client.keyed(&op_id, "delete", &json!({"filter": {"even": true}})).await;
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(client.fake.live(), 3);
}

#[tokio::test]
async fn a_clients_key_names_one_request() {
    let client = Client::new().await;
    for (verb, body, other) in [
        ("upsert", json!({"records": many(3)}), json!({"records": many(2)})),
        ("delete", json!({"ids": ["r1"]}), json!({"ids": ["r2"]})),
        ("delete", json!({"filter": {"even": true}}), json!({"filter": {"even": false}})),
    ] {
        let key = format!("order-{verb}-{}", body.to_string().len());
        let first = client.keyed(&key, verb, &body).await;
        assert_eq!((first.status, first.operation.as_deref()), (200, Some(key.as_str())), "{first:?}");
        assert_eq!(client.keyed(&key, verb, &body).await.body, first.body);
        let reused = client.keyed(&key, verb, &other).await;
        assert_eq!(
            (reused.status, reused.body["error"]["code"].as_str()),
            (409, Some("op_id_reused")),
            "{reused:?}"
        );
    }
}

#[tokio::test]
async fn a_keyed_upsert_is_not_repeated_after_its_delete() {
    let client = Client::new().await;
    let body = json!({"records": many(1)});
    assert_eq!(client.keyed("k", "upsert", &body).await.status, 200);
    assert_eq!(client.records("delete", &json!({"ids": ["r0"]})).await.body["deleted"], 1);
    let again = client.keyed("k", "upsert", &body).await;
    assert_eq!((again.status, &again.body["inserted"]), (200, &json!(1)), "its first outcome");
    assert_eq!(client.fake.live(), 0, "it didn't run again");
}

#[tokio::test]
async fn a_keyed_delete_of_nothing_stays_a_delete_of_nothing() {
    let client = Client::new().await;
    let body = json!({"namespace": "later", "ids": ["r0"]});
    let first = client.keyed("k", "delete", &body).await;
    assert_eq!((first.status, &first.body["absent"]), (200, &json!(1)), "{first:?}");
    client.records("upsert", &json!({"namespace": "later", "records": many(1)})).await;
    let again = client.keyed("k", "delete", &body).await;
    assert_eq!((again.status, &again.body["absent"]), (200, &json!(1)), "{again:?}");
    assert_eq!(client.fake.live(), 1);
}

#[tokio::test]
async fn a_new_op_id_is_made_when_the_first_was_born_too_long_ago() {
    let client = Client::new().await;
    client.load(1).await;
    // The router has heard no group for longer than the window.
    client.fake.world.lock().stamp += 600 * 1_000_000;
    let answer = client.records("upsert", &json!({"records": many(5)})).await;
    assert_eq!((answer.status, &answer.body["upserted"]), (200, &json!(5)), "{answer:?}");
}

#[tokio::test]
async fn a_clients_old_op_id_is_forgotten_not_run_again() {
    let client = Client::new().await;
    client.load(2).await;
    for shard in 0..4 {
        client.fake.fail(On::Shard(shard), Fault::LostBefore, usize::MAX);
    }
    let body = json!({"ids": ["r0"]});
    let lost = client.within(200, "delete", &body).await;
    assert_eq!(lost.status, 504, "{lost:?}");
    client.fake.heal();
    client.fake.world.lock().stamp += 600 * 1_000_000;
    let again = client.keyed(&lost.operation.expect("a name"), "delete", &body).await;
    assert_eq!((again.status, again.body["error"]["code"].as_str()), (410, Some("forgotten")), "{again:?}");
    assert_eq!(client.fake.live(), 2);
}

#[tokio::test]
async fn an_operation_that_nobody_kept_is_unknown() {
    let client = Client::new().await;
    let told = client.get("/v1/operations/nobody").await;
    assert_eq!((told.status, told.body["error"]["code"].as_str()), (404, Some("not_found")), "{told:?}");
    assert_eq!(client.get("/v1/operations/lop1_x").await.status, 400);
}
