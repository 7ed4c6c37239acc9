"""Shapes, defaults and refusals of the routes, as the contract's part D has them."""

import socket
import threading
import uuid

import pytest

from cognee_support import Memory, edge, node, until

DATASET = {"id", "name", "createdAt", "updatedAt", "ownerId", "tenantId"}
ITEM = {"id", "name", "label", "createdAt", "updatedAt", "extension", "mimeType", "rawDataLocation", "datasetId", "externalMetadata", "rawKind", "recordCount", "memory"}
RESULT = {"status", "scope", "dataset_id", "data_id", "already_forgotten", "receipt_id", "items_forgotten", "released", "deleted", "references_removed", "by_kind", "raw_files"}
RECEIPT = {"receipt_id", "scope", "status", "requested_by", "requested_at", "completed_at", "items_forgotten", "released", "deleted", "raw_files", "pending_shards"}
STATS = {"space", "datasets", "items", "records", "vectors", "references", "raw_files", "raw_bytes", "index_tombstones", "pending_receipts"}


def nulls(value) -> bool:
    if isinstance(value, dict):
        return any(nulls(one) for one in value.values())
    return value is None or (isinstance(value, list) and any(map(nulls, value)))


def test_m21_shapes(memory, fresh):
    name = fresh("d")
    made = memory.call("POST", "/api/v1/datasets", json={"name": name}).json()
    assert made.keys() == DATASET and (made["name"], made["updatedAt"], made["tenantId"]) == (name, None, None)
    dataset = made["id"]
    item = memory.add(dataset, [node("n", vector=[0.6, 0.8], metadata={"k": 1}), edge("e", "n", "n")], label="l", externalMetadata={"a": [1]})
    assert item.keys() == ITEM
    assert (item["extension"], item["label"], item["externalMetadata"], item["rawKind"]) == ("txt", "l", {"a": [1]}, "none")
    assert (item["recordCount"], item["memory"], item["rawDataLocation"], item["datasetId"]) == (2, "present", "", dataset)
    assert memory.items(dataset) == [item]
    records = memory.records(dataset, item["id"])
    assert records["n"].keys() == {"id", "collection", "kind", "type", "vector", "text", "metadata", "nodeSets", "references", "referencedBy"}
    assert records["e"].keys() == {"id", "collection", "kind", "source", "target", "relationship", "text", "metadata", "nodeSets", "references", "referencedBy"}
    assert (records["n"]["metadata"], records["n"]["referencedBy"]) == ({"k": 1}, [{"dataset_id": dataset, "data_id": item["id"]}])
    graph = memory.graph(dataset)
    assert [one.keys() for one in graph["nodes"]] == [{"id", "label", "type", "properties"}]
    assert graph["edges"] == [{"source": "n", "target": "n", "label": "knows"}]
    assert memory.stats().keys() == STATS
    told = memory.forget(datasetId=dataset, dataId=item["id"], dryRun=True)
    assert told.keys() == RESULT - {"receipt_id"} | {"dry_run"} and not nulls(told)
    done = memory.forget_item(dataset, item["id"])
    assert done.keys() == RESULT and not nulls(done)
    assert (done["scope"], done["dataset_id"], done["data_id"], done["status"]) == ("item", dataset, item["id"], "success")
    path = f"/api/v1/receipts/{done['receipt_id']}"
    until(lambda: memory.call("GET", path).json()["status"] == "complete")
    receipt = memory.call("GET", path).json()
    assert receipt.keys() == RECEIPT and not nulls(receipt)
    assert memory.call("GET", "/health").json().keys() == {"status", "health", "version", "dev_mode"}
    gone = memory.call("DELETE", f"/api/v1/datasets/{dataset}").json()
    assert gone.keys() == RESULT - {"data_id"} and gone["scope"] == "dataset"


