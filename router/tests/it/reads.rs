//! Reads over several shards: order, pages, top-k.

use serde_json::{Value, json};

use crate::http::{Client, many};

fn ids(list: &Value) -> Vec<String> {
    let id = |record: &Value| record["id"].as_str().or(record.as_str()).map(str::to_owned);
    list.as_array().expect("a list").iter().filter_map(id).collect()
}

#[tokio::test]
async fn pages_hold_every_id_once_and_in_order() {
    let client = Client::new().await;
    client.load(57).await;
    let mut expected: Vec<String> = (0..57).map(|n| format!("r{n}")).collect();
    expected.sort();
    for limit in [1, 7, 56, 57, 100] {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({"limit": limit});
            if cursor.is_string() {
                body["cursor"] = cursor;
            }
            let page = client.records("list", &body).await.body;
            seen.extend(ids(&page["ids"]));
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    let page = client.records("list", &json!({"prefix": "r1"})).await.body;
    assert_eq!(ids(&page["ids"]).len(), 11);
}

#[tokio::test]
async fn the_best_of_all_shards_come_first() {
    let client = Client::new().await;
    client.load(40).await;
    let answer = client.records("query", &json!({"vector": [17.2, 0, 1], "top_k": 5})).await.body;
    assert_eq!(ids(&answer["matches"]), ["r17", "r18", "r16", "r19", "r15"]);
    let answer =
        client.records("query", &json!({"vector": [17.2, 0, 1], "top_k": 2, "filter": {"even": true}})).await;
    assert_eq!(ids(&answer.body["matches"]), ["r18", "r16"]);
}

#[tokio::test]
async fn equal_scores_are_ordered_by_id() {
    let client = Client::new().await;
    let records: Vec<Value> =
        (0..20).map(|n| json!({"id": format!("x{n:02}"), "vector": [1, 1, 1]})).collect();
    client.records("upsert", &json!({"records": records})).await;
    let answer = client.records("query", &json!({"vector": [0, 0, 0], "top_k": 4})).await.body;
    assert_eq!(ids(&answer["matches"]), ["x00", "x01", "x02", "x03"]);
}

#[tokio::test]
async fn a_get_by_ids_keeps_the_requests_order() {
    let client = Client::new().await;
    client.load(9).await;
    let answer = client.records("get", &json!({"ids": ["r8", "r2", "no", "r8", "r5"]})).await.body;
    assert_eq!(ids(&answer["records"]), ["r8", "r2", "r5"]);
    assert_eq!(answer["records"][0]["document"], "text 8");
}

#[tokio::test]
async fn namespaces_are_apart() {
    let client = Client::new().await;
    client.load(3).await;
    client.records("upsert", &json!({"namespace": "other", "records": many(5)})).await;
    assert_eq!(client.records("count", &json!({"namespace": "__default__"})).await.body["count"], 3);
    assert_eq!(client.records("count", &json!({"namespace": "other"})).await.body["count"], 5);
    assert_eq!(client.records("count", &json!({"namespace": "never"})).await.body["count"], 0);
    let deleted = client.delete("/v1/collections/c/namespaces/other").await;
    assert_eq!((deleted.status, &deleted.body["deleted"]), (200, &json!(5)));
    assert_eq!(client.records("count", &json!({})).await.body["count"], 3);
}

#[tokio::test]
async fn a_repeated_id_counts_once() {
    let client = Client::new().await;
    let records = json!([{"id": "a", "document": "first"}, {"id": "b"}, {"id": "a", "document": "last"}]);
    let answer = client.records("upsert", &json!({"records": records})).await.body;
    assert_eq!(answer["upserted"], 2);
    let found = client.records("get", &json!({"ids": ["a"]})).await.body;
    assert_eq!(found["records"][0]["document"], "last");
    let patches =
        json!([{"id": "a", "metadata": {"x": 1, "y": 1}}, {"id": "a", "metadata": {"y": null, "z": 2}}]);
    let answer = client.records("update", &json!({"records": patches})).await.body;
    assert_eq!(answer["updated"], 1);
    let found = client.records("get", &json!({"ids": ["a"]})).await.body;
    assert_eq!(found["records"][0]["metadata"], json!({"x": 1, "z": 2}));
    let answer = client.records("delete", &json!({"ids": ["a", "a", "b"]})).await.body;
    assert_eq!((&answer["requested"], &answer["deleted"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn remaining_is_asked_of_the_other_shards_on_request() {
    let client = Client::new().await;
    client.load(30).await;
    let path = "/v1/collections/c/records/delete";
    let known = client.post(path, &json!({"ids": ["r1"]})).await.body;
    assert_eq!(known["remaining"], Value::Null, "it took part on one shard");
    let asked = client.post(&format!("{path}?remaining=true"), &json!({"ids": ["r2"]})).await.body;
    assert_eq!(asked["remaining"], 28);
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let client = Client::new().await;
    let document = client.get("/openapi.json").await.body;
    for path in [
        "/v1/collections",
        "/v1/collections/{c}",
        "/v1/collections/{c}/namespaces",
        "/v1/collections/{c}/namespaces/{ns}",
        "/v1/collections/{c}/records/upsert",
        "/v1/collections/{c}/records/update",
        "/v1/collections/{c}/records/get",
        "/v1/collections/{c}/records/query",
        "/v1/collections/{c}/records/count",
        "/v1/collections/{c}/records/list",
        "/v1/collections/{c}/records/delete",
        "/v1/collections/{c}/records/delete/preview",
        "/v1/operations",
        "/v1/operations/{op_id}",
        "/v1/cluster",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is missing");
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "schema {name} is missing");
    }
}

#[tokio::test]
async fn the_page_lists_every_surface_and_loads_nothing_from_elsewhere() {
    let client = Client::new().await;
    let page = client.get("/docs/").await;
    assert!(page.status == 200 && page.text.contains("swagger"), "{}", page.text);
    let mut assets = Vec::new();
    let is_asset = |part: &&str| matches!(part.rsplit_once('.'), Some((_, "js" | "css")));
    for part in page.text.split(['"', '\'']).filter(is_asset) {
        assert!(!part.contains("//"), "{part} is elsewhere");
        assets.push(part.trim_start_matches("./"));
    }
    assert!(
        assets.contains(&"swagger-ui-bundle.js") && assets.contains(&"swagger-initializer.js"),
        "{assets:?}"
    );
    for asset in assets {
        let loaded = client.get(&format!("/docs/{asset}")).await;
        assert!(loaded.status == 200 && !loaded.text.is_empty(), "{asset}: {}", loaded.status);
    }
    let start = client.get("/docs/swagger-initializer.js").await.text;
    assert!(!start.contains("http"), "{start}");
    for surface in ["native", "chroma", "pinecone", "moorcheh", "cognee"] {
        let path = format!("/openapi/{surface}.json");
        assert!(start.contains(&path), "{start}");
        assert!(client.get(&path).await.body["paths"].is_object(), "{path}");
    }
    assert!(start.contains("/openapi.json") && start.contains("\"validatorUrl\": \"none\""), "{start}");
}
