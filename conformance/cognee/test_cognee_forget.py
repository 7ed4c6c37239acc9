"""Forgetting, line by line of the contract."""

import base64
import uuid

from cognee_support import edge, node, until


def test_m01_last_reference(memory, fresh):
    one, two = memory.dataset(fresh("one")), memory.dataset(fresh("two"))
    shared = node(fresh("shared"))
    first = memory.add(one, [shared, node("only-first")])
    second = memory.add(two, [shared, node("only-second")])
    result = memory.forget_item(one, first["id"])
    assert (result["status"], result["released"], result["deleted"]) == ("success", 1, 1)
    left = memory.records(two, second["id"])
    assert set(left) == {shared["id"], "only-second"}
    assert left[shared["id"]]["references"] == 1
    memory.record(one, shared["id"], expect=404)
    memory.record(one, "only-first", expect=404)
    result = memory.forget_item(two, second["id"])
    assert (result["released"], result["deleted"]) == (0, 2)
    memory.record(two, shared["id"], expect=404)


def test_m02_no_residue(memory, fresh):
    dataset, collection, name = memory.dataset(fresh("d")), fresh("c"), "n"

    def add(text, vector, sets):
        record = {"id": name, "collection": collection, "kind": "node", "type": text, "text": text, "vector": vector, "nodeSets": sets}
        return memory.add(dataset, [record])

    add("old", [1.0, 0.0], ["a"])
    new = add("new", [0.0, 1.0], ["b"])
    found = memory.record(dataset, name, collection)
    assert (found["text"], found["nodeSets"], found["references"]) == ("new", ["a", "b"], 2)
    assert memory.search([0.0, 1.0], collection=collection)[0]["text"] == "new"
    memory.forget_item(dataset, new["id"])
    found = memory.record(dataset, name, collection)
    assert (found["text"], found["nodeSets"], found["type"], found["references"]) == ("old", ["a"], "old", 1)
    [hit] = memory.search([1.0, 0.0], collection=collection)
    assert (hit["text"], hit["score"]) == ("old", 1.0)


def test_m03_edges_hold_their_ends(memory, fresh):
    dataset, a, b = memory.dataset(fresh("d")), fresh("a"), fresh("b")
    nodes = memory.add(dataset, [node(a), node(b)])
    edges = memory.add(dataset, [edge(fresh("e"), a, b)])
    assert memory.record(dataset, a)["references"] == 2
    result = memory.forget_item(dataset, nodes["id"])
    assert result["by_kind"]["node"] == {"released": 2, "deleted": 0}
    kept = memory.record(dataset, a)
    assert (kept["type"], kept["text"], kept["references"]) == ("Thing", "", 1)
    graph = memory.graph(dataset)
    assert {one["id"] for one in graph["nodes"]} == {a, b} and len(graph["edges"]) == 1
    result = memory.forget_item(dataset, edges["id"])
    assert (result["by_kind"]["node"]["deleted"], result["by_kind"]["edge"]["deleted"]) == (2, 1)
    assert memory.graph(dataset) == {"nodes": [], "edges": []}
    before = memory.items(dataset)
    refused = memory.add(dataset, [node("here"), edge("x", "here", fresh("nowhere"))], expect=422)
    assert "RecordNotFoundError" in refused["detail"]
    assert memory.items(dataset) == before
    memory.record(dataset, "here", expect=404)
    until(lambda: memory.stats()["pending_receipts"] == 0)