def test_m22_add_defaults(memory, fresh):
    dataset, id = memory.dataset(fresh("d")), fresh("v")
    made = memory.call("POST", f"/api/v1/datasets/{dataset}/data", 201, json={"records": [{"id": id, "node_sets": ["a"]}], "external_metadata": {}}).json()
    uuid.UUID(made["id"])
    found = memory.record(dataset, id)
    assert (found["collection"], found["kind"], found["text"], found["metadata"], found["nodeSets"]) == ("default", "vector", "", {}, ["a"])
    there, here = fresh("there"), fresh("here")
    memory.add(dataset, [node("far", collection=there)])
    memory.add(dataset, [edge("e", {"collection": there, "id": "far"}, "near", collection=here), node("near", collection=here)])
    assert memory.record(dataset, "far", there)["references"] == 2
    memory.add(dataset, [edge("f", "far", "near", collection=here)], expect=422)
    memory.add(dataset, [], expect=422, raw={"content": "x", "uri": "file:///x"})
    memory.add(dataset, [], expect=422, raw={})
    memory.add(dataset, [], expect=400, raw={"contentBase64": "§"})
    until(lambda: memory.stats()["pending_receipts"] == 0)


def test_m23_search(memory, fresh):
    one, two, collection = fresh("one"), fresh("two"), fresh("c")
    first, second = memory.dataset(one), memory.dataset(two)
    memory.add(first, [{"id": f"v{at}", "collection": collection, "vector": [1.0, at / 10], "text": str(at), "metadata": {"at": at}} for at in range(20)])
    memory.add(second, [{"id": "v0", "collection": collection, "vector": [1.0, 0.0], "text": "0 again"}])
    hits = memory.search([2.0, 0.0], collection=collection)
    assert len(hits) == 15, "topK is 15 unless it is given"
    assert hits[0].keys() == {"id", "collection", "kind", "score", "text", "metadata", "datasetIds"}
    assert (hits[0]["id"], hits[0]["score"], hits[0]["kind"], sorted(hits[0]["datasetIds"])) == ("v0", 1.0, "vector", sorted([first, second]))
    assert [hit["score"] for hit in hits[1:]] == pytest.approx([1 / (1 + (at / 10) ** 2) ** 0.5 for at in range(1, 15)], rel=1e-5)
    assert [hit["id"] for hit in memory.search([1.0, 0.0], collection=collection, datasets=[two])] == ["v0"]
    assert len(memory.search([1.0, 0.0], collection=collection, dataset_ids=[first], top_k=3)) == 3
    assert memory.search([1.0, 0.0], collection=fresh("never")) == []
    memory.search([1.0, 0.0], expect=404, datasets=[fresh("never")])
    memory.search([1.0, 0.0], expect=404, datasetIds=[str(uuid.uuid4())])
    memory.search([1.0, 0.0], expect=422, datasets=[one], datasetIds=[first])
    memory.search([1.0, 0.0], expect=400, topK=0)
    memory.search([1.0], expect=400, collection=collection)


def test_m24_forget_in_both_casings_and_methods(memory, fresh):
    name = fresh("d")
    dataset = memory.dataset(name)
    items = [memory.add(dataset, [node(fresh("n"))])["id"] for _ in range(3)]
    bodies = [{"datasetId": dataset, "dataId": items[0]}, {"dataset_id": dataset, "data_id": items[1]}, {"dataset": name, "data_id": items[2]}]
    for body, method in zip(bodies, ["POST", "DELETE", "POST"], strict=True):
        assert memory.call(method, "/api/v1/forget", json=body).json()["deleted"] == 1
    memory.add(dataset, [node(fresh("n"))])
    assert memory.forget(dataset_id=dataset, memory_only=True)["scope"] == "dataset_memory"
    assert memory.call("DELETE", "/api/v1/forget", json={"dataset": name}).json()["scope"] == "dataset"


def routes(dataset: str, item: str, principal: str) -> list[tuple[str, str, dict]]:
    """Every route that names a dataset, or an item of it."""
    at, record = f"/api/v1/datasets/{dataset}", {"json": {"records": []}}
    return [
        ("POST", f"{at}/data", record),
        ("GET", f"{at}/data", {}),
        ("GET", f"{at}/data/{item}/raw", {}),
        ("GET", f"{at}/data/{item}/records", {}),
        ("GET", f"{at}/records/default/n", {}),
        ("GET", f"{at}/graph", {}),
        ("DELETE", f"{at}/data/{item}", {}),
        ("DELETE", f"{at}/data", {}),
        ("DELETE", at, {}),
        ("DELETE", "/api/v1/delete", {"params": {"dataset_id": dataset, "data_id": item}}),
        ("POST", "/api/v1/forget", {"json": {"datasetId": dataset}}),
        ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "dataId": item}}),
        ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "dataId": item, "memoryOnly": True}}),
        ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "memoryOnly": True}}),
        ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "dryRun": True}}),
        ("POST", "/api/v1/search", {"json": {"vector": [1.0], "datasetIds": [dataset]}}),
        ("POST", f"/api/v1/permissions/datasets/{principal}", {"params": {"permission_name": "read"}, "json": [dataset]}),
        ("DELETE", f"/api/v1/permissions/datasets/{principal}", {"params": {"permission_name": "read"}, "json": [dataset]}),
    ]


