"""Users, tenants, roles: who may do what, and who learns of what."""

import uuid

from cognee_support import Memory, edge, node, until


def test_m07_rights(user, root, keyed, fresh):
    owner, other = user(), user()
    dataset = owner.dataset(fresh("d"))
    item = owner.add(dataset, [node(fresh("n"))], raw={"content": "x"})
    for method, path in (("GET", "data"), ("DELETE", f"data/{item['id']}"), ("DELETE", ""), ("GET", "graph")):
        refused = other.call(method, f"/api/v1/datasets/{dataset}/{path}".rstrip("/"), 403).json()
        assert "PermissionDeniedError" in refused["detail"]
    other.add(dataset, [], expect=403)
    other.search([1.0], expect=403, datasetIds=[dataset])
    owner.grant(other.id, "read", dataset)
    assert len(other.items(dataset)) == 1
    other.forget_item(dataset, item["id"], expect=403)
    other.add(dataset, [], expect=403)
    other.grant(other.id, "delete", dataset, expect=403)
    owner.grant(other.id, "delete", dataset)
    assert other.forget_item(dataset, item["id"])["deleted"] == 1
    owner.revoke(other.id, "read", dataset)
    other.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    owner.revoke(other.id, "read", dataset)
    owner.grant(str(uuid.uuid4()), "read", dataset, expect=404)
    owner.grant(other.id, "fly", dataset, expect=403)
    account = fresh("account")
    root.call("POST", "/v1/accounts", 201, json={"name": account})
    stranger = Memory(keyed.url, keyed.root, account=account)
    stranger.call("GET", f"/api/v1/datasets/{dataset}/data", 404)
    Memory(keyed.url).call("GET", "/api/v1/datasets", 401)
    Memory(keyed.url, "wrong").call("GET", "/api/v1/datasets", 401)
    owner.call("POST", "/api/v1/users", 403, json={"email": "x@example.org"})


def test_m09_everything(user, fresh):
    owner, other = user(), user()
    mine, readable = other.dataset(fresh("mine")), owner.dataset(fresh("readable"))
    other.add(mine, [node(fresh("n"))])
    owner.add(readable, [node(fresh("n"))])
    owner.grant(other.id, "read", readable)
    told = other.forget(everything=True, dryRun=True)
    assert (told["datasets_removed"], told["datasets_skipped"]) == (1, [readable])
    result = other.forget(everything=True)
    assert (result["scope"], result["datasets_removed"], result["datasets_skipped"]) == ("everything", 1, [readable])
    assert result["items_forgotten"] == 1
    assert len(owner.items(readable)) == 1
    assert other.forget(everything=True)["datasets_removed"] == 0


def test_m15_receipts(user, root, fresh):
    owner, other = user(), user()
    dataset = owner.dataset(fresh("d"))
    item = owner.add(dataset, [node(fresh("n")), node(fresh("n"))])
    done = owner.forget_item(dataset, item["id"])
    path = f"/api/v1/receipts/{done['receipt_id']}"
    until(lambda: owner.call("GET", path).json()["status"] == "complete")
    for asker in (owner, root):
        receipt = asker.call("GET", path).json()
        assert (receipt["scope"], receipt["deleted"], receipt["items_forgotten"]) == ("item", 2, 1)
        assert receipt["requested_by"] == owner.id and receipt["pending_shards"] == []
    other.call("GET", path, 404)
    owner.call("GET", f"/api/v1/receipts/{uuid.uuid4()}", 404)


def test_m17_stats(user, fresh):
    owner = user()
    dataset, collection = owner.dataset(fresh("d")), fresh("c")
    for at in range(3):
        records = [{"id": f"v{n}", "collection": collection, "vector": [float(n), at + 1.0]} for n in range(20)]
        owner.add(dataset, [*records, node("a"), node("b"), edge("e", "a", "b")], raw={"content": fresh("raw")})
    held = owner.stats()
    assert (held["datasets"], held["items"], held["records"], held["references"], held["raw_files"]) == (1, 3, 23, 69, 3)
    owner.forget(everything=True)
    until(lambda: owner.stats()["pending_receipts"] == 0)
    held = owner.stats()
    for field in ("datasets", "items", "records", "vectors", "references", "raw_files", "raw_bytes"):
        assert held[field] == 0, f"{field}: {held}"


def test_tenants_and_roles(user, fresh):
    owner, member = user(), user()
    tenant = owner.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": fresh("t")}).json()["tenant_id"]
    dataset = owner.dataset(fresh("d"))
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", params={"tenant_id": tenant})
    role = owner.call("POST", "/api/v1/permissions/roles", params={"role_name": fresh("r")}).json()["role_id"]
    owner.grant(role, "read", dataset)
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/roles", params={"role_id": role})
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    assert member.items(dataset) == []
    assert [one["id"] for one in member.call("GET", "/api/v1/datasets").json()] == [dataset]
    owner.call("DELETE", f"/api/v1/permissions/users/{member.id}/roles", params={"role_id": role})
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    owner.grant(tenant, "read", dataset)
    assert member.items(dataset) == []
    owner.call("DELETE", f"/api/v1/permissions/tenants/{tenant}/users/{member.id}")
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    member.call("POST", "/api/v1/permissions/roles", 403, params={"role_name": "x"})
    member.call("POST", "/api/v1/permissions/tenants/select", 403, json={"tenant_id": tenant})


def test_a_reader_sees_no_contribution_of_a_dataset_it_cannot_read(user, fresh):
    owner, reader = user(), user()
    tenant = owner.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": fresh("t")}).json()["tenant_id"]
    owner.call("POST", f"/api/v1/permissions/users/{reader.id}/tenants", params={"tenant_id": tenant})
    reader.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    opened, closed, collection = owner.dataset(fresh("open")), owner.dataset(fresh("closed")), fresh("c")
    record = {"id": "n", "collection": collection, "kind": "node", "type": "T"}
    owner.add(opened, [{**record, "text": "public", "vector": [1.0, 0.0], "nodeSets": ["p"]}])
    owner.add(closed, [{**record, "text": "secret", "vector": [0.0, 1.0], "nodeSets": ["s"]}])
    owner.grant(reader.id, "read", opened)
    assert owner.record(opened, "n", collection)["text"] == "secret"
    seen = reader.record(opened, "n", collection)
    assert (seen["text"], seen["nodeSets"], len(seen["referencedBy"]), seen["references"]) == ("public", ["p"], 1, 2)
    [hit] = reader.search([0.0, 1.0], collection=collection)
    assert (hit["text"], hit["score"], hit["datasetIds"]) == ("public", 0.0, [opened])
    reader.record(closed, "n", collection, expect=403)