def test_m04_counts(memory, fresh):
    dataset, prefix = memory.dataset(fresh("d")), fresh("r")
    shared = [node(f"{prefix}-s{at}") for at in range(5)]
    first = memory.add(dataset, [*shared, {"id": f"{prefix}-v", "text": "a text", "vector": [1.0, 2.0], "collection": fresh("c")}])
    second = memory.add(dataset, [*shared, edge(f"{prefix}-e", shared[0]["id"], shared[1]["id"])])
    result = memory.forget_item(dataset, first["id"])
    assert (result["released"], result["deleted"], result["references_removed"]) == (5, 1, 6)
    assert result["by_kind"] == {
        "vector": {"released": 0, "deleted": 1},
        "node": {"released": 5, "deleted": 0},
        "edge": {"released": 0, "deleted": 0},
    }
    third = memory.add(dataset, shared)
    result = memory.forget(datasetId=dataset)
    assert (result["items_forgotten"], result["released"], result["deleted"]) == (2, 0, 6)
    assert result["references_removed"] == 11, "pairs, although each record counts once"
    assert second["id"] != third["id"]


def test_m05_raw_files(memory, fresh):
    one, two = memory.dataset(fresh("one")), memory.dataset(fresh("two"))
    text = fresh("payload") * 200_000
    first = memory.add(one, [], raw={"content": text}, mimeType="text/plain")
    second = memory.add(two, [], raw={"contentBase64": base64.b64encode(text.encode()).decode()})
    other = memory.add(one, [], raw={"uri": "file:///etc/passwd"})
    assert first["rawDataLocation"] == second["rawDataLocation"] and first["rawKind"] == "stored"
    got = memory.call("GET", f"/api/v1/datasets/{one}/data/{first['id']}/raw")
    assert got.content == text.encode() and got.headers["content-type"] == "text/plain"
    memory.call("GET", f"/api/v1/datasets/{one}/data/{other['id']}/raw", 404)
    assert memory.forget_item(one, first["id"])["raw_files"] == {"deleted": 0, "retained_shared": 1, "external": 0}
    assert memory.call("GET", f"/api/v1/datasets/{two}/data/{second['id']}/raw").content == text.encode()
    assert memory.forget_item(two, second["id"])["raw_files"] == {"deleted": 1, "retained_shared": 0, "external": 0}
    assert memory.forget_item(one, other["id"])["raw_files"] == {"deleted": 0, "retained_shared": 0, "external": 1}