def test_m25_unknown_and_malformed(memory, fresh):
    dataset = memory.dataset(fresh("d"))
    kept = memory.add(dataset, [node(fresh("n"))])
    me = memory.stats()["space"]
    for method, path, given in routes(str(uuid.uuid4()), kept["id"], me):
        refused = memory.call(method, path, 404, **given).json()
        assert refused.keys() == {"detail", "error"} and refused["detail"] == f"{refused['error']} [DatasetNotFoundError]", path
    for method, path, given in routes(dataset, str(uuid.uuid4()), me):
        if "/data/" in path or "dataId" in str(given) or "data_id" in str(given):
            assert "[DataNotFoundError]" in memory.call(method, path, 404, **given).json()["detail"], path
    for method, path, given in [*routes("no-uuid", kept["id"], me), *[one for one in routes(dataset, "no-uuid", "no-uuid") if "no-uuid" in str(one)]]:
        memory.call(method, path, 400, **given)
    for path in (f"datasets/{dataset}/data", "datasets", "search", "forget"):
        for content in (b"{", b"[]", b'"x"', b"\xff"):
            memory.call("POST", f"/api/v1/{path}", 400, content=content, headers={"content-type": "application/json"})
    memory.call("GET", f"/api/v1/datasets/{dataset}/records/default/never", 404)
    memory.call("GET", "/api/v1/receipts/no-uuid", 400)
    memory.call("POST", f"/api/v1/datasets/{dataset}/data", 413, json={"raw": {"content": "x" * (33 << 20)}})
    assert [one["id"] for one in memory.items(dataset)] == [kept["id"]]


def test_m26_a_uri_is_never_opened(memory, fresh, tmp_path):
    """Neither a file that is there, nor a server that listens."""
    dataset, secret = memory.dataset(fresh("d")), tmp_path / "secret.txt"
    secret.write_text("not yours")
    listener, called = socket.create_server(("127.0.0.1", 0)), []
    listener.settimeout(0.1)
    ended = threading.Event()

    def listen():
        while not ended.is_set():
            try:
                called.append(listener.accept())
            except TimeoutError:
                continue

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        for uri in (str(secret), secret.as_uri(), f"http://127.0.0.1:{listener.getsockname()[1]}/x", f"lacuna://raw/{'0' * 64}", "../../etc/passwd"):
            item = memory.add(dataset, [], raw={"uri": uri})
            assert (item["rawKind"], item["rawDataLocation"]) == ("external", uri)
            memory.call("GET", f"/api/v1/datasets/{dataset}/data/{item['id']}/raw", 404)
            assert memory.forget_item(dataset, item["id"])["raw_files"] == {"deleted": 0, "retained_shared": 0, "external": 1}
    finally:
        ended.set()
        listening.join()
        listener.close()
    assert called == [] and secret.read_text() == "not yours"


def test_m27_another_account_has_nothing_of_it(keyed, root, fresh):
    account = fresh("account")
    root.call("POST", "/v1/accounts", 201, json={"name": account})
    stranger = Memory(keyed.url, keyed.root, account=account)
    dataset = root.dataset(fresh("d"))
    item = root.add(dataset, [node(fresh("n"))], raw={"content": "x"})
    done = root.forget_item(dataset, root.add(dataset, [])["id"])
    for method, path, given in routes(dataset, item["id"], stranger.stats()["space"]):
        assert "[DatasetNotFoundError]" in stranger.call(method, path, 404, **given).json()["detail"], path
    stranger.call("GET", f"/api/v1/receipts/{done['receipt_id']}", 404)
    stranger.add(stranger.dataset(fresh("d")), [edge("e", "n", "n")], expect=422)
    stranger.add(stranger.dataset(fresh("d")), [], id=item["id"])
    assert [one["id"] for one in root.items(dataset)] == [item["id"]], "an id of one account says nothing to another"