def test_m06_idempotent(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    item = memory.add(dataset, [node(fresh("n"))])
    first = memory.forget_item(dataset, item["id"])
    again = memory.forget_item(dataset, item["id"])
    assert (again["already_forgotten"], again["receipt_id"]) == (True, first["receipt_id"])
    assert (again["released"], again["deleted"], again["items_forgotten"]) == (0, 0, 0)
    memory.forget_item(dataset, str(uuid.uuid4()), expect=404)
    back = memory.add(dataset, [node("back")], id=item["id"])
    assert set(memory.records(dataset, back["id"])) == {"back"}
    gone = memory.forget(datasetId=dataset)
    again = memory.forget(datasetId=dataset)
    assert (again["already_forgotten"], again["receipt_id"]) == (True, gone["receipt_id"])
    memory.forget(404, datasetId=str(uuid.uuid4()))
    assert memory.forget_item(dataset, item["id"])["already_forgotten"], "a dataset that is gone answers for its items"
    memory.forget_item(dataset, str(uuid.uuid4()), expect=404)


def test_a_repeat_by_name_finds_the_dataset_that_is_gone(memory, fresh):
    name = fresh("d")
    memory.add(memory.dataset(name), [node(fresh("n"))])
    gone = memory.forget(dataset=name)
    again = memory.forget(dataset=name)
    assert (again["already_forgotten"], again["receipt_id"], again["deleted"]) == (True, gone["receipt_id"], 0)
    assert memory.forget(dataset=name, dryRun=True)["already_forgotten"]
    assert memory.dataset(name) != gone["dataset_id"]
    assert memory.forget(dataset=name)["already_forgotten"] is False
    memory.forget(404, dataset=fresh("never"))


def test_m08_memory_only(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    item = memory.add(dataset, [node(fresh("n"))], raw={"content": "kept"})
    result = memory.forget(datasetId=dataset, dataId=item["id"], memoryOnly=True)
    assert (result["scope"], result["data_records_reset"], result["items_forgotten"], result["deleted"]) == ("item_memory", 1, 0, 1)
    [kept] = memory.items(dataset)
    assert (kept["memory"], kept["recordCount"]) == ("cleared", 0)
    assert memory.call("GET", f"/api/v1/datasets/{dataset}/data/{item['id']}/raw").text == "kept"
    assert memory.forget(dataset_id=dataset, memory_only=True)["data_records_reset"] == 0


def test_m10_dataset(memory, fresh):
    name = fresh("d")
    dataset = memory.dataset(name)
    assert memory.dataset(name) == dataset, "the same name is the same dataset"
    memory.add(dataset, [node(fresh("n"))])
    result = memory.call("DELETE", f"/api/v1/datasets/{dataset}/data").json()
    assert (result["scope"], result["items_forgotten"]) == ("dataset", 1)
    assert memory.items(dataset) == []
    memory.add(dataset, [node(fresh("n"))])
    assert memory.call("DELETE", f"/api/v1/datasets/{dataset}").json()["items_forgotten"] == 1
    memory.call("GET", f"/api/v1/datasets/{dataset}/data", 404)
    assert dataset not in [one["id"] for one in memory.call("GET", "/api/v1/datasets").json()]
    assert memory.dataset(name) != dataset


def test_m11_delete_dataset_if_empty(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    items = [memory.add(dataset, [node(fresh("n"))]) for _ in range(2)]
    result = memory.forget_item(dataset, items[0]["id"], delete_dataset_if_empty="true")
    assert result["dataset_removed"] is False
    result = memory.forget_item(dataset, items[1]["id"], delete_dataset_if_empty="true")
    assert result["dataset_removed"] is True
    memory.call("GET", f"/api/v1/datasets/{dataset}/data", 404)


def test_m12_dry_run(memory, fresh):
    dataset, name = memory.dataset(fresh("d")), fresh("n")
    memory.add(dataset, [node(name)], raw={"content": fresh("raw")})
    kept = memory.add(dataset, [node(name), node(f"{name}-2")])
    told = memory.forget(datasetId=dataset, dataId=kept["id"], dryRun=True)
    assert told["dry_run"] is True and "receipt_id" not in told
    assert (told["released"], told["deleted"]) == (1, 1)
    assert len(memory.items(dataset)) == 2
    done = memory.forget(datasetId=dataset, dataId=kept["id"])
    for field in ("released", "deleted", "references_removed", "by_kind", "raw_files", "items_forgotten"):
        assert told[field] == done[field], field
    again = memory.forget(datasetId=dataset, dataId=kept["id"], dryRun=True)
    assert again["already_forgotten"] is True and "receipt_id" not in again
    assert (again["released"], again["deleted"], again["items_forgotten"]) == (0, 0, 0)


def test_m13_bad_combinations(memory, fresh):
    name = fresh("d")
    dataset = memory.dataset(name)
    memory.add(dataset, [node(fresh("n"))])
    for body in (
        {},
        {"dataId": str(uuid.uuid4())},
        {"memoryOnly": True},
        {"dataset": name, "datasetId": dataset},
        {"everything": False},
    ):
        assert memory.forget(422, **body).keys() == {"detail", "error"}
    memory.forget(400, datasetId="not-a-uuid")
    memory.call("POST", "/api/v1/forget", 400, content=b"{", headers={"content-type": "application/json"})
    memory.call("DELETE", f"/api/v1/datasets/{dataset}/data/xyz", 400)
    memory.add(dataset, [{"id": ""}], expect=400)
    memory.add(dataset, [node("same"), node("same")], expect=400)
    memory.add(dataset, [{"id": "v", "vector": []}], expect=400)
    memory.add(dataset, [{"id": "v", "kind": "wheel"}], expect=400)
    memory.add(dataset, [{"id": "v", "source": "a"}], expect=400)
    assert len(memory.items(dataset)) == 1


def test_a_vector_of_another_dimension_is_refused_and_leaves_nothing(memory, fresh):
    dataset, collection = memory.dataset(fresh("d")), fresh("c")
    memory.add(dataset, [{"id": "a", "vector": [1.0, 0.0], "collection": collection}])
    memory.add(dataset, [{"id": "b", "vector": [1.0], "collection": collection}, {"id": "c", "collection": fresh("e")}], expect=400)
    assert len(memory.items(dataset)) == 1
    memory.record(dataset, "b", collection, expect=404)


def test_m14_deprecated_route(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    item = memory.add(dataset, [node(fresh("n"))])
    query = {"data_id": item["id"], "dataset_id": dataset, "mode": "hard"}
    answer = memory.call("DELETE", "/api/v1/delete", params=query)
    assert "deprecation" in answer.headers and answer.json()["status"] == "success"
    memory.call("DELETE", "/api/v1/delete", 400, params={"data_id": item["id"]})


def test_m16_prune(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    item = memory.add(dataset, [node(fresh("n"))], raw={"content": "x"})
    assert memory.call("GET", "/health").json()["dev_mode"] is False
    for path, body in (("data", {}), ("system", {"graph": True, "vector": True, "metadata": True, "cache": True})):
        refused = memory.call("POST", f"/api/v1/prune/{path}", 403, json=body).json()
        assert "PruneDisabledError" in refused["detail"]
    assert [one["id"] for one in memory.items(dataset)] == [item["id"]]
    assert len(memory.records(dataset, item["id"])) == 1


def test_m18_replace(memory, fresh):
    dataset, keep, drop = memory.dataset(fresh("d")), fresh("keep"), fresh("drop")
    item = memory.add(dataset, [node(keep), node(drop)], raw={"content": fresh("old")})
    again = memory.add(dataset, [node(keep, text="anew"), node("more")], id=item["id"])
    assert again["createdAt"] == item["createdAt"] and again["updatedAt"]
    assert set(memory.records(dataset, item["id"])) == {keep, "more"}
    memory.record(dataset, drop, expect=404)
    assert memory.record(dataset, keep)["text"] == "anew"
    until(lambda: memory.record(dataset, keep)["references"] == 1)
    other = memory.dataset(fresh("other"))
    memory.add(other, [], expect=409, id=item["id"])


def test_m19_not_past_its_items(memory, http, fresh):
    dataset, collection = memory.dataset(fresh("d")), fresh("c")
    item = memory.add(dataset, [{"id": "a", "collection": collection, "vector": [1.0, 0.0]}])
    [there] = [one for one in http.get("/v1/collections").json()["collections"] if one["name"] == collection]
    path = f"/v1/collections/{there['id']}"
    for method, url, body in (
        ("POST", f"{path}/records/delete", {"ids": ["a"]}),
        ("POST", f"{path}/records/delete", {"filter": {"n": 1}}),
        ("POST", f"{path}/records/delete", {"delete_all": True}),
        ("POST", f"{path}/records/get", {"ids": ["a"]}),
        ("POST", f"{path}/records/upsert", {"records": [{"id": "a", "vector": [0.0, 1.0]}]}),
        ("DELETE", path, None),
    ):
        answer = http.request(method, url, json=body)
        assert answer.status_code in (403, 409), f"{method} {url} {body}: {answer.status_code} {answer.text}"
    assert set(memory.records(dataset, item["id"])) == {"a"}


def test_m20_cognees_clients(memory, fresh):
    name = fresh("d")
    dataset = memory.dataset(name)
    item = memory.add(dataset, [node(fresh("n"))])
    assert memory.call("GET", "/health").json()["status"] == "ready"
    assert memory.forget(dataset=name, data_id=None, memory_only=True)["status"] == "success"
    memory.call("DELETE", "/api/v1/delete", params={"data_id": item["id"], "dataset_id": dataset})
    memory.call("DELETE", f"/api/v1/datasets/{dataset}")
